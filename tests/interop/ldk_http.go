package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// rest calls LDK's program over HTTP: JSON in, and one JSON object out.
type rest struct{ base string }

// call is a request with one answer; body and result may be nil.
func (r rest) call(ctx context.Context, method, path string, body, result any) error {
	answer, err := r.open(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer answer.Close()
	if result == nil {
		_, err = io.Copy(io.Discard, answer)
		return err
	}
	return json.NewDecoder(answer).Decode(result)
}

func (r rest) open(ctx context.Context, method, path string, body any) (io.ReadCloser, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	if body == nil {
		raw = nil
	}
	req, err := http.NewRequestWithContext(ctx, method, r.base+path, bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusOK {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	var failure struct{ Message string }
	if json.Unmarshal(text, &failure) == nil && failure.Message != "" {
		return nil, errors.New(failure.Message)
	}
	return nil, fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, text)
}
