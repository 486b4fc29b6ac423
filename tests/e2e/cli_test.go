package e2e

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"fulmen/tests/harness"
)

func TestCLI(t *testing.T) {
	btcd := harness.StartBtcd(t)
	n := harness.StartNode(t, btcd, "alice")
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"getinfo"}, `"id": "` + n.ID() + `"`},
		{[]string{"-H", "getinfo"}, "id=" + n.ID()},
		{[]string{"-k", "invoice", "amount_msat=10000", "label=one", "description=d"}, `"bolt11": "lnbcrt100n`},
		{[]string{"-o", "invoice", "20sat", "two", "d"}, `"bolt11": "lnbcrt200n`},
		{[]string{"-F", "listinvoices"}, "invoices[0].label=one"},
		{[]string{"-R", "listinvoices"}, `{"invoices":[{`},
		{[]string{"parsefeerate", "5"}, `"perkw": 253`}, // 1 sat/vB, the least that relays
		{[]string{"help"}, "getinfo"},
		{[]string{"help", "invoice"}, "description"},
	} {
		out, err := n.CLI(test.args...)
		if err != nil || !strings.Contains(out, test.want) {
			t.Errorf("%v: %v\n%.2000s\nwant %q", test.args, err, out, test.want)
		}
	}
	for code, args := range map[int][]string{
		1: {"delinvoice", "no such label", "unpaid"},
		2: {"--rpc-file=/nonexistent/rpc", "getinfo"},
		3: {"--no-such-option", "getinfo"},
	} {
		_, err := n.CLI(args...)
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != code {
			t.Errorf("%v: %v, want exit code %d", args, err, code)
		}
	}
}

// TestEveryCommandIsExplained looks for a line on each command in help, and for its page in help COMMAND;
// the chain backend's, which are not for people, have none.
func TestEveryCommandIsExplained(t *testing.T) {
	btcd := harness.StartBtcd(t)
	n := harness.StartNode(t, btcd, "alice")
	var help struct {
		Help []struct {
			Command  string `json:"command"`
			Category string `json:"category"`
		} `json:"help"`
	}
	n.Call("help", nil, &help)
	overview, err := n.CLI("help")
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range help.Help {
		name, _, _ := strings.Cut(h.Command, " ")
		if !strings.Contains(overview, name) {
			t.Errorf("help does not list %s", name)
		}
		text, err := n.CLI("help", name)
		if err != nil || !strings.Contains(text, name) || !strings.Contains(text, "SYNOPSIS") && h.Category != "plugin" {
			t.Errorf("help %s: %v\n%s", name, err, text)
		}
	}
}

func TestFilesAndSignals(t *testing.T) {
	btcd := harness.StartBtcd(t)
	n := harness.NewNode(t, btcd, "alice")
	logs := filepath.Join(n.Dir, "node.log")
	n.Launch("--log-file="+logs, "--log-level=debug:hsmd:hsmd.log")
	harness.Eventually(t, "the node is ready", func() error {
		raw, err := os.ReadFile(logs)
		if err == nil && !strings.Contains(string(raw), "Server started with public key") {
			return constError("it does not say so")
		}
		return err
	})
	for path, want := range map[string]os.FileMode{
		n.RPCFile():                                   0o600,
		filepath.Dir(n.RPCFile()):                     0o700,
		filepath.Join(n.Dir, "hsmd.log"):              0o600,
		filepath.Join(n.Dir, "regtest", "hsm_secret"): 0o400,
	} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v; want mode %v", path, info.Mode(), err, want)
		}
	}
	if err := os.Rename(logs, logs+".1"); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(n.Pid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, "the log is opened anew", func() error {
		_, err := os.Stat(logs)
		return err
	})
	out, err := n.CLI("stop")
	if err != nil || !strings.Contains(out, "Shutdown complete") {
		t.Errorf("stop: %v %q", err, out)
	}
	if err := n.WaitExit(); err != nil {
		t.Errorf("after stop, it ended with %v", err)
	}
	for path, want := range map[string]string{logs + ".1": "lightningd starts", logs: "lightningd has stopped"} {
		if raw, err := os.ReadFile(path); err != nil || !strings.Contains(string(raw), want) {
			t.Errorf("%s does not say %q: %v\n%s", path, want, err, raw)
		}
	}
	if _, err := os.Stat(n.RPCFile()); err == nil {
		t.Error("the RPC socket is still there")
	}
}

// TestReplyIsOneLine keeps what line-based clients rely on, at the level of bytes.
func TestReplyIsOneLine(t *testing.T) {
	btcd := harness.StartBtcd(t)
	n := harness.StartNode(t, btcd, "alice")
	got := n.Raw(`{"jsonrpc":"2.0","id":0,"method":"getinfo","params":[]}{"jsonrpc":"2.0","id":"x","method":"nosuch","params":{}}`, 2)
	for i, want := range []string{`{"jsonrpc":"2.0","id":"x","error":{"code":-32601,`, `{"jsonrpc":"2.0","id":0,"result":{"id":"`} {
		if !strings.HasPrefix(got[i], want) || !json.Valid([]byte(got[i])) {
			t.Errorf("reply %q", got[i])
		}
	}
}
