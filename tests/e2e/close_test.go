package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"fulmen/internal/amount"
	"fulmen/internal/rpc"
	"fulmen/tests/harness"
)

// opened is what fundchannel returns of interest here.
type opened struct {
	ChannelID string `json:"channel_id"`
	CloseTo   string `json:"close_to"`
}

// closed is what close returns of interest here.
type closed struct {
	Type  string   `json:"type"`
	Txids []string `json:"txids"`
}

// closeTime is how many seconds a close may wait for the peer before it goes on alone.
const closeTime = int(harness.Patience / time.Second)

// strangers starts two nodes that are connected, the first of them with coins.
func strangers(t *testing.T) (btcd *harness.Btcd, alice, bob *harness.Node) {
	t.Helper()
	btcd = harness.StartBtcd(t)
	alice, bob = harness.StartNode(t, btcd, "alice"), harness.StartNode(t, btcd, "bob")
	alice.FundWallet(10_000_000)
	alice.Connect(bob)
	return btcd, alice, bob
}

func taprootAddress(n *harness.Node) string {
	var a struct {
		P2TR string `json:"p2tr"`
	}
	n.Call("newaddr", []string{"p2tr"}, &a)
	return a.P2TR
}

func TestCloseBeforeTheFundingTransactionIsMined(t *testing.T) {
	btcd, alice, bob := strangers(t)
	var o opened
	alice.Call("fundchannel", map[string]any{"id": bob.ID(), "amount": 1_000_000}, &o)
	btcd.WaitMempool(1)
	var c closed
	alice.Call("close", []any{o.ChannelID, closeTime}, &c)
	if c.Type != "mutual" {
		t.Fatalf("a %s close", c.Type)
	}
	btcd.WaitMempool(2) // the funding transaction and the one that closes it again
	btcd.Mine(1)
	for _, n := range []*harness.Node{alice, bob} {
		n.Sync()
		n.WaitChannel(o.ChannelID, "ONCHAIN")
	}
	const fees amount.Msat = 20_000_000
	if got := alice.Funds().OnChain(); got < 10_000_000_000-fees || got >= 10_000_000_000 {
		t.Errorf("alice has %s on the chain", got)
	}
}

func TestCloseToAnAddress(t *testing.T) {
	btcd, alice, bob := strangers(t)
	alice.OpenChannel(bob, 1_000_000)
	id := alice.Channels()[0].ChannelID
	var c closed
	alice.Call("close", map[string]any{"id": id, "unilateraltimeout": closeTime, "destination": taprootAddress(bob)}, &c)
	if c.Type != "mutual" {
		t.Fatalf("a %s close", c.Type)
	}
	btcd.WaitMempool(1)
	btcd.Mine(1)
	bob.Sync()
	coins := bob.Funds().Outputs
	if len(coins) != 1 || coins[0].TxID != c.Txids[0] || coins[0].AmountMsat < 990_000_000 {
		t.Errorf("bob, whose address it was, has %+v", coins)
	}
}

// What fundchannel promises with close_to binds later closes.
func TestCloseKeepsToTheScriptThatWasPromised(t *testing.T) {
	btcd, alice, bob := strangers(t)
	promised := taprootAddress(bob)
	var o opened
	alice.Call("fundchannel", map[string]any{"id": bob.ID(), "amount": 1_000_000, "close_to": promised}, &o)
	if o.CloseTo == "" {
		t.Error("fundchannel does not say where the channel closes to")
	}
	btcd.WaitMempool(1)
	btcd.Mine(1)
	alice.WaitChannel(o.ChannelID, "CHANNELD_NORMAL")

	err := alice.Try("close", map[string]any{"id": o.ChannelID, "destination": taprootAddress(alice)}, nil)
	var refused *rpc.Error
	if !errors.As(err, &refused) || refused.Code != rpc.CodeInvalidParams || !strings.Contains(refused.Message, "destination") {
		t.Errorf("close to another address: %v", err)
	}
	alice.WaitChannel(o.ChannelID, "CHANNELD_NORMAL")
	var c closed
	alice.Call("close", []any{o.ChannelID, closeTime}, &c)
	btcd.WaitMempool(1)
	btcd.Mine(1)
	bob.Sync()
	if coins := bob.Funds().Outputs; c.Type != "mutual" || len(coins) != 1 {
		t.Errorf("a %s close, and bob, whose address was promised, has %+v", c.Type, coins)
	}
}

// A close that waits too long is replaced by one that pays more (option_simple_close).
func TestCloseAgainForMore(t *testing.T) {
	btcd, alice, bob := strangers(t)
	alice.OpenChannel(bob, 1_000_000)
	id := alice.Channels()[0].ChannelID
	var first, second closed
	alice.Call("close", map[string]any{"id": id, "unilateraltimeout": closeTime, "feerange": []string{"1000perkw", "2000perkw"}}, &first)
	btcd.WaitMempool(1)
	var refused *rpc.Error
	err := alice.Try("close", map[string]any{"id": id, "unilateraltimeout": closeTime, "feerange": []string{"1000perkw", "1100perkw"}}, nil)
	if !errors.As(err, &refused) || refused.Code != rpc.CodeInvalidParams || !strings.Contains(refused.Message, "feerange") {
		t.Errorf("another close that pays no more: %v", err)
	}
	alice.Call("close", map[string]any{"id": id, "unilateraltimeout": closeTime, "feerange": []string{"5000perkw", "6000perkw"}}, &second)
	if second.Type != "mutual" || second.Txids[0] == first.Txids[0] {
		t.Fatalf("a %s close %v after %v", second.Type, second.Txids, first.Txids)
	}
	inMempool := func(c *closed) {
		t.Helper()
		harness.Eventually(t, "the new one is in the mempool", func() error {
			if ids := btcd.Mempool(); len(ids) != 1 || ids[0].String() != c.Txids[0] {
				return fmt.Errorf("it has %v", ids)
			}
			return nil
		})
	}
	inMempool(&second)
	// On another connection, too.
	alice.Call("disconnect", []any{bob.ID(), true}, nil)
	var third closed
	harness.Eventually(t, "bob signs a third", func() error {
		alice.Connect(bob)
		return alice.Try("close", map[string]any{"id": id, "unilateraltimeout": closeTime, "feerange": []string{"9000perkw", "9500perkw"}}, &third)
	})
	inMempool(&third)
	if bob.Channels()[0].State != "CLOSINGD_COMPLETE" {
		t.Errorf("bob's channel is in %s", bob.Channels()[0].State)
	}
	btcd.Mine(1)
	for _, n := range []*harness.Node{alice, bob} {
		n.Sync()
		n.WaitChannel(id, "ONCHAIN")
		if funds := n.Funds(); len(funds.Outputs) > 2 {
			t.Errorf("%s has %+v", n.Name, funds)
		}
	}
	if got := alice.Funds().OnChain(); got < 9_990_000_000 {
		t.Errorf("alice has %s", got)
	}
}

// legacyChannel is one of 1,000,000 sat that alice has opened, who has no option_simple_close.
func legacyChannel(t *testing.T) (btcd *harness.Btcd, alice, bob *harness.Node, id string) {
	t.Helper()
	btcd = harness.StartBtcd(t)
	alice = harness.StartNode(t, btcd, "alice", "--developer", "--dev-force-features=-61")
	bob = harness.StartNode(t, btcd, "bob")
	alice.FundWallet(10_000_000)
	alice.Connect(bob)
	alice.OpenChannel(bob, 1_000_000)
	return btcd, alice, bob, alice.Channels()[0].ChannelID
}

// Peers without option_simple_close negotiate with closing_signed, within the caller's range, and to a script
// of each standard kind.
func TestLegacyClose(t *testing.T) {
	btcd, alice, _, id := legacyChannel(t)
	var c closed
	const p2wsh = "bcrt1qqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqs559rjs" // of 32 times 1
	alice.Call("close", map[string]any{
		"id": id, "unilateraltimeout": closeTime, "destination": p2wsh, "feerange": []string{"3000perkw", "4000perkw"}, "fee_negotiation_step": "1",
	}, &c)
	if c.Type != "mutual" {
		t.Fatalf("a %s close", c.Type)
	}
	btcd.WaitMempool(1)
	txid, err := chainhash.NewHashFromStr(c.Txids[0])
	if err != nil {
		t.Fatal(err)
	}
	tx := btcd.Transaction(*txid)
	fee, weight := 1_000_000-tx.TxOut[0].Value, int64(3*tx.SerializeSizeStripped()+tx.SerializeSize())
	if rate := fee * 1000 / weight; len(tx.TxOut) != 1 || len(tx.TxOut[0].PkScript) != 34 || rate < 2900 || rate > 6000 {
		t.Errorf("%d outputs, the first to %x, at %d sat/kw", len(tx.TxOut), tx.TxOut[0].PkScript, rate)
	}
	var refused *rpc.Error
	err = alice.Try("close", map[string]any{"id": id, "feerange": []string{"9000perkw", "9500perkw"}}, nil)
	if !errors.As(err, &refused) || !strings.Contains(refused.Message, "option_simple_close") {
		t.Errorf("another close: %v", err)
	}
}

// A close that both have signed is negotiated again on the next connection, as either side may lack it: the channel
// stays closed, and one of the two transactions is mined.
func TestLegacyCloseOverAReconnect(t *testing.T) {
	btcd, alice, bob, id := legacyChannel(t)
	var c closed
	alice.Call("close", map[string]any{"id": id, "unilateraltimeout": closeTime, "feerange": []string{"3000perkw", "4000perkw"}}, &c)
	if c.Type != "mutual" {
		t.Fatalf("a %s close", c.Type)
	}
	btcd.WaitMempool(1)
	for _, restarted := range []*harness.Node{bob, alice} {
		restarted.Kill()
		restarted.Start()
		for _, n := range []*harness.Node{alice, bob} {
			harness.Eventually(t, n.Name+" has the channel taken up, and closed", func() error {
				alice.Connect(bob) // nobody else calls; and alice may not have heard yet that bob was gone
				ch := n.Channels()[0]
				if ch.State != "CLOSINGD_COMPLETE" || ch.Reestablished == nil || !*ch.Reestablished {
					return fmt.Errorf("it is in %s, reestablished %v", ch.State, ch.Reestablished)
				}
				return nil
			})
		}
	}
	btcd.Mine(1)
	for _, n := range []*harness.Node{alice, bob} {
		n.Sync()
		n.WaitChannel(id, "ONCHAIN")
	}
	if got := alice.Funds().OnChain(); got < 9_990_000_000 {
		t.Errorf("alice has %s", got)
	}
}
