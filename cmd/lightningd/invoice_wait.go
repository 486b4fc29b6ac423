package main

import (
	"context"
	"time"

	"fulmen/internal/command"
	"fulmen/internal/invoices"
	"fulmen/internal/rpc"
)

type waitInvoiceParams struct {
	Label command.Label `param:"label" doc:"The invoice's label."`
}

func (n *node) waitInvoiceCommand() *command.Command {
	return command.New(command.Doc{
		Name: "waitinvoice", Category: command.Payment,
		Short: "Wait until an invoice is paid.",
		Long:  "It returns at once if the invoice is paid already.",
		Errors: []command.Failure{
			{Code: rpc.CodeFailed, When: "There is no such invoice, or it was deleted."},
			{Code: rpc.CodeInvoiceExpiredWaiting, When: "It expired; data is the invoice."},
		},
		SeeAlso: []string{"waitanyinvoice", "listinvoices"},
	}, n.waitInvoice)
}

func (n *node) waitInvoice(ctx context.Context, p *waitInvoiceParams) (*invoiceResult, error) {
	label := string(p.Label)
	var changed chan *invoices.Invoice
	var inv *invoices.Invoice
	err := n.onLoop(func() (err error) {
		if inv, err = n.db.InvoiceByLabel(label); err == nil && inv != nil && inv.StatusAt(n.now()) == invoices.Unpaid {
			changed = n.invoiceWaiters.add(label)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if inv == nil {
		return nil, rpc.Errorf(rpc.CodeFailed, "label: no invoice has label %q", label)
	}
	if changed != nil {
		if inv, err = await(ctx, n, n.invoiceWaiters, label, changed); err != nil {
			return nil, err
		}
	}
	if inv == nil {
		return nil, rpc.Errorf(rpc.CodeFailed, "label: the invoice %q was deleted", label)
	}
	shown := n.showInvoice(inv)
	if inv.Status != invoices.Paid {
		e := rpc.Errorf(rpc.CodeInvoiceExpiredWaiting, "the invoice %q expired", label)
		e.Data = shown
		return nil, e
	}
	return shown, nil
}

type waitAnyInvoiceParams struct {
	LastPayIndex uint64  `param:"lastpay_index" default:"0" doc:"The pay_index of the last invoice that the caller knows to be paid."`
	Timeout      *uint64 `param:"timeout" doc:"Seconds to wait at most; for ever if omitted."`
}

func (n *node) waitAnyInvoiceCommand() *command.Command {
	return command.New(command.Doc{
		Name: "waitanyinvoice", Category: command.Payment,
		Short:   "Wait until any invoice is paid after the one that is known.",
		Long:    "It returns the invoice with the least pay_index above lastpay_index, so a caller that passes on the pay_index of each result misses none.",
		Errors:  []command.Failure{{Code: rpc.CodeInvoiceWaitTimeout, When: "None was paid in time."}},
		SeeAlso: []string{"waitinvoice", "listinvoices"},
	}, n.waitAnyInvoice)
}

func (n *node) waitAnyInvoice(ctx context.Context, p *waitAnyInvoiceParams) (*invoiceResult, error) {
	if p.Timeout != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, seconds(*p.Timeout),
			rpc.Errorf(rpc.CodeInvoiceWaitTimeout, "no invoice was paid within %d seconds", *p.Timeout))
		defer cancel()
	}
	for {
		var paid chan struct{}
		n.loop.call(func() { paid = n.anyInvoiceWaiters.add(struct{}{}) })
		inv, err := n.db.NextPaidInvoice(p.LastPayIndex)
		if err != nil || inv != nil {
			n.loop.post(func() { n.anyInvoiceWaiters.remove(struct{}{}, paid) })
			if err != nil {
				return nil, err
			}
			return n.showInvoice(inv), nil
		}
		if _, err := await(ctx, n, n.anyInvoiceWaiters, struct{}{}, paid); err != nil {
			return nil, err
		}
	}
}

// await waits for what a waiter was added for, or for the end of ctx.
func await[K comparable, V any](ctx context.Context, n *node, w waiters[K, V], key K, ch chan V) (V, error) {
	select {
	case v := <-ch:
		return v, nil
	case <-ctx.Done():
		n.loop.post(func() { w.remove(key, ch) })
		var none V
		return none, context.Cause(ctx)
	}
}

// seconds converts a caller's number, however large.
func seconds(s uint64) time.Duration {
	const most = uint64(1<<63-1) / uint64(time.Second)
	return time.Duration(min(s, most)) * time.Second
}
