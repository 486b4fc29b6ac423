package e2e

import (
	"fmt"
	"sync"
	"testing"

	"fulmen/internal/amount"
	"fulmen/tests/harness"
)

// pair is two nodes with a channel, of which the first has all the money.
func pair(t *testing.T, options ...string) (btcd *harness.Btcd, alice, bob *harness.Node) {
	t.Helper()
	btcd = harness.StartBtcd(t)
	alice, bob = harness.StartNode(t, btcd, "alice", options...), harness.StartNode(t, btcd, "bob", options...)
	alice.FundWallet(10_000_000)
	alice.Connect(bob)
	alice.OpenChannel(bob, 1_000_000)
	return btcd, alice, bob
}

type constError string

func (e constError) Error() string { return string(e) }

// agree checks that what one node has in the channel is what the other does not.
func agree(t *testing.T, alice, bob *harness.Node, bobs amount.Msat) {
	t.Helper()
	a, b := alice.Settled(), bob.Settled()
	var total amount.Msat
	for _, c := range alice.Channels() {
		total += c.TotalMsat
	}
	if a+b != total || b != bobs {
		t.Fatalf("alice has %s, bob has %s of %s; want %s for bob", a, b, total, bobs)
	}
}

func TestPayCloseAndRestart(t *testing.T) {
	btcd, alice, bob := pair(t)
	alice.Pay(bob.Invoice(100_000_000, "one way"))
	agree(t, alice, bob, 100_000_000)
	bob.Pay(alice.Invoice(1, "and back"))
	agree(t, alice, bob, 99_999_999)

	bob.Restart()
	bob.WaitChannel("", "CHANNELD_NORMAL")
	alice.WaitChannel("", "CHANNELD_NORMAL")
	agree(t, alice, bob, 99_999_999)
	bob.Pay(alice.Invoice(999, "after a crash"))
	agree(t, alice, bob, 99_999_000)

	alice.Stop()
	alice.Start()
	alice.WaitChannel("", "CHANNELD_NORMAL")
	bob.WaitChannel("", "CHANNELD_NORMAL")
	alice.Pay(bob.Invoice(1000, "after a stop"))
	agree(t, alice, bob, 99_999_000+1000)

	if kind := bob.CloseChannel(alice); kind != "mutual" {
		t.Errorf("a %s close", kind)
	}
	// Less the fee: with option_simple_close either side may pay it.
	paidOut := bob.Funds().OnChain()
	if paidOut > 99_999_000+1000 || paidOut < 95_000_000 {
		t.Errorf("bob was paid out %s", paidOut)
	}
	btcd.Reorg(1) // takes the close out of the chain, and back in
	alice.Sync()
	bob.Sync()
	harness.Eventually(t, "the close is mined again", func() error {
		btcd.Mine(1)
		bob.Sync()
		if bob.Funds().OnChain() != paidOut {
			return constError("bob has not been paid out")
		}
		return nil
	})
}

func TestManyPaymentsBothWaysAtOnce(t *testing.T) {
	_, alice, bob := pair(t)
	alice.Pay(bob.Invoice(500_000_000, "so that bob can pay too"))
	const each = 40
	var invoices [2][]string
	for range each {
		invoices[0] = append(invoices[0], bob.Invoice(1_000_000, "from alice"))
		invoices[1] = append(invoices[1], alice.Invoice(2_000, "from bob"))
	}
	errs := make(chan error, 2*each)
	var all sync.WaitGroup
	for i, payer := range []*harness.Node{alice, bob} {
		for _, bolt11 := range invoices[i] {
			all.Go(func() { errs <- payer.Try("pay", []string{bolt11}, new(harness.Payment)) })
		}
	}
	all.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			t.Errorf("pay: %v", err)
		}
	}
	agree(t, alice, bob, 500_000_000+each*1_000_000-each*2_000)
}

func TestSeveralChannelsOfOnePeer(t *testing.T) {
	_, alice, bob := pair(t)
	alice.OpenChannel(bob, 500_000)
	if n := len(bob.Channels()); n != 2 {
		t.Fatalf("bob has %d channels", n)
	}
	for range 4 {
		alice.Pay(bob.Invoice(100_000_000, "by whichever channel"))
	}
	agree(t, alice, bob, 400_000_000)
	alice.Restart()
	alice.WaitChannel("", "CHANNELD_NORMAL")
	bob.WaitChannel("", "CHANNELD_NORMAL")
	agree(t, alice, bob, 400_000_000)
}

// TestXkeysendInParts: alice sends more than either of her channels can carry, and bob, who asked for nothing, takes
// the parts together.
func TestXkeysendInParts(t *testing.T) {
	_, alice, bob := pair(t)
	alice.OpenChannel(bob, 500_000)
	harness.Eventually(t, "bob's announcement", func() error {
		var list struct {
			Nodes []struct {
				Features string `json:"features"`
			} `json:"nodes"`
		}
		alice.Call("listnodes", []string{bob.ID()}, &list)
		if len(list.Nodes) != 1 || list.Nodes[0].Features == "" {
			return fmt.Errorf("alice knows %+v", list)
		}
		return nil
	})
	const amt = 1_200_000_000
	var sent struct {
		Preimage   string      `json:"payment_preimage"`
		Successful int         `json:"successful_parts"`
		Amount     amount.Msat `json:"amount_msat"`
	}
	alice.Call("xkeysend", []any{bob.ID(), amt, "a gift"}, &sent)
	if sent.Successful < 2 || sent.Amount != amt {
		t.Errorf("sent %+v", sent)
	}
	var list struct {
		Invoices []struct {
			Preimage string      `json:"payment_preimage"`
			Status   string      `json:"status"`
			Amount   amount.Msat `json:"amount_msat"`
			Received amount.Msat `json:"amount_received_msat"`
		} `json:"invoices"`
	}
	bob.Call("listinvoices", nil, &list)
	if len(list.Invoices) != 1 || list.Invoices[0].Preimage != sent.Preimage || list.Invoices[0].Received != amt || list.Invoices[0].Amount != amt {
		t.Errorf("bob has %+v", list)
	}
	agree(t, alice, bob, amt)
}
