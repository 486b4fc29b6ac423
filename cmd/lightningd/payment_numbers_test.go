package main

import (
	"context"
	"testing"
	"time"

	"fulmen/internal/amount"
	"fulmen/internal/keys"
	"fulmen/internal/onion"
	"fulmen/internal/payments"
	"fulmen/internal/rpc"
)

// TestPartNumbersAreStorable: a caller's number that no column holds is refused. That a part cannot be stored would end
// the node.
func TestPartNumbersAreStorable(t *testing.T) {
	const tooLarge = 1 << 63
	for name, p := range map[string]interface{ Validate() error }{
		"sendpay partid":    &sendPayParams{PartID: tooLarge},
		"sendpay groupid":   &sendPayParams{GroupID: tooLarge},
		"sendonion groupid": &sendOnionParams{Onion: make([]byte, onion.PacketSize), FirstHop: firstHop{AmountMsat: 1}, GroupID: tooLarge},
		"inject partid":     &injectParams{Onion: make([]byte, onion.PacketSize), PartID: tooLarge},
		"inject groupid":    &injectParams{Onion: make([]byte, onion.PacketSize), PartID: 1, GroupID: tooLarge},
	} {
		t.Run(name, func(t *testing.T) { wantCode(t, p.Validate(), rpc.CodeInvalidParams) })
	}
	if err := (&sendPayParams{PartID: tooLarge - 1, GroupID: tooLarge - 1}).Validate(); err != nil {
		t.Error(err)
	}
}

// TestInjectedAmountIsStorable: the amount in an onion that ends here is its maker's choice.
func TestInjectedAmountIsStorable(t *testing.T) {
	n := payNode(t, fulfil)
	p := &injectParams{PartID: 1, AmountMsat: 1000}
	o := &ownLayer{secret: keys.Secret{1}, payload: &onion.Payload{AmtToForward: ^amount.Msat(0)}, amount: p.AmountMsat, expiry: 200}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	stored := make(chan error, 1)
	go func() {
		_, err := n.waitInjected(ctx, p.part(n, o), o)
		stored <- err
	}()
	select {
	case err := <-n.failure:
		t.Fatalf("the node ends: %v", err)
	case err := <-stored:
		e := wantCode(t, err, rpc.CodePayInjectFailed)
		_, message, err := onion.DecryptFailure([]keys.Secret{o.secret}, e.Data.(onionReply).OnionReply)
		f, _ := onion.DecodeFailure(message)
		if err != nil || f == nil || f.Code != onion.FinalIncorrectHTLCAmount {
			t.Errorf("%v, %v", f, err)
		}
	}
	if parts, err := n.db.PartsByHash(payments.Hash{}); len(parts) != 0 || err != nil {
		t.Errorf("stored %v, %v", parts, err)
	}
}
