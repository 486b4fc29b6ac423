package main

import (
	"context"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/command"
	"fulmen/internal/store"
)

type listHTLCsParams struct {
	ID    string `param:"id,optional" doc:"Only the HTLCs of this channel: its short_channel_id, alias or channel_id."`
	Index string `param:"index" enum:"created,updated" default:"created" doc:"Which index orders the list."`
	Start uint64 `param:"start" default:"0" doc:"The first index to list."`
	Limit uint32 `param:"limit" default:"0" doc:"How many to list at most; 0 is no limit."`
}

type htlcEntry struct {
	ShortChannelID string       `json:"short_channel_id" doc:"The channel; its alias if it has no short_channel_id."`
	CreatedIndex   uint64       `json:"created_index" doc:"Counts HTLCs from 1."`
	UpdatedIndex   uint64       `json:"updated_index,omitempty" doc:"Counts the outcomes of HTLCs from 1; absent while there is none."`
	ID             uint64       `json:"id" doc:"Its id; each side counts its own from 0."`
	Expiry         block.Height `json:"expiry" doc:"The height at which it expires."`
	AmountMsat     amount.Msat  `json:"amount_msat" doc:"Its amount."`
	Direction      string       `json:"direction" doc:"out if we offered it, in if the peer did."`
	PaymentHash    command.Hex  `json:"payment_hash" doc:"Whose preimage it pays for."`
	State          string       `json:"state" doc:"How far it is."`
}

type listHTLCsResult struct {
	HTLCs []*htlcEntry `json:"htlcs" doc:"The HTLCs."`
}

func (n *node) listHTLCsCommand() *command.Command {
	return command.New(command.Doc{
		Name: "listhtlcs", Category: command.Channels,
		Short: "List the HTLCs of channels, the past ones too.",
		Long: "They are remembered until their channel is closed and all that came of it is settled in the chain. " +
			"An HTLC is listed once a commitment of the peer has it.",
		SeeAlso: []string{"listforwards", "listpeerchannels", "listsendpays"},
	}, n.listHTLCs)
}

// lastState is that of an HTLC which is irrevocably gone from both commitments.
func lastState(offered bool) string {
	if offered {
		return "RCVD_REMOVE_ACK_REVOCATION"
	}
	return "SENT_REMOVE_ACK_REVOCATION"
}

func (n *node) listHTLCs(ctx context.Context, p *listHTLCsParams) (*listHTLCsResult, error) {
	var only uint64
	if p.ID != "" {
		if err := n.onLoop(func() error {
			c, err := n.channelNamed(p.ID)
			if err == nil {
				only = c.row.ID
			}
			return err
		}); err != nil {
			return nil, err
		}
	}
	list, err := n.db.ListHTLCs(only, store.Page{Updated: p.Index == "updated", Start: p.Start, Limit: p.Limit})
	if err != nil {
		return nil, err
	}
	r, channels := &listHTLCsResult{HTLCs: []*htlcEntry{}}, map[uint64]*htlcStates{}
	for i := range list {
		h := &list[i]
		c := channels[h.Channel]
		if c == nil { // after the list was read: so what it has and the channel has not is gone
			if c, err = n.htlcStates(ctx, h.Channel); err != nil {
				return nil, err
			}
			channels[h.Channel] = c
		}
		if c.name != "" {
			r.HTLCs = append(r.HTLCs, c.show(h))
		}
	}
	return r, nil
}

// htlcStates are the states of a channel's HTLCs that are not gone.
type htlcStates struct {
	name  string // of the channel; empty: it is forgotten by now
	there map[store.HTLCName]string
}

func (n *node) htlcStates(ctx context.Context, channel uint64) (*htlcStates, error) {
	s := &htlcStates{there: map[store.HTLCName]string{}}
	var v *channelView
	err := n.onLoop(func() error {
		if c := n.channels[channel]; c != nil {
			s.name, v = c.shownAs().String(), c.view()
		}
		return nil
	})
	if err != nil || v == nil {
		return s, err
	}
	d, err := n.describe(ctx, v)
	if err != nil {
		return nil, err
	}
	for i := range d.HTLCs {
		h := &d.HTLCs[i]
		s.there[store.HTLCName{Offered: h.Offered, ID: h.ID}] = h.State
	}
	return s, nil
}

func (s *htlcStates) show(h *store.ListedHTLC) *htlcEntry {
	e := &htlcEntry{
		CreatedIndex: h.CreatedIndex, UpdatedIndex: h.UpdatedIndex, ShortChannelID: s.name, ID: h.ID, Expiry: h.CLTVExpiry,
		Direction: "in", AmountMsat: h.Amount, PaymentHash: h.PaymentHash[:], State: s.there[store.HTLCName{Offered: h.Offered, ID: h.ID}],
	}
	if h.Offered {
		e.Direction = "out"
	}
	if e.State == "" {
		e.State = lastState(h.Offered)
	}
	return e
}
