package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"testing"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/onion"
	"fulmen/internal/rpc"
	"fulmen/tests/harness"
)

// created is what createonion returns.
type created struct {
	Onion   string   `json:"onion"`
	Secrets []string `json:"shared_secrets"`
}

// finalOnion is an onion for a peer that brings amt, with what payload has besides.
func finalOnion(t *testing.T, from, to *harness.Node, hash string, payload onion.Payload, amt amount.Msat) (c created) {
	t.Helper()
	var info struct {
		Height block.Height `json:"blockheight"`
	}
	from.Call("getinfo", nil, &info)
	payload.AmtToForward, payload.OutgoingCLTVValue = amt, info.Height+enoughBlocks
	stream := payload.Encode()
	from.Call("createonion", object{
		"hops": []object{{"pubkey": to.ID(), "payload": hex.EncodeToString(append([]byte{byte(len(stream))}, stream...))}}, "assocdata": hash,
	}, &c)
	return c
}

// paying is the payload that pays an invoice.
func paying(t *testing.T, inv decoded, total amount.Msat) onion.Payload {
	t.Helper()
	secret, err := hex.DecodeString(inv.Secret)
	if err != nil {
		t.Fatal(err)
	}
	return onion.Payload{PaymentData: &onion.PaymentData{PaymentSecret: [32]byte(secret), TotalMsat: total}}
}

// TestSendOnion pays with an onion that the caller made, and reads a failure with and without its secrets.
func TestSendOnion(t *testing.T) {
	_, alice, bob := pair(t)
	first := object{"id": bob.ID(), "amount_msat": 1_000_000, "delay": enoughBlocks}

	inv := decode(bob, bob.Invoice(1_000_000, "custom onion"))
	made := finalOnion(t, alice, bob, inv.Hash, paying(t, inv, 1_000_000), 1_000_000)
	alice.Call("sendonion", object{
		"onion": made.Onion, "first_hop": first, "payment_hash": inv.Hash, "shared_secrets": made.Secrets,
	}, nil)
	if err := wait(alice, inv.Hash, 0); err != nil {
		t.Fatal(err)
	}

	for i, secrets := range [][]string{made.Secrets, nil} {
		// The invoice wants twice as much as the onion brings.
		inv := decode(bob, bob.Invoice(2_000_000, "refused "+strconv.Itoa(i)))
		made := finalOnion(t, alice, bob, inv.Hash, paying(t, inv, 1_000_000), 1_000_000)
		if secrets != nil {
			secrets = made.Secrets
		}
		alice.Call("sendonion", object{
			"onion": made.Onion, "first_hop": first, "payment_hash": inv.Hash, "shared_secrets": secrets, "destination": bob.ID(),
		}, nil)
		var refused *rpc.Error
		if err := wait(alice, inv.Hash, 0); !errors.As(err, &refused) {
			t.Fatalf("paid half of the invoice: %v", err)
		}
		want := rpc.Code(203)
		if secrets == nil {
			want = 202
		}
		if refused.Code != want {
			t.Errorf("with %d secrets: %v", len(secrets), refused)
		}
	}
	if err := alice.Try("sendonion", object{"onion": "00", "first_hop": first, "payment_hash": inv.Hash}, nil); err == nil {
		t.Error("an onion of one byte was sent")
	}
	agree(t, alice, bob, 1_000_000)
}

// TestKeysendIsTaken sends money that nobody asked for.
func TestKeysendIsTaken(t *testing.T) {
	_, alice, bob := pair(t)
	preimage := [32]byte{1, 2, 3}
	digest := sha256.Sum256(preimage[:])
	hash := hex.EncodeToString(digest[:])
	first := object{"id": bob.ID(), "amount_msat": 1_000_000, "delay": enoughBlocks}
	made := finalOnion(t, alice, bob, hash, onion.Payload{Keysend: &preimage}, 1_000_000)
	alice.Call("sendonion", object{"onion": made.Onion, "first_hop": first, "payment_hash": hash, "shared_secrets": made.Secrets}, nil)
	if err := wait(alice, hash, 0); err != nil {
		t.Fatal(err)
	}
	var list struct {
		Invoices []struct {
			Status   string      `json:"status"`
			Received amount.Msat `json:"amount_received_msat"`
			Preimage string      `json:"payment_preimage"`
		} `json:"invoices"`
	}
	bob.Call("listinvoices", object{"payment_hash": hash}, &list)
	if len(list.Invoices) != 1 || list.Invoices[0].Status != "paid" || list.Invoices[0].Received != 1_000_000 ||
		list.Invoices[0].Preimage != hex.EncodeToString(preimage[:]) {
		t.Errorf("bob has %+v", list)
	}
	agree(t, alice, bob, 1_000_000)
}
