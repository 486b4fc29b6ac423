package plugin

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestStreamCutsObjects(t *testing.T) {
	text := " {\"a\":\"}\\\"{\"}\n\n{\"b\":[{},{}]}{}\n"
	want := []string{`{"a":"}\"{"}`, `{"b":[{},{}]}`, `{}`}
	for name, in := range map[string]io.Reader{
		"at once":      strings.NewReader(text),
		"byte by byte": iotest.OneByteReader(strings.NewReader(text)),
	} {
		s := newStream(in)
		for _, w := range want {
			if got, err := s.next(); err != nil || string(got) != w {
				t.Errorf("%s: %q, %v; want %q", name, got, err, w)
			}
		}
		if _, err := s.next(); err != io.EOF {
			t.Errorf("%s: end: %v", name, err)
		}
	}
}

func TestStreamRefusals(t *testing.T) {
	for text, want := range map[string]error{
		"[1]":                               errNotObject,
		`"text"`:                            errNotObject,
		`{"a":`:                             io.ErrUnexpectedEOF,
		`{"a":"` + strings.Repeat("x", 200): errTooLong,
	} {
		s := newStream(strings.NewReader(text))
		s.max = 100
		if _, err := s.next(); !errors.Is(err, want) {
			t.Errorf("%.20q: %v, want %v", text, err, want)
		}
	}
}

func FuzzStream(f *testing.F) {
	f.Add([]byte(`{"jsonrpc":"2.0","id":"x#1","result":{}}` + "\n\n" + `{"method":"log","params":{"level":"info","message":"\u0000\""}}`))
	f.Add([]byte(`{"id":1,"error":{"code":-1,"message":"m","data":[{}]}}{`))
	f.Add([]byte(`{"options":[{"name":"a","type":"int","default":3,"deprecated":["v1"]}],"hooks":["x",{"name":"y"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := newStream(iotest.HalfReader(bytes.NewReader(data)))
		s.max = 1 << 16
		var taken int
		for {
			raw, err := s.next()
			if err != nil {
				break
			}
			if taken += len(raw); taken > len(data) {
				t.Fatal("more came out than went in")
			}
			if m, err := decodeMessage(raw); err == nil && m.isReply() {
				m.outcome()
			}
			decodeManifest(raw)
		}
	})
}
