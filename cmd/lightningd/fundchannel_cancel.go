package main

import (
	"context"
	"errors"
	"fmt"

	"fulmen/internal/block"
	"fulmen/internal/command"
	"fulmen/internal/keys"
	"fulmen/internal/rpc"
	"fulmen/internal/store"
	"fulmen/internal/txwatch"
)

type fundChannelCancelParams struct {
	ID keys.PubKey `param:"id" doc:"The peer."`
}

type fundChannelCancelResult struct {
	Cancelled string `json:"cancelled" doc:"That it was cancelled."`
}

func (n *node) fundChannelCancelCommand() *command.Command {
	return command.New(command.Doc{
		Name: "fundchannel_cancel", Category: command.Channels,
		Short: "Give up a channel whose funding transaction is not broadcast.",
		Long: "It ends what fundchannel_start has begun, also after fundchannel_complete. The funding transaction MUST NOT have been broadcast, and must never " +
			"be: what it pays to the channel could not be got back. A transaction that the backend knows is refused, but it does not know of all. " +
			"The peer may disconnect.",
		Errors: []command.Failure{
			{Code: rpc.CodeFundUnknownPeer, When: "The peer is not known."},
			{Code: rpc.CodeFundNothingToCancel, When: "No channel with the peer waits for a funding transaction of ours."},
			{Code: rpc.CodeFundCancelNotSafe, When: "The funding transaction was broadcast, or may have been, or the peer makes it."},
		},
		SeeAlso: []string{"fundchannel_start", "fundchannel_complete", "close"},
	}, n.fundChannelCancel)
}

var errCancelled = errors.New("the channel was cancelled by fundchannel_cancel")

func (n *node) fundChannelCancel(ctx context.Context, p *fundChannelCancelParams) (*fundChannelCancelResult, error) {
	var begun bool
	var c *channel
	if err := n.onLoop(func() (err error) {
		peer := n.peers[p.ID]
		if peer == nil {
			return rpc.Errorf(rpc.CodeFundUnknownPeer, "id: peer %s is not known", p.ID)
		}
		if o := peer.cancellable(); o != nil {
			begun = true
			o.fail(errCancelled)
			return nil
		}
		c, err = peer.unfunded()
		return err
	}); err != nil {
		return nil, err
	}
	if begun {
		return &fundChannelCancelResult{"The channel was given up before it was complete"}, nil
	}
	if err := n.giveUp(ctx, c, causeUser, "Cancelled before it was funded"); err != nil {
		return nil, err
	}
	return &fundChannelCancelResult{fmt.Sprintf("Channel %s was given up: its funding transaction %s must never be broadcast",
		c.row.ChannelID, c.fundingOutpoint().Hash)}, nil
}

// giveUp forgets a channel of ours that is not funded, if the backend does not know of its funding transaction
// either; that is on disk when it returns. It does not run in the loop.
func (n *node) giveUp(ctx context.Context, c *channel, by cause, why string) error {
	outpoint := c.fundingOutpoint()
	out, err := n.funding.backend.Output(ctx, outpoint)
	switch {
	case err != nil:
		return fmt.Errorf("ask the backend whether the funding output %s exists: %w", outpoint, err)
	case out != nil:
		return rpc.Errorf(rpc.CodeFundCancelNotSafe, "the funding transaction %s is broadcast", outpoint.Hash)
	}
	gone := make(chan struct{})
	if err := n.onLoop(func() error {
		if err := c.checkUnfunded(); err != nil {
			return err
		}
		c.forgetUnfunded(by, why, func() { close(gone) })
		return nil
	}); err != nil {
		return err
	}
	select {
	case <-gone:
		return nil
	case <-n.ctx.Done():
		return rpc.ErrShutdown
	}
}

// giveUpWithheld gives up a channel whose funding transaction its caller withholds. If that was not kept to, or cannot
// be known, it is a channel like any other, and false is returned.
func (n *node) giveUpWithheld(ctx context.Context, c *channel, by cause, why string) bool {
	err := n.giveUp(ctx, c, by, why)
	if err == nil {
		return true
	}
	n.loop.post(func() {
		if c.row.State == store.Closed {
			return
		}
		c.log.Warn("the funding transaction counts as not withheld", "error", err)
		c.row.Withheld = false
		c.save()
		if c.row.State == store.AwaitingUnilateral {
			n.dropToChain(c)
		}
	})
	return false
}

// cancellable is an opening of ours that is not stored yet, rather one of fundchannel_start; nil if there is none.
func (p *peer) cancellable() *opening {
	if o := p.started(); o != nil {
		return o
	}
	for _, o := range p.openings {
		if o.ours != nil && o.err == nil {
			return o
		}
	}
	return nil
}

// unfunded is the one channel with the peer whose funding transaction somebody else was to broadcast, and has not.
func (p *peer) unfunded() (*channel, error) {
	var found *channel
	var why error
	for _, c := range p.channels {
		err := c.checkUnfunded()
		switch {
		case err != nil && c.row.State == store.AwaitingLockin:
			why = err
		case err == nil && found != nil:
			return nil, rpc.Errorf(rpc.CodeFundCancelNotSafe, "several channels with peer %s wait for their funding transactions", p.id)
		case err == nil:
			found = c
		}
	}
	switch {
	case found != nil:
		return found, nil
	case why != nil:
		return nil, why
	}
	return nil, rpc.Errorf(rpc.CodeFundNothingToCancel, "no channel with peer %s waits for a funding transaction", p.id)
}

// checkUnfunded fails unless the channel is ours, and as far as this node knows no funding transaction of it was
// broadcast.
func (c *channel) checkUnfunded() error {
	row := c.row
	switch {
	case row.State != store.AwaitingLockin && row.State != store.AwaitingUnilateral:
		return rpc.Errorf(rpc.CodeFundNothingToCancel, "channel %s is in %s", row.ChannelID, row.State)
	case row.Opener != "local":
		return rpc.Errorf(rpc.CodeFundCancelNotSafe, "channel %s is funded by the peer", row.ChannelID)
	case row.FundingPSBT == "" || row.FundingTx != nil || row.ShortChannelID != 0 || c.end != nil:
		return rpc.Errorf(rpc.CodeFundCancelNotSafe, "the funding transaction %s of channel %s was broadcast", txidText(row.FundingTxid), row.ChannelID)
	}
	return nil
}

// fundingTime is for how many blocks the funding transaction of a channel is waited for that the peer has to make
// (BOLT 2, The funding_signed Message).
const fundingTime = 2016

// forgetStale forgets the channels that their peers have not funded in time.
func (n *node) forgetStale(h block.Height) {
	for _, c := range n.channels {
		if c.waitsForFunder() && h > c.row.StartHeight+fundingTime {
			c.forgetUnfunded(causeLocal, fmt.Sprintf("The peer has not funded it within %d blocks", fundingTime), nil)
		}
	}
}

// waitsForFunder reports whether the peer has to make the funding transaction, and none was seen in a block.
func (c *channel) waitsForFunder() bool {
	waits := c.row.State == store.AwaitingLockin || c.row.State == store.AwaitingUnilateral
	return waits && c.row.Opener == "remote" && c.row.FundingTx == nil && c.end == nil
}

// forgetUnfunded ends a channel whose funding transaction will never be; then runs when that is on disk.
func (c *channel) forgetUnfunded(by cause, why string, then func()) {
	c.closedBy("local", by)
	if c.proc != nil {
		c.proc.killed = true // what it still says is about a channel that is no more
		c.proc.endWith("the channel is not funded")
	}
	c.n.stepTxs(txwatch.Forget{Channel: c.row.ID}) // our commitment, if the channel had failed
	c.save()
	c.n.archive(c, by, why)
	c.n.submit("forget a channel that was not funded", func(*storeTx) error { return nil }, then)
}
