package sim

import (
	"bytes"
	"fmt"
	"math/rand/v2"

	"fulmen/internal/amount"
	"fulmen/internal/channel"
	"fulmen/internal/channel/channeltest"
	"fulmen/internal/wire"
)

// node is one side: its core, its disk, and what its lightningd knows.
type node struct {
	*channeltest.Node
	rng    *rand.Rand
	policy channel.Policy
	peer   *node
	app    *app
	start  amount.Msat // our balance at first
	middle *middle     // whose lightningd it is; nil: its own

	todo    []channel.Action // of the step under way
	orders  []channel.Event  // of a middle's lightningd
	unsaved []channel.Store  // sent to be stored, not acknowledged; a middle's are in its own queue
	out     []wire.Message   // on their way to the peer
	signing channel.Content  // of the peer's commitment that is signed
	up      bool             // channel_reestablish is done
}

// app is what survives in the database beside the channel's log.
type app struct {
	nextRef  uint64
	offered  map[uint64]uint64         // ids of ours, by ref
	results  map[uint64]string         // how ours ended, by id
	decided  map[uint64]channel.Result // what we decided about theirs, by id
	waiting  map[uint64]channel.HTLC   // theirs that are not decided
	resolved map[uint64]bool           // theirs that are gone
	amounts  map[uint64]amount.Msat    // of theirs
	scripts  map[channel.HTLC]bool     // that the peer's commitments ever had
	closing  *channel.ReadyToClose
}

// step gives the core one event; its actions are done one by one by act.
func (n *node) step(ev channel.Event) error {
	actions, err := n.Channel.Step(ev)
	if err != nil {
		return fmt.Errorf("%s: %T: %w", n.Name, ev, err)
	}
	n.todo = append(n.todo, actions...)
	return nil
}

// act does the next action of the step under way.
func (n *node) act() error {
	a := n.todo[0]
	n.todo = n.todo[1:]
	switch a := a.(type) {
	case channel.Store:
		if n.middle != nil {
			n.middle.submit(n, a)
		} else {
			n.unsaved = append(n.unsaved, a)
		}
	case channel.OfferFailed:
		if n.middle != nil {
			n.middle.refuse(n, a.Ref)
		}
	case channel.AskRevocation:
		n.sync()
	case channel.SendPeer:
		n.sync()
		if err := n.checkLog(); err != nil {
			return err
		}
		if err := n.checkScripts(a.Msg); err != nil {
			return err
		}
		n.out = append(n.out, a.Msg)
	case channel.AskSigner:
		n.signing = a.Commitment
	case channel.Received:
		for _, h := range a.HTLCs {
			n.receive(h.HTLC)
		}
	case channel.Reestablished:
		n.up = true
	case channel.ReadyToClose:
		n.app.closing = &a
	}
	answer, err := n.Answer(a)
	if err != nil {
		return fmt.Errorf("%s: %w", n.Name, err)
	}
	if answer != nil {
		return n.step(answer)
	}
	return nil
}

// sync makes everything durable.
func (n *node) sync() {
	if n.middle != nil {
		n.middle.save(len(n.middle.queue))
	}
	for i := range n.unsaved {
		n.save(&n.unsaved[i])
	}
	n.unsaved = nil
}

// checkLog sees now and then, when something is about to leave, whether a restart would find what
// it relies on.
func (n *node) checkLog() error {
	if n.rng.IntN(10) > 0 {
		return nil
	}
	restored, err := n.Log.Restore()
	if err != nil {
		return fmt.Errorf("%s: restore: %w", n.Name, err)
	}
	if !bytes.Equal(restored.Snapshot(), n.Channel.Snapshot()) {
		return fmt.Errorf("%s: what is stored is not what runs", n.Name)
	}
	return nil
}

// checkScripts sees whether the HTLC outputs of a commitment that the peer gets could be punished.
func (n *node) checkScripts(m wire.Message) error {
	if _, ok := m.(*wire.CommitmentSigned); !ok {
		return nil
	}
	for _, h := range n.signing.HTLCs {
		if !n.app.scripts[h] {
			return fmt.Errorf("%s: htlc %d of %s of remote commitment %d is not stored", n.Name, h.ID, h.Amount, n.signing.Number)
		}
	}
	return nil
}

// save is lightningd's database transaction.
func (n *node) save(s *channel.Store) {
	n.Log.Append(s)
	for _, o := range s.Offered {
		n.app.offered[o.Ref] = o.HTLCID
	}
	for _, l := range s.Learned {
		n.app.results[l.HTLCID] = "fulfilled"
	}
	for _, f := range s.Failed {
		n.app.results[f.HTLCID] = "failed"
	}
	for _, h := range s.NewHTLCs {
		n.app.scripts[h] = true
	}
	for _, id := range s.Resolved {
		n.app.resolved[id] = true
	}
}

// receive is told of an HTLC of the peer: again after a restart, and then its decision stands.
func (n *node) receive(h channel.HTLC) {
	n.app.amounts[h.ID] = h.Amount
	if n.middle != nil && n.middle.receive(n, h) {
		return
	}
	n.app.waiting[h.ID] = h
}

// restart restores the core of what is on disk and tells it again what it has to know. With lost,
// only some of what was sent to be stored had been.
func (n *node) restart(lost bool) error {
	keep := len(n.unsaved)
	if lost {
		keep = n.rng.IntN(keep + 1)
	}
	for i := range n.unsaved[:keep] {
		n.save(&n.unsaved[i])
	}
	n.todo, n.orders, n.unsaved, n.out, n.up = nil, nil, nil, nil, false
	n.app.waiting = make(map[uint64]channel.HTLC)
	n.app.closing = nil
	ch, err := n.Log.Restore()
	if err != nil {
		return fmt.Errorf("%s: restore: %w", n.Name, err)
	}
	if n.rng.IntN(3) == 0 { // as if the last Store had been a snapshot
		n.Log = channeltest.Log{Snapshot: ch.Snapshot()}
		if ch, err = n.Log.Restore(); err != nil {
			return fmt.Errorf("%s: restore snapshot: %w", n.Name, err)
		}
		if !bytes.Equal(ch.Snapshot(), n.Log.Snapshot) {
			return fmt.Errorf("%s: snapshot is not what was restored of it", n.Name)
		}
	}
	n.Channel = ch
	return n.begin()
}

// begin is what every start begins with.
func (n *node) begin() error {
	for _, ev := range []channel.Event{
		channel.SetPolicy{Policy: n.policy}, channel.NewHeight{Height: 100},
		channel.FundingConfirmed{Depth: 1, ShortChannelID: 1}, channel.Connected{},
	} {
		if err := n.step(ev); err != nil {
			return err
		}
	}
	return nil
}
