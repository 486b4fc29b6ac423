package bookkeeper

import (
	"context"
	"math"

	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/command"
	"fulmen/plugins/bookkeeper/books"
)

type eventsParams struct {
	Account   *string `param:"account" doc:"Only those of this account: wallet, external, or a channel_id."`
	PaymentID *string `param:"payment_id" doc:"Only those with this payment_hash, or of the transaction with this txid."`
}

// Validate implements the check after parsing.
func (p *eventsParams) Validate() error {
	if p.Account != nil && p.PaymentID != nil {
		return command.BadParam("payment_id", "cannot be given with account")
	}
	return nil
}

type event struct {
	Account     string       `json:"account" doc:"wallet, external, or a channel_id."`
	Type        string       `json:"type" doc:"chain, channel or onchain_fee."`
	Tag         string       `json:"tag" doc:"What it was."`
	CreditMsat  amount.Msat  `json:"credit_msat" doc:"What came to the account; of a fee, what it paid."`
	DebitMsat   amount.Msat  `json:"debit_msat" doc:"What left the account; of a fee, what it need not pay after all."`
	Currency    string       `json:"currency" doc:"The beginning of the chain's addresses."`
	Outpoint    string       `json:"outpoint,omitempty" doc:"Of the chain: the output."`
	BlockHeight *uint32      `json:"blockheight,omitempty" doc:"Of the chain: the block."`
	Origin      string       `json:"origin,omitempty" doc:"The account that it came from."`
	PaymentID   string       `json:"payment_id,omitempty" doc:"The payment_hash."`
	Txid        string       `json:"txid,omitempty" doc:"The transaction that spent the output, or whose fee it is."`
	FeesMsat    *amount.Msat `json:"fees_msat,omitempty" doc:"Of a payment: what others earned by it, or we as we forwarded it."`
	IsRebalance *bool        `json:"is_rebalance,omitempty" doc:"Of a payment: whether it was one to ourselves."`
	PartID      *uint32      `json:"part_id,omitempty" doc:"Which part of a payment of ours."`
	Timestamp   uint64       `json:"timestamp" doc:"When this node saw it, unix seconds."`
	Description *string      `json:"description,omitempty" doc:"What it was for."`
}

type eventsResult struct {
	Events []event `json:"events" doc:"The events, in their order in time."`
}

func (b *Bookkeeper) eventsCommand() *command.Command {
	return command.New(command.Doc{
		Name: "bkpr-listaccountevents", Category: command.Utility,
		Short: "List all that came to the accounts of the node or left them.",
		Long: "These are the entries of listchainmoves (chain) and listchannelmoves (channel), with the fees of transactions between them (onchain_fee). " +
			"As more of a transaction becomes known, further events say what changes; those before stay as they are. A fee is a credit here and a debit in bkpr-listincome.\n\n" +
			"When all that a channel left in the chain has come to its end, a journal_entry takes off what its HTLCs were counted as twice: they were payments in the channel, and " +
			"outputs in the chain.",
		SeeAlso: []string{"bkpr-listincome", "bkpr-listbalances", "bkpr-inspect", "listchainmoves", "listchannelmoves"},
	}, b.events)
}

func (b *Bookkeeper) events(ctx context.Context, p *eventsParams) (*eventsResult, error) {
	var keep func(*books.Event) bool
	switch {
	case p.Account != nil:
		keep = books.OfAccount(*p.Account)
	case p.PaymentID != nil:
		keep = books.OfPayment(*p.PaymentID)
	}
	r := &eventsResult{Events: []event{}}
	err := b.with(ctx, func(l *ledger) error {
		if err := b.describe(ctx, l); err != nil {
			return err
		}
		for _, e := range l.books.Events(keep) {
			r.Events = append(r.Events, b.show(l, &e))
		}
		return nil
	})
	return r, err
}

func (b *Bookkeeper) show(l *ledger, e *books.Event) event {
	shown := event{
		Account: e.Account, Type: e.Type, Tag: e.Tag, CreditMsat: e.Credit, DebitMsat: e.Debit, Currency: b.config.Coin, Outpoint: e.Outpoint,
		Origin: e.Origin, PaymentID: e.PaymentID, Txid: e.Txid, Timestamp: e.Timestamp,
	}
	if text := l.ofEvent(e); text != "" {
		shown.Description = &text
	}
	switch {
	case e.Type == books.TypeChain:
		shown.BlockHeight = &e.Height
	case e.Type == books.TypeChannel && e.PaymentID != "":
		shown.FeesMsat, shown.IsRebalance = &e.Fees, &e.Rebalance
		if e.PartID != nil && *e.PartID <= math.MaxUint32 {
			part := uint32(*e.PartID)
			shown.PartID = &part
		}
	}
	return shown
}

// updatedResult is what an edit of a description changed.
type updatedResult struct {
	Updated []event `json:"updated" doc:"The events with the new description."`
}

type editOutpointParams struct {
	Outpoint    btcwire.OutPoint `param:"outpoint" doc:"The output, as txid:index."`
	Description string           `param:"description" doc:"What it was for; an empty text takes back what was set before."`
}

func (b *Bookkeeper) editOutpointCommand() *command.Command {
	return command.New(command.Doc{
		Name: "bkpr-editdescriptionbyoutpoint", Category: command.Utility,
		Short:   "Say what an output was for.",
		Long:    "The description is kept in the datastore, also of an output that is not known yet.",
		SeeAlso: []string{"bkpr-editdescriptionbypaymentid", "bkpr-listaccountevents", "bkpr-listincome"},
	}, b.editOutpoint)
}

func (b *Bookkeeper) editOutpoint(ctx context.Context, p *editOutpointParams) (*updatedResult, error) {
	outpoint := p.Outpoint.String()
	return b.edit(ctx, outpointKey, outpoint, p.Description, func(e *books.Event) bool {
		return e.Type == books.TypeChain && e.Outpoint == outpoint
	})
}

type editPaymentParams struct {
	PaymentID   [32]byte `param:"payment_id" doc:"The payment_hash."`
	Description string   `param:"description" doc:"What it was for; an empty text takes back what was set before."`
}

func (b *Bookkeeper) editPaymentCommand() *command.Command {
	return command.New(command.Doc{
		Name: "bkpr-editdescriptionbypaymentid", Category: command.Utility,
		Short: "Say what a payment was for.",
		Long: "The description is kept in the datastore, also of a payment that is not known yet. The invoice stays as it is. Outputs of the payment's HTLCs " +
			"in the chain have the description too, but are not among the events that are returned: the published result has no place for it there.",
		SeeAlso: []string{"bkpr-editdescriptionbyoutpoint", "bkpr-listaccountevents", "bkpr-listincome"},
	}, b.editPayment)
}

func (b *Bookkeeper) editPayment(ctx context.Context, p *editPaymentParams) (*updatedResult, error) {
	hash := books.Hash(p.PaymentID).String()
	return b.edit(ctx, paymentKey, hash, p.Description, func(e *books.Event) bool {
		return e.Type == books.TypeChannel && e.PaymentID == hash
	})
}

// edit keeps a description, and returns the events that have it now.
func (b *Bookkeeper) edit(ctx context.Context, kind, id, description string, keep func(*books.Event) bool) (*updatedResult, error) {
	r := &updatedResult{Updated: []event{}}
	err := b.with(ctx, func(l *ledger) error {
		if err := b.describe(ctx, l); err != nil {
			return err
		}
		if err := b.keep(ctx, l.edits[kind], kind, id, description); err != nil {
			return err
		}
		for _, e := range l.books.Events(keep) {
			shown := b.show(l, &e)
			if shown.Description == nil { // taken back
				shown.Description = &description
			}
			r.Updated = append(r.Updated, shown)
		}
		return nil
	})
	return r, err
}
