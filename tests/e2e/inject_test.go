package e2e

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/keys"
	"fulmen/internal/onion"
	"fulmen/internal/rpc"
	"fulmen/internal/wire"
	"fulmen/tests/harness"
)

// hop is a node of an onion and what it is told.
type hop struct {
	to      *harness.Node
	payload onion.Payload
}

// onionOver has a node make an onion.
func onionOver(t *testing.T, from *harness.Node, hash string, hops ...hop) (c created) {
	t.Helper()
	var list []object
	for _, h := range hops {
		list = append(list, object{"pubkey": h.to.ID(), "payload": hex.EncodeToString(onion.WithLength(h.payload.Encode()))})
	}
	from.Call("createonion", object{"hops": list, "assocdata": hash}, &c)
	return c
}

// chainHeight is a node's.
func chainHeight(n *harness.Node) block.Height {
	var info struct {
		Height block.Height `json:"blockheight"`
	}
	n.Call("getinfo", nil, &info)
	return info.Height
}

// injection is what injectpaymentonion is called with for an onion.
func injection(n *harness.Node, c created, hash string, amt amount.Msat, part int) object {
	return object{
		"onion": c.Onion, "payment_hash": hash, "amount_msat": amt, "cltv_expiry": chainHeight(n) + 2*enoughBlocks, "partid": part, "groupid": 1,
	}
}

// reply reads the failure of an injection with the secrets of its onion.
func reply(t *testing.T, err error, c created) (hop int, f *onion.Failure) {
	t.Helper()
	var failed *rpc.Error
	if !errors.As(err, &failed) || failed.Code != rpc.CodePayInjectFailed {
		t.Fatalf("an onion that has to fail: %v", err)
	}
	raw, err := json.Marshal(failed.Data)
	if err != nil {
		t.Fatal(err)
	}
	var data struct{ OnionReply string }
	if err := json.Unmarshal(raw, &data); err != nil {
		t.Fatal(err)
	}
	packet, err := hex.DecodeString(data.OnionReply)
	if err != nil {
		t.Fatal(err)
	}
	var secrets []keys.Secret
	for _, text := range c.Secrets {
		secret, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		secrets = append(secrets, keys.Secret(secret))
	}
	hop, message, err := onion.DecryptFailure(secrets, packet)
	if err != nil {
		t.Fatalf("the failure cannot be read: %v", err)
	}
	if f, err = onion.DecodeFailure(message); f == nil {
		t.Fatal(err)
	}
	return hop, f
}

// TestInjectForwards has a node send on what an onion says, as if it had come from a peer.
func TestInjectForwards(t *testing.T) {
	_, alice, bob := pair(t)
	var channels struct {
		Channels []struct {
			ShortChannelID string `json:"short_channel_id"`
		}
	}
	alice.Call("listpeerchannels", nil, &channels)
	scid, err := wire.ParseShortChannelID(channels.Channels[0].ShortChannelID)
	if err != nil {
		t.Fatal(err)
	}
	through := func(inv decoded, over wire.ShortChannelID, amt amount.Msat) created {
		expiry := chainHeight(alice) + enoughBlocks
		final := paying(t, inv, amt)
		final.AmtToForward, final.OutgoingCLTVValue = amt, expiry
		return onionOver(t, alice, inv.Hash, hop{alice, onion.Payload{AmtToForward: amt, OutgoingCLTVValue: expiry, ShortChannelID: &over}}, hop{bob, final})
	}
	inv := decode(bob, bob.Invoice(1_000_000, "injected"))
	made := through(inv, scid, 1_000_000)
	var paid object
	alice.Call("injectpaymentonion", injection(alice, made, inv.Hash, 1_000_000, 1), &paid)
	var refused *rpc.Error
	if err := alice.Try("injectpaymentonion", injection(alice, made, inv.Hash, 1_000_000, 2), nil); !errors.As(err, &refused) || refused.Code != rpc.CodePayAlreadyPaid {
		t.Errorf("paid again: %v", err)
	}
	var list struct{ Payments []object }
	alice.Call("listsendpays", object{"payment_hash": inv.Hash}, &list)
	if len(list.Payments) != 1 || list.Payments[0]["status"] != "complete" || list.Payments[0]["payment_preimage"] != paid["payment_preimage"] {
		t.Errorf("listsendpays has %v", list.Payments)
	}

	inv = decode(bob, bob.Invoice(2_000_000, "twice as much"))
	made = through(inv, scid, 1_000_000)
	at, f := reply(t, alice.Try("injectpaymentonion", injection(alice, made, inv.Hash, 1_000_000, 1), nil), made)
	if at != 1 || f.Code != onion.IncorrectOrUnknownPaymentDetails {
		t.Errorf("hop %d says %s", at, f.Code)
	}
	for what, c := range map[string]struct {
		over wire.ShortChannelID
		amt  amount.Msat
		want onion.FailureCode
	}{
		"no such channel": {1, 1_000_000, onion.UnknownNextPeer}, "more than comes": {scid, 999_999, onion.FeeInsufficient},
	} {
		made = through(inv, c.over, 1_000_000)
		at, f := reply(t, alice.Try("injectpaymentonion", injection(alice, made, inv.Hash, c.amt, 1), nil), made)
		if at != 0 || f.Code != c.want {
			t.Errorf("%s: hop %d says %s", what, at, f.Code)
		}
	}
	if err := alice.Try("injectpaymentonion", injection(alice, made, "00"+inv.Hash[2:], 1_000_000, 1), nil); err == nil {
		t.Error("an onion for another payment_hash was taken")
	}
	agree(t, alice, bob, 1_000_000)
}

// TestInjectPaysItself has a node pay its own invoice in two parts.
func TestInjectPaysItself(t *testing.T) {
	_, alice, bob := pair(t, harness.HoldParts...)
	final := func(inv decoded, amt, total amount.Msat) created {
		payload := paying(t, inv, total)
		payload.AmtToForward, payload.OutgoingCLTVValue = amt, chainHeight(alice)+enoughBlocks
		return onionOver(t, alice, inv.Hash, hop{alice, payload})
	}
	inv := decode(alice, alice.Invoice(1_000_000, "to ourselves"))
	made := final(inv, 500_000, 1_000_000)
	first := make(chan error, 1)
	go func() {
		first <- client(t, alice).Call(t.Context(), "injectpaymentonion", injection(alice, made, inv.Hash, 500_000, 1), nil)
	}()
	pending := func(hash string) {
		t.Helper()
		harness.Eventually(t, "the first part waits for the second", func() error {
			var list struct{ Payments []object }
			alice.Call("listsendpays", object{"payment_hash": hash, "status": "pending"}, &list)
			if len(list.Payments) != 1 {
				return fmt.Errorf("%v", list.Payments)
			}
			return nil
		})
	}
	pending(inv.Hash)
	var refused *rpc.Error
	if err := alice.Try("injectpaymentonion", injection(alice, made, inv.Hash, 500_000, 1), nil); !errors.As(err, &refused) || refused.Code != rpc.CodePayInProgress {
		t.Errorf("the same part twice: %v", err)
	}
	alice.Call("injectpaymentonion", injection(alice, final(inv, 500_000, 1_000_000), inv.Hash, 500_000, 2), nil)
	if err := <-first; err != nil {
		t.Errorf("the first part: %v", err)
	}
	if got := invoiceStatus(alice, inv.Hash); got != "paid" {
		t.Errorf("the invoice is %s", got)
	}

	// What this node does not take is said as a peer would say it.
	inv = decode(alice, alice.Invoice(2_000_000, "twice as much"))
	made = final(inv, 1_000_000, 1_000_000)
	at, f := reply(t, alice.Try("injectpaymentonion", injection(alice, made, inv.Hash, 1_000_000, 1), nil), made)
	if at != 0 || f.Code != onion.IncorrectOrUnknownPaymentDetails {
		t.Errorf("hop %d says %s", at, f.Code)
	}

	// A part that waits for others does not outlive its node; nothing was paid.
	made = final(inv, 1_000_000, 2_000_000)
	go func() {
		first <- client(t, alice).Call(t.Context(), "injectpaymentonion", injection(alice, made, inv.Hash, 1_000_000, 3), nil)
	}()
	pending(inv.Hash)
	alice.Kill()
	<-first
	alice.Start()
	harness.Eventually(t, "the part has failed after the restart", func() error { // its end is stored as the node starts
		var list struct{ Payments []object }
		alice.Call("listsendpays", object{"payment_hash": inv.Hash}, &list)
		for _, p := range list.Payments {
			if p["status"] != "failed" {
				return fmt.Errorf("%v", p)
			}
		}
		return nil
	})
	if got := invoiceStatus(alice, inv.Hash); got != "unpaid" {
		t.Errorf("the invoice is %s", got)
	}
	agree(t, alice, bob, 0)
}

// client is another connection to a node.
func client(t *testing.T, n *harness.Node) *rpc.Client {
	t.Helper()
	c, err := rpc.Dial(n.RPCFile())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func invoiceStatus(n *harness.Node, hash string) string {
	var list struct{ Invoices []struct{ Status string } }
	n.Call("listinvoices", object{"payment_hash": hash}, &list)
	if len(list.Invoices) != 1 {
		return fmt.Sprint(list)
	}
	return list.Invoices[0].Status
}
