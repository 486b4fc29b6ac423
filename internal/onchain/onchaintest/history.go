package onchaintest

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/btcsuite/btcd/txscript/v2"
	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/channel"
	"fulmen/internal/channel/channeltest"
	"fulmen/internal/keys"
	"fulmen/internal/onchain"
	"fulmen/internal/onchain/restore"
	"fulmen/internal/tx"
	"fulmen/internal/wire"
)

// Channel is two sides that make a history together.
type Channel struct {
	Opener, Accepter *Side
	Preimages        map[[32]byte][32]byte // of every HTLC that was ever offered
}

// Side is one of them.
type Side struct {
	*channeltest.Node
	*Party
	Peer *Side
	// Published are all commitments of this side, by number, each with what the peer signed.
	Published []Published

	waiting map[uint64]channel.HTLC // the peer's that are irrevocably committed and not decided
	out     []wire.Message
	nextRef uint64
}

// Published is a commitment that its owner can publish.
type Published struct {
	Tx             *tx.Commitment
	Content        channel.Content
	Signature      keys.Signature
	HTLCSignatures []keys.Signature
}

// Open makes a channel that is ready for HTLCs.
func Open(terms channeltest.Terms) (*Channel, error) { return open(terms, false) }

// OpenCopied does the same with an accepter who calls the opener's payment_basepoint its own.
func OpenCopied(terms channeltest.Terms) (*Channel, error) { return open(terms, true) }

func open(terms channeltest.Terms, copied bool) (*Channel, error) {
	parties := map[string]*Party{}
	terms.Signers = func(name string, _ keys.PubKey) (channeltest.Signer, error) {
		parties[name] = NewParty(name)
		if opener := parties["alice"]; copied {
			parties[name].payment = opener.payment
		}
		return parties[name], nil
	}
	a, b, err := channeltest.Open("alice", "bob", terms)
	if err != nil {
		return nil, err
	}
	c := &Channel{Preimages: make(map[[32]byte][32]byte)}
	c.Opener = &Side{Node: a, Party: parties["alice"], waiting: make(map[uint64]channel.HTLC)}
	c.Accepter = &Side{Node: b, Party: parties["bob"], waiting: make(map[uint64]channel.HTLC)}
	c.Opener.Peer, c.Accepter.Peer = c.Accepter, c.Opener
	policy := channeltest.DefaultPolicy()
	policy.MaxDustExposure = 1 << 40
	for _, s := range c.Sides() {
		for _, ev := range []channel.Event{
			channel.SetPolicy{Policy: policy}, channel.NewHeight{Height: 100}, channel.Connected{},
			channel.FundingConfirmed{Depth: 1, ShortChannelID: 1},
		} {
			if err := s.step(ev); err != nil {
				return nil, err
			}
		}
	}
	return c, c.Settle()
}

// Sides are both.
func (c *Channel) Sides() []*Side { return []*Side{c.Opener, c.Accepter} }

// Funding is the output that the commitments spend.
func (c *Channel) Funding() tx.Funding { return c.Opener.params.Funding() }

// Settle delivers everything until nothing happens any more.
func (c *Channel) Settle() error {
	for quiet := false; !quiet; {
		quiet = true
		for _, s := range c.Sides() {
			if err := s.step(channel.Idle{}); err != nil {
				return err
			}
			for len(s.out) > 0 {
				quiet = false
				if err := s.Peer.Receive(); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// Receive takes the next message that the peer has sent.
func (s *Side) Receive() error {
	if len(s.Peer.out) == 0 {
		return nil
	}
	m := s.Peer.out[0]
	s.Peer.out = s.Peer.out[1:]
	return s.step(channel.PeerSent{Msg: m})
}

// Idle lets the side commit to what it has.
func (s *Side) Idle() error { return s.step(channel.Idle{}) }

func (s *Side) step(ev channel.Event) error {
	err := s.Step(ev, func(a channel.Action) {
		switch a := a.(type) {
		case channel.Store:
			s.Log.Append(&a)
		case channel.SendPeer:
			s.out = append(s.out, a.Msg)
		case channel.Received:
			for _, h := range a.HTLCs {
				s.waiting[h.ID] = h.HTLC
			}
		}
	})
	if err != nil {
		return fmt.Errorf("%s: %T: %w", s.Name, ev, err)
	}
	return s.record()
}

// record notes a new commitment.
func (s *Side) record() error {
	content := s.Channel.LocalContent()
	if n := len(s.Published); n > 0 && s.Published[n-1].Content.Number == content.Number {
		return nil
	}
	built, err := s.Channel.LocalCommitment()
	if err != nil {
		return err
	}
	sig, htlcs := s.Channel.RemoteSignatures()
	s.Published = append(s.Published, Published{Tx: built, Content: content, Signature: sig, HTLCSignatures: htlcs})
	return nil
}

// Preimage makes a new one.
func (c *Channel) Preimage(n uint64) (hash [32]byte) {
	var preimage [32]byte
	binary.BigEndian.PutUint64(preimage[24:], n)
	hash = sha256.Sum256(preimage[:])
	c.Preimages[hash] = preimage
	return hash
}

// Offer offers an HTLC.
func (s *Side) Offer(amt amount.Msat, hash [32]byte, expiry block.Height) error {
	s.nextRef++
	return s.step(channel.Offer{
		Ref: s.nextRef, Amount: amt, PaymentHash: hash, CLTVExpiry: expiry, Onion: new([channel.OnionSize]byte),
	})
}

// Decide ends an HTLC of the peer's that is irrevocably committed, with the preimage or without.
func (s *Side) Decide(id uint64, preimage *[32]byte) error {
	delete(s.waiting, id)
	result := channel.Result{Kind: channel.Fail, Reason: []byte("no")}
	if preimage != nil {
		result = channel.Result{Kind: channel.Fulfill, Preimage: *preimage}
	}
	return s.step(channel.Settle{HTLCID: id, Result: result})
}

// SetFeerate offers another fee rate, if the side may.
func (s *Side) SetFeerate(f amount.FeeratePerKw) error {
	return s.step(channel.SetFeerate{Feerate: f})
}

// Random makes the history go on at random for so many steps.
func (c *Channel) Random(rng *rand.Rand, steps int) error {
	n := uint64(0)
	var last [32]byte
	for range steps {
		s := c.Sides()[rng.IntN(2)]
		var err error
		switch dice := rng.IntN(100); {
		case dice < 22:
			n++
			if n == 1 || rng.IntN(5) > 0 { // else the same hash again, as parts of one payment have it
				last = c.Preimage(rng.Uint64())
			}
			size := int64(3_000_000)
			if rng.IntN(2) == 0 {
				size = 150_000_000
			}
			amt := amount.Msat(1 + rng.Int64N(size))
			if rng.IntN(6) == 0 {
				amt = 20_000_000 // so that several are alike
			}
			err = s.Offer(amt, last, block.Height(200+rng.IntN(3)*rng.IntN(20)))
		case dice < 36:
			err = s.decide(c, rng)
		case dice < 38:
			err = s.SetFeerate(amount.FeeratePerKw(253 + rng.IntN(5000)))
		case dice < 60:
			err = s.Idle()
		default:
			err = s.Receive()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Side) decide(c *Channel, rng *rand.Rand) error {
	ids := slices.Sorted(maps.Keys(s.waiting))
	if len(ids) == 0 {
		return nil
	}
	id := ids[rng.IntN(len(ids))]
	var preimage *[32]byte
	if rng.IntN(2) == 0 {
		p := c.Preimages[s.waiting[id].PaymentHash]
		preimage = &p
	}
	return s.Decide(id, preimage)
}

// Sign completes commitment n for broadcast.
func (s *Side) Sign(n int) *btcwire.MsgTx {
	p := &s.Published[n]
	return p.Tx.Signed(s.funding.sign(p.Tx.SigHash()), p.Signature)
}

// State is what the side's machine begins with, from what it has stored.
func (s *Side) State() (*onchain.State, error) {
	ch, err := s.Log.Restore()
	if err != nil {
		return nil, err
	}
	state := restore.State(ch)
	state.Stubs = slices.Clone(s.stubs)
	return state, nil
}

// Spend is a transaction that spends the funding output, signed by both, and is no commitment.
func (c *Channel) Spend(outputs ...*btcwire.TxOut) (*btcwire.MsgTx, error) {
	f := c.Funding()
	t := btcwire.NewMsgTx(2)
	t.AddTxIn(&btcwire.TxIn{PreviousOutPoint: f.Outpoint, Sequence: 0xfffffffd})
	t.TxOut = outputs
	prevouts := txscript.NewCannedPrevOutputFetcher(f.PkScript(), int64(f.Amount))
	var sigs [2]keys.Signature
	for i, s := range c.Sides() {
		var err error
		if sigs[i], err = signInput(t, 0, f.Script(), int64(f.Amount), prevouts, s.funding); err != nil {
			return nil, err
		}
	}
	t.TxIn[0].Witness = f.Witness(c.Opener.funding.pub, sigs[0], c.Accepter.funding.pub, sigs[1])
	return t, nil
}
