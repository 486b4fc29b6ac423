package plugins

import (
	"encoding/hex"
	"fmt"
	"testing"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/onion"
	"fulmen/internal/wire"
	"fulmen/tests/harness"
)

// injection is an onion of a node for itself and, behind it, a peer that is paid for an invoice, as
// injectpaymentonion takes it.
func injection(t *testing.T, n, payee *harness.Node, bolt11 string, msat int) object {
	t.Helper()
	var inv struct {
		Hash   string `json:"payment_hash"`
		Secret string `json:"payment_secret"`
	}
	n.Call("decode", []any{bolt11}, &inv)
	var info struct{ Blockheight block.Height }
	n.Call("getinfo", nil, &info)
	var list struct {
		Channels []struct {
			ShortChannelID string `json:"short_channel_id"`
		}
	}
	n.Call("listpeerchannels", nil, &list)
	scid, err := wire.ParseShortChannelID(list.Channels[0].ShortChannelID)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := hex.DecodeString(inv.Secret)
	if err != nil {
		t.Fatal(err)
	}
	amt := amount.Msat(msat)
	ours := onion.Payload{AmtToForward: amt, OutgoingCLTVValue: info.Blockheight + 50, ShortChannelID: &scid}
	theirs := onion.Payload{
		AmtToForward: amt, OutgoingCLTVValue: info.Blockheight + 50,
		PaymentData: &onion.PaymentData{PaymentSecret: [32]byte(secret), TotalMsat: amt},
	}
	var made struct{ Onion string }
	n.Call("createonion", object{"assocdata": inv.Hash, "hops": []object{
		{"pubkey": n.ID(), "payload": hex.EncodeToString(onion.WithLength(ours.Encode()))},
		{"pubkey": payee.ID(), "payload": hex.EncodeToString(onion.WithLength(theirs.Encode()))},
	}}, &made)
	return object{"onion": made.Onion, "payment_hash": inv.Hash, "amount_msat": msat, "cltv_expiry": info.Blockheight + 50, "partid": 1, "groupid": 0}
}

// TestInjectedPartOutlivesARestart kills the node that injected a part while its peer holds the HTLC: the outcome is
// stored all the same.
func TestInjectedPartOutlivesARestart(t *testing.T) {
	btcd := harness.StartBtcd(t)
	alice := harness.StartNode(t, btcd, "alice")
	bob := harness.StartNode(t, btcd, "bob", "--plugin="+script(t, "every.py"))
	alice.FundWallet(1_000_000)
	alice.Connect(bob)
	alice.OpenChannel(bob, 500_000)
	for i, c := range []struct {
		verdict object
		status  string
	}{{object{"result": "continue"}, "complete"}, {object{"result": "fail", "failure_message": "2002"}, "failed"}} {
		set(t, bob, "htlc_accepted", nil)
		params := injection(t, alice, bob, bob.Invoice(10_000_000, c.status), 10_000_000)
		waiting := make(chan error, 1)
		go func() { waiting <- alice.Try("injectpaymentonion", params, nil) }()
		waitSeen(t, bob, "hook", "htlc_accepted", i+1)
		alice.Kill()
		if err := <-waiting; err == nil {
			t.Error("a node that was killed answers")
		}
		alice.Start()
		alice.WaitChannel("", "CHANNELD_NORMAL")
		set(t, bob, "htlc_accepted", c.verdict)
		if _, err := call(t, bob, "every-release", []any{"htlc_accepted"}); err != nil {
			t.Fatal(err)
		}
		harness.Eventually(t, "the part is "+c.status, func() error {
			var list struct{ Payments []object }
			alice.Call("listsendpays", object{"payment_hash": params["payment_hash"]}, &list)
			if len(list.Payments) != 1 || list.Payments[0]["status"] != c.status {
				return fmt.Errorf("%v", list.Payments)
			}
			return nil
		})
	}
}
