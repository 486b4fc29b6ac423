package bookkeeper

import (
	"context"
	"fmt"

	"fulmen/plugins/bookkeeper/books"
)

// described is an entry of listinvoices or listsendpays, as far as it says what it was for.
type described struct {
	CreatedIndex uint64 `json:"created_index"`
	PaymentHash  string `json:"payment_hash"`
	Description  string `json:"description"`
}

// Descriptions that were edited are in the datastore below the first of these keys, by kind, and then by outpoint or
// payment_hash.
const (
	editsKey    = "bookkeeper"
	outpointKey = "outpoint"
	paymentKey  = "payment_id"
)

// describe reads what is needed for description: what was edited, and which invoices and payments there are.
func (b *Bookkeeper) describe(ctx context.Context, l *ledger) (err error) {
	if err = b.readEdited(ctx, l); err != nil {
		return fmt.Errorf("read descriptions: %w", err)
	}
	err = b.pages(ctx, "listinvoices", func() uint64 { return l.invoices }, func(r *page) int {
		return note(r.Invoices, l.invoiced, &l.invoices)
	})
	if err != nil {
		return err
	}
	return b.pages(ctx, "listsendpays", func() uint64 { return l.sent }, func(r *page) int {
		return note(r.Payments, l.paid, &l.sent)
	})
}

// note takes the descriptions of a page, and how far it goes.
func note(list []described, into map[string]string, last *uint64) int {
	for _, d := range list {
		*last = d.CreatedIndex
		if d.Description != "" {
			into[d.PaymentHash] = d.Description
		}
	}
	return len(list)
}

// readEdited reads the descriptions that were edited, once: nobody else writes them.
func (b *Bookkeeper) readEdited(ctx context.Context, l *ledger) error {
	if l.edits != nil {
		return nil
	}
	edits := map[string]map[string]string{}
	for _, kind := range []string{outpointKey, paymentKey} {
		var found struct {
			Datastore []struct {
				Key    []string `json:"key"`
				String string   `json:"string"`
			} `json:"datastore"`
		}
		if err := b.config.Node.Call(ctx, "listdatastore", object{"key": []string{editsKey, kind}}, &found); err != nil {
			return err
		}
		edits[kind] = map[string]string{}
		for _, e := range found.Datastore {
			if len(e.Key) == 3 {
				edits[kind][e.Key[2]] = e.String
			}
		}
	}
	l.edits = edits
	return nil
}

// keep keeps a description, or forgets it where it is empty.
func (b *Bookkeeper) keep(ctx context.Context, edits map[string]string, kind, id, description string) error {
	key := []string{editsKey, kind, id}
	if description != "" {
		params := object{"key": key, "string": description, "mode": "create-or-replace"}
		if err := b.config.Node.Call(ctx, "datastore", params, nil); err != nil {
			return fmt.Errorf("store the description of %s: %w", id, err)
		}
		edits[id] = description
		return nil
	}
	if _, there := edits[id]; !there {
		return nil
	}
	if err := b.config.Node.Call(ctx, "deldatastore", object{"key": key}, nil); err != nil {
		return fmt.Errorf("delete the description of %s: %w", id, err)
	}
	delete(edits, id)
	return nil
}

// ofEvent is what an event was for.
func (l *ledger) ofEvent(e *books.Event) string {
	if e.Type == books.TypeChannel {
		return l.ofPayment(e.PaymentID, e.Credit > 0)
	}
	return l.edited(e.Outpoint, e.PaymentID)
}

// ofIncome is what an income was for.
func (l *ledger) ofIncome(i *books.Income) string {
	if i.Outpoint != "" {
		return l.edited(i.Outpoint, i.PaymentID)
	}
	return l.ofPayment(i.PaymentID, i.Credit > 0)
}

func (l *ledger) edited(outpoint, payment string) string {
	if text := l.edits[outpointKey][outpoint]; text != "" {
		return text
	}
	return l.edits[paymentKey][payment]
}

func (l *ledger) ofPayment(hash string, received bool) string {
	if hash == "" {
		return ""
	}
	if text := l.edits[paymentKey][hash]; text != "" {
		return text
	}
	if received {
		return l.invoiced[hash]
	}
	if text := l.paid[hash]; text != "" {
		return text
	}
	return l.invoiced[hash] // paid to ourselves
}
