package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"slices"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/command"
	"fulmen/internal/keys"
	"fulmen/internal/onion"
	"fulmen/internal/payments"
	"fulmen/internal/rpc"
	"fulmen/internal/wire"
)

type onionHop struct {
	PubKey  keys.PubKey `param:"pubkey" doc:"The node."`
	Payload []byte      `param:"payload" doc:"What it is told: a TLV stream, and its length before it."`
}

type createOnionParams struct {
	Hops       []onionHop `param:"hops" doc:"The nodes on the way, the first one first."`
	AssocData  []byte     `param:"assocdata" doc:"What the onion is bound to: for a payment, its payment_hash."`
	SessionKey *[32]byte  `param:"session_key" doc:"The key that all shared secrets follow from; made at random if omitted, as it should be."`
	OnionSize  uint16     `param:"onion_size" default:"1300" doc:"Bytes of payloads; only 1300, as of a payment's onion, is supported."`
}

// Validate implements the check after parsing.
func (p *createOnionParams) Validate() error {
	if p.OnionSize != onion.MaxPayloads {
		return command.BadParam("onion_size", "is %d, only %d is supported", p.OnionSize, onion.MaxPayloads)
	}
	return nil
}

type createOnionResult struct {
	Onion         command.Hex   `json:"onion" doc:"The packet for the first node."`
	SharedSecrets []command.Hex `json:"shared_secrets" doc:"A secret shared with each node, which a failure is decrypted with."`
}

func (n *node) createOnionCommand() *command.Command {
	return command.New(command.Doc{
		Name: "createonion", Category: command.Payment,
		Short:   "Make an onion with payloads of your own.",
		Long:    "It is for sendonion, and for extensions of the protocol that this node does not know.",
		SeeAlso: []string{"sendonion", "sendpay"},
	}, n.createOnion)
}

func (n *node) createOnion(_ context.Context, p *createOnionParams) (*createOnionResult, error) {
	hops := make([]onion.Hop, len(p.Hops))
	for i, h := range p.Hops {
		payload, err := onion.CutLength(h.Payload)
		if err != nil {
			return nil, command.BadParam("hops", "element %d: payload: %w", i, err)
		}
		hops[i] = onion.Hop{NodeID: h.PubKey, Payload: payload}
	}
	var session keys.Secret
	if p.SessionKey != nil {
		session = *p.SessionKey
	} else {
		rand.Read(session[:])
	}
	packet, secrets, err := onion.Build(session, hops, p.AssocData)
	if err != nil {
		return nil, command.BadParam("hops", "%w", err)
	}
	r := &createOnionResult{Onion: packet[:]}
	for i := range secrets {
		r.SharedSecrets = append(r.SharedSecrets, secrets[i][:])
	}
	return r, nil
}

// firstHop is the first element of a route, as getroute has it: fields that are not needed are ignored.
type firstHop struct {
	ID         keys.PubKey                `param:"id" doc:"The peer."`
	AmountMsat amount.Msat                `param:"amount_msat" doc:"What the HTLC carries."`
	Delay      uint16                     `param:"delay" doc:"Blocks from now until the HTLC expires."`
	Channel    *wire.ShortChannelID       `param:"channel" doc:"The channel; the one that can best take it if omitted."`
	SCIDDir    *command.ShortChannelIDDir `param:"short_channel_id_dir" doc:"The channel, by its newer name."`
}

type sendOnionParams struct {
	Onion         []byte       `param:"onion" doc:"The packet, 1366 bytes."`
	FirstHop      firstHop     `param:"first_hop" doc:"The peer that gets it, the amount and the delay."`
	PaymentHash   [32]byte     `param:"payment_hash" doc:"SHA256 of the preimage that pays; the onion must be bound to it."`
	Label         string       `param:"label,optional" doc:"A label, shown by listsendpays."`
	SharedSecrets [][32]byte   `param:"shared_secrets,optional" doc:"From createonion: a failure can be read only with them."`
	PartID        uint16       `param:"partid" default:"0" doc:"Number of this part of the payment."`
	Bolt11        string       `param:"bolt11,optional" doc:"The invoice, shown by listsendpays."`
	AmountMsat    *amount.Msat `param:"amount_msat" doc:"What the destination receives, shown by listsendpays."`
	Destination   *keys.PubKey `param:"destination" doc:"The node that is paid, shown by listsendpays."`
	LocalInvreqID []byte       `param:"localinvreqid,optional" doc:"Refused: there are no invoice requests yet."`
	GroupID       uint64       `param:"groupid" default:"0" doc:"Groups the parts of one attempt."`
	Description   string       `param:"description,optional" doc:"What it is for, shown by listsendpays."`
	TotalMsat     amount.Msat  `param:"total_amount_msat" default:"0" doc:"What all parts deliver together; amount_msat if 0."`
}

// Validate implements the check after parsing.
func (p *sendOnionParams) Validate() error {
	switch {
	case len(p.Onion) != onion.PacketSize:
		return command.BadParam("onion", "has %d bytes, want %d", len(p.Onion), onion.PacketSize)
	case len(p.LocalInvreqID) > 0:
		return errNoInvreq
	case p.FirstHop.AmountMsat == 0:
		return command.BadParam("first_hop", "amount_msat should be positive")
	}
	return checkPartNumbers(uint64(p.PartID), p.GroupID)
}

type sendOnionResult struct {
	CreatedIndex    uint64      `json:"created_index" doc:"Counts parts in the order of creation."`
	ID              uint64      `json:"id" doc:"The same as created_index."`
	PaymentHash     command.Hex `json:"payment_hash" doc:"SHA256 of the preimage."`
	Status          string      `json:"status" doc:"pending, or complete if it was sent and paid before."`
	AmountMsat      amount.Msat `json:"amount_msat" doc:"What the destination receives by this part."`
	Destination     string      `json:"destination,omitempty" doc:"The node that is paid, where it is known."`
	CreatedAt       int64       `json:"created_at" doc:"When it was sent, unix seconds."`
	AmountSentMsat  amount.Msat `json:"amount_sent_msat" doc:"What was sent, with fees."`
	Label           string      `json:"label,omitempty" doc:"The label given to it."`
	Bolt11          string      `json:"bolt11,omitempty" doc:"The invoice that it pays."`
	PartID          uint64      `json:"partid,omitempty" doc:"Number of the part, if it was given one."`
	PaymentPreimage command.Hex `json:"payment_preimage,omitempty" doc:"The proof of payment."`
	Message         string      `json:"message,omitempty" doc:"What to do next."`
}

func (n *node) sendOnionCommand() *command.Command {
	return command.New(command.Doc{
		Name: "sendonion", Category: command.Payment,
		Short: "Send a part of a payment with an onion of your own.",
		Long: "It returns when the part is stored and on its way; waitsendpay waits for the outcome. Without shared_secrets a failure " +
			"cannot be read: waitsendpay has it as it came, in onionreply.",
		Errors:  sendingErrors,
		SeeAlso: []string{"createonion", "waitsendpay", "listsendpays"},
	}, n.sendOnion)
}

func (n *node) sendOnion(ctx context.Context, p *sendOnionParams) (*sendOnionResult, error) {
	first := payments.Hop{
		NodeID: p.FirstHop.ID, Amount: p.FirstHop.AmountMsat, CLTVExpiry: n.height() + block.Height(p.FirstHop.Delay),
	}
	var err error
	if first.ShortChannelID, err = n.channelOfFirstHop(&p.FirstHop); err != nil {
		return nil, err
	}
	part := &payments.Part{
		ID: payments.ID{PaymentHash: p.PaymentHash, Group: p.GroupID, Part: uint64(p.PartID)}, Status: payments.Pending,
		Amount: p.FirstHop.AmountMsat, Sent: p.FirstHop.AmountMsat, CreatedAt: n.now(),
		Label: p.Label, Bolt11: p.Bolt11, Description: p.Description, Route: []payments.Hop{first},
	}
	if p.AmountMsat != nil {
		part.Amount = *p.AmountMsat
	}
	if part.Total = p.TotalMsat; part.Total == 0 {
		part.Total = part.Amount
	}
	if p.Destination != nil {
		part.Destination = *p.Destination
	}
	// Of the hops behind the first nothing is known but how to read what they send back.
	for i, secret := range p.SharedSecrets {
		if i > 0 {
			part.Route = append(part.Route, payments.Hop{})
		}
		part.Route[i].SharedSecret = secret
	}
	if len(part.Route) > 1 && p.Destination != nil {
		part.Route[len(part.Route)-1].NodeID = *p.Destination
	}
	r, err := n.sendPart(ctx, part, (*onion.Packet)(p.Onion))
	if err != nil {
		return nil, err
	}
	return &sendOnionResult{
		CreatedIndex: r.CreatedIndex, ID: r.ID, PaymentHash: r.PaymentHash, Status: r.Status, AmountMsat: r.AmountMsat,
		Destination: r.Destination, CreatedAt: r.CreatedAt, AmountSentMsat: r.AmountSentMsat, Label: r.Label, Bolt11: r.Bolt11,
		PartID: r.PartID, PaymentPreimage: r.PaymentPreimage, Message: r.Message,
	}, nil
}

// channelOfFirstHop is the channel that is named, or of those with the peer the one that can take the most.
func (n *node) channelOfFirstHop(h *firstHop) (wire.ShortChannelID, error) {
	switch {
	case h.SCIDDir != nil:
		return h.SCIDDir.ID, nil
	case h.Channel != nil:
		return *h.Channel, nil
	}
	var best wire.ShortChannelID
	err := n.onLoop(func() error {
		channels := slices.DeleteFunc(n.outChannels(), func(c outChannel) bool { return c.peer != h.ID })
		if len(channels) == 0 {
			return rpc.Errorf(rpc.CodePayTryOtherRoute, "first_hop: no usable channel with %s", h.ID)
		}
		best = slices.MaxFunc(channels, func(a, b outChannel) int { return cmp.Compare(a.spendable, b.spendable) }).scid
		return nil
	})
	return best, err
}
