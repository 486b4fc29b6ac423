package sim

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/channel"
	"fulmen/internal/htlcswitch"
	"fulmen/internal/keys"
	"fulmen/internal/onion"
	"fulmen/internal/wire"
)

// middle is the lightningd of the node that forwards between two channels: the switch, and one disk for
// both channels and the switch's rows, of which a crash leaves what was written first.
type middle struct {
	rng    *rand.Rand
	worlds [2]*world
	sides  [2]*node // its own, in the worlds
	sw     *htlcswitch.Switch
	onions map[[32]byte]plan // what they say, by payment_hash; those that end here are not in it
	disk   map[htlcswitch.Key]htlcswitch.Forward
	queue  []unit

	// What a crash takes.
	offers [2]map[uint64]*htlcswitch.Forward // not committed yet, by ref
	twins  [2]map[uint64]*htlcswitch.Forward // by id
}

// plan is what the onion tells the middle.
type plan struct {
	amt  amount.Msat
	cltv block.Height
}

// unit is a transaction of the database.
type unit struct {
	node  *node
	store channel.Store
	links []htlcswitch.Forward
	ends  []htlcswitch.End
}

const middleFee amount.Msat = 500

const middleDelta = 10 // blocks

var simTime = time.Unix(1_800_000_000, 0)

func newMiddle(seed uint64, log func(string, ...any)) (*middle, error) {
	m := &middle{rng: rand.New(rand.NewPCG(seed, 1)), onions: map[[32]byte]plan{}, disk: map[htlcswitch.Key]htlcswitch.Forward{}}
	for i, names := range [2][2]string{{"alice", "bob"}, {"bob", "carol"}} {
		w, err := newWorld(seed+uint64(i)*1_000_000_007, names[0], names[1], log)
		if err != nil {
			return nil, err
		}
		w.middle = m
		m.worlds[i], m.sides[i] = w, w.both()[1-i]
		m.sides[i].middle = m
	}
	m.worlds[1].preimages = m.worlds[0].preimages
	m.restart()
	return m, nil
}

// restart makes lightningd's memory of its disk.
func (m *middle) restart() {
	m.sw = htlcswitch.New(m)
	for i := range m.sides {
		m.offers[i], m.twins[i] = map[uint64]*htlcswitch.Forward{}, map[uint64]*htlcswitch.Forward{}
	}
	for _, row := range m.disk {
		if row.Status == htlcswitch.Offered {
			m.sw.Restore(&row)
			m.twins[row.Out.Channel-1][row.Out.HTLC] = &row
		}
	}
}

// Named implements htlcswitch.Channels: channels go by their numbers, which are 1 and 2.
func (m *middle) Named(id wire.ShortChannelID) *htlcswitch.Channel {
	if id == 0 || int(id) > len(m.sides) {
		return nil
	}
	n := m.sides[id-1]
	c := &htlcswitch.Channel{
		ID: uint64(id), ShortChannelID: id, State: htlcswitch.Away, Spendable: n.Channel.Summary().Spendable,
		Terms: htlcswitch.Terms{FeeBase: middleFee, HTLCMax: amount.MaxMsat, CLTVDelta: middleDelta},
	}
	if n.up {
		c.State = htlcswitch.Ready
	}
	return c
}

// With implements htlcswitch.Channels: there is one channel with each peer.
func (m *middle) With(keys.PubKey) []*htlcswitch.Channel { return nil }

// OnChain implements htlcswitch.Channels.
func (m *middle) OnChain(uint64) bool { return false }

func (m *middle) index(n *node) int { return slices.Index(m.sides[:], n) }

// plan has most HTLCs go on to the other channel, and some ask for what the middle refuses.
func (m *middle) plan(o *channel.Offer) {
	if m.rng.IntN(5) == 0 {
		return
	}
	p := plan{o.Amount, o.CLTVExpiry}
	o.Amount += middleFee - amount.Msat(m.rng.IntN(10)/9)
	o.CLTVExpiry += middleDelta - block.Height(m.rng.IntN(10)/9)
	m.onions[o.PaymentHash] = p
}

// receive is told of an HTLC, by each process of its channel again; false: it ends here.
func (m *middle) receive(n *node, h channel.HTLC) bool {
	p, ok := m.onions[h.PaymentHash]
	if !ok {
		return false
	}
	in := m.index(n)
	k := htlcswitch.Key{Channel: uint64(in + 1), HTLC: h.ID}
	if row, linked := m.disk[k]; linked && !m.sw.Knows(k) {
		m.sw.Restore(&row)
	}
	m.do(m.sw.Arrive(htlcswitch.HTLC{
		Key: k, PaymentHash: h.PaymentHash, Amount: h.Amount, CLTVExpiry: h.CLTVExpiry,
		ShortChannelID: wire.ShortChannelID(2 - in), AmtToForward: p.amt, OutgoingCLTV: p.cltv, Onion: make([]byte, channel.OnionSize),
	}, simTime, 100)...)
	return true
}

func (m *middle) do(actions ...htlcswitch.Action) {
	for _, a := range actions {
		switch a := a.(type) {
		case htlcswitch.Offer:
			out := m.sides[a.Channel-1]
			out.app.nextRef++
			m.offers[a.Channel-1][out.app.nextRef] = a.Forward
			out.orders = append(out.orders, channel.Offer{
				Ref: out.app.nextRef, Amount: a.Forward.AmtToForward, PaymentHash: a.Forward.PaymentHash,
				CLTVExpiry: a.Forward.OutgoingCLTV, Onion: new([channel.OnionSize]byte),
			})
		case htlcswitch.End: // without a twin: what is not stored is decided anew
			m.settle(a.Settle)
		case htlcswitch.Settle:
			m.settle(a)
		}
	}
}

func (m *middle) settle(s htlcswitch.Settle) {
	n := m.sides[s.Channel-1]
	result := channel.Result{Kind: channel.Fail, Reason: slices.Concat(s.Reason, s.Failure)}
	if s.Preimage != nil {
		result = channel.Result{Kind: channel.Fulfill, Preimage: *s.Preimage}
	}
	n.orders = append(n.orders, channel.Settle{HTLCID: s.HTLC, Result: result})
}

// obey takes the next order of lightningd.
func (n *node) obey() error {
	ev := n.orders[0]
	n.orders = n.orders[1:]
	if s, ok := ev.(channel.Settle); ok {
		n.app.decided[s.HTLCID] = s.Result
	}
	return n.step(ev)
}

// submit queues what a channel wants stored, with what it means for the forwards.
func (m *middle) submit(n *node, s channel.Store) {
	i := m.index(n)
	u := unit{node: n, store: s}
	for _, o := range s.Offered {
		if f := m.offers[i][o.Ref]; f != nil {
			delete(m.offers[i], o.Ref)
			m.twins[i][o.HTLCID] = f
			u.links = append(u.links, m.sw.Commit(f, htlcswitch.Key{Channel: uint64(i + 1), HTLC: o.HTLCID}))
		}
	}
	ended := func(id uint64, end func(*htlcswitch.Forward) (htlcswitch.End, bool)) {
		if f := m.twins[i][id]; f != nil {
			delete(m.twins[i], id)
			if e, ok := end(f); ok {
				u.ends = append(u.ends, e)
			}
		}
	}
	for _, l := range s.Learned {
		ended(l.HTLCID, func(f *htlcswitch.Forward) (htlcswitch.End, bool) { return m.sw.Fulfill(f, l.Preimage, nil, simTime) })
	}
	for _, failed := range s.Failed {
		ended(failed.HTLCID, func(f *htlcswitch.Forward) (htlcswitch.End, bool) {
			if failed.Result.Kind == channel.Malformed {
				return m.sw.Fail(f, &onion.Failure{Code: onion.FailureCode(failed.Result.FailureCode)}, simTime)
			}
			return m.sw.Return(f, failed.Result.Reason, nil, simTime)
		})
	}
	for _, id := range s.Resolved {
		m.sw.Gone(htlcswitch.Key{Channel: uint64(i + 1), HTLC: id})
	}
	m.queue = append(m.queue, u)
}

// save writes the first units of the queue; what follows from them is done.
func (m *middle) save(units int) {
	saved := m.queue[:units]
	m.queue = m.queue[units:]
	for i := range saved {
		u := &saved[i]
		u.node.save(&u.store)
		for _, row := range u.links {
			m.disk[row.Key] = row
		}
		for _, e := range u.ends {
			m.disk[e.Row.Key] = e.Row
			m.sw.Stored(e.Row.Key)
			m.settle(e.Settle)
		}
	}
}

// refuse tells the switch that a channel did not take an offer.
func (m *middle) refuse(n *node, ref uint64) {
	i := m.index(n)
	if f := m.offers[i][ref]; f != nil {
		delete(m.offers[i], ref)
		m.do(m.sw.Refuse(f, uint64(i+1), onion.TemporaryChannelFailure, simTime, 100))
	}
}

// disconnect ends the connection of a world; if it is the middle that crashed, of both, and its disk has what
// was written first.
func (m *middle) disconnect(w *world, crashed *node) error {
	ended := m.worlds[:]
	if crashed != nil && crashed.middle != nil {
		w.log("the middle crashed")
		m.save(m.rng.IntN(len(m.queue) + 1))
		m.queue = nil
		m.restart()
	} else {
		w.log("disconnect, crashed: %t", crashed != nil)
		m.save(len(m.queue))
		ended = []*world{w}
	}
	for _, w := range ended {
		for _, n := range w.both() {
			if err := n.restart(n == crashed && n.middle == nil); err != nil {
				return err
			}
		}
	}
	if i := slices.Index(m.worlds[:], w); len(ended) == 1 {
		for _, ref := range slices.Sorted(maps.Keys(m.offers[i])) {
			m.refuse(m.sides[i], ref)
		}
	}
	return nil
}

// run lets things happen in both worlds, then lets them come to an end.
func (m *middle) run() error {
	for range 400 + m.rng.IntN(400) {
		w := m.worlds[m.rng.IntN(2)]
		if err := w.happen(w.both()[m.rng.IntN(2)]); err != nil {
			return err
		}
		if err := w.check(); err != nil {
			return err
		}
	}
	for m.busy() {
		for _, w := range m.worlds {
			if err := w.rest(); err != nil {
				return err
			}
		}
	}
	if err := m.agree(); err != nil {
		return err
	}
	for _, w := range m.worlds {
		if err := w.finish(); err != nil {
			return err
		}
	}
	return nil
}

// busy reports whether anything can still happen.
func (m *middle) busy() bool {
	for _, w := range m.worlds {
		for _, n := range w.both() {
			if len(n.todo)+len(n.orders)+len(n.out)+len(n.app.waiting)+n.Channel.Summary().NumHTLCs > 0 {
				return true
			}
		}
	}
	return len(m.queue) > 0
}

// agree checks that each HTLC ended as its twin, and that what the middle earned is the fees.
func (m *middle) agree() error {
	want := int64(0)
	for _, n := range m.sides {
		want += int64(n.start)
		for id, result := range n.app.decided {
			k := htlcswitch.Key{Channel: uint64(m.index(n) + 1), HTLC: id}
			row, forwarded := m.disk[k]
			switch {
			case forwarded && (result.Kind == channel.Fulfill) != (m.sides[row.Out.Channel-1].app.results[row.Out.HTLC] == "fulfilled"):
				return fmt.Errorf("HTLC %d of channel %d ended as %v, its twin as %q", id, k.Channel, result.Kind, m.sides[row.Out.Channel-1].app.results[row.Out.HTLC])
			case forwarded && (row.Status == htlcswitch.Settled) != (result.Kind == channel.Fulfill):
				return fmt.Errorf("HTLC %d of channel %d ended as %v, its row says %s", id, k.Channel, result.Kind, row.Status)
			case forwarded && result.Kind == channel.Fulfill:
				want += int64(row.Fee())
			case result.Kind == channel.Fulfill:
				want += int64(n.app.amounts[id])
			}
		}
		twins := map[uint64]bool{}
		for _, row := range m.disk {
			if row.Out.Channel == uint64(m.index(n)+1) {
				if twins[row.Out.HTLC] {
					return fmt.Errorf("HTLC %d of channel %d is the twin of two", row.Out.HTLC, row.Out.Channel)
				}
				twins[row.Out.HTLC] = true
			}
		}
		for h := range n.app.scripts {
			if _, forwarded := m.onions[h.PaymentHash]; forwarded && h.Offered && !twins[h.ID] {
				return fmt.Errorf("HTLC %d of channel %d was forwarded, and is nobody's twin", h.ID, m.index(n)+1)
			}
		}
		for id, result := range n.app.results {
			if result == "fulfilled" && !twins[id] {
				want -= int64(n.peer.app.amounts[id])
			}
		}
	}
	if got := int64(m.sides[0].Channel.LocalContent().ToLocal + m.sides[1].Channel.LocalContent().ToLocal); got != want {
		return fmt.Errorf("the middle has %d msat, want %d", got, want)
	}
	return nil
}
