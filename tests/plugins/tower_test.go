package plugins

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/schema"
	"fulmen/tests/harness"
)

// revocation is what tower.py writes down.
type revocation struct {
	CommitmentTxid string `json:"commitment_txid"`
	PenaltyTx      string `json:"penalty_tx"`
	ChannelID      string `json:"channel_id"`
	CommitNum      uint64 `json:"commitnum"`
}

// revocations is what tower.py has so far, each held to the schema of its hook.
func revocations(t *testing.T, n *harness.Node) []revocation {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(n.Dir, "regtest", "tower.jsonl"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	s, err := schema.LoadHook("commitment_revocation")
	if err != nil {
		t.Fatal(err)
	}
	var list []revocation
	for line := range strings.Lines(string(raw)) {
		var r revocation
		if json.Unmarshal([]byte(line), &r) != nil {
			break // the last may be half there
		}
		if err := s.ValidateRequest([]byte(line)); err != nil {
			t.Fatal(err)
		}
		list = append(list, r)
	}
	return list
}

// waitRevoked waits until tower.py has a commitment with at least this number, and returns all that it has.
func waitRevoked(t *testing.T, n *harness.Node, number uint64) (list []revocation) {
	t.Helper()
	harness.Eventually(t, fmt.Sprintf("commitment %d is revoked", number), func() error {
		list = revocations(t, n)
		if len(list) == 0 || list[len(list)-1].CommitNum < number {
			return fmt.Errorf("%d are", len(list))
		}
		return nil
	})
	return list
}

// decodeTx reads a transaction of a plugin's.
func decodeTx(t *testing.T, text string) *wire.MsgTx {
	t.Helper()
	raw, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	tx := new(wire.MsgTx)
	if err := tx.Deserialize(bytes.NewReader(raw)); err != nil {
		t.Fatal(err)
	}
	return tx
}

// TestWatchtower has a peer publish a revoked commitment while our node is off: what the tower's plugin was given
// for it takes the peer's whole balance to our wallet.
func TestWatchtower(t *testing.T) {
	btcd := harness.StartBtcd(t)
	alice := harness.StartNode(t, btcd, "alice", "--plugin="+script(t, "tower.py"))
	bob := harness.StartNode(t, btcd, "bob")
	bob.FundWallet(1_000_000)
	bob.Connect(alice)
	bob.OpenChannel(alice, 500_000)
	bob.Pay(alice.Invoice(100_000_000, "first"))
	waitRevoked(t, alice, 1) // bob's newest commitment, which comes after it, has no HTLC

	bob.Stop()
	folder, copied := filepath.Join(bob.Dir, "regtest"), filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(copied, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	bob.Start()
	bob.WaitChannel(bob.Channels()[0].ChannelID, "CHANNELD_NORMAL")

	// The tower's plugin ends before it has written a state down: it gets that, and those after it, when it is back.
	before := revocations(t, alice)
	if err := os.WriteFile(filepath.Join(alice.Dir, "regtest", "die"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	bob.Pay(alice.Invoice(50_000_000, "while the tower is away"))
	bob.Pay(alice.Invoice(50_000_000, "the same"))
	list := waitRevoked(t, alice, before[len(before)-1].CommitNum+4)
	for i, r := range list {
		if r.CommitNum != uint64(i) {
			t.Fatalf("commitment %d came as number %d", r.CommitNum, i)
		}
	}
	alice.WaitLog("plugin-tower.py: plugin ended reason=.*exit status 5")

	alice.Stop()
	bob.Stop()
	if err := errors.Join(os.RemoveAll(folder), os.CopyFS(folder, os.DirFS(copied))); err != nil {
		t.Fatal(err)
	}
	bob.Start()
	var closed struct{ Txids []string }
	bob.Call("close", []any{bob.Channels()[0].ChannelID, 1}, &closed)
	btcd.WaitMempool(1)
	penalty := penaltyFor(t, list, closed.Txids[0])
	txid := btcd.Send(penalty)
	btcd.Mine(1)
	if !holds(btcd.BlockAt(btcd.Height()), penalty) {
		t.Fatalf("penalty %s is not mined", txid)
	}
	alice.Start()
	alice.Sync()
	// All but the fee: bob had 400,000 sat of 500,000, and paid for the commitment.
	if got := amount.Sat(penalty.TxOut[0].Value); got < 390_000 || got > 400_000 {
		t.Errorf("the penalty brings %s", got)
	}
	if funds := alice.Funds().OnChain(); funds < 390_000_000 {
		t.Errorf("alice has %s on chain", funds)
	}
}

// penaltyFor is the penalty for a commitment.
func penaltyFor(t *testing.T, list []revocation, txid string) *wire.MsgTx {
	t.Helper()
	for _, r := range list {
		if r.CommitmentTxid == txid {
			return decodeTx(t, r.PenaltyTx)
		}
	}
	t.Fatalf("the tower has no penalty for %s", txid)
	return nil
}

func holds(b *wire.MsgBlock, tx *wire.MsgTx) bool {
	for _, other := range b.Transactions {
		if other.TxHash() == tx.TxHash() {
			return true
		}
	}
	return false
}
