package backup

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"fulmen/internal/amount"
	"fulmen/tests/harness"
)

// program is the backup plugin, which is its own tool.
func program(t *testing.T) string {
	t.Helper()
	bin, err := harness.Bin()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(bin, "..", "libexec", "plugins", "backup")
}

func run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(program(t), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("backup %v: %v: %s", args, err, out)
	}
	return string(out)
}

// destroy removes all that a node has, but for hsm_secret.
func destroy(t *testing.T, n *harness.Node) {
	t.Helper()
	secret := filepath.Join(n.Dir, "regtest", "hsm_secret")
	raw, err := os.ReadFile(secret)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(n.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(n.Dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Dir(secret), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(secret, raw, 0o400); err != nil {
		t.Fatal(err)
	}
}

// TestDiskDestroyed loses the node's disk while payments are under way, and restores the database from the
// plugin's copy: in a folder, and with a receiver.
func TestDiskDestroyed(t *testing.T) {
	for name, place := range map[string]func(*testing.T, string) []string{"folder": inFolder, "receiver": atReceiver} {
		t.Run(name, func(t *testing.T) { testDiskDestroyed(t, place) })
	}
}

// inFolder is the options of a node whose copy is in a folder.
func inFolder(_ *testing.T, dir string) []string { return []string{"--backup-path=" + dir} }

// atReceiver is those of one whose copy a receiver keeps there, over TCP.
func atReceiver(t *testing.T, dir string) []string {
	t.Helper()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, bytes.Repeat([]byte("secret"), 8), 0o600); err != nil {
		t.Fatal(err)
	}
	proc, err := harness.StartProcess("receiver", t.TempDir(), program(t), []string{"receive", "-secret-file=" + secret, "tcp:127.0.0.1:0", dir}, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proc.Kill)
	found, err := proc.WaitLog(`listening on (\S+)`)
	if err != nil {
		t.Fatal(err)
	}
	return []string{"--backup-path=tcp:" + found[1], "--backup-secret-file=" + secret}
}

const (
	capacity = 2_000_000 // sat
	last     = 7_000_000 // msat, of each payment when the disk goes
)

// completed is how many payments a node has made.
func completed(n *harness.Node) (count int) {
	var list struct {
		Payments []struct {
			Status string `json:"status"`
		} `json:"payments"`
	}
	n.Call("listsendpays", nil, &list)
	for _, p := range list.Payments {
		if p.Status == "complete" {
			count++
		}
	}
	return count
}

func testDiskDestroyed(t *testing.T, place func(*testing.T, string) []string) {
	dir := filepath.Join(t.TempDir(), "copy")
	btcd := harness.StartBtcd(t)
	alice := harness.StartNode(t, btcd, "alice", place(t, dir)...)
	bob := harness.StartNode(t, btcd, "bob")
	alice.WaitLog("the second copy of the database is whole")
	alice.FundWallet(10_000_000)
	alice.Connect(bob)
	alice.OpenChannel(bob, capacity)
	for range 5 {
		alice.Pay(bob.Invoice(50_000_000, "there"))
		bob.Pay(alice.Invoice(10_000_000, "and back"))
	}
	before := completed(alice)
	channels, onChain := alice.Settled(), alice.Funds().OnChain()

	// Payments go on until the disk goes.
	paid := make(chan error)
	go func() {
		for err := error(nil); err == nil; paid <- err {
			err = alice.Try("pay", []string{bob.Invoice(last, "until it ends")}, nil)
		}
		close(paid)
	}()
	for range 3 {
		if err := <-paid; err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Kill(alice.Pid(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for err := range paid {
		t.Logf("a payment when alice ends: %v", err)
	}
	alice.Kill() // which forgets her socket
	destroy(t, alice)

	t.Log(run(t, "check", dir))
	t.Log(run(t, "restore", dir, filepath.Join(alice.Dir, "regtest", "lightningd.sqlite3")))
	alice.Start()
	alice.WaitChannel("", "CHANNELD_NORMAL")
	bob.WaitChannel("", "CHANNELD_NORMAL")
	left, theirs := alice.Settled(), bob.Settled()
	if left+theirs != capacity*1000 {
		t.Errorf("%d and %d in a channel of %d sat", left, theirs, capacity)
	}
	if count := completed(alice); left != channels-amount.Msat(count-before)*last || count < before+3 {
		t.Errorf("alice has %d in channels, had %d, and made %d payments since", left, channels, count-before)
	}
	if now := alice.Funds().OnChain(); now != onChain {
		t.Errorf("alice has %d in coins, had %d", now, onChain)
	}
	alice.Pay(bob.Invoice(1_000_000, "and on"))
	bob.Pay(alice.Invoice(1_000_000, "and on"))

	// The copy goes on with the node.
	alice.Settled()
	alice.Stop()
	t.Log(run(t, "check", dir))
}
