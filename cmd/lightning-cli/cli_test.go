package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/tools/txtar"

	"fulmen/internal/rpc"
)

// fakeNode answers on the socket of a network in dir.
func fakeNode(t *testing.T, dir, network string) {
	t.Helper()
	folder := filepath.Join(dir, network)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := rpc.Listen(rpc.Options{
		Path: filepath.Join(folder, "lightning-rpc"), Mode: 0o600, Log: slog.New(slog.DiscardHandler),
		Dispatch: func(_ context.Context, r *rpc.Request) (any, error) { return answer(network, r) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

func answer(network string, r *rpc.Request) (any, error) {
	switch r.Method {
	case "notifications":
		r.Session.SetNotifications(true)
		return struct{}{}, nil
	case "network":
		return network, nil
	case "params":
		return json.RawMessage(fmt.Sprintf("%q", r.Params)), nil
	case "getinfo":
		return json.RawMessage(`{"id":"02ab","alias":"\u009b2J<&>","address":[{"type":"ipv4","port":9735},{"type":"dns"}],` +
			`"features":{},"tags":["a","b"],"note":"two\nlines","synced":true,"none":null}`), nil
	case "slow":
		r.Message(rpc.LevelDebug, "trying")
		r.Message(rpc.LevelUnusual, "careful\x1b")
		r.Progress(0, 2)
		r.Notify("progress", json.RawMessage(`{"num":1,"total":2,"stage":{"num":0,"total":3}}`))
		return "done", nil
	case "help":
		if string(r.Params) == `["pay"]` {
			return json.RawMessage(`{"help":[{"command":"pay bolt11","category":"payment","description":"Pay.","verbose":"pay - Pay.\n\nSYNOPSIS\n"}],"format-hint":"simple"}`), nil
		}
		return json.RawMessage(`{"help":[{"command":"pay bolt11 [label]","category":"payment","description":"Pay an invoice."},` +
			`{"command":"getinfo","category":"network","description":"Say who we are."}]}`), nil
	case "lines":
		return json.RawMessage(`{"report":["a,b","1,\"2\u001b\""],"format-hint":"simple"}`), nil
	case "nolines":
		return json.RawMessage(`{"report":[1],"format-hint":"simple"}`), nil
	case "fail":
		return nil, rpc.Errorf(rpc.CodeInvoiceLabelExists, "label: exists").WithData(map[string]int{"pay_index": 1})
	}
	return nil, rpc.Errorf(rpc.CodeUnknownMethod, "unknown command '%s'", r.Method)
}

var rewrite = flag.Bool("rewrite", false, "write what comes out into the scripts")

// TestScripts runs the command lines of testdata/*.txtar: each file within is one, named by what it
// shows. Its first line is the arguments, parted by tabs; then come standard output, standard error
// and the exit status.
func TestScripts(t *testing.T) {
	dir := t.TempDir()
	fakeNode(t, dir, "regtest")
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range archive.Files {
			line, want, _ := strings.Cut(string(f.Data), "\n")
			var stdout, stderr strings.Builder
			status := run(append([]string{"--lightning-dir=" + dir}, strings.Split(line, "\t")...), &stdout, &stderr)
			got := fmt.Sprintf("%sstderr:\n%sexit: %d\n", &stdout, &stderr, status)
			if got != want && !*rewrite {
				t.Errorf("%s: %s\ngot\n%s\nwant\n%s", file, f.Name, got, want)
			}
			archive.Files[i].Data = []byte(line + "\n" + got)
		}
		if *rewrite {
			if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestNoNode(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"getinfo"}, "lightning-cli: no lightningd has a socket in " + dir + "; does it run, and with this --lightning-dir?\n"},
		{[]string{"--regtest", "getinfo"}, "lightning-cli: reach lightningd: there is no socket " + dir + "/regtest/lightning-rpc; does it run, and on this network?\n"},
	} {
		var stdout, stderr strings.Builder
		status := run(append([]string{"--lightning-dir", dir}, tt.args...), &stdout, &stderr)
		if status != exitUnreachable || stderr.String() != tt.want {
			t.Errorf("%v: status %d, %s", tt.args, status, &stderr)
		}
	}
}

// TestDeadNode finds the socket of a node that was killed.
func TestDeadNode(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "signet"), 0o700); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "signet", "lightning-rpc")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr strings.Builder
	want := "lightning-cli: no lightningd answers in " + dir + ":\nreach lightningd: nobody listens at " + socket + "; does it run?\n"
	if status := run([]string{"--lightning-dir", dir, "getinfo"}, &stdout, &stderr); status != exitUnreachable || stderr.String() != want {
		t.Errorf("status %d, %s", status, &stderr)
	}
}

func TestTwoNodes(t *testing.T) {
	dir := t.TempDir()
	fakeNode(t, dir, "bitcoin")
	fakeNode(t, dir, "signet")
	base := "--lightning-dir=" + dir
	for _, tt := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{base, "network"}, exitUnreachable, "lightning-cli: lightningd runs on bitcoin and signet: choose one with --network\n"},
		{[]string{base, "--network=signet", "network"}, exitOK, "\"signet\"\n"},
		{[]string{base, "--signet", "network"}, exitOK, "\"signet\"\n"},
		{[]string{base, "--mainnet", "network"}, exitOK, "\"bitcoin\"\n"},
		{[]string{"--rpc-file=" + dir + "/bitcoin/lightning-rpc", "network"}, exitOK, "\"bitcoin\"\n"},
	} {
		var out strings.Builder
		if status := run(tt.args, &out, &out); status != tt.status || out.String() != tt.want {
			t.Errorf("%v: status %d, %s", tt.args, status, &out)
		}
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{}, {"--frobnicate"}, {"-l", "{", "x"}, {"-N", "loud", "x"}, {"--network=liquid", "x"}, {"-k", "x", "y"}} {
		var stdout, stderr strings.Builder
		if status := run(args, &stdout, &stderr); status != exitUsage || stdout.Len() > 0 || !strings.HasPrefix(stderr.String(), "lightning-cli: ") {
			t.Errorf("%v: status %d, %s%s", args, status, &stdout, &stderr)
		}
	}
	for _, arg := range []string{"-h", "--help", "-V", "--version"} {
		var stdout, stderr strings.Builder
		if status := run([]string{arg}, &stdout, &stderr); status != exitOK || stdout.Len() == 0 || stderr.Len() > 0 {
			t.Errorf("%s: status %d", arg, status)
		}
	}
}

// JSON may have control characters as they are, but for those of ASCII below 32; a terminal does what they say.
func TestNoControlCharactersInJSON(t *testing.T) {
	const text = "\"alias\":\"\u009b2Ja\u007f\u202eb\U000e0001 \u00e4 \u26a1 \U0001f600\""
	result := json.RawMessage("{" + text + "}")
	var want, got any
	if err := json.Unmarshal(result, &want); err != nil {
		t.Fatal(err)
	}
	for _, f := range []format{auto, indentedJSON, rawJSON} {
		var b bytes.Buffer
		if err := f.print(&b, result, false); err != nil {
			t.Fatal(err)
		}
		if i := strings.IndexFunc(b.String(), func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }); i >= 0 {
			t.Errorf("format %d: %q", f, b.String()[i:])
		}
		if !strings.Contains(b.String(), "\u00e4 \u26a1 \U0001f600") {
			t.Errorf("format %d: letters are escaped: %s", f, &b)
		}
		if err := json.Unmarshal(b.Bytes(), &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("format %d: it means another thing: %s, %v", f, &b, err)
		}
	}
}
