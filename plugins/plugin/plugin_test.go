package plugin

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"strings"
	"testing"
)

// dialog feeds a plugin one request after the other, each after the answer to the one before.
func dialog(t *testing.T, p *Plugin, requests ...string) []string {
	t.Helper()
	in, feed := io.Pipe()
	answers, out := io.Pipe()
	p.out = out
	ended := make(chan error, 1)
	go func() { ended <- p.serve(in) }()
	dec := json.NewDecoder(answers)
	var got []string
	for _, req := range requests {
		if _, err := io.WriteString(feed, req); err != nil {
			t.Fatal(err)
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			t.Fatal(err)
		}
		got = append(got, string(raw))
	}
	feed.Close()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	return got
}

func TestDialog(t *testing.T) {
	p := New()
	p.AddOption(Option{Name: "tone", Type: "string", Default: "a", Description: "the tone"})
	var tone string
	p.OnInit(func(i Init) (err error) {
		tone, err = i.String("tone")
		return err
	})
	p.AddMethod(Method{Name: "sing", Params: []string{"song", "[times]"}, Description: "sings", Verbose: "sing - sings\n",
		Run: func(_ context.Context, a Args) (any, error) {
			var song string
			times := 1
			if err := a.Get("times", &times); err != nil {
				return nil, err
			}
			if err := a.Get("song", &song); err != nil {
				return nil, err
			}
			if song == "" {
				return nil, &Error{Code: 7, Message: "nothing to sing"}
			}
			return strings.Repeat(song+tone, times), nil
		}})
	got := dialog(t, p,
		`{"id":1,"method":"getmanifest","params":{"allow-deprecated-apis":false}}`,
		`{"id":2,"method":"init","params":{"options":{"tone":"b"},"configuration":{}}}`,
		`{"id":"x#3","method":"sing","params":["la",2]}`,
		`{"id":4,"method":"sing","params":{"song":"do","times":null}}`,
		`{"id":5,"method":"sing","params":[""]}`,
		`{"id":6,"method":"sing","params":[]}`,
		`{"id":7,"method":"sing","params":{"song":"a","pitch":1}}`,
		`{"id":8,"method":"sing","params":["a",1,2]}`,
		`{"id":9,"method":"sing","params":["a","b"]}`,
		`{"id":10,"method":"dance"}`,
	)
	want := []string{
		`{"jsonrpc":"2.0","id":1,"result":{"options":[{"name":"tone","type":"string","default":"a","description":"the tone"}],"rpcmethods":[{"name":"sing","usage":"song [times]","description":"sings","long_description":"sing - sings\n"}],"nonnumericids":true,"cancheck":true,"dynamic":false}}`,
		`{"jsonrpc":"2.0","id":2,"result":{}}`,
		`{"jsonrpc":"2.0","id":"x#3","result":"lablab"}`,
		`{"jsonrpc":"2.0","id":4,"result":"dob"}`,
		`{"jsonrpc":"2.0","id":5,"error":{"code":7,"message":"nothing to sing"}}`,
		`{"jsonrpc":"2.0","id":6,"error":{"code":-32602,"message":"missing required parameter: song; usage: sing song [times]"}}`,
		`{"jsonrpc":"2.0","id":7,"error":{"code":-32602,"message":"unknown parameter: pitch; usage: sing song [times]"}}`,
		`{"jsonrpc":"2.0","id":8,"error":{"code":-32602,"message":"too many parameters: got 3, expected 2; usage: sing song [times]"}}`,
		`{"jsonrpc":"2.0","id":9,"error":{"code":-32602,"message":"parameter times: json: cannot unmarshal string into Go value of type int"}}`,
		`{"jsonrpc":"2.0","id":10,"error":{"code":-32601,"message":"unknown command \"dance\""}}`,
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("answer %d:\n got %s\nwant %s", i+1, got[i], want[i])
		}
	}
}

func TestInitErrorDisables(t *testing.T) {
	p := New()
	p.OnInit(func(i Init) error {
		_, err := i.Int("port")
		return err
	})
	got := dialog(t, p, `{"id":1,"method":"init","params":{"options":{"port":"x"}}}`)
	if !strings.Contains(got[0], `"disable":"option port: `) {
		t.Errorf("answer %s", got[0])
	}
}

func TestWriteEndsWithAnEmptyLine(t *testing.T) {
	var out bytes.Buffer
	p := New()
	p.out = &out
	p.Log("info", "%d < %d", 1, 2)
	want := `{"jsonrpc":"2.0","method":"log","params":{"level":"info","message":"1 < 2"}}` + "\n\n"
	if out.String() != want {
		t.Errorf("wrote %q", out.String())
	}
}

func FuzzParseArgs(f *testing.F) {
	for _, seed := range []string{`[1,null]`, `{"a":1}`, `null`, ``, `[`, `{"a":null,"b":{}}`, `"x"`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		args, err := parseArgs([]string{"a", "[b]"}, raw)
		if err != nil {
			return
		}
		for name := range maps.Keys(args) {
			if name != "a" && name != "b" {
				t.Fatalf("took unknown %q", name)
			}
		}
	})
}
