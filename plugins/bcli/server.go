package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"
)

// maxAnswer is the longest answer that is read: a block in hex is 8 MB at most.
const maxAnswer = 24 << 20

// Error codes of the server's RPC.
const (
	codeMisc           = -1 // bitcoind: pruned block; btcd: block height out of range
	codeBadParameter   = -8 // bitcoind: block height out of range
	codeInChain        = -27
	codeWarmingUp      = -28
	codeMethodNotFound = -32601
)

// serverError is an error that the server answered.
type serverError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

func (e *serverError) Error() string { return fmt.Sprintf("%s (code %d)", e.Message, e.Code) }

// permanent marks an error that asking again does not cure: somebody has to change something.
type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// server is the JSON-RPC of a bitcoind or btcd.
type server struct {
	config *config
	url    string
	http   *http.Client

	mu     sync.Mutex
	cookie string // as last read
}

func newServer(c *config) (*server, error) {
	transport := &http.Transport{
		MaxIdleConnsPerHost: 4,
		IdleConnTimeout:     20 * time.Second, // less than bitcoind's -rpcservertimeout of 30
	}
	at := "http://" + c.address
	if c.cert != "" {
		pem, err := os.ReadFile(c.cert)
		if err != nil {
			return nil, fmt.Errorf("bitcoin-rpccert: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("bitcoin-rpccert: %s has no certificate", c.cert)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool}
		at = "https://" + c.address
	}
	return &server{config: c, url: at, http: &http.Client{Transport: transport, Timeout: c.timeout}}, nil
}

// call sends one request. Errors name the server; a *serverError is in the chain where it answered one.
func (s *server) call(ctx context.Context, result any, method string, params ...any) error {
	status, body, err := s.post(ctx, method, params)
	if err == nil && status == http.StatusUnauthorized && s.config.user == "" {
		// bitcoind makes a new cookie at each start.
		s.forgetCookie()
		status, body, err = s.post(ctx, method, params)
	}
	if err == nil {
		err = s.decode(status, body, result)
	}
	if err != nil {
		return fmt.Errorf("bitcoind at %s: %s: %w", s.config.address, method, err)
	}
	return nil
}

func (s *server) post(ctx context.Context, method string, params []any) (int, []byte, error) {
	if params == nil {
		params = []any{}
	}
	body, err := json.Marshal(map[string]any{"jsonrpc": "1.0", "id": "bcli", "method": method, "params": params})
	if err != nil {
		return 0, nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	user, password, err := s.credentials()
	if err != nil {
		return 0, nil, err
	}
	req.SetBasicAuth(user, password)
	req.Header.Set("Content-Type", "application/json")
	// All that we ask can be asked twice. With this key (never sent, having no value) net/http repeats a
	// request whose kept-alive connection the server was just closing.
	req.Header["Idempotency-Key"] = []string{}
	resp, err := s.http.Do(req)
	if err != nil {
		return 0, nil, explainTransport(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return 0, nil, err
	}
	if len(answer) > maxAnswer {
		return 0, nil, fmt.Errorf("answer is longer than %d bytes", maxAnswer)
	}
	return resp.StatusCode, answer, nil
}

// explainTransport cuts the URL, which the caller says better, and marks what waiting does not cure.
func explainTransport(err error) error {
	var atURL *url.Error
	if errors.As(err, &atURL) {
		err = atURL.Err
	}
	var cert *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	if errors.As(err, &cert) || errors.As(err, &record) {
		return permanent{fmt.Errorf("TLS: %w", err)}
	}
	return err
}

func (s *server) credentials() (user, password string, err error) {
	if s.config.user != "" {
		return s.config.user, s.config.password, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cookie == "" {
		raw, err := os.ReadFile(s.config.cookie)
		if err != nil {
			return "", "", fmt.Errorf("no bitcoin-rpcuser is set, and no cookie is there (is bitcoind running?): %w", err)
		}
		s.cookie = strings.TrimSpace(string(raw))
	}
	user, password, ok := strings.Cut(s.cookie, ":")
	if !ok {
		return "", "", fmt.Errorf("cookie %s is not of the form user:password", s.config.cookie)
	}
	return user, password, nil
}

func (s *server) forgetCookie() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cookie = ""
}

func (s *server) decode(status int, body []byte, result any) error {
	switch status {
	case http.StatusUnauthorized:
		return permanent{fmt.Errorf("it refuses our credentials (HTTP 401): check %s", s.credentialsFrom())}
	case http.StatusForbidden:
		return permanent{errors.New("it does not let our address in (HTTP 403): check rpcallowip in its configuration")}
	}
	return decodeAnswer(status, body, result)
}

func (s *server) credentialsFrom() string {
	if s.config.user != "" {
		return "bitcoin-rpcuser and bitcoin-rpcpassword"
	}
	return "the cookie " + s.config.cookie
}

// decodeAnswer takes the server's error before the HTTP status: bitcoind sends both.
func decodeAnswer(status int, body []byte, result any) error {
	var answer struct {
		Result json.RawMessage `json:"result"`
		Error  *serverError    `json:"error"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		if status != http.StatusOK {
			return fmt.Errorf("HTTP status %d: %.100q", status, bytes.TrimSpace(body))
		}
		return fmt.Errorf("answer is not JSON-RPC: %w", err)
	}
	if answer.Error != nil {
		if answer.Error.Code == codeWarmingUp {
			return fmt.Errorf("it is warming up: %w", answer.Error)
		}
		return answer.Error
	}
	if status != http.StatusOK {
		return fmt.Errorf("HTTP status %d", status)
	}
	if answer.Result == nil {
		return errors.New("answer has no result")
	}
	if err := json.Unmarshal(answer.Result, result); err != nil {
		return fmt.Errorf("result: %w", err)
	}
	return nil
}

// answeredCode is the code of the error that the server answered, 0 if it did not.
func answeredCode(err error) int {
	var answered *serverError
	if errors.As(err, &answered) {
		return answered.Code
	}
	return 0
}
