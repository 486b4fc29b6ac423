package topology

import (
	"cmp"
	"slices"
	"time"

	"fulmen/internal/amount"
	"fulmen/internal/graph"
	"fulmen/internal/keys"
	"fulmen/internal/route"
)

// saveAfter is how long what was learned may wait for more before it is written: a payment in many parts tells much at
// once, and a lost second of it costs an attempt.
const saveAfter = 5 * time.Second

// flushSoon has the layers written in a while. t.mu is held, and the store is dirty.
func (t *Topology) flushSoon() {
	if t.store.waiting {
		return
	}
	t.store.waiting = true
	time.AfterFunc(saveAfter, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.store.waiting = false
		if err := t.store.flush(t.layers); err != nil {
			t.config.Warn("%v", err)
		}
	})
}

func (t *Topology) now() uint64 { return uint64(t.config.Now().Unix()) }

// apply puts a layer into a view.
func (l *layer) apply(v *route.View) {
	for _, c := range l.CreatedChannels {
		v.AddChannel(graphSCID(c.ShortChannelID), keys.PubKey(c.Source), keys.PubKey(c.Destination), c.CapacityMsat)
	}
	for i := range l.ChannelUpdates {
		l.ChannelUpdates[i].apply(v)
	}
	l.applyKnowledge(v)
	for _, b := range l.Biases {
		if h, ok := b.Direction.half(v); ok {
			v.Edit(h).Bias += int(b.Bias)
		}
	}
	for _, b := range l.NodeBiases {
		if n, ok := v.Node(keys.PubKey(b.Node)); ok {
			biasNode(v, n, int(b.InBias), int(b.OutBias))
		}
	}
	for _, n := range l.DisabledNodes {
		v.DisableNode(keys.PubKey(n))
	}
}

func biasNode(v *route.View, n graph.Node, in, out int) {
	for _, h := range v.Away(n) {
		if out != 0 {
			v.Edit(h).Bias += out
		}
		if in != 0 {
			v.Edit(h.Reverse()).Bias += in
		}
	}
}

// apply replaces terms. Those of a direction that nobody announced count from then on, unless it is disabled.
func (u *layerUpdate) apply(v *route.View) {
	h, ok := u.Direction.half(v)
	if !ok {
		return
	}
	e := v.Edit(h)
	if !e.Announced {
		e.Announced, e.Enabled, e.HTLCMax = true, true, e.Capacity
	}
	set(&e.Enabled, u.Enabled)
	set(&e.HTLCMin, u.HTLCMinimumMsat)
	set(&e.HTLCMax, u.HTLCMaximumMsat)
	set(&e.FeePPM, u.FeePPM)
	if u.FeeBaseMsat != nil {
		e.FeeBase = uint32(*u.FeeBaseMsat)
	}
	if u.CLTVExpiryDelta != nil {
		e.Delta = uint32(*u.CLTVExpiryDelta)
	}
}

func set[T any](into *T, value *T) {
	if value != nil {
		*into = *value
	}
}

// lesson is a constraint or an impression.
type lesson struct {
	at         uint64
	direction  direction
	constraint *layerConstraint
	moved      amount.Msat
}

// applyKnowledge narrows what channels can carry, in the order in which it was learned: what has moved since shifts what
// was known before.
func (l *layer) applyKnowledge(v *route.View) {
	var lessons []lesson
	for i := range l.Constraints {
		c := &l.Constraints[i]
		lessons = append(lessons, lesson{c.Timestamp, c.Direction, c, 0})
	}
	for _, i := range l.Impressions {
		lessons = append(lessons, lesson{i.Timestamp, i.Direction, nil, i.AmountMsat})
	}
	if len(l.Impressions) > 0 {
		slices.SortStableFunc(lessons, func(a, b lesson) int { return cmp.Compare(a.at, b.at) })
	}
	for _, s := range lessons {
		h, ok := s.direction.half(v)
		if !ok {
			continue
		}
		e := v.Edit(h)
		switch {
		case s.constraint == nil:
			move(e, v.Edit(h.Reverse()), s.moved)
		case s.constraint.MaximumMsat != nil:
			e.Most = min(e.Most, *s.constraint.MaximumMsat)
			e.Least = min(e.Least, e.Most)
		case s.constraint.MinimumMsat != nil:
			e.Least = min(max(e.Least, *s.constraint.MinimumMsat), e.Capacity)
			e.Most = max(e.Most, e.Least)
		}
	}
}

// move has an amount that was on one side of a channel on the other.
func move(from, to *route.Edge, amt amount.Msat) {
	amt = min(amt, from.Capacity)
	from.Least, from.Most = max(from.Least, amt)-amt, max(from.Most, amt)-amt
	to.Least, to.Most = min(to.Least+amt, to.Capacity), min(to.Most+amt, to.Capacity)
}
