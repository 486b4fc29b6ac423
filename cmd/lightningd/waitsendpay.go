package main

import (
	"context"

	"fulmen/internal/command"
	"fulmen/internal/invoice"
	"fulmen/internal/payments"
	"fulmen/internal/rpc"
	"fulmen/internal/store"
)

type waitSendPayParams struct {
	PaymentHash [32]byte `param:"payment_hash" doc:"The payment."`
	Timeout     *uint32  `param:"timeout" doc:"Seconds to wait at most; for ever if omitted."`
	PartID      uint64   `param:"partid" default:"0" doc:"The part, as given to sendpay."`
	GroupID     *uint64  `param:"groupid" doc:"The attempt, as given to sendpay; the newest if omitted."`
}

func (n *node) waitSendPayCommand() *command.Command {
	return command.New(command.Doc{
		Name: "waitsendpay", Category: command.Payment,
		Short: "Wait for the outcome of a part that sendpay sent.",
		Long:  "A part that is complete is returned, at once if it was complete before; one that failed is an error.",
		Errors: []command.Failure{
			{Code: rpc.CodePayInProgress, When: "The outcome was not known in time; the payment goes on."},
			{Code: rpc.CodePayUnparseableOnion, When: "The failure that came back cannot be decrypted; data has onionreply."},
			{Code: rpc.CodePayDestinationFail, When: "The destination refused it; data says why."},
			{Code: rpc.CodePayTryOtherRoute, When: "It failed on the way; data says where and why."},
			{Code: rpc.CodePayNoSuchPayment, When: "No such part was sent."},
		},
		SeeAlso: []string{"sendpay", "listsendpays"},
	}, n.waitSendPay)
}

func (n *node) waitSendPay(ctx context.Context, p *waitSendPayParams) (*partResult, error) {
	if p.Timeout != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, seconds(uint64(*p.Timeout)),
			rpc.Errorf(rpc.CodePayInProgress, "timed out after %d seconds; the payment goes on", *p.Timeout))
		defer cancel()
	}
	part, err := n.waitPart(ctx, p.PaymentHash, p.PartID, p.GroupID)
	if err != nil {
		return nil, err
	}
	if part.Status == payments.Failed {
		return nil, failedPart(part)
	}
	return showPart(part), nil
}

func failedPart(p *payments.Part) error {
	e := rpc.Errorf(rpc.Code(p.Failure.Code), "%s", p.Failure.Message)
	e.Data = showFailure(p, p.Failure)
	return e
}

// waitPart returns a part once it has an outcome; group nil is the newest.
func (n *node) waitPart(ctx context.Context, hash payments.Hash, partID uint64, group *uint64) (*payments.Part, error) {
	var found *payments.Part
	var ended chan *payments.Part
	err := n.onLoop(func() error {
		list, err := n.partsOf(hash)
		if err != nil {
			return err
		}
		for _, p := range list {
			if p.ID.Part == partID && (group == nil && (found == nil || p.Group >= found.Group) || group != nil && *group == p.Group) {
				found = p
			}
		}
		if found != nil && found.Status == payments.Pending {
			ended = n.out.waiters.add(found.ID)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, rpc.Errorf(rpc.CodePayNoSuchPayment, "payment_hash: no such payment was sent")
	}
	if ended == nil {
		return found, nil
	}
	return await(ctx, n, n.out.waiters, found.ID, ended)
}

type listSendPaysParams struct {
	Bolt11      *string   `param:"bolt11" doc:"Only parts that pay this invoice."`
	PaymentHash *[32]byte `param:"payment_hash" doc:"Only parts with this hash."`
	Status      string    `param:"status,optional" enum:"pending,complete,failed" doc:"Only parts with this status."`
	Index       string    `param:"index" enum:"created,updated" default:"created" doc:"Which index orders the list."`
	Start       uint64    `param:"start" default:"0" doc:"The first index to list."`
	Limit       uint32    `param:"limit" default:"0" doc:"How many to list at most; 0 is no limit."`
}

// Validate implements the check after parsing.
func (p *listSendPaysParams) Validate() error {
	return checkOneName(p.Bolt11, p.PaymentHash)
}

// hash is the payment_hash that the caller named, nil if none.
func (p *listSendPaysParams) hash() (*payments.Hash, error) {
	if p.Bolt11 != nil {
		inv, err := invoice.Decode(*p.Bolt11)
		if err != nil {
			return nil, command.BadParam("bolt11", "%w", err)
		}
		return (*payments.Hash)(&inv.PaymentHash), nil
	}
	return (*payments.Hash)(p.PaymentHash), nil
}

// find lists the parts that the caller asked for.
func (p *listSendPaysParams) find(db *store.DB) ([]*payments.Part, error) {
	hash, err := p.hash()
	if err != nil {
		return nil, err
	}
	if hash == nil {
		return db.Parts(store.Page{Updated: p.Index == "updated", Start: p.Start, Limit: p.Limit, Status: p.Status})
	}
	all, err := db.PartsByHash(*hash)
	if err != nil || p.Status == "" {
		return all, err
	}
	var list []*payments.Part
	for _, part := range all {
		if string(part.Status) == p.Status {
			list = append(list, part)
		}
	}
	return list, nil
}

type listSendPaysResult struct {
	Payments []*partResult `json:"payments" doc:"The parts."`
}

func (n *node) listSendPaysCommand() *command.Command {
	return command.New(command.Doc{
		Name: "listsendpays", Category: command.Payment,
		Short:   "List the parts of payments that were sent.",
		Long:    "A long list is read in pages: index, start and limit.",
		SeeAlso: []string{"listpays", "sendpay"},
	}, func(_ context.Context, p *listSendPaysParams) (*listSendPaysResult, error) {
		parts, err := p.find(n.db)
		if err != nil {
			return nil, err
		}
		r := &listSendPaysResult{Payments: make([]*partResult, len(parts))}
		for i := range parts {
			r.Payments[i] = showPart(parts[i])
		}
		return r, nil
	})
}
