package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"

	"fulmen/internal/amount"
	"fulmen/internal/features"
	"fulmen/internal/invoice"
	"fulmen/internal/invoices"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/keys"
	"fulmen/internal/payments"
	"fulmen/internal/plugin"
	"fulmen/internal/rpc"
	"fulmen/internal/store"
	"fulmen/internal/wire"
)

// payee is somebody with a node key.
type payee struct{ key *btcec.PrivateKey }

func newPayee(b byte) payee {
	key, _ := btcec.PrivKeyFromBytes([]byte{b})
	return payee{key}
}

func (p payee) id() keys.PubKey { return keys.PubKey(p.key.PubKey().SerializeCompressed()) }

var testPreimage = [32]byte{7}

// invoice makes and signs an invoice for testPreimage, as change would have it.
func (p payee) invoice(t *testing.T, change func(*invoice.Invoice)) string {
	t.Helper()
	description := "coffee"
	inv := &invoice.Invoice{
		Network: invoice.Regtest, Amount: 1e6, Timestamp: time.Now().Truncate(time.Second), PaymentHash: sha256.Sum256(testPreimage[:]),
		PaymentSecret: [32]byte{8}, Description: &description, Expiry: time.Hour, MinFinalCLTVExpiryDelta: 18,
		Features: features.Ours(features.Invoice),
	}
	if change != nil {
		change(inv)
	}
	text, err := inv.Encode(func(hrp string, data []byte) ([65]byte, error) {
		hash := invoice.SigningHash(hrp, data)
		compact := ecdsa.SignCompact(p.key, hash[:], true)
		return [65]byte(append(compact[1:], compact[0]-27-4)), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// partEnd decides how a part ends: with a preimage, or a failure.
type partEnd func(p *payments.Part) (*[32]byte, *payments.Failure)

func fulfil(*payments.Part) (*[32]byte, *payments.Failure) { return &testPreimage, nil }

// payNode is a node whose channels end each part as told, at the end of the batch that offered it.
func payNode(t *testing.T, end partEnd) *node {
	t.Helper()
	db, err := store.Open(filepath.Join(t.TempDir(), "db.sqlite3"))
	if err != nil {
		t.Fatal(err)
	}
	n := &node{
		db: db, now: time.Now, log: slog.New(slog.DiscardHandler), failure: make(chan error, 1), plugins: plugin.NewHost(plugin.Config{}),
		id: newPayee(1).id(), network: network{Name: "regtest", Invoice: invoice.Regtest}, blockHeight: 100,
		channels: map[uint64]*channel{}, peers: map[keys.PubKey]*peer{}, dirty: map[*channel]bool{},
		out: newOutgoing(), trying: map[payments.Hash]bool{}, invoices: invoices.New(db),
		invoiceWaiters: waiters[string, *invoices.Invoice]{}, anyInvoiceWaiters: waiters[struct{}, struct{}]{},
	}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	n.loop = newLoop(func() {
		for _, c := range n.channels {
			for ref, o := range c.offered {
				p := o.(*partOrigin)
				if preimage, failure := end(p.Part); preimage != nil || failure != nil {
					delete(c.offered, ref)
					n.end(p.ending(preimage, failure))
				}
			}
		}
		clear(n.dirty)
	})
	ended := make(chan struct{})
	go func() { n.loop.run(); close(ended) }()
	t.Cleanup(func() {
		n.cancel()
		n.loop.close()
		<-ended
		db.Close()
	})
	return n
}

func (n *node) addTestChannel(id uint64, peerID keys.PubKey, spendable amount.Msat) {
	c := &channel{
		n: n, peer: n.peerOf(peerID), proc: &channelProcess{}, ready: true, status: channeldmsg.Status{State: channeldmsg.Normal, Spendable: spendable},
		row:     &store.Channel{ID: id, PeerID: peerID, State: store.Normal, ShortChannelID: wire.NewShortChannelID(100, uint32(id), 0)},
		offered: map[uint64]origin{}, outs: map[uint64]origin{},
	}
	n.channels[id] = c
}

func wantCode(t *testing.T, err error, code rpc.Code) *rpc.Error {
	t.Helper()
	var e *rpc.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("error %v, want code %d", err, code)
	}
	return e
}

func TestSelfPayment(t *testing.T) {
	n := payNode(t, fulfil)
	hash, total := sha256.Sum256(testPreimage[:]), amount.Msat(1e6)
	order := &sendPayParams{PaymentHash: hash, AmountMsat: &total, PaymentSecret: &[32]byte{8}}
	_, err := n.sendPay(t.Context(), order)
	wantCode(t, err, rpc.CodePayDestinationFail)
	stored := &invoices.Invoice{
		Label: "own", Bolt11: "lnbcrt", PaymentHash: hash, Preimage: testPreimage, PaymentSecret: [32]byte{8},
		Amount: total, ExpiresAt: time.Now().Add(time.Hour), Status: invoices.Unpaid,
	}
	if err := n.db.Update(func(tx *storeTx) error { return tx.CreateInvoice(stored) }); err != nil {
		t.Fatal(err)
	}
	_, err = n.sendPay(t.Context(), &sendPayParams{PaymentHash: hash, AmountMsat: &total, PaymentSecret: &[32]byte{9}})
	wantCode(t, err, rpc.CodePayDestinationFail)
	_, err = n.sendPay(t.Context(), &sendPayParams{PaymentHash: hash, PaymentSecret: &[32]byte{8}})
	wantCode(t, err, rpc.CodeInvalidParams)
	for range 2 {
		r, err := n.sendPay(t.Context(), order)
		if err != nil || r.AmountSentMsat != total || r.Status != "complete" || string(r.PaymentPreimage) != string(testPreimage[:]) {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	inv, err := n.db.InvoiceByLabel("own")
	if err != nil || inv.Status != invoices.Paid || inv.PayIndex != 1 {
		t.Fatalf("invoice %+v, %v", inv, err)
	}
}

func TestDelPay(t *testing.T) {
	bob := newPayee(2)
	n := payNode(t, fulfil)
	n.addTestChannel(1, bob.id(), 5e6)
	hash := sha256.Sum256(testPreimage[:])
	_, err := n.delPay(t.Context(), &delPayParams{PaymentHash: hash, Status: "complete"})
	wantCode(t, err, rpc.CodePayNoSuchPayment)
	id, scid, amt, delay := bob.id(), n.channels[1].row.ShortChannelID, amount.Msat(1e6), uint32(18)
	if _, err := n.sendPay(t.Context(), &sendPayParams{
		PaymentHash: hash, Route: []routeHop{{ID: &id, Channel: &scid, AmountMsat: &amt, Delay: &delay}},
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := n.waitSendPay(t.Context(), &waitSendPayParams{PaymentHash: hash}); err != nil {
		t.Fatal(err)
	}
	_, err = n.delPay(t.Context(), &delPayParams{PaymentHash: hash, Status: "failed"})
	wantCode(t, err, rpc.CodePayStatusUnexpected)
	r, err := n.delPay(t.Context(), &delPayParams{PaymentHash: hash, Status: "complete"})
	if err != nil || len(r.Payments) != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	_, err = n.delPay(t.Context(), &delPayParams{PaymentHash: hash, Status: "complete"})
	wantCode(t, err, rpc.CodePayNoSuchPayment)
}
