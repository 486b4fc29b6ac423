package plugins

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/onion"
	"fulmen/internal/wire"
	"fulmen/tests/harness"
)

// TestForwardedHTLCs has a plugin see what goes through its node, change it, and hear how it ended.
func TestForwardedHTLCs(t *testing.T) {
	btcd := harness.StartBtcd(t)
	plugin := "--plugin=" + script(t, "every.py")
	carol := harness.StartNode(t, btcd, "carol")
	alice := harness.StartNode(t, btcd, "alice", plugin)
	bob := harness.StartNode(t, btcd, "bob", plugin)
	carol.FundWallet(1_000_000)
	alice.FundWallet(1_000_000)
	carol.Connect(alice)
	alice.Connect(bob)

	set(t, alice, "openchannel", object{"result": "reject", "error_message": "not today"})
	if err := carol.Try("fundchannel", []any{alice.ID(), 500_000}, nil); err == nil || !strings.Contains(err.Error(), "not today") {
		t.Errorf("a channel that a plugin rejects: %v", err)
	}
	waitSeen(t, alice, "notification", "channel_open_failed", 1)
	set(t, alice, "openchannel", object{"result": "continue"})
	carol.OpenChannel(alice, 500_000)
	alice.OpenChannel(bob, 500_000)

	first, second := channelTo(t, carol, alice), channelTo(t, alice, bob)
	pay := func(label, over string) error {
		t.Helper()
		var inv struct {
			Hash   string `json:"payment_hash"`
			Secret string `json:"payment_secret"`
		}
		bob.Call("invoice", object{"amount_msat": 1_000_000, "label": label, "description": label}, &inv)
		carol.Call("sendpay", object{
			"route": []object{
				{"id": alice.ID(), "channel": first["short_channel_id"], "amount_msat": 1_010_000, "delay": 60},
				{"id": bob.ID(), "channel": over, "amount_msat": 1_000_000, "delay": 20},
			}, "payment_hash": inv.Hash, "payment_secret": inv.Secret,
		}, nil)
		return carol.Try("waitsendpay", []any{inv.Hash}, nil)
	}
	real, none := second["short_channel_id"].(string), "1x1x1"
	if err := pay("as it comes", real); err != nil {
		t.Fatal(err)
	}
	seen := waitSeen(t, alice, "hook", "htlc_accepted", 1)
	if seen["forward_to"] != second["channel_id"] || seen["onion"].(object)["short_channel_id"] != real {
		t.Errorf("the plugin sees %v", seen)
	}

	// A TLV record for the next node, which that node's plugin sees.
	const extra = "fe0001a1470103" // type 106823, one byte
	set(t, alice, "htlc_accepted", object{"result": "continue", "extra_tlvs": extra})
	if err := pay("with a record", real); err != nil {
		t.Fatal(err)
	}
	if got := waitSeen(t, bob, "hook", "htlc_accepted", 2)["htlc"].(object)["extra_tlvs"]; got != extra {
		t.Errorf("the next node gets %v", got)
	}
	if got := waitSeen(t, bob, "hook", "htlc_accepted", 1)["htlc"].(object)["extra_tlvs"]; got != nil {
		t.Errorf("without a plugin's word the next node gets %v", got)
	}
	// An even type would cost the connection: the answer does not count.
	set(t, alice, "htlc_accepted", object{"result": "continue", "extra_tlvs": "fe0001a1480103"})
	if err := pay("with a bad record", real); err != nil {
		t.Fatal(err)
	}
	if got := waitSeen(t, bob, "hook", "htlc_accepted", 3)["htlc"].(object)["extra_tlvs"]; got != nil {
		t.Errorf("the next node gets %v", got)
	}

	// The plugin chooses the channel, whatever the sender named.
	set(t, alice, "htlc_accepted", object{"result": "continue"})
	if err := pay("over no channel", none); err == nil {
		t.Error("a payment went over a channel that is not there")
	}
	set(t, alice, "htlc_accepted", object{"result": "continue", "forward_to": second["channel_id"]})
	if err := pay("over another channel", none); err != nil {
		t.Error(err)
	}
	// A payload that asks for more than comes.
	set(t, alice, "htlc_accepted", object{"result": "continue", "payload": payload(t, alice, 2_000_000, real)})
	if err := pay("with another payload", real); err == nil || !strings.Contains(err.Error(), "FEE_INSUFFICIENT") {
		t.Errorf("a payload that does not add up: %v", err)
	}

	harness.Eventually(t, "all forwards have ended", func() error {
		var ended []string
		for _, r := range records(alice) {
			if r.Kind == "notification" && r.Name == "forward_event" {
				for _, status := range []string{"settled", "local_failed"} {
					if strings.Contains(string(r.Params), fmt.Sprintf(`"status": %q`, status)) {
						ended = append(ended, status)
					}
				}
			}
		}
		if want := []string{"settled", "settled", "settled", "local_failed", "settled", "local_failed"}; !slices.Equal(ended, want) {
			return fmt.Errorf("%v, want %v", ended, want)
		}
		return nil
	})
	names := checkSchemas(t, alice)
	for _, want := range []string{"notification forward_event", "notification channel_open_failed", "hook htlc_accepted", "hook openchannel"} {
		if !slices.Contains(names, want) {
			t.Errorf("%s did not come", want)
		}
	}
	checkSchemas(t, bob)
}

// channelTo is a node's channel with a peer, as listpeerchannels shows it.
func channelTo(t *testing.T, n, peer *harness.Node) object {
	t.Helper()
	var list struct{ Channels []object }
	n.Call("listpeerchannels", []any{peer.ID()}, &list)
	if len(list.Channels) != 1 {
		t.Fatalf("%d channels", len(list.Channels))
	}
	return list.Channels[0]
}

// payload is what an onion could tell a node that forwards.
func payload(t *testing.T, n *harness.Node, msat amount.Msat, over string) string {
	t.Helper()
	scid, err := wire.ParseShortChannelID(over)
	if err != nil {
		t.Fatal(err)
	}
	var info struct{ Blockheight block.Height }
	n.Call("getinfo", nil, &info)
	p := onion.Payload{AmtToForward: msat, OutgoingCLTVValue: info.Blockheight + 20, ShortChannelID: &scid}
	return hex.EncodeToString(p.Encode())
}
