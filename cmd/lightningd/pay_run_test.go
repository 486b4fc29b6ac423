package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
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
	"fulmen/internal/onion"
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
		out: newOutgoing(), pays: map[payments.Hash]*payRun{}, invoices: invoices.New(db),
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

func TestPayOnce(t *testing.T) {
	bob := newPayee(2)
	sent := 0
	n := payNode(t, func(p *payments.Part) (*[32]byte, *payments.Failure) { sent++; return fulfil(p) })
	n.addTestChannel(1, bob.id(), 5e6)
	p := &payParams{Bolt11: bob.invoice(t, nil), RetryFor: 60, MaxDelay: 2016, Label: "breakfast"}
	var results [8]*payResult
	var errs [8]error
	var all sync.WaitGroup
	for i := range results {
		all.Go(func() { results[i], errs[i] = n.pay(t.Context(), p) })
	}
	all.Wait()
	for i, r := range results {
		if errs[i] != nil {
			t.Fatal(errs[i])
		}
		if string(r.PaymentPreimage) != string(testPreimage[:]) || r.AmountMsat != 1e6 || r.AmountSentMsat != 1e6 || r.Parts != 1 || r.Status != "complete" {
			t.Fatalf("result %d: %+v", i, r)
		}
	}
	if sent != 1 {
		t.Fatalf("%d parts were sent for %d calls", sent, len(results))
	}
	list, err := n.listPays(t.Context(), &listPaysParams{Index: "created"})
	if err != nil || len(list.Pays) != 1 || list.Pays[0].Status != "complete" || list.Pays[0].Label != "breakfast" {
		t.Fatalf("listpays: %+v, %v", list, err)
	}
}

func TestPaySplitsAndRetries(t *testing.T) {
	bob := newPayee(2)
	failed := false
	n := payNode(t, func(p *payments.Part) (*[32]byte, *payments.Failure) {
		if !failed {
			failed = true
			f := p.Returned(onion.CreateFailure(p.Route[0].SharedSecret, (&onion.Failure{Code: onion.MPPTimeout}).Encode()), nil)
			return nil, f
		}
		return fulfil(p)
	})
	n.addTestChannel(1, bob.id(), 400_000)
	n.addTestChannel(2, bob.id(), 700_000)
	r, err := n.pay(t.Context(), &payParams{Bolt11: bob.invoice(t, nil), RetryFor: 60, MaxDelay: 2016})
	if err != nil {
		t.Fatal(err)
	}
	if r.Parts < 2 {
		t.Fatalf("result %+v", r)
	}
}

func TestPayFails(t *testing.T) {
	bob := newPayee(2)
	refuse := func(p *payments.Part) (*[32]byte, *payments.Failure) {
		m := (&onion.Failure{Code: onion.IncorrectOrUnknownPaymentDetails, HTLCMsat: p.Amount}).Encode()
		return nil, p.Returned(onion.CreateFailure(p.Route[0].SharedSecret, m), nil)
	}
	for _, c := range []struct {
		name   string
		end    partEnd
		change func(*invoice.Invoice)
		params payParams
		code   rpc.Code
	}{
		{"refused", refuse, nil, payParams{}, rpc.CodePayDestinationFail},
		{"too large", fulfil, func(i *invoice.Invoice) { i.Amount = 9e6 }, payParams{}, rpc.CodePayRouteNotFound},
		{"expired", fulfil, func(i *invoice.Invoice) { i.Timestamp = i.Timestamp.Add(-2 * time.Hour) }, payParams{}, rpc.CodePayInvoiceExpired},
		{"another network", fulfil, func(i *invoice.Invoice) { i.Network = invoice.Bitcoin }, payParams{}, rpc.CodeInvalidParams},
		{"no amount", fulfil, func(i *invoice.Invoice) { i.Amount = 0 }, payParams{}, rpc.CodeInvalidParams},
		{"two amounts", fulfil, nil, payParams{AmountMsat: new(amount.Msat)}, rpc.CodeInvalidParams},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := payNode(t, c.end)
			n.addTestChannel(1, bob.id(), 5e6)
			c.params.Bolt11, c.params.MaxDelay = bob.invoice(t, c.change), 2016
			_, err := n.pay(t.Context(), &c.params)
			wantCode(t, err, c.code)
		})
	}
}

// TestPayAgain pays the same hash with another amount, and again after a failure.
func TestPayAgain(t *testing.T) {
	bob := newPayee(2)
	good := false
	n := payNode(t, func(p *payments.Part) (*[32]byte, *payments.Failure) {
		if good {
			return fulfil(p)
		}
		return nil, p.Returned([]byte("garbage"), nil)
	})
	n.addTestChannel(1, bob.id(), 5e6)
	open := bob.invoice(t, func(i *invoice.Invoice) { i.Amount = 0 })
	order := func(amt amount.Msat) *payParams { return &payParams{Bolt11: open, AmountMsat: &amt, MaxDelay: 2016} }
	_, err := n.pay(t.Context(), order(1000))
	e := wantCode(t, err, rpc.CodePayStoppedRetrying)
	if data := e.Data.(payFailure); data.SendpayTries != 1 || len(data.Failures) != 1 {
		t.Fatalf("data %+v", data)
	}
	good = true
	if _, err := n.pay(t.Context(), order(2000)); err != nil {
		t.Fatal(err)
	}
	_, err = n.pay(t.Context(), order(1000))
	wantCode(t, err, rpc.CodePayRHashAlreadyUsed)
	list, err := n.listPays(t.Context(), &listPaysParams{Index: "created"})
	if err != nil || len(list.Pays) != 2 || list.Pays[0].Status != "failed" || list.Pays[1].Status != "complete" {
		t.Fatalf("listpays: %+v, %v", list, err)
	}
}

func TestSelfPayment(t *testing.T) {
	n := payNode(t, fulfil)
	self := newPayee(1)
	order := &payParams{Bolt11: self.invoice(t, nil), MaxDelay: 2016}
	_, err := n.pay(t.Context(), order)
	wantCode(t, err, rpc.CodePayDestinationFail)
	stored := &invoices.Invoice{
		Label: "own", Bolt11: order.Bolt11, PaymentHash: sha256.Sum256(testPreimage[:]), Preimage: testPreimage, PaymentSecret: [32]byte{8},
		Amount: 1e6, ExpiresAt: time.Now().Add(time.Hour), Status: invoices.Unpaid,
	}
	if err := n.db.Update(func(tx *storeTx) error { return tx.CreateInvoice(stored) }); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		r, err := n.pay(t.Context(), order)
		if err != nil || r.AmountSentMsat != 1e6 || string(r.PaymentPreimage) != string(testPreimage[:]) {
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
	if _, err := n.pay(t.Context(), &payParams{Bolt11: bob.invoice(t, nil), MaxDelay: 2016}); err != nil {
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
