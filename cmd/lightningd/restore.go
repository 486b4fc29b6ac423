package main

import (
	"context"
	"fmt"

	btcwire "github.com/btcsuite/btcd/wire/v2"

	core "fulmen/internal/channel"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/keys"
)

// restore makes a channel's state from what the database has of it, as its process would.
func (n *node) restore(id uint64) (*core.Channel, error) {
	log, err := n.db.LoadChannelLog(id)
	if err != nil {
		return nil, err
	}
	state, err := core.Restore(log.Snapshot, log.Records)
	if err != nil {
		return nil, fmt.Errorf("restore channel %d: %w", id, err)
	}
	return state, n.policy.apply(state)
}

// apply gives a stored state what its deadlines depend on, which its process is told.
func (p *policy) apply(state *core.Channel) error {
	_, err := state.Step(core.SetPolicy{Policy: core.Policy{FulfillBefore: p.fulfillBefore()}})
	return err
}

// paramsOf are what both sides fixed when the channel was opened. It does not run in the loop.
func (n *node) paramsOf(c *channel) (*core.Params, error) {
	var known *core.Params
	if err := n.onLoop(func() error { known = c.params; return nil }); err != nil || known != nil {
		return known, err
	}
	state, err := n.restore(c.row.ID)
	if err != nil {
		return nil, err
	}
	p := state.Params()
	n.loop.post(func() { c.params = p })
	return p, nil
}

// awaitRest returns once the channel's process has ended and all that it asked to be stored is on disk.
func (n *node) awaitRest(ctx context.Context, c *channel) error {
	var proc *channelProcess
	if err := n.onLoop(func() error { proc = c.proc; return nil }); err != nil {
		return err
	}
	if proc != nil {
		select {
		case <-proc.child.Exited():
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	// What it sent last is in the loop's queue, and behind that in the writer's.
	if err := n.onLoop(func() error { return nil }); err != nil {
		return err
	}
	return n.db.Update(func(*storeTx) error { return nil })
}

// localContent is our commitment as hsmd wants it.
func localContent(c core.Content) hsmdmsg.Commitment {
	m := hsmdmsg.Commitment{Number: c.Number, FeeratePerKw: c.Feerate, LocalMsat: c.ToLocal, RemoteMsat: c.ToRemote}
	for _, h := range c.HTLCs {
		m.HTLCs = append(m.HTLCs, hsmdmsg.HTLC{
			Offered: h.Offered, ID: h.ID, AmountMsat: h.Amount, PaymentHash: h.PaymentHash, CLTVExpiry: h.CLTVExpiry,
		})
	}
	return m
}

// signedCommitment is our commitment transaction with our signature and the peer's.
func signedCommitment(state *core.Channel, ours keys.Signature) (*btcwire.MsgTx, error) {
	commitment, err := state.LocalCommitment()
	if err != nil {
		return nil, err
	}
	theirs, _ := state.RemoteSignatures()
	return commitment.Signed(ours, theirs), nil
}
