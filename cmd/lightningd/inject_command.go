package main

import (
	"context"

	"fulmen/internal/amount"
	"fulmen/internal/command"
	"fulmen/internal/invoice"
	"fulmen/internal/keys"
	"fulmen/internal/onion"
	"fulmen/internal/payments"
	"fulmen/internal/rpc"
)

type injectParams struct {
	Onion           []byte       `param:"onion" doc:"The packet, 1366 bytes, its first layer for this node."`
	PaymentHash     [32]byte     `param:"payment_hash" doc:"SHA256 of the preimage that pays; the onion must be bound to it."`
	AmountMsat      amount.Msat  `param:"amount_msat" doc:"What this node would receive from a peer."`
	CLTVExpiry      uint32       `param:"cltv_expiry" doc:"The height at which the HTLC from that peer would expire."`
	PartID          uint64       `param:"partid" doc:"Number of this part of the payment, above 0."`
	GroupID         uint64       `param:"groupid" doc:"Groups the parts of one attempt."`
	Label           string       `param:"label,optional" doc:"A label, shown by listsendpays."`
	InvString       string       `param:"invstring,optional" doc:"The invoice, shown by listsendpays."`
	LocalInvreqID   []byte       `param:"localinvreqid,optional" doc:"Refused: there are no invoice requests yet."`
	DestinationMsat *amount.Msat `param:"destination_msat" doc:"What the destination receives by this part, shown by listsendpays."`
	Destination     *keys.PubKey `param:"destination" doc:"The node that is paid, shown by listsendpays; the invoice's payee if omitted."`
}

// Validate implements the check after parsing.
func (p *injectParams) Validate() error {
	switch {
	case len(p.Onion) != onion.PacketSize:
		return command.BadParam("onion", "has %d bytes, want %d", len(p.Onion), onion.PacketSize)
	case p.PartID == 0:
		return command.BadParam("partid", "should be above 0")
	case p.AmountMsat > amount.MaxMsat:
		return command.BadParam("amount_msat", "is more than exists")
	case len(p.LocalInvreqID) > 0:
		return errNoInvreq
	}
	return checkPartNumbers(p.PartID, p.GroupID)
}

type injectResult struct {
	CreatedIndex    uint64      `json:"created_index" doc:"Counts parts in the order of creation."`
	CreatedAt       int64       `json:"created_at" doc:"When it was sent, unix seconds."`
	CompletedAt     int64       `json:"completed_at" doc:"When it was paid, unix seconds."`
	PaymentPreimage command.Hex `json:"payment_preimage" doc:"The proof of payment."`
}

func (n *node) injectCommand() *command.Command {
	return command.New(command.Doc{
		Name: "injectpaymentonion", Category: command.Payment,
		Short: "Have an onion handled as if a peer had sent it here, and wait for the outcome.",
		Long: "The first layer is for this node: either it names the channel on which the rest goes on, or it pays an invoice of this node, alone or with " +
			"further parts. The part is stored before it leaves, and its outcome whether anybody still waits or not: listsendpays has it. " +
			"A failure is in onionreply, encrypted for who made the onion, beginning with the secret shared with this node.",
		Errors: []command.Failure{
			{Code: rpc.CodePayInProgress, When: "This part is under way already, or another group is."},
			{Code: rpc.CodePayInjectFailed, When: "It failed; data has onionreply."},
			{Code: rpc.CodePayAlreadyPaid, When: "The payment_hash was paid before; data has that part."},
		},
		SeeAlso: []string{"createonion", "sendonion", "listsendpays"},
	}, n.injectPaymentOnion)
}

func (n *node) injectPaymentOnion(ctx context.Context, p *injectParams) (*injectResult, error) {
	if height := n.height(); p.CLTVExpiry <= uint32(height) {
		return nil, command.BadParam("cltv_expiry", "is %d, the chain has %d blocks", p.CLTVExpiry, height)
	}
	peeled, err := n.peelOwn(ctx, p)
	if err != nil {
		return nil, err
	}
	part, err := n.waitInjected(ctx, p.part(n, peeled), peeled)
	if err != nil {
		return nil, err
	}
	if part.Status == payments.Failed {
		return nil, injectFailed(part.Failure)
	}
	return &injectResult{part.CreatedIndex, part.CreatedAt.Unix(), part.CompletedAt.Unix(), part.Preimage[:]}, nil
}

// onionReply is the data of an error that only who made the onion can read.
type onionReply struct {
	OnionReply command.Hex `json:"onionreply"`
}

func injectFailed(f *payments.Failure) error {
	e := rpc.Errorf(rpc.CodePayInjectFailed, "%s", f.Message)
	e.Data = onionReply{f.Onion}
	return e
}

// part is what the caller asks for.
func (p *injectParams) part(n *node, o *ownLayer) *payments.Part {
	part := &payments.Part{
		ID: payments.ID{PaymentHash: p.PaymentHash, Group: p.GroupID, Part: p.PartID}, Status: payments.Pending, CreatedAt: n.now(),
		Amount: o.payload.AmtToForward, Sent: o.payload.AmtToForward, Label: p.Label, Bolt11: p.InvString, Injected: &o.secret,
	}
	if inv, err := invoice.Decode(p.InvString); err == nil {
		part.Destination, part.Total = inv.Payee, inv.Amount
	}
	if o.next == nil {
		part.Destination = n.id
	}
	if p.Destination != nil {
		part.Destination = *p.Destination
	}
	if p.DestinationMsat != nil {
		part.Amount = *p.DestinationMsat
	}
	if part.Total == 0 {
		part.Total = part.Amount
	}
	return part
}
