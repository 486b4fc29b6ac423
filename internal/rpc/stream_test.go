package rpc

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

// readAll returns the values of a stream and how it ended.
func readAll(r io.Reader, max int) (values []string, end error) {
	s := newStream(r, max)
	for {
		value, _, err := s.next()
		if err != nil {
			return values, err
		}
		values = append(values, string(value))
	}
}

func TestStreamSplitsWhereverReadsEnd(t *testing.T) {
	in := []byte(`{"a":"}\"{\\"} [1,[2]]` + "\n\n" + `{"b":{}}{}`)
	want := []string{`{"a":"}\"{\\"}`, `[1,[2]]`, `{"b":{}}`, `{}`}
	for name, r := range map[string]io.Reader{"whole": bytes.NewReader(in), "a byte each": iotest.OneByteReader(bytes.NewReader(in))} {
		got, err := readAll(r, 100)
		if err != io.EOF || len(got) != len(want) {
			t.Fatalf("%s: %q, %v", name, got, err)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%s: value %d is %q, want %q", name, i, got[i], want[i])
			}
		}
	}
}

// FuzzStream holds the splitter to what encoding/json says of the same bytes.
func FuzzStream(f *testing.F) {
	f.Add([]byte(`{"id":1,"method":"invoice","params":["any","\"}",null]}{"id":2} [1]`))
	f.Add([]byte("{\"a\\\\\":\"\\u007d\"}\n\n{"))
	f.Add([]byte(`{]`))
	f.Fuzz(func(t *testing.T, in []byte) {
		const max = 1 << 16
		whole, wholeErr := readAll(bytes.NewReader(in), max)
		pieces, piecesErr := readAll(iotest.OneByteReader(bytes.NewReader(in)), max)
		if len(whole) != len(pieces) || (wholeErr == io.EOF) != (piecesErr == io.EOF) {
			t.Fatalf("%q: %d values and %v read at once, %d and %v in pieces", in, len(whole), wholeErr, len(pieces), piecesErr)
		}
		dec := json.NewDecoder(bytes.NewReader(in))
		for _, value := range whole {
			var want json.RawMessage
			if dec.Decode(&want) != nil {
				return // malformed within: decodeRequest says so
			}
			if value != string(want) {
				t.Fatalf("%q: got %q, want %q", in, value, want)
			}
		}
	})
}

func FuzzDecodeRequest(f *testing.F) {
	f.Add([]byte(`{"jsonrpc":"2.0","id":"a","method":"getinfo","params":{},"filter":{"id":true}}`))
	f.Add([]byte(`[]`))
	f.Add([]byte(`{"id":1]`))
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) == 0 || in[0] != '{' && in[0] != '[' {
			return // the stream gives nothing else
		}
		r, err := decodeRequest(in, 0)
		var syntax *SyntaxError
		var refused *Error
		switch {
		case errors.As(err, &syntax):
			if syntax.Offset < -1 || syntax.Offset > int64(len(in)) {
				t.Fatalf("%q: fault at byte %d", in, syntax.Offset)
			}
		case err != nil && !errors.As(err, &refused):
			t.Fatalf("%q: %v is neither kind of error", in, err)
		case !json.Valid(encodeReply(r.ID, nil, refused)):
			t.Fatalf("%q: reply is not JSON", in)
		}
	})
}
