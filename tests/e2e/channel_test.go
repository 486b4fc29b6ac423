package e2e

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"fulmen/internal/amount"
	"fulmen/internal/rpc"
	"fulmen/tests/harness"
)

// connected is two nodes without a channel, of which the first has coins.
func connected(t *testing.T, options ...string) (btcd *harness.Btcd, alice, bob *harness.Node) {
	t.Helper()
	btcd = harness.StartBtcd(t)
	alice, bob = harness.StartNode(t, btcd, "alice"), harness.StartNode(t, btcd, "bob", options...)
	alice.FundWallet(50_000_000)
	alice.Connect(bob)
	return btcd, alice, bob
}

// openedChannel is what fundchannel answers, with the channel's place in the chain.
type openedChannel struct {
	ChannelID string `json:"channel_id"`
	CloseTo   string `json:"close_to"`
	Type      struct {
		Bits []int `json:"bits"`
	} `json:"channel_type"`
	SCID string `json:"-"`
}

// openChannel is fundchannel with any parameters; the channel can be used then.
func openChannel(btcd *harness.Btcd, from, to *harness.Node, params object) (o openedChannel) {
	params["id"] = to.ID()
	from.Call("fundchannel", params, &o)
	btcd.WaitMempool(1)
	btcd.Mine(6)
	for _, n := range []*harness.Node{from, to} {
		n.Sync()
		n.WaitChannel(o.ChannelID, "CHANNELD_NORMAL")
	}
	for _, c := range from.Channels() {
		if c.ChannelID == o.ChannelID {
			o.SCID = c.SCID
		}
	}
	return o
}

// The types by their feature bits.
var (
	staticRemotekey = []int{12}
	anchors         = []int{12, 22}
)

// TestBOLT2ChannelTypesPayAndClose takes a channel of each type through its life. They are large ones
// (option_support_large_channel), and the closing output goes where upfront_shutdown_script says.
func TestBOLT2ChannelTypesPayAndClose(t *testing.T) {
	btcd, alice, bob := connected(t)
	for _, tt := range []struct {
		params object
		bits   []int
	}{
		{object{"amount": 17_000_000, "channel_type": staticRemotekey}, staticRemotekey},
		{object{"amount": 17_000_000}, anchors},
	} {
		tt.params["close_to"] = taprootAddress(alice)
		o := openChannel(btcd, alice, bob, tt.params)
		if !slices.Equal(o.Type.Bits, tt.bits) || o.CloseTo == "" {
			t.Errorf("channel_type %v, want %v; close_to %q", o.Type.Bits, tt.bits, o.CloseTo)
		}
		alice.Pay(bob.Invoice(500_000_000, "one way"))
		bob.Pay(alice.Invoice(100_000_000, "and back"))
		bob.Restart()
		for _, n := range []*harness.Node{alice, bob} {
			n.WaitChannel(o.ChannelID, "CHANNELD_NORMAL")
		}
		bob.Pay(alice.Invoice(7_000_000, "after a crash"))
		if kind := bob.CloseChannel(alice); kind != "mutual" {
			t.Errorf("a %s close", kind)
		}
		if !paidTo(btcd, o.CloseTo) {
			t.Errorf("the close pays nothing to close_to")
		}
		harness.Eventually(t, "both forget the channel", func() error {
			for _, n := range []*harness.Node{alice, bob} {
				btcd.Mine(20)
				n.Sync()
				if list := n.Channels(); len(list) > 0 {
					return fmt.Errorf("%s has it in %s", n.Name, list[0].State)
				}
			}
			return nil
		})
	}
}

// paidTo looks in the newest block for an output with a script.
func paidTo(btcd *harness.Btcd, script string) bool {
	for _, tx := range btcd.BlockAt(btcd.Height()).Transactions {
		for _, out := range tx.TxOut {
			if hex.EncodeToString(out.PkScript) == script {
				return true
			}
		}
	}
	return false
}

// TestBOLT2UpdateFee has the opener raise the fee rate of a channel and lower it again; what no chain
// asks for is refused by the other side, and costs the connection.
func TestBOLT2UpdateFee(t *testing.T) {
	btcd, alice, bob := connected(t, "--ignore-fee-limits=false")
	openChannel(btcd, alice, bob, object{"amount": 1_000_000})
	before := feerate(alice)
	restartAt := func(offset int) {
		alice.Stop()
		alice.Start(fmt.Sprintf("--commit-feerate-offset=%d", offset))
		alice.WaitChannel("", "CHANNELD_NORMAL")
		btcd.Mine(1)
		alice.Sync()
	}
	for _, want := range []int{before + 1000, before} {
		restartAt(want - before + 5)
		harness.Eventually(t, "both are at the new fee rate", func() error {
			if a, b := feerate(alice), feerate(bob); a != want || b != want {
				return fmt.Errorf("alice is at %d, bob at %d, not %d", a, b, want)
			}
			return nil
		})
		alice.Pay(bob.Invoice(1_000_000, "at another fee rate"))
	}
	restartAt(200_000)
	bob.WaitLog(`update_fee: feerate_per_kw`)
	if now := feerate(bob); now != before {
		t.Errorf("bob is at %d", now)
	}
}

func feerate(n *harness.Node) int {
	var list struct {
		Channels []struct {
			Feerate struct {
				PerKw int `json:"perkw"`
			} `json:"feerate"`
		} `json:"channels"`
	}
	n.Call("listpeerchannels", nil, &list)
	if len(list.Channels) == 0 {
		return 0
	}
	return list.Channels[0].Feerate.PerKw
}

// TestReserveAndDustExposure: what may not leave a channel is refused by our own side, with the reason.
func TestReserveAndDustExposure(t *testing.T) {
	btcd, alice, bob := connected(t)
	scid := openChannel(btcd, alice, bob, object{"amount": 1_000_000}).SCID
	alice.Stop()
	alice.Start("--max-dust-htlc-exposure-msat=100000msat")
	alice.WaitChannel("", "CHANNELD_NORMAL")
	for want, amt := range map[string]amount.Msat{"reserve": 999_000_000, "dust exposure": 200_000} {
		inv := decode(alice, bob.Invoice(amt, want))
		err := alice.Try("sendpay", object{
			"route": direct(bob, scid, amt, enoughBlocks), "payment_hash": inv.Hash, "payment_secret": inv.Secret,
		}, nil)
		if err == nil {
			err = wait(alice, inv.Hash, 0)
		}
		var answered *rpc.Error
		if !errors.As(err, &answered) || failureOf(t, answered).Index != 0 || !strings.Contains(answered.Message, want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	agree(t, alice, bob, 0)
}
