package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"fulmen/internal/block"
	"fulmen/internal/command"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/ipc/connectdmsg"
	"fulmen/internal/keys"
	"fulmen/internal/rpc"
	"fulmen/internal/store"
)

// A drain is the node from the command graceful until it ends: it takes and offers no new HTLC, waits for those that
// are under way, and lets go of each peer that has none. Only the loop touches it; nothing of it is on disk.
type drain struct {
	waits map[uint64]bool           // channels without a process that have HTLCs: their peers have to come back
	quiet map[keys.PubKey]time.Time // since when a connected peer has none
}

const (
	// quietFor is how long a peer must have been without HTLCs before it is let go: its channel's last
	// revoke_and_ack may still be on its way, and until the peer has that, the HTLC is pending for it.
	quietFor = time.Second
	// drainEvery is how often graceful looks at what is left.
	drainEvery = 250 * time.Millisecond
)

// errDraining is why nothing new is begun.
var errDraining = rpc.Errorf(rpc.CodeFailed, "this node is about to stop (graceful): until it is started again, it begins nothing new")

type gracefulParams struct {
	Timeout *uint32 `param:"timeout" doc:"Seconds after which it returns in any case, with what is left; if omitted, it waits for as long as it takes."`
}

type gracefulResult struct {
	Expiries []block.Height `json:"pending_htlc_expiries,omitempty" doc:"The heights at which the HTLCs expire that are still under way, the next one first."`
	Peers    []string       `json:"pending_peers,omitempty" doc:"The peers that are still connected."`
}

func (n *node) gracefulCommand() *command.Command {
	return command.New(command.Doc{
		Name: "graceful", Category: command.Utility,
		Short: "Prepare this node for being stopped: no new HTLCs, and an end to those under way.",
		Long: "From now on the node offers no HTLC, fails those that peers offer, but for the missing parts of payments of which it has some, opens no channel " +
			"and connects to no peer but those whose HTLCs are under way. A peer without any is disconnected. It returns when no HTLC and no " +
			"connection is left: then the node can be away for long without any risk but that of channels whose close is in the chain, " +
			"which it does not wait for. `message` notifications tell when the HTLCs that are left expire. There is no way back but " +
			"to stop the node (`stop`) and to start it again; then it is as before.",
		SeeAlso: []string{"stop", "listhtlcs", "listpeers"},
	}, n.graceful)
}

func (n *node) graceful(ctx context.Context, p *gracefulParams) (*gracefulResult, error) {
	var timeout <-chan time.Time
	if p.Timeout != nil {
		timeout = time.After(seconds(uint64(*p.Timeout)))
	}
	tick := time.NewTicker(drainEvery)
	defer tick.Stop()
	request, told := rpc.FromContext(ctx), ""
	for stored := (storedHTLCs{}); ; {
		left, err := n.drainOnce(ctx, stored)
		if err != nil {
			return nil, err
		}
		if len(left.Expiries) == 0 && len(left.Peers) == 0 {
			return left, nil
		}
		if text := left.text(); text != told {
			told = text
			request.Message(rpc.LevelInfo, "%s", text)
		}
		select {
		case <-tick.C:
		case <-timeout:
			return left, nil
		case <-n.ctx.Done():
			return nil, rpc.ErrShutdown
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// text says what is left.
func (r *gracefulResult) text() string {
	if len(r.Expiries) == 0 {
		return fmt.Sprintf("no HTLC is under way, %d peers are connected", len(r.Peers))
	}
	return fmt.Sprintf("%d HTLCs are under way, the next expires at height %d, the last at %d; %d peers are connected",
		len(r.Expiries), r.Expiries[0], r.Expiries[len(r.Expiries)-1], len(r.Peers))
}

// storedHTLCs remembers what was read of channels without a process, by their numbers.
type storedHTLCs map[uint64]struct {
	entry    uint32 // of the channel's log, the next one then: as long as that is so, nothing changed
	expiries []block.Height
}

// drainOnce lets go of the peers that can go, and says what is left.
func (n *node) drainOnce(ctx context.Context, stored storedHTLCs) (*gracefulResult, error) {
	r := new(gracefulResult)
	var views []*channelView
	var entries []uint32
	if err := n.onLoop(func() error {
		if n.drain == nil {
			n.drain = &drain{waits: map[uint64]bool{}, quiet: map[keys.PubKey]time.Time{}}
			n.log.Info("preparing to stop: no new HTLCs")
		}
		for _, c := range n.channels {
			if c.end == nil && (c.proc == nil || c.busy()) {
				views, entries = append(views, c.view()), append(entries, c.next)
			}
		}
		r.Peers = n.letGoPeers()
		return nil
	}); err != nil {
		return nil, err
	}
	waits := map[uint64]bool{}
	for i, v := range views {
		known, ok := stored[v.row.ID]
		if !ok || v.proc != nil || known.entry != entries[i] {
			known.entry, known.expiries = entries[i], n.expiriesOf(ctx, v)
		}
		if v.proc == nil {
			stored[v.row.ID], waits[v.row.ID] = known, len(known.expiries) > 0
		}
		r.Expiries = append(r.Expiries, known.expiries...)
	}
	slices.Sort(r.Expiries)
	return r, n.onLoop(func() error {
		n.drain.waits = waits
		for _, p := range n.peers {
			n.scheduleReconnect(p)
		}
		return nil
	})
}

// expiriesOf are those of a channel's HTLCs. A channel that cannot be read keeps no other from being waited for.
func (n *node) expiriesOf(ctx context.Context, v *channelView) (list []block.Height) {
	d, err := n.describe(ctx, v)
	switch {
	case errors.Is(err, store.ErrNotFound): // it opens at this moment, and is not on disk yet
	case err != nil:
		v.c.log.Error("the state of the channel cannot be read", "error", err)
	default:
		for _, h := range d.HTLCs {
			list = append(list, h.CLTVExpiry)
		}
	}
	return list
}

// letGoPeers disconnects the peers that have had no HTLC for a while, and names those that are still connected.
func (n *node) letGoPeers() []string {
	var left []string
	for id, p := range n.peers {
		if p.conn == nil {
			delete(n.drain.quiet, id)
			continue
		}
		left = append(left, id.String())
		if p.busy() {
			delete(n.drain.quiet, id)
			continue
		}
		since, quiet := n.drain.quiet[id]
		if !quiet {
			n.drain.quiet[id] = n.now()
		} else if n.now().Sub(since) >= quietFor {
			n.connectd.send(&connectdmsg.Disconnect{ID: id, Conn: p.conn.conn})
		}
	}
	slices.Sort(left)
	return left
}

// busy reports whether something is under way with a connected peer that should not be broken off.
func (p *peer) busy() bool {
	if len(p.openings) > 0 {
		return true
	}
	for _, c := range p.channels {
		if c.resuming || c.proc != nil && c.busy() {
			return true
		}
	}
	return false
}

// busy reports whether a channel with a process has HTLCs, or may have: it has not told yet.
func (c *channel) busy() bool {
	return c.status.State == 0 || c.status.NumHTLCs > 0 || len(c.offered) > 0
}

// turnsAway reports whether a peer is not to be connected: the node is about to stop, and none of the peer's HTLCs is
// under way.
func (d *drain) turnsAway(p *peer) bool {
	if d == nil {
		return false
	}
	for id := range p.channels {
		if d.waits[id] {
			return false
		}
	}
	return true
}

// refuses reports whether an HTLC from a peer is failed because the node is about to stop. The parts of a payment of
// which others are here are taken: so those end, too.
func (d *drain) refuses(c *channel, h *channeldmsg.IncomingHTLC) bool {
	return d != nil && (h.Final == nil || !c.n.invoices.Holds(h.PaymentHash)) && !c.decided(h)
}
