package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"

	"fulmen/internal/amount"
	"fulmen/internal/features"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/rpc"
	"fulmen/internal/store"
	"fulmen/internal/subd"
	"fulmen/internal/wire"
)

// opening is a channel that does not exist yet; only the loop touches it.
type opening struct {
	n     *node
	id    uint64 // number that the channel will have
	peer  *peer
	alias wire.ShortChannelID
	// temporary is the channel_id until there is a funding transaction.
	temporary wire.ChannelID
	closeTo   []byte // our script for a mutual close
	proc      *channelProcess
	ours      *openOrder // nil where the peer opens
	asked     bool       // for funds
	chosen    bool       // and got them: the funding transaction is signed
	ch        *channel   // once it is open: then it owns the process
	err       error      // why it fails
}

// openOrder is what somebody asked for by fundchannel.
type openOrder struct {
	funding *fundingTx
	closeTo []byte          // our script for a mutual close; nil: an address of the wallet
	done    chan openResult // gets one
}

type openResult struct {
	opened *channeldmsg.Opened
	err    error
}

// newAlias makes a random short_channel_id of a block that never will be (BOLT 7, `scid_alias`).
func newAlias() wire.ShortChannelID {
	var b [8]byte
	rand.Read(b[:])
	// Blocks below 100,000 are long gone, and no channel is in them.
	return wire.NewShortChannelID(1+binary.BigEndian.Uint32(b[:])%100_000, binary.BigEndian.Uint32(b[4:])&0xffffff, 0)
}

func (n *node) newOpening(p *peer, id uint64, order *openOrder) *opening {
	o := &opening{n: n, id: id, peer: p, alias: newAlias(), closeTo: n.shutdownScript, ours: order}
	p.openings[id] = o
	return o
}

// acceptChannel has a new channeld answer open_channel.
func (n *node) acceptChannel(p *peer, m *wire.OpenChannel, raw []byte) {
	conn := p.conn
	if why := n.refusal(p, m); why != "" {
		n.log.Info("channel refused", "peer_id", p.id, "why", why)
		n.sendError(conn, m.TemporaryChannelID, why)
		return
	}
	if p.asked >= maxOpenings {
		n.sendError(conn, m.TemporaryChannelID, "too many channels are being opened already")
		return
	}
	p.asked++
	v := new(openVerdict)
	n.ask(n.openQuestion(p, m, v), func() {
		p.asked--
		switch {
		case p.conn != conn:
		case v.Result == "reject":
			n.log.Info("a plugin refuses a channel", "peer_id", p.id, "why", printable([]byte(v.ErrorMessage)))
			n.sendError(conn, m.TemporaryChannelID, cmp.Or(v.ErrorMessage, "the channel is not wanted"))
		default:
			n.startAccepting(p, m, raw, v)
		}
	})
}

// startAccepting starts the process of a channel that a peer opens, as the plugins want it.
func (n *node) startAccepting(p *peer, m *wire.OpenChannel, raw []byte, v *openVerdict) {
	conn := p.conn
	n.nextChannelID(func(id uint64) {
		if p.conn != conn || n.refusal(p, m) != "" { // it may have asked for several at once
			return
		}
		o := n.newOpening(p, id, nil)
		if v.script != nil {
			o.closeTo = v.script
		}
		s := n.channelStart(conn, id, o.alias)
		s.channelID, o.temporary = m.TemporaryChannelID, m.TemporaryChannelID
		s.setShutdownScript(o.closeTo)
		s.setup.Accept = &channeldmsg.Accept{OpenChannel: raw, MinimumDepth: n.policy.FundingConfirms, Terms: n.terms(), Limits: n.limits()}
		if v.MinDepth != nil {
			s.setup.Accept.MinimumDepth = *v.MinDepth
		}
		if v.Reserve != nil {
			s.setup.Accept.Terms.ChannelReserve = max(*v.Reserve, m.DustLimitSatoshis, s.setup.Accept.Terms.DustLimit)
		}
		go func() {
			if err := n.startChanneld(n.ctx, s, o); err != nil {
				n.loop.post(func() { o.fail(err) })
			}
		}()
	})
}

// maxOpenings bounds what one peer can make us hold before it has paid for a transaction.
const maxOpenings = 4

func (n *node) refusal(p *peer, m *wire.OpenChannel) string {
	switch {
	case len(p.openings) >= maxOpenings:
		return fmt.Sprintf("%d channels are being opened already", len(p.openings))
	case !n.chainCaughtUp():
		return "this node is still catching up with the chain"
	}
	return ""
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
func (o *opening) started(p *channelProcess) { o.proc = p }

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
		if o.ch == nil {
			o.proc.kill(fmt.Errorf("message type %d before the channel is open", f.Type))
			return
		}
		do(o.ch)
	}, err
}

func (o *opening) onNeedFunding(m *channeldmsg.NeedFunding) {
	if o.ours == nil || o.asked {
		o.proc.kill(errors.New("a channeld asks for funds that it has no right to"))
		return
	}
	o.asked = true
	funding := o.ours.funding
	txid, index, err := funding.choose(m.PkScript, m.Amount)
	if err != nil {
		o.fail(err)
		return
	}
	go func() {
		err := funding.sign(o.n.ctx, o.n)
		o.n.loop.post(func() {
			if err != nil {
				o.fail(err)
				return
			}
			o.chosen = true
			o.proc.send(&channeldmsg.FundingChosen{Txid: txid, OutputIndex: index})
		})
	}()
}

func (o *opening) onPeerText(m *channeldmsg.PeerText) {
	if !m.Warning {
		o.err = fmt.Errorf("the peer refused: %s", printable(m.Text))
	}
}

func (o *opening) onFailing(m *channeldmsg.Failing) { o.err = errors.New(printable([]byte(m.Text))) }

// fail ends the opening; its process, if any, with it.
func (o *opening) fail(err error) {
	if o.err == nil {
		o.err = err
	}
	if o.proc != nil {
		o.proc.send(&channeldmsg.SendError{Text: "the channel cannot be opened"})
		go o.proc.stop()
		return
	}
	o.finish(openResult{err: o.err})
}

// ended implements channelOwner.
func (o *opening) ended(e subd.Exit) {
	if o.ch != nil {
		o.ch.ended(e)
		return
	}
	if o.err == nil {
		o.err = fmt.Errorf("the connection or its process ended: %s", e.Reason)
	}
	o.finish(openResult{err: o.err})
}

// finish tells who asked, and forgets the opening.
func (o *opening) finish(r openResult) {
	delete(o.peer.openings, o.id)
	if r.err != nil {
		o.n.log.Info("channel was not opened", "peer_id", o.peer.id, "why", r.err)
		o.n.tellOpenFailed(o.temporary)
	}
	if o.ours != nil {
		o.ours.done <- r
	}
	o.n.forgetIfIdle(o.peer)
}

// onOpened stores the channel. Only then channeld goes on, and a funding transaction may be broadcast.
func (o *opening) onOpened(m *channeldmsg.Opened) {
	if err := o.checkOpened(m); err != nil {
		o.proc.kill(err)
		return
	}
	setup, err := encodeChannelSetup(&m.Setup)
	if err != nil {
		o.fail(err)
		return
	}
	n := o.n
	row := &store.Channel{
		ID: o.id, PeerID: o.peer.id, ChannelID: m.ChannelID, State: store.AwaitingLockin, Opener: "remote", Private: !m.Announce,
		FundingTxid: m.Setup.FundingTxid, FundingOutput: m.Setup.FundingOutput, FundingSats: m.Setup.FundingSats, Pushed: m.Push,
		MinDepth: m.MinimumDepth, Setup: setup, ChannelType: m.ChannelType, StartHeight: n.blockHeight, AliasLocal: o.alias,
		Policy: n.defaultPolicy(m.Setup.FundingSats), CloseTo: o.closeTo, Billboard: "Waiting for the funding transaction to be mined",
	}
	if o.ours != nil {
		row.Opener, row.FundingTx = "local", o.ours.funding.signed
	}
	if bytes.Equal(o.closeTo, n.shutdownScript) {
		if err := n.nextShutdownScript(); err != nil {
			o.fail(err)
			return
		}
	}
	tally := store.Tally{
		LocalRevoked: uint64(m.Status.LocalRevoked), RemoteSigned: uint64(m.Status.RemoteSigned),
		ToUs: m.Status.ToLocal, MinToUs: m.Status.ToLocal, MaxToUs: m.Status.ToLocal,
	}
	first, snapshot := tally, m.Snapshot
	apply := func(tx *storeTx) error {
		if err := tx.CreateChannel(row); err != nil {
			return err
		}
		return tx.AppendChannelLog(row.ID, 0, true, snapshot, &first)
	}
	c := n.newChannel(row, tally)
	c.proc, c.next, c.status, o.ch = o.proc, 1, m.Status, c
	n.watchChannel(c)
	if n.revoked.wanted { // perhaps since the opening began
		c.tellPolicy()
	}
	n.submit("store new channel", apply, func() {
		o.proc.send(&channeldmsg.Stored{Seq: m.Seq})
		c.ready = c.proc != nil // no reestablish follows: from here on it may be closed
		by := causeRemote
		if row.Opener == "local" {
			by = causeUser
		} else {
			n.tellChannelOpened(row)
		}
		n.tellState(row, store.StateChange{At: n.now(), New: store.AwaitingLockin, Cause: string(by), Message: "new channel opened"})
		c.log.Info("channel is opened", "channel_id", m.ChannelID, "funding_sat", row.FundingSats, "opener", row.Opener)
		n.staticBackupChanged()
		o.finish(openResult{opened: m})
	})
}

// terms are what we ask of the peer in a new channel (BOLT 2, open_channel and accept_channel).
func (n *node) terms() channeldmsg.Terms {
	return channeldmsg.Terms{
		DustLimit: 546, MaxHTLCValueInFlight: amount.MaxMsat, HTLCMinimum: n.policy.HTLCMin,
		ToSelfDelay: n.policy.ToSelfDelay, MaxAcceptedHTLCs: n.policy.MaxHTLCs,
	}
}

// limits are the peer's terms that we still take.
func (n *node) limits() channeldmsg.Limits {
	least, most := n.feerateBounds(false)
	return channeldmsg.Limits{
		MinFunding: amount.Sat(n.cfg.Int("min-capacity-sat")), MaxFunding: amount.MaxSat, MinFeerate: least, MaxFeerate: most,
		MaxToSelfDelay: 2016, MaxDustLimit: 5000, MaxReservePercent: 10, MaxHTLCMinimum: 10_000_000, MinHTLCValueInFlight: 1_000_000,
		MinAcceptedHTLCs: 5, MaxMinimumDepth: 144,
	}
}

// openChannel starts a channel with a connected peer, and returns once it is stored.
func (n *node) openChannel(ctx context.Context, conn *peerConn, open *channeldmsg.Open, order *openOrder) (*channeldmsg.Opened, uint64, error) {
	if _, err := rand.Read(open.TemporaryChannelID[:]); err != nil {
		return nil, 0, err
	}
	order.done = make(chan openResult, 1)
	var id uint64
	if err := n.db.Update(func(tx *storeTx) (err error) { id, err = tx.NextChannelID(); return err }); err != nil {
		return nil, 0, err
	}
	var o *opening
	var s *channelStart
	err := n.onLoop(func() error {
		p := n.peers[conn.id]
		if p == nil || p.conn != conn {
			return rpc.Errorf(rpc.CodeFundPeerNotConnected, "peer %s disconnected", conn.id)
		}
		o = n.newOpening(p, id, order)
		s = n.channelStart(conn, id, o.alias)
		s.channelID, o.temporary = open.TemporaryChannelID, open.TemporaryChannelID
		s.setup.Open = open
		if order.closeTo != nil {
			o.closeTo = order.closeTo
		}
		s.setShutdownScript(o.closeTo)
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	if err := n.startChanneld(ctx, s, o); err != nil {
		n.loop.post(func() { o.fail(err) })
	}
	select {
	case r := <-order.done:
		return r.opened, id, r.err
	case <-ctx.Done():
		n.loop.post(func() {
			if o.ch == nil {
				o.fail(context.Cause(ctx))
			}
		})
		return nil, 0, context.Cause(ctx)
	}
}

// channelTypeResult is a channel_type as the RPC shows it.
type channelTypeResult struct {
	Bits  []features.Bit `json:"bits" doc:"The feature bits that are set."`
	Names []string       `json:"names" doc:"Their names."`
}

func showChannelType(raw []byte) *channelTypeResult {
	t, err := features.ParseChannelType(raw)
	if err != nil {
		return nil
	}
	return &channelTypeResult{Bits: t.Bits(), Names: t.Names()}
}
