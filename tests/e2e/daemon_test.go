package e2e

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"fulmen/tests/harness"
)

// TestDaemon: lightningd --daemon returns when the node is ready, with nobody holding the terminal any more; stop, and at
// once a start, work.
func TestDaemon(t *testing.T) {
	n := harness.NewNode(t, harness.StartBtcd(t), "carol", "--log-file=node.log")
	out, err := n.Background("")
	if err != nil || !strings.Contains(out, "A new hsm_secret was made") {
		t.Fatalf("%v: %s", err, out)
	}
	for range 3 {
		if out, err := n.Background(""); err == nil || !strings.Contains(out, "lightningd is already running on this folder") {
			t.Errorf("a second one: %v: %s", err, out)
		}
		if out, err := n.CLI("stop"); err != nil {
			t.Fatalf("stop: %v: %s", err, out)
		}
		// On a busy machine it may say that it takes long, and no more than that.
		if out, err := n.Background(""); err != nil || out != "" && !strings.HasPrefix(out, "lightningd: not ready yet;") {
			t.Fatalf("a start after the stop: %v: %s", err, out)
		}
	}
	if _, err := n.CLI("stop"); err != nil {
		t.Error(err)
	}
}

func TestDaemonDoesNotStart(t *testing.T) {
	n := harness.NewNode(t, harness.StartBtcd(t), "carol", "--log-file=node.log")
	out, err := n.Background("", "--bitcoin-rpcport="+strconv.Itoa(harness.FreePort(t)), "--bitcoin-retry-timeout=4")
	if err == nil {
		t.Error("it ended as if all were well")
	}
	log := filepath.Join(n.Dir, "node.log")
	for _, want := range []string{
		"lightningd: not ready yet; what it waits for is in " + log, "connection refused", "lightningd: did not start: see above, or " + log,
	} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q: %s", want, out)
		}
	}
}

// TestDaemonAsksPassphrase: the process that goes to the background has no terminal to ask at.
func TestDaemonAsksPassphrase(t *testing.T) {
	n := harness.NewNode(t, harness.StartBtcd(t), "carol", "--log-file=node.log", "--hsm-passphrase")
	ids := make(map[string]bool)
	for _, passphrase := range []string{"correct horse", "correct horse\n"} {
		if out, err := n.Background(passphrase); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		id, err := n.CLI("-F", "-l", `{"id":true}`, "getinfo")
		if err != nil {
			t.Fatal(err)
		}
		ids[id] = true
		if _, err := n.CLI("stop"); err != nil {
			t.Fatal(err)
		}
	}
	if len(ids) != 1 {
		t.Errorf("one secret gives the nodes %v", ids)
	}
	if out, err := n.Background("wrong horse"); err == nil || !strings.Contains(out, "wrong passphrase") {
		t.Errorf("another passphrase: %v: %s", err, out)
	}
	if raw, err := os.ReadFile(filepath.Join(n.Dir, "node.log")); err != nil || strings.Contains(string(raw), "horse") {
		t.Errorf("the log: %v: %s", err, raw)
	}
}
