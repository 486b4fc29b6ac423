package main

import (
	"context"
	"errors"
	"time"

	"fulmen/internal/amount"
	"fulmen/internal/command"
	"fulmen/internal/htlcswitch"
	"fulmen/internal/rpc"
	"fulmen/internal/store"
	"fulmen/internal/wire"
)

type listForwardsParams struct {
	Status     string               `param:"status,optional" enum:"offered,settled,local_failed,failed" doc:"Only forwards with this status."`
	InChannel  *wire.ShortChannelID `param:"in_channel" doc:"Only forwards that came through this channel."`
	OutChannel *wire.ShortChannelID `param:"out_channel" doc:"Only forwards that left through this channel."`
	Index      string               `param:"index" enum:"created,updated" default:"created" doc:"Which index orders the list."`
	Start      uint64               `param:"start" default:"0" doc:"The first index to list."`
	Limit      uint32               `param:"limit" default:"0" doc:"How many to list at most; 0 is no limit."`
}

type forwardEntry struct {
	CreatedIndex uint64       `json:"created_index" doc:"Counts forwards from 1."`
	InChannel    string       `json:"in_channel" doc:"The channel that it came through; its alias if it has no short_channel_id."`
	InHTLCID     uint64       `json:"in_htlc_id" doc:"The id of its HTLC in that channel."`
	InMsat       amount.Msat  `json:"in_msat" doc:"What came."`
	Status       string       `json:"status" doc:"offered while it is under way, settled, failed by a node further on, or local_failed by this one."`
	ReceivedTime float64      `json:"received_time" doc:"When it came, unix seconds."`
	OutChannel   string       `json:"out_channel,omitempty" doc:"The channel that it left through, or should have."`
	OutHTLCID    *uint64      `json:"out_htlc_id,omitempty" doc:"The id of its HTLC there."`
	UpdatedIndex uint64       `json:"updated_index,omitempty" doc:"Counts changes of forwards; absent where it never changed."`
	Style        string       `json:"style" doc:"The format of the onion's payload: tlv."`
	OutMsat      *amount.Msat `json:"out_msat,omitempty" doc:"What left."`
	FeeMsat      *amount.Msat `json:"fee_msat,omitempty" doc:"The difference: what it earns."`
	ResolvedTime float64      `json:"resolved_time,omitempty" doc:"When it was settled or failed."`
	FailCode     uint16       `json:"failcode,omitempty" doc:"Why it failed, as BOLT 4 numbers it, if this node knows."`
	FailReason   string       `json:"failreason,omitempty" doc:"The name of that code."`
}

type listForwardsResult struct {
	Forwards []*forwardEntry `json:"forwards" doc:"The forwards."`
}

func (n *node) listForwardsCommand() *command.Command {
	return command.New(command.Doc{
		Name: "listforwards", Category: command.Channels,
		Short:   "List the payments of others that this node was asked to forward.",
		Long:    "They stay until delforward deletes them. getinfo has the sum of what was earned.",
		SeeAlso: []string{"delforward", "setchannel", "getinfo"},
	}, n.listForwards)
}

func (n *node) listForwards(_ context.Context, p *listForwardsParams) (*listForwardsResult, error) {
	var filter store.ForwardFilter
	if p.InChannel != nil {
		filter.In = *p.InChannel
	}
	if p.OutChannel != nil {
		filter.Out = *p.OutChannel
	}
	list, err := n.db.Forwards(filter, store.Page{Updated: p.Index == "updated", Start: p.Start, Limit: p.Limit, Status: p.Status})
	if err != nil {
		return nil, err
	}
	r := &listForwardsResult{Forwards: make([]*forwardEntry, len(list))}
	for i, f := range list {
		r.Forwards[i] = showForward(f)
	}
	return r, nil
}

func showForward(f *store.Forward) *forwardEntry {
	e := &forwardEntry{
		CreatedIndex: f.CreatedIndex, UpdatedIndex: f.UpdatedIndex, InChannel: f.Name.String(), InHTLCID: f.HTLC.HTLC, InMsat: f.Amount,
		Status: string(f.Status), Style: "tlv", ReceivedTime: fractional(f.ReceivedAt), FailCode: uint16(f.FailCode),
	}
	if f.OutName != 0 {
		e.OutChannel = f.OutName.String()
	}
	if f.Out.Channel != 0 {
		fee := f.Fee()
		e.OutHTLCID, e.OutMsat, e.FeeMsat = &f.Out.HTLC, &f.AmtToForward, &fee
	}
	if f.Status == htlcswitch.Settled || f.Status == htlcswitch.Failed {
		e.ResolvedTime = fractional(f.ResolvedAt)
	}
	if f.FailCode != 0 {
		e.FailReason = f.FailCode.String()
	}
	return e
}

// fractional is a time in unix seconds, to the millisecond.
func fractional(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

type delForwardParams struct {
	InChannel wire.ShortChannelID `param:"in_channel" doc:"The channel that it came through, as listforwards says."`
	InHTLCID  uint64              `param:"in_htlc_id" doc:"The id of its HTLC there."`
	Status    string              `param:"status" enum:"settled,local_failed,failed" doc:"What its status must be."`
}

func (n *node) delForwardCommand() *command.Command {
	return command.New(command.Doc{
		Name: "delforward", Category: command.Channels,
		Short: "Delete a forward from the list of them.",
		Long: "It is of no more use to this node once the incoming payment is settled with the peer; before, it is not deleted. " +
			"What it earned stays in getinfo's fees_collected_msat.",
		Errors: []command.Failure{
			{Code: rpc.CodeDelForwardNotFound, When: "There is no such forward."},
			{Code: rpc.CodeFailed, When: "The incoming payment is not settled with the peer yet."},
		},
		SeeAlso: []string{"listforwards"},
	}, n.delForward)
}

func (n *node) delForward(_ context.Context, p *delForwardParams) (*emptyResult, error) {
	list, err := n.db.ForwardsNamed(p.InChannel, p.InHTLCID, htlcswitch.Status(p.Status))
	if err != nil {
		return nil, err
	}
	for _, f := range list {
		if err := n.checkForwardGone(f.Key); err != nil {
			return nil, err
		}
	}
	err = n.db.Update(func(tx *storeTx) error {
		for _, f := range list {
			if err := tx.DeleteForward(f.Key, f.Status); err != nil {
				return err
			}
		}
		return nil
	})
	if len(list) == 0 || errors.Is(err, store.ErrNotFound) {
		return nil, rpc.Errorf(rpc.CodeDelForwardNotFound, "there is no %s forward of HTLC %d of channel %s", p.Status, p.InHTLCID, p.InChannel)
	}
	return &emptyResult{}, err
}

// checkForwardGone fails while a forward's HTLC is there: the row is what its channel's process is told again after a
// restart.
func (n *node) checkForwardGone(in htlcswitch.Key) error {
	var open bool
	if err := n.onLoop(func() error { open = n.channels[in.Channel] != nil; return nil }); err != nil || !open {
		return err
	}
	state, err := n.restore(in.Channel)
	if err != nil {
		return err
	}
	for _, h := range state.HTLCs() {
		if !h.Offered && h.ID == in.HTLC {
			return rpc.Errorf(rpc.CodeFailed, "in_htlc_id: HTLC %d is not settled with the peer yet", h.ID)
		}
	}
	return nil
}
