package main

import (
	"cmp"
	"context"
	"slices"

	"fulmen/internal/amount"
	"fulmen/internal/command"
	"fulmen/internal/payments"
	"fulmen/internal/rpc"
	"fulmen/internal/store"
)

type listPaysParams struct {
	Bolt11      *string   `param:"bolt11" doc:"Only payments of this invoice."`
	PaymentHash *[32]byte `param:"payment_hash" doc:"Only payments with this hash."`
	Status      string    `param:"status,optional" enum:"pending,complete,failed" doc:"Only payments with this status."`
	Index       string    `param:"index" enum:"created,updated" default:"created" doc:"Which index orders the parts that are read."`
	Start       uint64    `param:"start" default:"0" doc:"The first index to read."`
	Limit       uint32    `param:"limit" default:"0" doc:"How many parts to read at most; 0 is no limit."`
}

// Validate implements the check after parsing.
func (p *listPaysParams) Validate() error {
	return checkOneName(p.Bolt11, p.PaymentHash)
}

// checkOneName refuses a payment that is named twice.
func checkOneName(bolt11 *string, hash *[32]byte) error {
	if bolt11 != nil && hash != nil {
		return command.BadParam("payment_hash", "only one of bolt11 and payment_hash may be given")
	}
	return nil
}

// paysEntry is a payment, all of its parts together.
type paysEntry struct {
	Bolt11         string       `json:"bolt11,omitempty" doc:"The invoice that it pays."`
	Description    string       `json:"description,omitempty" doc:"The description that it was given."`
	Label          string       `json:"label,omitempty" doc:"The label given to it."`
	Destination    string       `json:"destination,omitempty" doc:"The node that is paid."`
	PaymentHash    command.Hex  `json:"payment_hash" doc:"SHA256 of the preimage."`
	Status         string       `json:"status" doc:"pending, complete or failed; the last two never change."`
	CreatedAt      int64        `json:"created_at" doc:"When its first part was sent, unix seconds."`
	CompletedAt    int64        `json:"completed_at,omitempty" doc:"When it was known to be paid, unix seconds."`
	Preimage       command.Hex  `json:"preimage,omitempty" doc:"The proof of payment."`
	AmountMsat     *amount.Msat `json:"amount_msat,omitempty" doc:"What the destination receives."`
	AmountSentMsat amount.Msat  `json:"amount_sent_msat" doc:"What was sent, with fees."`
	NumberOfParts  uint64       `json:"number_of_parts,omitempty" doc:"How many parts paid it, if more than one."`
	ErrorOnion     command.Hex  `json:"erroronion,omitempty" doc:"The failure as it came back."`
	CreatedIndex   uint64       `json:"created_index" doc:"Of its first part."`
	UpdatedIndex   uint64       `json:"updated_index,omitempty" doc:"Of its newest change."`
}

type listPaysResult struct {
	Pays []*paysEntry `json:"pays" doc:"The payments."`
}

func (n *node) listPaysCommand() *command.Command {
	return command.New(command.Doc{
		Name: "listpays", Category: command.Payment,
		Short: "List payments that were sent.",
		Long: "A payment is all parts of one attempt. It is pending while pay still tries, even when no part is under way; " +
			"once it is complete or failed it stays so.",
		SeeAlso: []string{"listsendpays", "pay"},
	}, n.listPays)
}

func (n *node) listPays(_ context.Context, p *listPaysParams) (*listPaysResult, error) {
	parts, err := n.partsForList(p)
	if err != nil {
		return nil, err
	}
	trying, err := n.paymentsTried()
	if err != nil {
		return nil, err
	}
	groups := groupParts(parts)
	newest := map[payments.Hash]uint64{}
	for _, group := range groups {
		newest[group[0].PaymentHash] = max(newest[group[0].PaymentHash], group[0].Group)
	}
	r := &listPaysResult{Pays: []*paysEntry{}}
	for _, group := range groups {
		first := group[0]
		e := showGroup(group, trying[first.PaymentHash] && first.Group == newest[first.PaymentHash])
		if p.Status == "" || e.Status == p.Status {
			r.Pays = append(r.Pays, e)
		}
	}
	return r, nil
}

func (n *node) partsForList(p *listPaysParams) ([]*payments.Part, error) {
	hash := (*payments.Hash)(p.PaymentHash)
	if p.Bolt11 != nil {
		inv, err := decodeInvoice("bolt11", *p.Bolt11)
		if err != nil {
			return nil, err
		}
		hash = (*payments.Hash)(&inv.PaymentHash)
	}
	if hash != nil {
		return n.db.PartsByHash(*hash)
	}
	return n.db.Parts(store.Page{Updated: p.Index == "updated", Start: p.Start, Limit: p.Limit})
}

// groupKey names an attempt to pay.
type groupKey struct {
	hash  payments.Hash
	group uint64
}

func groupOf(p *payments.Part) groupKey { return groupKey{p.PaymentHash, p.Group} }

// groupParts puts the parts of each attempt together, oldest attempt first.
func groupParts(parts []*payments.Part) [][]*payments.Part {
	parts = slices.Clone(parts)
	slices.SortFunc(parts, func(a, b *payments.Part) int { return cmp.Compare(a.CreatedIndex, b.CreatedIndex) })
	var groups [][]*payments.Part
	at := map[groupKey]int{}
	for _, p := range parts {
		i, known := at[groupOf(p)]
		if !known {
			i = len(groups)
			at[groupOf(p)] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], p)
	}
	return groups
}

// statusOf is the status of an attempt: one complete part is proof of payment, whatever becomes of the rest.
func statusOf(group []*payments.Part, trying bool) payments.Status {
	status := payments.Failed
	for _, p := range group {
		switch {
		case p.Status == payments.Complete:
			return payments.Complete
		case p.Status == payments.Pending:
			status = payments.Pending
		}
	}
	if trying {
		return payments.Pending
	}
	return status
}

// delivered sums up the parts that have not failed.
func delivered(group []*payments.Part) (received, sent amount.Msat, parts uint64) {
	for _, p := range group {
		if p.Status != payments.Failed {
			received, sent, parts = received+p.Amount, sent+p.Sent, parts+1
		}
	}
	return received, sent, parts
}

func showGroup(group []*payments.Part, trying bool) *paysEntry {
	first := group[0]
	received, sent, parts := delivered(group)
	if parts == 0 {
		received = first.Total
	}
	e := &paysEntry{
		PaymentHash: first.PaymentHash[:], Status: string(statusOf(group, trying)), Destination: nodeText(first.Destination),
		CreatedAt: first.CreatedAt.Unix(), CreatedIndex: first.CreatedIndex, AmountMsat: &received, AmountSentMsat: sent,
	}
	for _, p := range group {
		e.Label, e.Bolt11 = cmp.Or(e.Label, p.Label), cmp.Or(e.Bolt11, p.Bolt11)
		e.Description = cmp.Or(e.Description, p.Description)
		e.UpdatedIndex = max(e.UpdatedIndex, p.UpdatedIndex)
		if p.Preimage != nil {
			e.Preimage, e.CompletedAt = p.Preimage[:], p.CompletedAt.Unix()
		}
	}
	switch {
	case e.Status == string(payments.Complete) && parts > 1:
		e.NumberOfParts = parts
	case e.Status == string(payments.Failed):
		if last := group[len(group)-1]; last.Failure != nil {
			e.ErrorOnion = last.Failure.Onion
		}
	}
	return e
}

type delPayParams struct {
	PaymentHash [32]byte `param:"payment_hash" doc:"The payment."`
	Status      string   `param:"status" enum:"complete,failed" doc:"What the status of the parts to delete must be."`
	PartID      *uint64  `param:"partid" doc:"Only this part; must be given with groupid."`
	GroupID     *uint64  `param:"groupid" doc:"Only parts of this attempt; must be given with partid."`
}

// Validate implements the check after parsing.
func (p *delPayParams) Validate() error {
	if (p.PartID == nil) != (p.GroupID == nil) {
		return command.BadParam("partid", "partid and groupid must be given together")
	}
	return nil
}

type delPayResult struct {
	Payments []*partResult `json:"payments" doc:"The parts that were deleted."`
}

func (n *node) delPayCommand() *command.Command {
	return command.New(command.Doc{
		Name: "delpay", Category: command.Payment,
		Short: "Delete a payment that is complete or failed.",
		Long:  "All of its parts with that status are deleted, or one of them by partid and groupid. A part that is pending cannot be.",
		Errors: []command.Failure{
			{Code: rpc.CodePayNoSuchPayment, When: "There is no such payment."},
			{Code: rpc.CodePayStatusUnexpected, When: "Its status is another."},
		},
		SeeAlso: []string{"listpays", "listsendpays"},
	}, n.delPay)
}

// delPay waits for the disk within the loop, so that no part changes its status meanwhile.
func (n *node) delPay(_ context.Context, p *delPayParams) (*delPayResult, error) {
	r := &delPayResult{}
	err := n.onLoop(func() error {
		parts, err := n.partsOf(p.PaymentHash)
		if err != nil {
			return err
		}
		found, err := p.choose(parts)
		if err != nil {
			return err
		}
		for _, part := range found {
			r.Payments = append(r.Payments, showPart(part))
		}
		return n.db.Update(func(tx *storeTx) error {
			for _, part := range found {
				if err := tx.DeletePart(part.CreatedIndex); err != nil {
					return err
				}
			}
			return nil
		})
	})
	return r, err
}

// choose picks the parts to delete.
func (p *delPayParams) choose(parts []*payments.Part) ([]*payments.Part, error) {
	var found []*payments.Part
	var other payments.Status
	for _, part := range parts {
		if p.PartID != nil && (part.ID.Part != *p.PartID || part.Group != *p.GroupID) {
			continue
		}
		if string(part.Status) == p.Status {
			found = append(found, part)
		} else {
			other = part.Status
		}
	}
	switch {
	case len(found) > 0:
		return found, nil
	case other != "":
		return nil, rpc.Errorf(rpc.CodePayStatusUnexpected, "status: the payment is %s, not %s", other, p.Status)
	}
	return nil, rpc.Errorf(rpc.CodePayNoSuchPayment, "payment_hash: no such payment was sent")
}
