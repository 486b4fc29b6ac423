package plugins

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fulmen/internal/schema"
	"fulmen/tests/harness"
)

// bad makes a program that misbehaves in a way. It lies beside what it imports.
func bad(t *testing.T, how string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bad-"+how)
	if err := os.Symlink(script(t, "bad.py"), path); err != nil {
		t.Fatal(err)
	}
	return path
}

// startTimeout is what docs/plugins.md says of `plugin start`: then at the latest there is an answer.
const startTimeout = 60 * time.Second

// TestBadPluginsDoNotStart has the reason as the error, and the node unaffected.
func TestBadPluginsDoNotStart(t *testing.T) {
	n := harness.StartNode(t, harness.StartBtcd(t), "alice")
	for how, want := range map[string]string{
		"option":   `unknown type "colour"`,
		"name":     `command "getinfo" belongs to lightningd already`,
		"hook":     `no hook "no_such_hook"`,
		"garbage":  "not a JSON object",
		"manifest": "getmanifest",
		"empty":    "getmanifest",
		"static":   "it is not dynamic",
		"exits":    "exit status 3",
		"disable":  "not today",
	} {
		began := time.Now()
		err := n.Try("plugin", []any{"start", bad(t, how)}, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", how, err, want)
		}
		if took := time.Since(began); took >= startTimeout {
			t.Errorf("%s: the error came after %s", how, took)
		}
	}
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("a text"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"/nonexistent/plugin": "no such file", text: "no program"} {
		if err := n.Try("plugin", []any{"start", path}, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	var list struct{ Plugins []object }
	n.Call("plugin", []any{"list"}, &list)
	for _, p := range list.Plugins {
		if strings.Contains(p["name"].(string), "bad-") {
			t.Errorf("%v is still there", p)
		}
	}
}

// TestBadPluginsAreEnded: one that dies or floods is named in the log, and started again.
func TestBadPluginsAreEnded(t *testing.T) {
	n := harness.StartNode(t, harness.StartBtcd(t), "alice")
	for how, want := range map[string]string{"dies": "exit status 4", "floods": "it floods"} {
		n.Call("plugin", []any{"start", bad(t, how)}, nil)
		if _, err := call(t, n, "bad-call", nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", how, err, want)
		}
		n.WaitLog("plugin-bad-" + how + ": plugin ended reason=.*" + want)
		n.WaitLog("plugin is started again plugin=bad-" + how)
		n.Call("plugin", []any{"stop", "bad-" + how}, nil)
	}
}

// TestImportantPluginEndsTheNode has one die that the node cannot be without.
func TestImportantPluginEndsTheNode(t *testing.T) {
	n := harness.NewNode(t, harness.StartBtcd(t), "alice", "--important-plugin="+bad(t, "dies"))
	n.Start()
	if _, err := call(t, n, "bad-call", nil); err == nil {
		t.Error("a plugin that dies answers")
	}
	if err := n.WaitExit(); err == nil {
		t.Error("the node ended as if it had been asked to")
	}
	n.WaitLog("important plugin bad-dies ended")
}

// TestHeldPaymentOutlivesARestart has a plugin hold an HTLC over a restart, then take it.
func TestHeldPaymentOutlivesARestart(t *testing.T) {
	btcd := harness.StartBtcd(t)
	alice := harness.StartNode(t, btcd, "alice", "--plugin="+script(t, "every.py"))
	bob := harness.StartNode(t, btcd, "bob")
	bob.FundWallet(1_000_000)
	bob.Connect(alice)
	bob.OpenChannel(alice, 500_000)
	set(t, alice, "htlc_accepted", nil)
	bolt11 := alice.Invoice(10_000_000, "held")
	paid := make(chan error, 1)
	go func() { paid <- bob.Try("pay", []any{bolt11}, nil) }()
	before := waitSeen(t, alice, "hook", "htlc_accepted", 1)
	alice.Kill()
	alice.Start()
	again := waitSeen(t, alice, "hook", "htlc_accepted", 2)
	if a, b := before["htlc"].(object)["payment_hash"], again["htlc"].(object)["payment_hash"]; a != b {
		t.Errorf("asked about %v, then about %v", a, b)
	}
	if err := <-paid; err != nil {
		t.Error(err)
	}
}

// TestHeldPaymentIsFailedInTime has a plugin never answer.
func TestHeldPaymentIsFailedInTime(t *testing.T) {
	btcd := harness.StartBtcd(t)
	const final = 12
	alice := harness.StartNode(t, btcd, "alice", fmt.Sprintf("--cltv-final=%d", final), "--plugin="+script(t, "every.py"))
	bob := harness.StartNode(t, btcd, "bob")
	bob.FundWallet(1_000_000)
	bob.Connect(alice)
	bob.OpenChannel(alice, 500_000)
	for _, hook := range []string{"htlc_accepted", "invoice_payment"} {
		set(t, alice, hook, nil)
		bolt11 := alice.Invoice(10_000_000, hook)
		paid := make(chan error, 1)
		go func() { paid <- bob.Try("pay", object{"bolt11": bolt11, "retry_for": 1}, nil) }()
		waitSeen(t, alice, "hook", hook, 1)
		// Not a block more: the next ones would be Bob's deadline, and he does not wait for Alice.
		btcd.Mine(expiryOf(alice) - final + 1 - btcd.Height())
		if err := <-paid; err == nil {
			t.Errorf("%s: paid without an answer", hook)
		}
		alice.Sync()
		bob.Sync()
		set(t, alice, hook, object{"result": "continue"})
		if state := alice.Channels()[0].State; state != "CHANNELD_NORMAL" {
			t.Errorf("%s: the channel is in %s", hook, state)
		}
	}
}

// expiryOf is the cltv_expiry of the one HTLC that a node has in flight.
func expiryOf(n *harness.Node) int {
	var list struct {
		Channels []struct {
			HTLCs []struct {
				Expiry int `json:"expiry"`
			} `json:"htlcs"`
		} `json:"channels"`
	}
	n.Call("listpeerchannels", object{}, &list)
	return list.Channels[0].HTLCs[0].Expiry
}

// TestDatabaseIsFollowed has a plugin see each transaction in order, then refuse one.
func TestDatabaseIsFollowed(t *testing.T) {
	n := harness.StartNode(t, harness.StartBtcd(t), "alice", "--plugin="+script(t, "backup.py"))
	n.Invoice(1000, "one")
	raw, err := os.ReadFile(filepath.Join(n.Dir, "regtest", "backup.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := schema.LoadHook("db_write")
	if err != nil {
		t.Fatal(err)
	}
	var last uint32
	for line := range strings.Lines(string(raw)) {
		if err := s.ValidateRequest([]byte(line)); err != nil {
			t.Fatal(err)
		}
		var w struct {
			Version uint32 `json:"data_version"`
		}
		if err := json.Unmarshal([]byte(line), &w); err != nil {
			t.Fatal(err)
		}
		if last != 0 && w.Version != last+1 {
			t.Errorf("version %d after %d", w.Version, last)
		}
		last = w.Version
	}
	if !strings.Contains(string(raw), "INSERT INTO invoices") {
		t.Errorf("the invoice is not in %s", raw)
	}
	if err := os.WriteFile(filepath.Join(n.Dir, "regtest", "full"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := n.Try("invoice", object{"amount_msat": 1, "label": "refused", "description": "d"}, nil); err == nil {
		t.Error("an invoice was made that the backup refused")
	}
	if err := n.WaitExit(); err == nil {
		t.Error("the node ended as if it had been asked to")
	}
}

// TestSilentPluginIsGivenUp waits for as long as `plugin start` may take at most.
func TestSilentPluginIsGivenUp(t *testing.T) {
	n := harness.StartNode(t, harness.StartBtcd(t), "alice")
	began := time.Now()
	err := n.Try("plugin", []any{"start", bad(t, "silent")}, nil)
	if took := time.Since(began); err == nil || !strings.Contains(err.Error(), "no answer within") || took >= startTimeout {
		t.Errorf("after %s: %v", took, err)
	}
	n.Call("getinfo", nil, nil)
}
