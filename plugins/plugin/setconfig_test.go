package plugin

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestDynamicOptionChanges(t *testing.T) {
	p := New()
	got := make(chan string, 8)
	tell := func(v Value) error {
		got <- fmt.Sprintf("%q", []string(v))
		return nil
	}
	for _, kind := range []string{String, Int, Bool, Flag} {
		p.AddOption(Option{Name: "a-" + kind, Type: kind, Change: tell})
	}
	p.AddOption(Option{Name: "many", Type: String, Multi: true, Change: tell})
	p.AddOption(Option{Name: "fixed", Type: String})
	p.AddOption(Option{Name: "picky", Type: Int, Change: func(Value) error { return errors.New("not today") }})
	feed, answers := run(t, p)
	send(t, feed, `{"jsonrpc":"2.0","id":"0","method":"getmanifest","params":{}}`)
	manifest := next(t, answers)
	if strings.Count(manifest, `"dynamic":true`) != 6 {
		t.Errorf("manifest: %s", manifest)
	}
	for params, want := range map[string]string{
		`{"config":"a-string","val":"x y"}`:      `["x y"]`,
		`{"config":"a-int","val":"-5"}`:          `["-5"]`,
		`{"config":"a-int","val":7}`:             `["7"]`,
		`{"config":"a-bool","val":false}`:        `["false"]`,
		`{"config":"a-flag"}`:                    `["true"]`,
		`{"config":"many","val":["a", "b", 3 ]}`: `["a" "b" "3"]`,
		`{"config":"many","val":[]}`:             `[]`,
	} {
		send(t, feed, `{"jsonrpc":"2.0","id":"1","method":"setconfig","params":`+params+`}`)
		if answer := next(t, answers); !strings.Contains(answer, `"result":{}`) {
			t.Errorf("%s: %s", params, answer)
			continue
		}
		if have := <-got; have != want {
			t.Errorf("%s: told %s, want %s", params, have, want)
		}
	}
	for params, want := range map[string]string{
		`{"config":"picky","val":"1"}`:        "picky: not today",
		`{"config":"fixed","val":"1"}`:        "fixed is no option that may change",
		`{"config":"none","val":"1"}`:         "none is no option that may change",
		`{"config":"a-string","val":{"a":1}}`: "no value of an option",
		`{"config":"a-string","val":[[1]]}`:   "no value of an option",
		`{"config":"a-string","val":[null]}`:  "no value of an option",
		`{"config":7}`:                        "setconfig: json",
		`[1]`:                                 "setconfig: json",
	} {
		send(t, feed, `{"jsonrpc":"2.0","id":"1","method":"setconfig","params":`+params+`}`)
		if answer := next(t, answers); !strings.Contains(answer, want) || !strings.Contains(answer, `"code":-32602`) {
			t.Errorf("%s: %s, want %q", params, answer, want)
		}
	}
}

func TestValues(t *testing.T) {
	if n, err := (Value{"-12"}).Int(); n != -12 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if b, err := (Value{"true"}).Bool(); !b || err != nil {
		t.Errorf("%v, %v", b, err)
	}
	if b, err := (Value{"false"}).Bool(); b || err != nil {
		t.Errorf("%v, %v", b, err)
	}
	for _, v := range []Value{nil, {"x"}, {"1.5"}, {"on"}} {
		if _, err := v.Int(); err == nil {
			t.Errorf("%q is a number", v)
		}
		if _, err := v.Bool(); err == nil {
			t.Errorf("%q is a boolean", v)
		}
	}
}

// FuzzValue feeds what lightningd could send: any JSON.
func FuzzValue(f *testing.F) {
	for _, seed := range []string{`"a"`, `7`, `true`, `["a",1]`, `[]`, `null`, `{}`, `[[]]`, ``} {
		f.Add([]byte(seed))
	}
	p := New()
	p.AddOption(Option{Name: "o", Type: String, Change: func(Value) error { return nil }})
	f.Fuzz(func(t *testing.T, raw []byte) {
		_, err := p.setConfig([]byte(`{"config":"o","val":` + string(raw) + `}`))
		var e *Error
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("%q: %v", raw, err)
		}
	})
}
