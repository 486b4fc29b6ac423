package main

import (
	"fulmen/internal/amount"
	"fulmen/internal/command"
	"fulmen/internal/keys"
	"fulmen/internal/payments"
)

// partResult is a part of a payment as the RPC shows it.
type partResult struct {
	CreatedIndex    uint64      `json:"created_index" doc:"Counts parts in the order of creation."`
	ID              uint64      `json:"id" doc:"The same as created_index."`
	GroupID         uint64      `json:"groupid" doc:"Groups the parts of one attempt."`
	PartID          uint64      `json:"partid,omitempty" doc:"Number of the part, if it was given one."`
	PaymentHash     command.Hex `json:"payment_hash" doc:"SHA256 of the preimage."`
	UpdatedIndex    uint64      `json:"updated_index,omitempty" doc:"Counts changes of parts."`
	Status          string      `json:"status" doc:"pending, complete or failed."`
	AmountMsat      amount.Msat `json:"amount_msat" doc:"What the destination receives by this part."`
	AmountSentMsat  amount.Msat `json:"amount_sent_msat" doc:"What was sent, with fees."`
	Destination     string      `json:"destination,omitempty" doc:"The node that is paid, where it is known."`
	CreatedAt       int64       `json:"created_at" doc:"When it was sent, unix seconds."`
	CompletedAt     int64       `json:"completed_at,omitempty" doc:"When its outcome was known, unix seconds."`
	Label           string      `json:"label,omitempty" doc:"The label given to it."`
	Bolt11          string      `json:"bolt11,omitempty" doc:"The invoice that it pays."`
	Description     string      `json:"description,omitempty" doc:"The description that it was given."`
	PaymentPreimage command.Hex `json:"payment_preimage,omitempty" doc:"The proof of payment."`
	ErrorOnion      command.Hex `json:"erroronion,omitempty" doc:"The failure as it came back."`
}

func showPart(p *payments.Part) *partResult {
	r := &partResult{
		CreatedIndex: p.CreatedIndex, ID: p.CreatedIndex, GroupID: p.Group, PartID: p.ID.Part, PaymentHash: p.PaymentHash[:],
		UpdatedIndex: p.UpdatedIndex, Status: string(p.Status), AmountMsat: p.Amount, AmountSentMsat: p.Sent,
		Destination: nodeText(p.Destination), CreatedAt: p.CreatedAt.Unix(), Label: p.Label, Bolt11: p.Bolt11, Description: p.Description,
	}
	if !p.CompletedAt.IsZero() {
		r.CompletedAt = p.CompletedAt.Unix()
	}
	if p.Preimage != nil {
		r.PaymentPreimage = p.Preimage[:]
	}
	if p.Failure != nil {
		r.ErrorOnion = p.Failure.Onion
	}
	return r
}

// failureResult is the data of an error that says where a payment failed.
type failureResult struct {
	CreatedIndex    uint64      `json:"created_index,omitempty"`
	ID              uint64      `json:"id,omitempty"`
	PaymentHash     command.Hex `json:"payment_hash"`
	GroupID         uint64      `json:"groupid"`
	PartID          uint64      `json:"partid,omitempty"`
	UpdatedIndex    uint64      `json:"updated_index,omitempty"`
	Status          string      `json:"status"`
	AmountMsat      amount.Msat `json:"amount_msat"`
	AmountSentMsat  amount.Msat `json:"amount_sent_msat"`
	Destination     string      `json:"destination,omitempty"`
	CreatedAt       int64       `json:"created_at"`
	ErringIndex     *int        `json:"erring_index,omitempty"`
	ErringNode      string      `json:"erring_node,omitempty"`
	ErringChannel   string      `json:"erring_channel,omitempty"`
	ErringDirection *int        `json:"erring_direction,omitempty"`
	FailCode        uint16      `json:"failcode,omitempty"`
	FailCodeName    string      `json:"failcodename,omitempty"`
	RawMessage      command.Hex `json:"raw_message,omitempty"`
	OnionReply      command.Hex `json:"onionreply,omitempty"`
}

// nodeText is empty for a node that is not known: of the route of an onion that somebody else made.
func nodeText(id keys.PubKey) string {
	if id == (keys.PubKey{}) {
		return ""
	}
	return id.String()
}

func showFailure(p *payments.Part, f *payments.Failure) *failureResult {
	r := &failureResult{
		CreatedIndex: p.CreatedIndex, ID: p.CreatedIndex, PaymentHash: p.PaymentHash[:], GroupID: p.Group, PartID: p.ID.Part,
		UpdatedIndex: p.UpdatedIndex, Status: string(payments.Failed), AmountMsat: p.Amount, AmountSentMsat: p.Sent,
		Destination: nodeText(p.Destination), CreatedAt: p.CreatedAt.Unix(),
	}
	if f.Code == payments.CodeUnparseable {
		r.OnionReply = f.Onion
		if f.Index == 0 {
			return r // nobody attributed it
		}
	}
	r.ErringIndex, r.ErringDirection = &f.Index, &f.Direction
	r.ErringChannel, r.FailCode, r.FailCodeName, r.RawMessage = f.Channel.String(), f.FailCode, f.CodeName, f.Raw
	if f.Index > 0 {
		r.ErringNode = nodeText(f.Node)
	}
	return r
}
