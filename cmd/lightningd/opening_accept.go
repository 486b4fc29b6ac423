package main

import (
	"cmp"
	"fmt"

	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/wire"
)

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
			n.tellOpenFailed(m.TemporaryChannelID)
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
		o.minDepth = s.setup.Accept.MinimumDepth
		go func() {
			if err := n.startChanneld(n.ctx, s, o); err != nil {
				n.loop.post(func() { o.fail(err) })
			}
		}()
	})
}

// What can be had of us before a transaction was paid for. Each channel that is opened, and each that is not funded, is a
// process while its peer is connected.
const (
	// maxOpenings is how many channels one peer may open at once, maxUnfunded how many of its it may leave unfunded.
	maxOpenings = 4
	maxUnfunded = 20
	// maxStrange is how many of both all strangers together may have: connected peers without another channel.
	maxStrange = 100
)

func (n *node) refusal(p *peer, m *wire.OpenChannel) string {
	switch {
	case n.drain != nil:
		return "this node is about to stop"
	case len(p.openings) >= maxOpenings:
		return fmt.Sprintf("%d channels are being opened already", len(p.openings))
	case p.unfundedByIt() >= maxUnfunded:
		return fmt.Sprintf("%d channels wait for their funding transactions already", maxUnfunded)
	case p.isStranger() && n.strangersHave() >= maxStrange:
		return "too many channels are being opened by others"
	case !n.chainCaughtUp():
		return "this node is still catching up with the chain"
	}
	return ""
}

// unfundedByIt is how many channels the peer has opened and not funded.
func (p *peer) unfundedByIt() (count int) {
	for _, c := range p.channels {
		if c.waitsForFunder() {
			count++
		}
	}
	return count
}

// isStranger reports whether the peer has no other channel than such.
func (p *peer) isStranger() bool { return p.unfundedByIt() == len(p.channels) }

// strangersHave is how many channels are being opened by connected strangers, or wait for them to be funded.
func (n *node) strangersHave() (count int) {
	for _, p := range n.peers {
		if p.conn == nil || !p.isStranger() {
			continue
		}
		count += len(p.channels)
		for _, o := range p.openings {
			if o.ours == nil {
				count++
			}
		}
	}
	return count
}
