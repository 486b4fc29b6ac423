package main

import (
	"context"
	"fmt"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/command"
	"fulmen/internal/invoices"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/plugin"
)

// payingHook is a payment, all parts of which have come, that plugins are asked about.
type payingHook struct {
	take   invoices.Take
	until  block.Height // from then on it is not safe to take it
	cancel context.CancelFunc
}

// paymentFacts is the payload of the hook invoice_payment.
type paymentFacts struct {
	Label    string      `json:"label"`
	Preimage command.Hex `json:"preimage"`
	Msat     amount.Msat `json:"msat"`
}

// paymentVerdict is an answer to it.
type paymentVerdict struct {
	Result         string      `json:"result"`
	FailureMessage command.Hex `json:"failure_message"`
}

func (v *paymentVerdict) check() error {
	n := len(v.FailureMessage)
	switch {
	case v.Result != "continue" && v.Result != "reject":
		return fmt.Errorf("result is %q, neither continue nor reject", v.Result)
	case v.FailureMessage != nil && (n < 2 || n > maxFailure):
		return fmt.Errorf("failure_message has %d bytes, should have 2 to %d", n, maxFailure)
	}
	return nil
}

// askAboutPayment asks the plugins whether a payment may be taken, and takes it or fails its parts.
func (n *node) askAboutPayment(a invoices.Take) {
	if !n.plugins.Hooked("invoice_payment") {
		n.take(a)
		return
	}
	ctx, cancel := context.WithCancel(n.ctx)
	p := &payingHook{take: a, cancel: cancel}
	for i, part := range a.Parts {
		at := n.holdUntil(&channeldmsg.IncomingHTLC{CLTVExpiry: part.CLTVExpiry})
		if i == 0 || at < p.until {
			p.until = at
		}
	}
	n.paying[p] = true
	var v paymentVerdict
	n.askUntil(ctx, plugin.Question{
		Hook: "invoice_payment",
		Payload: func() any {
			return map[string]any{"payment": paymentFacts{a.Invoice.Label, a.Invoice.Preimage[:], a.Received}}
		},
		Answer: answer(&v),
	}, func() {
		if !n.paying[p] {
			return // it was given up
		}
		delete(n.paying, p)
		cancel()
		if v.Result == "reject" {
			n.log.Info("a plugin rejects a payment", "label", a.Invoice.Label, "amount", a.Received)
			n.reject(a, v.FailureMessage)
			return
		}
		n.take(a)
	})
}

// reject fails the parts of a payment; without a message, as if there were no such invoice.
func (n *node) reject(a invoices.Take, message []byte) {
	n.invoices.Reject(a.Invoice.PaymentHash)
	for _, p := range a.Parts {
		c := n.channels[p.Channel]
		switch {
		case message == nil:
			n.failPart(p.Key, n.failureFor(invoices.Fail{Part: p}))
		case p.Channel == ourselves:
			n.failHere(p.HTLC, message, "failed: a plugin rejects it")
		case c != nil:
			c.settle(channeldmsg.SettleHTLC{ID: p.HTLC, Failure: message})
		}
	}
}

// watchPaying fails what plugins hold for too long.
func (n *node) watchPaying(h block.Height) {
	for p := range n.paying {
		if h >= p.until {
			n.log.Warn("failing a payment that plugins have not decided about in time", "label", p.take.Invoice.Label, "amount", p.take.Received)
			delete(n.paying, p)
			p.cancel()
			n.reject(p.take, nil)
		}
	}
}
