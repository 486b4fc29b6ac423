package main

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"fulmen/internal/amount"
	"fulmen/internal/command"
	"fulmen/internal/features"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/rpc"
	"fulmen/internal/store"
)

// closing is a close that somebody asked for; only the loop touches it.
type closing struct {
	script []byte // where our balance goes; nil: the wallet
	fees   channeldmsg.CloseFeerates
	// instead is the closing transaction that another is to replace; nil: none is signed yet.
	instead []byte
	alone   bool // what replaces it is our commitment
}

// checkReplacement fails unless another closing transaction at a rate can take the place of the one that is
// signed (BOLT 2, Closing Negotiation: closing_complete), and returns that.
func (c *channel) checkReplacement(rate amount.FeeratePerKw) ([]byte, error) {
	if c.proc == nil || c.peer.conn == nil || !features.Vector(c.peer.conn.features).Supports(features.SimpleClose) || !c.n.initFeatures.Supports(features.SimpleClose) {
		return nil, rpc.Errorf(rpc.CodeFailed, "the closing transaction is signed; its fee can be raised only while the peer is connected, and has option_simple_close")
	}
	signed, err := decodeTx(c.row.CloseTx)
	if err != nil {
		return nil, err
	}
	fee := c.row.FundingSats
	for _, out := range signed.TxOut {
		fee -= amount.Sat(out.Value)
	}
	weight := 3*signed.SerializeSizeStripped() + signed.SerializeSize()
	if has := amount.FeeratePerKw(uint64(fee) * 1000 / uint64(weight)); rate <= has+closeIncrement {
		return nil, command.BadParam("feerange", "should begin above %s: the closing transaction that is signed pays %s, and the next has to pay for its relay", has+closeIncrement, has)
	}
	return c.row.CloseTx, nil
}

// closeIncrement is what another closing transaction has to pay more, for its relay (BIP 125, rule 4).
const closeIncrement amount.FeeratePerKw = 253

// closeFeerates is what a mutual close pays, unless somebody says otherwise: it need not hurry.
func (n *node) closeFeerates() channeldmsg.CloseFeerates {
	f := n.wallet.Feerates()
	return channeldmsg.CloseFeerates{
		Target: max(f.MutualClose, amount.FeerateFloor), Min: amount.FeerateFloor,
		Max: max(2*f.UnilateralClose, 10*amount.FeerateFloor),
	}
}

// orderShutdown tells the channel's process to close.
func (c *channel) orderShutdown() {
	c.proc.send(&channeldmsg.Shutdown{Script: c.close.script, Close: c.close.fees})
}

// onMutualClose broadcasts the closing transaction that both sides have signed.
func (c *channel) onMutualClose(m *channeldmsg.MutualClose) {
	if c.row.State == store.FundingSpendSeen || c.row.State == store.OnChain {
		return // the chain was faster
	}
	tx, err := decodeTx(m.Tx)
	if err == nil {
		err = c.checkClose(tx)
	}
	if err != nil {
		c.proc.kill(err)
		return
	}
	c.row.CloseTx, c.row.OwnClose = m.Tx, m.Tx
	c.close = nil
	text := fmt.Sprintf("Waiting for the closing transaction %s to be mined", tx.TxHash())
	if c.row.State == store.ClosingComplete {
		c.row.Billboard = text
		c.save()
		c.n.stateWaiters.tell(c.row.ID, store.ClosingComplete)
	} else {
		c.setState(store.ClosingComplete, causeLocal, text)
	}
	c.n.broadcast(m.Tx)
}

// closeInstead takes the channel to the chain by our commitment, though a closing transaction is signed: what that pays
// may never be enough, and the peer not there to sign another. Whichever is mined first counts.
func (c *channel) closeInstead(why string) {
	if c.row.State != store.ClosingComplete {
		return
	}
	c.row.CloseTx = nil
	c.setState(store.AwaitingUnilateral, causeUser, fmt.Sprintf("Closing with our commitment: %s", why))
	c.n.dropToChain(c)
}

// dropToChain broadcasts our commitment. Nothing but the chain can be done with the channel then.
func (n *node) dropToChain(c *channel) {
	if c.row.Withheld {
		go n.giveUpWithheld(n.ctx, c, causeLocal, c.row.Billboard)
		return
	}
	if c.row.LostState {
		c.log.Error("our commitment is old and is not broadcast: the peer has to close the channel")
		return
	}
	if c.proc != nil {
		c.proc.endWith(c.row.Billboard)
	}
	if c.pushing {
		return
	}
	c.pushing = true
	go func() {
		raw, err := n.signCommitment(n.ctx, c)
		n.loop.post(func() {
			c.pushing = false
			if err != nil {
				c.log.Error("our commitment is not signed: the next block's try is another", "error", err)
				return
			}
			c.commitmentSigned(raw)
		})
	}()
}

// commitmentSigned begins to push our commitment. What the channel's process said last comes before this: it may
// have agreed on a mutual close, or heard that our state is lost, and then our commitment would cost us everything.
func (c *channel) commitmentSigned(raw []byte) {
	if !c.mayPush() {
		return
	}
	c.row.CloseTx, c.row.OwnClose = raw, raw
	c.save()
	c.n.stateWaiters.tell(c.row.ID, store.AwaitingUnilateral)
	c.n.pushCommitment(c)
}

// mayPush reports whether our commitment is what has to be mined now.
func (c *channel) mayPush() bool {
	return c.row.State == store.AwaitingUnilateral && !c.row.LostState && c.end == nil
}

// signCommitment makes our newest commitment transaction with both signatures. It does not run in the
// loop: the channel's process has to end first, so that nothing newer can be agreed on.
func (n *node) signCommitment(ctx context.Context, c *channel) ([]byte, error) {
	if err := n.awaitRest(ctx, c); err != nil {
		return nil, err
	}
	state, err := n.restore(c.row.ID)
	if err != nil {
		return nil, err
	}
	content := state.LocalContent()
	setup, err := decodeChannelSetup(c.row.Setup)
	if err != nil {
		return nil, err
	}
	var reply hsmdmsg.SignLocalCommitmentReply
	err = n.hsm.request(ctx, &hsmdmsg.SignLocalCommitment{
		PeerID: c.row.PeerID, ChannelDBID: c.row.ID, Setup: *setup, LocalRevoked: content.Number, Commitment: localContent(content),
	}, &reply)
	if err != nil {
		return nil, fmt.Errorf("sign our commitment %d: %w", content.Number, err)
	}
	tx, err := signedCommitment(state, reply.Signature)
	if err != nil {
		return nil, err
	}
	return encodeTx(tx)
}

// closeChannel asks a channel's process for a mutual close, now or when the peer is back, and waits until the
// closing transaction is signed. After timeout, if not 0, the channel is taken to the chain.
func (n *node) closeChannel(ctx context.Context, c *channel, how *closing, timeout time.Duration, progress func(string)) (string, []byte, error) {
	err := n.onLoop(func() error {
		switch c.row.State {
		case store.ClosingComplete:
			if how.alone {
				return nil // nothing is asked of the peer
			}
			if how.instead == nil || c.proc == nil || !c.ready {
				return rpc.Errorf(rpc.CodeFailed, "channel is closing already: state %s", c.row.State)
			}
		case store.AwaitingLockin, store.Normal, store.ShuttingDown, store.SigExchange:
		case store.FundingSpendSeen:
			if c.adrift() {
				c.failChannel(causeUser, "the peer's close was mined, then lost in a reorganisation")
				return nil
			}
			fallthrough
		default:
			return rpc.Errorf(rpc.CodeFailed, "channel is closing already: state %s", c.row.State)
		}
		c.close = how
		c.closedBy("local", causeUser)
		if how.script != nil {
			c.row.CloseTo = how.script
		}
		c.save()
		if c.proc != nil && c.ready {
			c.orderShutdown()
		}
		return nil
	})
	if err != nil {
		return "", nil, err
	}
	var expired <-chan time.Time
	if timeout > 0 {
		timer := time.NewTimer(timeout)
		defer timer.Stop()
		expired = timer.C
	}
	return n.waitClosed(ctx, c, how, expired, progress)
}

// step says in words how far a close is, for the one who asked for it.
func (c *channel) step() string {
	switch {
	case c.row.State != store.AwaitingLockin && c.row.State != store.Normal:
		return c.row.Billboard
	case c.ready:
		return "Asking the peer to close"
	}
	return "Waiting for the peer to be connected"
}

// waitClosed follows the channel until a transaction that closes it is signed, and tells of each step once.
// Another one that was signed before does not count.
func (n *node) waitClosed(ctx context.Context, c *channel, how *closing, expired <-chan time.Time, progress func(string)) (string, []byte, error) {
	for told := ""; ; {
		var changed chan store.ChannelState
		var state store.ChannelState
		var tx []byte
		var message string
		if err := n.onLoop(func() error {
			state, tx, message = c.row.State, c.row.CloseTx, c.step()
			changed = n.stateWaiters.add(c.row.ID)
			return nil
		}); err != nil {
			return "", nil, err
		}
		if message != told {
			progress(message)
			told = message
		}
		switch {
		case state == store.Closed:
			return closeUnopened, nil, nil // it was never funded
		case tx != nil && bytes.Equal(tx, how.instead):
			if state != store.ClosingComplete && how.alone {
				return "mutual", tx, nil
			}
			if state != store.ClosingComplete {
				return "", nil, rpc.Errorf(rpc.CodeFailed, "the closing transaction is mined: there is nothing to raise")
			}
		case tx != nil && state == store.AwaitingUnilateral:
			return "unilateral", tx, nil
		case tx != nil:
			return "mutual", tx, nil
		}
		select {
		case <-changed:
		case <-expired:
			expired = nil
			switch {
			case how.alone:
				n.loop.post(func() { c.closeInstead("the closing transaction was not mined in time") })
			case how.instead != nil:
				n.loop.post(func() { n.stateWaiters.remove(c.row.ID, changed); c.close = nil })
				return "", nil, rpc.Errorf(rpc.CodeFailed, "the peer did not sign another closing transaction in time; the one before stands")
			default:
				n.loop.post(func() { c.failChannel(causeUser, "the peer did not agree to a mutual close in time") })
			}
		case <-ctx.Done():
			n.loop.post(func() { n.stateWaiters.remove(c.row.ID, changed) })
			return "", nil, context.Cause(ctx)
		}
	}
}
