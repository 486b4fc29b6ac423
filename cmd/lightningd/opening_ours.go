package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"time"

	"fulmen/internal/amount"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/rpc"
)

// openOrder is a channel that somebody wants to be opened.
type openOrder struct {
	value    amount.Sat
	external bool          // by fundchannel_start: its caller makes the funding transaction
	closeTo  []byte        // our script for a mutual close; nil: an address of the wallet
	news     chan openNews // each step once
}

// openNews is one step of an opening: that the peer has accepted, that both sides have signed, or that it has failed.
type openNews struct {
	accepted *channeldmsg.NeedFunding
	secured  *channeldmsg.Opened
	err      error
}

// openSteps is how many openNews there can be, so that telling never blocks.
const openSteps = 3

// openTimeout is how long a peer may take for one step: a plugin or a person may have to decide there.
const openTimeout = 2 * time.Minute

var errAlreadyStarted = errors.New("a channel with this peer is started already: fundchannel_complete goes on with it, fundchannel_cancel ends it")

// openChannel proposes a channel to a connected peer.
func (n *node) openChannel(ctx context.Context, conn *peerConn, open *channeldmsg.Open, order *openOrder) (*opening, error) {
	if _, err := rand.Read(open.TemporaryChannelID[:]); err != nil {
		return nil, err
	}
	order.news = make(chan openNews, openSteps)
	var id uint64
	if err := n.db.Update(func(tx *storeTx) (err error) { id, err = tx.NextChannelID(); return err }); err != nil {
		return nil, err
	}
	var o *opening
	var s *channelStart
	err := n.onLoop(func() error {
		p := n.peers[conn.id]
		switch {
		case p == nil || p.conn != conn:
			return rpc.Errorf(rpc.CodeFundPeerNotConnected, "peer %s disconnected", conn.id)
		case n.drain != nil:
			return errDraining
		case order.external && p.started() != nil:
			return errAlreadyStarted
		}
		closeTo, err := n.closeScript(order)
		if err != nil {
			return err
		}
		o = n.newOpening(p, id, order)
		o.closeTo, o.temporary = closeTo, open.TemporaryChannelID
		s = n.channelStart(conn, id, o.alias)
		s.channelID, s.setup.Open = o.temporary, open
		s.setShutdownScript(o.closeTo)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := n.startChanneld(ctx, s, o); err != nil {
		n.loop.post(func() { o.fail(err) })
	}
	return o, nil
}

// closeScript is where a new channel of ours closes to. Of several that are opened at once, each gets an address of
// its own.
func (n *node) closeScript(order *openOrder) ([]byte, error) {
	if order.closeTo != nil {
		return order.closeTo, nil
	}
	for _, p := range n.peers {
		for _, o := range p.openings {
			if o.ours != nil && bytes.Equal(o.closeTo, n.shutdownScript) {
				err := n.nextShutdownScript()
				return n.shutdownScript, err
			}
		}
	}
	return n.shutdownScript, nil
}

// next waits for the next step. An opening that takes too long, or that nobody waits for any more, fails. It does
// not run in the loop.
func (o *opening) next(ctx context.Context) (openNews, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, openTimeout, errors.New("the peer did not answer in time"))
	defer cancel()
	select {
	case news := <-o.ours.news:
		return news, news.err
	case <-ctx.Done():
		err := context.Cause(ctx)
		o.abandon(err)
		return openNews{}, err
	}
}

// abandon ends an opening from outside of the loop.
func (o *opening) abandon(why error) { o.n.loop.post(func() { o.fail(why) }) }

// started is the opening with the peer that fundchannel_start has begun; nil if there is none.
func (p *peer) started() *opening {
	for _, o := range p.openings {
		if o.ours != nil && o.ours.external && o.err == nil {
			return o
		}
	}
	return nil
}

// stillWaits reports whether an opening that was accepted waits for its funding. It does not run in the loop.
func (o *opening) stillWaits() (yes bool) {
	return o.n.loop.call(func() { yes = !o.over && o.err == nil && o.outpoint == nil }) && yes
}
