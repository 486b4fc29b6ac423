package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"fulmen/tests/harness"
)

// lossView is what listpeerchannels says of a channel whose state one side lost.
type lossView struct {
	State     string `json:"state"`
	LostState bool   `json:"lost_state"`
	Scratch   string `json:"scratch_txid"`
}

func lossOf(n *harness.Node) (v lossView) {
	var list struct {
		Channels []lossView `json:"channels"`
	}
	n.Call("listpeerchannels", nil, &list)
	if len(list.Channels) > 0 {
		v = list.Channels[0]
	}
	return v
}

// TestBOLT2DataLossProtection starts a node from an old copy of its database. To broadcast what it has
// would cost it everything, so that it asks its peer to close the channel, and broadcasts nothing
// whatever it is told.
func TestBOLT2DataLossProtection(t *testing.T) {
	btcd, alice, bob := pair(t)
	alice.Pay(bob.Invoice(300_000_000, "before the copy"))
	agree(t, alice, bob, 300_000_000)
	bob.Stop()
	folder, copied := filepath.Join(bob.Dir, "regtest"), filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(copied, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	bob.Start()
	bob.WaitChannel("", "CHANNELD_NORMAL")
	for range 3 {
		bob.Pay(alice.Invoice(50_000_000, "after the copy"))
	}
	agree(t, alice, bob, 150_000_000)
	bob.Stop()
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(folder, os.DirFS(copied)); err != nil {
		t.Fatal(err)
	}
	current, before := lossOf(alice), btcd.Height()
	bob.Start()

	closed := btcd.WaitMempool(1)
	if closed[0].String() != current.Scratch {
		t.Errorf("%s is broadcast, alice's commitment is %s", closed[0], current.Scratch)
	}
	harness.Eventually(t, "bob knows that he lost state", func() error {
		if v := lossOf(bob); !v.LostState {
			return fmt.Errorf("%+v", v)
		}
		return nil
	})
	if lossOf(alice).LostState {
		t.Errorf("alice thinks that she lost state")
	}
	if err := bob.Try("close", []any{alice.ID(), 1}, nil); err == nil {
		t.Errorf("bob closes a channel whose state he lost")
	}
	bob.Restart()
	if now := btcd.Mempool(); len(now) != 1 || now[0] != closed[0] || btcd.Height() != before {
		t.Errorf("in the mempool: %v, at height %d after %d", now, btcd.Height(), before)
	}
	btcd.Mine(1)
	for _, n := range []*harness.Node{alice, bob} {
		n.Sync()
		harness.Eventually(t, n.Name+" sees the close", func() error {
			if v := lossOf(n); v.State != "ONCHAIN" && v.State != "FUNDING_SPEND_SEEN" {
				return fmt.Errorf("%+v", v)
			}
			return nil
		})
	}
}
