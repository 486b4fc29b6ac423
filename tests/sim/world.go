package sim

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/channel"
	"fulmen/internal/channel/channeltest"
	"fulmen/internal/tx"
	"fulmen/internal/wire"
)

// world is both sides and the dice.
type world struct {
	rng       *rand.Rand
	alice     *node
	bob       *node
	preimages map[[32]byte][32]byte
	funding   amount.Sat
	maxDust   amount.Msat // of both: who differs must not raise the fee, and cannot know
	middle    *middle     // in which one of the sides is; nil: in none
	steps     int
	log       func(format string, args ...any)
}

// realEvery says which seeds use real signatures.
const realEvery = 50

func newWorld(seed uint64, opener, accepter string, log func(string, ...any)) (*world, error) {
	rng := rand.New(rand.NewPCG(seed, 0))
	terms := channeltest.DefaultTerms()
	terms.Cheap = seed%realEvery != 0
	terms.Anchors = rng.IntN(2) == 0
	terms.Feerate = amount.FeeratePerKw(253 + rng.IntN(3000))
	terms.ToOpener = amount.Msat(rng.Int64N(1_000_000_000))
	if terms.ToOpener < 30_000_000 {
		terms.ToOpener = 30_000_000
	}
	for _, s := range []*channel.Side{&terms.Opener, &terms.Accepter} {
		s.DustLimit = amount.Sat(354 + rng.IntN(1000))
		s.MaxAcceptedHTLCs = uint16(1 + rng.IntN(30))
		s.MaxHTLCValueInFlight = amount.Msat(10_000_000 + rng.Int64N(1_000_000_000))
	}
	a, b, err := channeltest.Open(opener, accepter, terms)
	if err != nil {
		return nil, err
	}
	w := &world{rng: rng, preimages: make(map[[32]byte][32]byte), funding: terms.Funding, log: log}
	w.maxDust = amount.Msat(rng.Int64N(10_000_000))
	w.alice, w.bob = w.node(a), w.node(b)
	w.alice.peer, w.bob.peer = w.bob, w.alice
	for _, n := range w.both() {
		if err := n.begin(); err != nil {
			return nil, err
		}
		n.up = true
	}
	return w, nil
}

func (w *world) node(n *channeltest.Node) *node {
	policy := channeltest.DefaultPolicy()
	policy.ShutdownScript = channeltest.Script(n.Name)
	policy.ScriptRules = tx.ScriptRules{AnySegwit: true}
	policy.MaxDustExposure = w.maxDust
	return &node{Node: n, rng: w.rng, policy: policy, start: n.Channel.LocalContent().ToLocal, app: &app{
		offered: make(map[uint64]uint64), results: make(map[uint64]string),
		decided: make(map[uint64]channel.Result), waiting: make(map[uint64]channel.HTLC), resolved: make(map[uint64]bool),
		amounts: make(map[uint64]amount.Msat), scripts: make(map[channel.HTLC]bool),
	}}
}

func (w *world) both() []*node { return []*node{w.alice, w.bob} }

// run lets things happen, then lets them come to an end.
func (w *world) run() error {
	for range 150 + w.rng.IntN(250) {
		if err := w.happen(w.both()[w.rng.IntN(2)]); err != nil {
			return err
		}
		if err := w.check(); err != nil {
			return err
		}
	}
	return w.finish()
}

// happen does one thing on n: mostly what goes on anyway, sometimes an order, seldom a disaster.
func (w *world) happen(n *node) error {
	w.steps++
	switch dice := w.rng.IntN(100); {
	case dice == 0:
		return w.disconnect(nil)
	case dice == 1:
		return w.disconnect(n)
	case len(n.todo) > 0:
		return n.act()
	case len(n.orders) > 0 && dice < 60:
		return n.obey()
	case dice < 4:
		n.sync()
		return nil
	case dice < 16:
		return w.offer(n)
	case dice < 28:
		return w.settle(n)
	case dice < 31:
		return n.step(channel.SetFeerate{Feerate: amount.FeeratePerKw(253 + w.rng.IntN(6000))})
	case dice < 60:
		return n.step(channel.Idle{})
	case len(n.peer.out) > 0:
		return w.deliver(n)
	}
	return nil
}

// deliver hands n the next message, as the wire has it.
func (w *world) deliver(n *node) error {
	m := n.peer.out[0]
	n.peer.out = n.peer.out[1:]
	w.log("%s <- %s", n.Name, m.Type())
	decoded, err := wire.Decode(wire.Encode(m))
	if err != nil {
		return fmt.Errorf("%s: %w", n.Name, err)
	}
	return n.step(channel.PeerSent{Msg: decoded})
}

// disconnect drops what is on its way. Both cores end wherever they are; of the one that crashed,
// also what it had not stored is lost.
func (w *world) disconnect(crashed *node) error {
	if w.middle != nil {
		return w.middle.disconnect(w, crashed)
	}
	w.log("disconnect, crashed: %t", crashed != nil)
	for _, n := range w.both() {
		if err := n.restart(n == crashed); err != nil {
			return err
		}
	}
	return nil
}

// offer orders an HTLC of any size, trimmed or not.
func (w *world) offer(n *node) error {
	var preimage [32]byte
	binary.BigEndian.PutUint64(preimage[:], w.rng.Uint64())
	hash := sha256.Sum256(preimage[:])
	w.preimages[hash] = preimage
	size := int64(3_000_000)
	if w.rng.IntN(4) == 0 {
		size = 300_000_000
	}
	n.app.nextRef++
	offer := channel.Offer{
		Ref: n.app.nextRef, Amount: amount.Msat(1 + w.rng.Int64N(size)), PaymentHash: hash,
		CLTVExpiry: block.Height(200 + w.rng.IntN(3)), Onion: new([channel.OnionSize]byte),
	}
	if w.middle != nil && n.middle == nil {
		w.middle.plan(&offer)
	}
	return n.step(offer)
}

// settle decides about one HTLC of the peer, and orders it.
func (w *world) settle(n *node) error {
	ids := slices.Sorted(maps.Keys(n.app.waiting))
	if len(ids) == 0 {
		return nil
	}
	h := n.app.waiting[ids[w.rng.IntN(len(ids))]]
	result, ok := n.app.decided[h.ID]
	if !ok {
		switch w.rng.IntN(4) {
		case 0:
			result = channel.Result{Kind: channel.Fail, Reason: []byte("because")}
		case 1:
			result = channel.Result{Kind: channel.Malformed, FailureCode: 0xc005}
		default:
			result = channel.Result{Kind: channel.Fulfill, Preimage: w.preimages[h.PaymentHash]}
		}
		n.app.decided[h.ID] = result
	}
	delete(n.app.waiting, h.ID)
	return n.step(channel.Settle{HTLCID: h.ID, Result: result})
}
