package e2e

import (
	"strings"
	"testing"

	"fulmen/tests/harness"
)

// TestGraceful: bob is told to get ready to stop while he has one of the two parts of a payment. He waits for it, lets
// alice go when both have paid, and is as before when he is started again.
func TestGraceful(t *testing.T) {
	_, alice, bob := pair(t, harness.HoldParts...)
	scid := alice.Channels()[0].SCID
	const half, total = 1_000_000, 2_000_000
	inv := decode(bob, bob.Invoice(total, "in two parts"))
	send := func(part int) {
		alice.Call("sendpay", object{
			"route": direct(bob, scid, half, enoughBlocks), "payment_hash": inv.Hash, "payment_secret": inv.Secret,
			"amount_msat": total, "partid": part, "groupid": 1,
		}, nil)
	}
	send(1)
	bob.WaitLog(`part of a payment is here`)

	type pending struct {
		Expiries []int    `json:"pending_htlc_expiries"`
		Peers    []string `json:"pending_peers"`
	}
	var left pending
	bob.Call("graceful", []any{0}, &left)
	if len(left.Expiries) != 1 || len(left.Peers) != 1 || left.Peers[0] != alice.ID() {
		t.Fatalf("pending %+v", left)
	}
	out, err := bob.CLI("-N", "info", "graceful", "1")
	if err != nil || !strings.Contains(out, alice.ID()) {
		t.Errorf("graceful 1: %v: %s", err, out)
	}
	other := decode(bob, bob.Invoice(half, "too late"))
	alice.Call("sendpay", object{"route": direct(bob, scid, half, enoughBlocks), "payment_hash": other.Hash, "payment_secret": other.Secret}, nil)
	if err := alice.Try("waitsendpay", []string{other.Hash}, nil); err == nil || !strings.Contains(err.Error(), "WIRE_TEMPORARY_NODE_FAILURE") {
		t.Errorf("a new payment: %v", err)
	}
	if err := bob.Try("connect", []any{strings.Repeat("02", 33), "127.0.0.1", 1}, nil); err == nil || !strings.Contains(err.Error(), "about to stop") {
		t.Errorf("connect: %v", err)
	}

	send(2)
	alice.Call("waitsendpay", object{"payment_hash": inv.Hash, "partid": 2, "groupid": 1}, nil)
	left = pending{}
	bob.Call("graceful", nil, &left)
	if len(left.Expiries)+len(left.Peers) != 0 {
		t.Errorf("pending in the end: %+v", left)
	}
	alice.Settled() // she has bob's last revoke_and_ack
	bob.Restart()
	bob.WaitChannel("", "CHANNELD_NORMAL")
	alice.WaitChannel("", "CHANNELD_NORMAL")
	alice.Pay(bob.Invoice(half, "as before"))
	agree(t, alice, bob, total+half)
}
