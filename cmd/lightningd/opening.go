package main

import (
	"errors"
	"fmt"

	btcwire "github.com/btcsuite/btcd/wire/v2"

	core "fulmen/internal/channel"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/subd"
	"fulmen/internal/wire"
)

// opening is a channel that does not exist yet; only the loop touches it. Nothing of it is on disk: a restart
// forgets it. One of ours goes through three steps. The peer accepts it, and it waits for a funding transaction;
// both sides have signed its first commitments (it is secured), and it waits to be stored; it is a channel.
type opening struct {
	n     *node
	id    uint64 // number that the channel will have
	peer  *peer
	alias wire.ShortChannelID
	// temporary is the channel_id until there is a funding transaction.
	temporary wire.ChannelID
	closeTo   []byte // our script for a mutual close
	proc      *channelProcess
	ours      *openOrder               // nil where the peer opens
	minDepth  uint32                   // that a channel of the peer's needs, as its process was told
	accepted  *channeldmsg.NeedFunding // once the peer has accepted ours
	outpoint  *btcwire.OutPoint        // what funds ours, once that is known
	secured   *channeldmsg.Opened      // once both sides have signed
	params    *core.Params             // of what is secured
	early     []func(*channel)         // what its process said after that, for the channel
	ch        *channel                 // once it is stored: then it owns the process
	over      bool                     // it came to nothing, and is forgotten
	err       error                    // why
}

// maxEarly bounds what a process may say between being secured and being stored.
const maxEarly = 16

func (n *node) newOpening(p *peer, id uint64, order *openOrder) *opening {
	o := &opening{n: n, id: id, peer: p, alias: newAlias(), closeTo: n.shutdownScript, ours: order}
	p.openings[id] = o
	return o
}

// nextChannelID reserves a number for a channel, and goes on in the loop.
func (n *node) nextChannelID(then func(uint64)) {
	var id uint64
	n.submit("reserve a channel's number", func(tx *storeTx) (err error) {
		id, err = tx.NextChannelID()
		return err
	}, func() { then(id) })
}

// started implements channelOwner.
func (o *opening) started(p *channelProcess) {
	o.proc = p
	if o.over { // it was cancelled meanwhile
		p.drop()
	}
}

// handles implements channelOwner.
func (o *opening) handles(f *ipc.Frame) (func(), error) {
	switch f.Type {
	case channeldmsg.TypeNeedFunding:
		return decode(f, o.onNeedFunding)
	case channeldmsg.TypeOpened:
		return decode(f, o.onOpened)
	case channeldmsg.TypePeerText:
		return decode(f, o.onPeerText)
	case channeldmsg.TypeFailing:
		return decode(f, o.onFailing)
	}
	// All else is about the open channel. Whether there is one is known only in the loop, where all that
	// came before has been handled.
	do, err := channelMessage(f)
	return func() {
		switch {
		case o.ch != nil:
			do(o.ch)
		case o.secured != nil && len(o.early) < maxEarly:
			o.early = append(o.early, do)
		default:
			o.proc.kill(fmt.Errorf("message type %d before the channel is open", f.Type))
		}
	}, err
}

// onNeedFunding is told that the peer has accepted a channel of ours.
func (o *opening) onNeedFunding(m *channeldmsg.NeedFunding) {
	if err := o.checkNeedFunding(m); err != nil {
		o.proc.kill(err)
		return
	}
	o.accepted = m
	o.ours.news <- openNews{accepted: m}
}

// fund tells the channel's process which output funds the channel. The transaction must not leave this node
// before the channel is stored.
func (o *opening) fund(outpoint btcwire.OutPoint) error {
	switch {
	case o.over || o.err != nil:
		return o.gone()
	case o.accepted == nil || o.outpoint != nil:
		return errors.New("the channel does not wait for a funding transaction")
	}
	o.outpoint = &outpoint
	o.proc.send(&channeldmsg.FundingChosen{Txid: outpoint.Hash, OutputIndex: outpoint.Index})
	return nil
}

// onOpened is told that both sides have signed.
func (o *opening) onOpened(m *channeldmsg.Opened) {
	if err := o.checkOpened(m); err != nil {
		o.proc.kill(err)
		return
	}
	o.secured = m
	if o.ours != nil {
		o.ours.news <- openNews{secured: m}
		return // who ordered it has it stored, perhaps with others
	}
	if err := o.n.storeOpened([]*opening{o}, new(fundedBy), nil); err != nil {
		o.fail(err)
	}
}

func (o *opening) onPeerText(m *channeldmsg.PeerText) {
	if o.ch != nil {
		o.ch.onPeerText(m)
	} else if !m.Warning {
		o.err = fmt.Errorf("the peer refused: %s", printable(m.Text))
	}
}

func (o *opening) onFailing(m *channeldmsg.Failing) {
	if o.ch != nil {
		o.ch.onFailing(m)
	} else {
		o.err = errors.New(printable([]byte(m.Text)))
	}
}

// fail ends the opening; its process, if any, with it.
func (o *opening) fail(err error) {
	if o.over || o.ch != nil {
		return
	}
	if o.err == nil {
		o.err = err
	}
	if o.proc != nil {
		o.proc.endWith("the channel cannot be opened")
		return
	}
	o.finish()
}

// gone says why an opening came to nothing.
func (o *opening) gone() error {
	if o.err == nil {
		return errors.New("the connection or its process ended")
	}
	return o.err
}

// ended implements channelOwner.
func (o *opening) ended(e subd.Exit) {
	switch {
	case o.ch != nil:
		o.ch.ended(e)
		return
	case o.over:
		return
	case o.err == nil:
		o.err = fmt.Errorf("the connection or its process ended: %s", e.Reason)
	}
	o.finish()
}

// finish tells who asked that the opening came to nothing, and forgets it.
func (o *opening) finish() {
	o.over = true
	delete(o.peer.openings, o.id)
	o.n.log.Info("channel was not opened", "peer_id", o.peer.id, "why", o.err)
	o.n.tellOpenFailed(o.temporary)
	if o.ours != nil {
		o.ours.news <- openNews{err: o.err}
	}
	o.n.forgetIfIdle(o.peer)
}
