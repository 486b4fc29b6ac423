package htlcswitch_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/htlcswitch"
	"fulmen/internal/onion"
	"fulmen/internal/wire"
)

var seeds = flag.Uint64("seeds", 300, "how many histories TestProperty runs")

// TestProperty runs random histories over a disk that loses what was not stored, and lightningd killed
// between any two steps. At the end every HTLC has one outcome, the one of its twin, no HTLC ever had two
// twins, and what came in less what went out is what was earned.
func TestProperty(t *testing.T) {
	for seed := range *seeds {
		w := newWorld(seed)
		if err := w.run(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

// world is a switch, its disk, and the truth that the peers see.
type world struct {
	rng      *rand.Rand
	s        *htlcswitch.Switch
	channels channels
	htlcs    []htlcswitch.HTLC
	arrived  map[htlcswitch.Key]bool // told to this run of the switch
	offers   []htlcswitch.Offer      // not yet decided by their channels; lost with lightningd
	pending  []htlcswitch.End        // submitted, not on disk; lost with lightningd
	disk     map[htlcswitch.Key]htlcswitch.Forward
	twins    map[htlcswitch.Key]htlcswitch.Key // by the HTLC; as the outgoing channels have them on disk
	ends     map[htlcswitch.Key]string         // of the twins
	outcomes map[htlcswitch.Key]string         // of the HTLCs
	live     map[htlcswitch.Key]*htlcswitch.Forward
	nextTwin uint64
}

func newWorld(seed uint64) *world {
	w := &world{
		rng: rand.New(rand.NewPCG(seed, 1)), channels: channels{}, disk: map[htlcswitch.Key]htlcswitch.Forward{},
		twins: map[htlcswitch.Key]htlcswitch.Key{}, ends: map[htlcswitch.Key]string{}, outcomes: map[htlcswitch.Key]string{},
	}
	for id := range uint64(4) {
		w.channels[id+1] = &entry{Channel: htlcswitch.Channel{
			ID: id + 1, ShortChannelID: 100 * (1 + wire.ShortChannelID(id)), Peer: [33]byte{byte(id / 2)}, Spendable: 1_000_000,
			Terms: htlcswitch.Terms{FeeBase: amount.Msat(w.rng.Uint64N(100)), FeePPM: w.rng.Uint32N(20_000), HTLCMax: 900_000, CLTVDelta: 10},
		}}
	}
	for id := range uint64(20) {
		out := amount.Msat(w.rng.Uint64N(1_000_000))
		w.htlcs = append(w.htlcs, htlcswitch.HTLC{
			Key: htlcswitch.Key{Channel: 1 + w.rng.Uint64N(4), HTLC: id}, ShortChannelID: 100 * wire.ShortChannelID(w.rng.Uint64N(6)),
			Amount: out + amount.Msat(w.rng.Uint64N(20_000)), AmtToForward: out, OutgoingCLTV: 130, CLTVExpiry: 130 + block.Height(w.rng.Uint32N(20)),
		})
	}
	w.restart()
	return w
}

func (w *world) run() error {
	for range 200 {
		if err := w.step(w.rng.IntN(100)); err != nil {
			return err
		}
	}
	for range 1000 { // no disasters any more: everything comes to its end
		for i := range w.htlcs {
			if err := w.arrive(&w.htlcs[i]); err != nil {
				return err
			}
		}
		if err := w.step(15 + w.rng.IntN(85)); err != nil {
			return err
		}
	}
	return w.check()
}

func (w *world) step(dice int) error {
	switch {
	case dice < 5:
		w.restart()
	case dice < 15: // a channel's process ends: its offers are refused, and its HTLCs told again
		return w.processEnds(1 + w.rng.Uint64N(4))
	case dice < 35:
		return w.arrive(&w.htlcs[w.rng.IntN(len(w.htlcs))])
	case dice < 60:
		return w.decideOffer()
	case dice < 80:
		return w.endTwin()
	case len(w.pending) > 0:
		return w.save()
	}
	return nil
}

// restart is SIGKILL and a start: what is not on disk never was.
func (w *world) restart() {
	w.s = htlcswitch.New(w.channels)
	w.arrived, w.offers, w.pending = map[htlcswitch.Key]bool{}, nil, nil
	w.live = map[htlcswitch.Key]*htlcswitch.Forward{}
	for k, row := range w.disk {
		if row.Status == htlcswitch.Offered {
			f := row
			w.live[k] = &f
			w.s.Restore(&f)
		}
	}
}

// arrive tells of an HTLC that has no outcome, unless this run was told already.
func (w *world) arrive(h *htlcswitch.HTLC) error {
	if w.outcomes[h.Key] != "" || w.arrived[h.Key] {
		return nil
	}
	w.arrived[h.Key] = true
	if row, linked := w.disk[h.Key]; linked && !w.s.Knows(h.Key) {
		w.s.Restore(&row)
	}
	return w.do(w.s.Arrive(*h, now, 100)...)
}

func (w *world) do(actions ...htlcswitch.Action) error {
	for _, a := range actions {
		switch a := a.(type) {
		case htlcswitch.Offer:
			if _, has := w.twins[a.Forward.Key]; has {
				return fmt.Errorf("HTLC %v is offered again", a.Forward.Key)
			}
			w.offers = append(w.offers, a)
		case htlcswitch.End:
			if a.Row.Out.Channel == 0 {
				return w.settle(a.Settle)
			}
			w.pending = append(w.pending, a)
		case htlcswitch.Settle:
			return w.settle(a)
		}
	}
	return nil
}

// settle is the incoming channel's.
func (w *world) settle(s htlcswitch.Settle) error {
	outcome := "failed"
	if s.Preimage != nil {
		outcome = "fulfilled"
	}
	if have := w.outcomes[s.Key]; have != "" && have != outcome {
		return fmt.Errorf("HTLC %v is %s after it was %s", s.Key, outcome, have)
	}
	if twin, has := w.twins[s.Key]; has && w.ends[twin] != outcome {
		return fmt.Errorf("HTLC %v is %s, its twin %v %q", s.Key, outcome, twin, w.ends[twin])
	}
	if row, linked := w.disk[s.Key]; linked && row.Status == htlcswitch.Offered {
		return fmt.Errorf("HTLC %v is %s before that is on disk", s.Key, outcome)
	}
	w.outcomes[s.Key] = outcome
	return nil
}

// decideOffer has a channel commit to an offer, or refuse it.
func (w *world) decideOffer() error {
	if len(w.offers) == 0 {
		return nil
	}
	i := w.rng.IntN(len(w.offers))
	o := w.offers[i]
	w.offers = slices.Delete(w.offers, i, i+1)
	if w.rng.IntN(4) == 0 {
		return w.do(w.s.Refuse(o.Forward, o.Channel, onion.TemporaryChannelFailure, now, 100))
	}
	w.nextTwin++
	twin := htlcswitch.Key{Channel: o.Channel, HTLC: w.nextTwin}
	if other, has := w.twins[o.Forward.Key]; has {
		return fmt.Errorf("HTLC %v has twins %v and %v", o.Forward.Key, other, twin)
	}
	// The link and the outgoing channel's record are one unit: both are on disk, or neither.
	w.disk[o.Forward.Key] = w.s.Commit(o.Forward, twin)
	w.twins[o.Forward.Key], w.live[o.Forward.Key] = twin, o.Forward
	return nil
}

// endTwin ends one that lives.
func (w *world) endTwin() error {
	for k, f := range w.live {
		delete(w.live, k)
		var end htlcswitch.End
		var ok bool
		switch w.rng.IntN(3) {
		case 0:
			end, ok = w.s.Fulfill(f, [32]byte{7}, nil, now)
		case 1:
			end, ok = w.s.Return(f, []byte{1}, nil, now)
		default:
			end, ok = w.s.Fail(f, &onion.Failure{Code: onion.InvalidOnionHMAC}, now)
		}
		if !ok {
			return fmt.Errorf("HTLC %v had an end already", k)
		}
		return w.do(end)
	}
	return nil
}

// save puts the oldest end on disk, in one unit with the outgoing channel's record of it.
func (w *world) save() error {
	end := w.pending[0]
	w.pending = w.pending[1:]
	w.disk[end.Row.Key] = end.Row
	w.ends[end.Row.Out] = "failed"
	if end.Row.Status == htlcswitch.Settled {
		w.ends[end.Row.Out] = "fulfilled"
	}
	w.s.Stored(end.Row.Key)
	return w.settle(end.Settle)
}

func (w *world) processEnds(channel uint64) error {
	var lost, kept []htlcswitch.Offer
	for _, o := range w.offers {
		if o.Channel == channel {
			lost = append(lost, o)
		} else {
			kept = append(kept, o)
		}
	}
	w.offers = kept
	for _, o := range lost {
		if err := w.do(w.s.Refuse(o.Forward, o.Channel, onion.TemporaryChannelFailure, now, 100)); err != nil {
			return err
		}
	}
	for i := range w.htlcs {
		if w.htlcs[i].Channel == channel {
			delete(w.arrived, w.htlcs[i].Key)
		}
	}
	return nil
}

func (w *world) check() error {
	var in, out, earned amount.Msat
	for _, h := range w.htlcs {
		outcome := w.outcomes[h.Key]
		twin, has := w.twins[h.Key]
		switch {
		case outcome == "":
			return fmt.Errorf("HTLC %v has no outcome", h.Key)
		case has && w.ends[twin] != outcome, !has && outcome != "failed":
			return fmt.Errorf("HTLC %v is %s, its twin %q", h.Key, outcome, w.ends[twin])
		}
		if outcome == "fulfilled" {
			row := w.disk[h.Key]
			in, out, earned = in+h.Amount, out+row.AmtToForward, earned+row.Fee()
			if terms := w.channels[twin.Channel].Terms; row.Fee() < terms.FeeBase+row.AmtToForward*amount.Msat(terms.FeePPM)/1_000_000 {
				return fmt.Errorf("HTLC %v was forwarded for %s", h.Key, row.Fee())
			}
		}
	}
	if in != out+earned {
		return fmt.Errorf("%s came, %s left, %s was earned", in, out, earned)
	}
	return nil
}
