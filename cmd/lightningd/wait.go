package main

import (
	"context"
	"fmt"

	"fulmen/internal/amount"
	"fulmen/internal/command"
	"fulmen/internal/rpc"
	"fulmen/internal/store"
)

type waitParams struct {
	Subsystem string `param:"subsystem" enum:"invoices,forwards,sendpays,htlcs,chainmoves,channelmoves,networkevents" doc:"What to wait for."`
	IndexName string `param:"indexname" enum:"created,updated,deleted" doc:"Which of its indexes."`
	NextValue uint64 `param:"nextvalue" doc:"What the index must have reached; 0 returns what it is."`
}

// Validate implements the check after parsing.
func (p *waitParams) Validate() error {
	if p.Subsystem == "htlcs" || p.Subsystem == "networkevents" {
		return command.BadParam("subsystem", "%s are not counted by this node", p.Subsystem)
	}
	return nil
}

type waitResult struct {
	Subsystem    string       `json:"subsystem" doc:"The parameter."`
	Created      *uint64      `json:"created,omitempty" doc:"The index of that name."`
	Updated      *uint64      `json:"updated,omitempty" doc:"The index of that name."`
	Deleted      *uint64      `json:"deleted,omitempty" doc:"The index of that name."`
	Forwards     *waitForward `json:"forwards,omitempty" doc:"The forward that came or changed."`
	Invoices     *waitInvoice `json:"invoices,omitempty" doc:"The invoice that came or changed."`
	SendPays     *waitPart    `json:"sendpays,omitempty" doc:"The part that came or changed."`
	ChainMoves   *waitMove    `json:"chainmoves,omitempty" doc:"The movement that came."`
	ChannelMoves *waitMove    `json:"channelmoves,omitempty" doc:"The movement that came."`
}

type waitForward struct {
	Status     string      `json:"status" doc:"As listforwards has it."`
	InChannel  string      `json:"in_channel" doc:"The channel that it came through."`
	InHTLCID   uint64      `json:"in_htlc_id" doc:"The id of its HTLC there."`
	InMsat     amount.Msat `json:"in_msat" doc:"What came."`
	OutChannel string      `json:"out_channel,omitempty" doc:"The channel that it left through, or should have."`
}

type waitInvoice struct {
	Status      string  `json:"status" doc:"unpaid, paid or expired."`
	Label       string  `json:"label" doc:"Its label."`
	Description *string `json:"description,omitempty" doc:"What it is for."`
	Bolt11      string  `json:"bolt11,omitempty" doc:"The invoice."`
}

type waitPart struct {
	Status      string      `json:"status" doc:"pending, failed or complete."`
	PartID      uint64      `json:"partid" doc:"Which part of the payment."`
	GroupID     uint64      `json:"groupid" doc:"Which attempt of it."`
	PaymentHash command.Hex `json:"payment_hash" doc:"The payment's hash."`
}

type waitMove struct {
	Account    string      `json:"account" doc:"wallet, external, or a channel_id."`
	CreditMsat amount.Msat `json:"credit_msat" doc:"What came."`
	DebitMsat  amount.Msat `json:"debit_msat" doc:"What left."`
}

func (n *node) waitCommand() *command.Command {
	return command.New(command.Doc{
		Name: "wait", Category: command.Utility,
		Short: "Wait until something is created, changed or deleted.",
		Long: "It returns at once if the index is there already. Indexes begin at 0 and only rise, sometimes by more than one. Otherwise what has " +
			"come or changed is told with it, but not what was deleted. With `index` and `start` the list commands give all that has happened since.",
		SeeAlso: []string{"listinvoices", "listforwards", "listsendpays", "listchainmoves", "listchannelmoves", "waitanyinvoice"},
	}, n.wait)
}

func (n *node) wait(ctx context.Context, p *waitParams) (*waitResult, error) {
	for waited := false; ; waited = true {
		news := n.db.News() // before the index is read, so that nothing comes in between
		value, err := n.db.Index(store.Subsystem(p.Subsystem), p.IndexName)
		if err != nil {
			return nil, fmt.Errorf("read index %s of %s: %w", p.IndexName, p.Subsystem, err)
		}
		if value >= p.NextValue {
			return n.waitReached(p, value, waited)
		}
		select {
		case <-news:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-n.ctx.Done():
			return nil, rpc.ErrShutdown
		}
	}
}

func (n *node) waitReached(p *waitParams, value uint64, waited bool) (*waitResult, error) {
	r := &waitResult{Subsystem: p.Subsystem}
	page := store.Page{Updated: p.IndexName == store.IndexUpdated, Start: value, Limit: 1}
	switch p.IndexName {
	case store.IndexCreated:
		r.Created = &value
	case store.IndexUpdated:
		r.Updated = &value
	case store.IndexDeleted:
		r.Deleted = &value
		return r, nil
	}
	if !waited {
		return r, nil
	}
	return r, n.waitDetails(r, page)
}

// waitDetails says what stands at an index. It may be gone again, or have changed once more: then there is
// nothing to say.
func (n *node) waitDetails(r *waitResult, page store.Page) error {
	switch store.Subsystem(r.Subsystem) {
	case store.Invoices:
		list, err := n.db.Invoices(page)
		for _, i := range list {
			shown := n.showInvoice(i)
			r.Invoices = &waitInvoice{shown.Status, shown.Label, shown.Description, shown.Bolt11}
		}
		return err
	case store.SendPays:
		list, err := n.db.Parts(page)
		for _, p := range list {
			r.SendPays = &waitPart{string(p.Status), p.ID.Part, p.Group, p.PaymentHash[:]}
		}
		return err
	case store.Forwards:
		list, err := n.db.Forwards(store.ForwardFilter{}, page)
		for _, f := range list {
			e := showForward(f)
			r.Forwards = &waitForward{e.Status, e.InChannel, e.InHTLCID, e.InMsat, e.OutChannel}
		}
		return err
	case store.ChainMoves:
		list, err := n.db.ChainMoves(page)
		for _, m := range list {
			r.ChainMoves = &waitMove{m.Account, m.Credit, m.Debit}
		}
		return err
	}
	list, err := n.db.ChannelMoves(page)
	if err != nil || len(list) == 0 {
		return err
	}
	ids, err := n.db.ChannelIDs()
	for _, m := range list {
		id := ids[m.Channel]
		r.ChannelMoves = &waitMove{hexOrEmpty(&id), m.Credit, m.Debit}
	}
	return err
}
