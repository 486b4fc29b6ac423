package onchain_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/channel/channeltest"
	"fulmen/internal/keys"
	"fulmen/internal/onchain"
	"fulmen/internal/onchain/onchaintest"
	"fulmen/internal/scripttest"
)

// TestBOLT5Scripts runs testdata/*.txtar. "us" has the machine, "them" is the peer. Outputs are named by the
// transaction, c for what spent the funding output and t1, t2... for the others, and their index.
//
//	open [anchors=] [opener=] [delay=] [to_us=]        a channel; we open it unless opener=them;
//	     [copied=]                                     the accepter calls our payment_basepoint its own
//	us|them offer hash=N amount=SAT expiry=HEIGHT      hash N is that of preimage N
//	us|them fulfill|fail htlc=ID
//	us idle, them receives [n=]                        message by message; "settle" does all there is
//	remember                                           our state now is all that we will have
//	publish us|them [number=] [height=] [lost=] [bad_point=] [upstream=ID:HEIGHT]
//	close us=SAT them=SAT [script=]                    a mutual close
//	mine [OUTPUT...]                                   a block with our claims on these, each alone
//	batch OUTPUT...                                    with all of them in one transaction
//	sent OUTPUT...                                     with our claims from before our state was lost, each alone
//	peer OUTPUT...                                     a block with what the peer can do with these
//	blocks [to=HEIGHT]
//	preimage htlc=ID
//	giveup OUTPUT
//	restart
func TestBOLT5Scripts(t *testing.T) {
	scripttest.Run(t, "testdata/*.txtar", func(t *testing.T) scripttest.Env {
		return &script{t: t, names: make(map[[32]byte]string), knows: make(map[uint64]bool)}
	})
}

type script struct {
	t        *testing.T
	c        *onchaintest.Channel
	us, them *onchaintest.Side
	state    *onchain.State
	run      *onchaintest.Run
	peer     *onchaintest.Peer
	names    map[[32]byte]string
	knows    map[uint64]bool
}

func (s *script) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *script) Do(c *scripttest.Command) []string {
	defer c.Done()
	switch c.Word(0) {
	case "open":
		s.open(c)
	case "us", "them":
		s.side(c)
	case "settle":
		s.must(s.c.Settle())
	case "remember":
		var err error
		s.state, err = s.us.State()
		s.must(err)
	case "publish":
		s.publish(c)
	case "close":
		s.close(c)
	default:
		s.chain(c)
	}
	if s.run == nil {
		return nil
	}
	return s.print(s.run.Said())
}

func (s *script) open(c *scripttest.Command) {
	terms := channeltest.DefaultTerms()
	terms.Anchors = c.Bool("anchors", true)
	delay := block.Delta(c.Uint("delay", 20))
	terms.Opener.ToSelfDelay, terms.Accepter.ToSelfDelay = delay, delay
	toUs := amount.Sat(c.Uint("to_us", 600_000)).Msat()
	opener := c.String("opener", "us") == "us"
	terms.ToOpener = toUs
	if !opener {
		terms.ToOpener = terms.Funding.Msat() - toUs
	}
	open := onchaintest.Open
	if c.Bool("copied", false) {
		open = onchaintest.OpenCopied
	}
	var err error
	s.c, err = open(terms)
	s.must(err)
	s.us, s.them = s.c.Opener, s.c.Accepter
	if !opener {
		s.us, s.them = s.them, s.us
	}
}

// side is an order to one side before the close.
func (s *script) side(c *scripttest.Command) {
	side := s.us
	if c.Word(0) == "them" {
		side = s.them
	}
	switch c.Word(1) {
	case "offer":
		amt := amount.Sat(c.Uint("amount", 50_000)).Msat()
		s.must(side.Offer(amt, s.c.Preimage(c.Uint("hash", 1)), block.Height(c.Uint("expiry", 200))))
	case "fulfill":
		preimage := s.preimageOf(side, c.Uint("htlc", 0))
		s.must(side.Decide(c.Uint("htlc", 0), &preimage))
	case "fail":
		s.must(side.Decide(c.Uint("htlc", 0), nil))
	case "idle":
		s.must(side.Idle())
	case "receives":
		for range c.Uint("n", 1) {
			s.must(side.Receive())
		}
	case "knows":
		s.knows[c.Uint("hash", 1)] = true
	default:
		s.t.Fatalf("%s: unknown", c.Line)
	}
}

// preimageOf is that of an HTLC that was offered to the side.
func (s *script) preimageOf(side *onchaintest.Side, id uint64) [32]byte {
	for _, h := range side.Channel.HTLCs() {
		if !h.Offered && h.ID == id {
			return s.c.Preimages[h.PaymentHash]
		}
	}
	s.t.Fatalf("%s has no htlc %d", side.Name, id)
	return [32]byte{}
}

func (s *script) publish(c *scripttest.Command) {
	if s.state == nil {
		var err error
		s.state, err = s.us.State()
		s.must(err)
	}
	owner, newest := s.them, len(s.them.Published)-1
	if c.Word(1) == "us" {
		owner, newest = s.us, int(s.state.LocalCommitment.Number)
	}
	n := int(c.Uint("number", uint64(newest)))
	if c.Bool("lost", false) {
		point := s.them.Point(keys.CommitmentNumber(n))
		if c.Bool("bad_point", false) {
			point = keys.PubKey{2}
		}
		s.state.FuturePoint = &point
	}
	if id, at, ok := strings.Cut(c.String("upstream", ""), ":"); ok {
		htlc, err := strconv.ParseUint(id, 10, 64)
		s.must(err)
		height, err := strconv.ParseUint(at, 10, 32)
		s.must(err)
		s.state.Upstream = map[uint64]block.Height{htlc: block.Height(height)}
	}
	chain := s.newChain(c)
	s.peer = onchaintest.NewPeer(s.c, chain, s.them, &owner.Published[n], owner == s.them)
	for hash := range s.knows {
		s.peer.Knows[s.c.Preimage(hash)] = true
	}
	s.begin(chain, owner.Sign(n))
}

func (s *script) newChain(c *scripttest.Command) *onchaintest.Chain {
	f := s.c.Funding()
	return onchaintest.NewChain(block.Height(c.Uint("height", 150)-1), f.Outpoint, &btcwire.TxOut{Value: int64(f.Amount), PkScript: f.PkScript()})
}

func (s *script) begin(chain *onchaintest.Chain, spend *btcwire.MsgTx) {
	s.names[spend.TxHash()] = "c"
	var err error
	s.run, err = onchaintest.NewRun(s.us, s.state, chain, spend, nil)
	s.must(err)
}

// close publishes a closing transaction, or anything else that both signed.
func (s *script) close(c *scripttest.Command) {
	var err error
	s.state, err = s.us.State()
	s.must(err)
	s.state.LocalScripts = [][]byte{channeltest.Script("us")}
	s.state.RemoteScripts = [][]byte{channeltest.Script("them")}
	spend, err := s.c.Spend(
		&btcwire.TxOut{Value: int64(c.Uint("us", 0)), PkScript: channeltest.Script(c.String("script", "us"))},
		&btcwire.TxOut{Value: int64(c.Uint("them", 0)), PkScript: channeltest.Script(c.String("their_script", "them"))})
	s.must(err)
	s.begin(s.newChain(c), spend)
}

// chain is what happens after the close.
func (s *script) chain(c *scripttest.Command) {
	switch c.Word(0) {
	case "mine":
		s.must(s.run.Block(s.each(s.claims(c))...))
	case "batch":
		s.must(s.run.Block(s.spend(s.claims(c))))
	case "sent":
		s.must(s.run.Block(s.each(s.lostClaims(c))...))
	case "peer":
		s.must(s.run.Block(s.moves(c)...))
	case "blocks":
		for to := block.Height(c.Uint("to", uint64(s.run.Chain.Height)+1)); s.run.Chain.Height < to; {
			s.must(s.run.Block())
		}
	case "preimage":
		id := c.Uint("htlc", 0)
		for _, h := range s.state.HTLCs {
			if !h.Offered && h.ID == id {
				s.must(s.run.Step(onchain.Preimages{Preimages: []onchain.Preimage{{HTLCID: id, Preimage: s.c.Preimages[h.PaymentHash]}}}))
				break
			}
		}
	case "giveup":
		s.must(s.run.Step(onchain.GiveUp{Outpoints: []btcwire.OutPoint{s.outpoint(c.Word(1))}, Height: s.run.Chain.Height, Reason: "costs more than it is worth"}))
	case "restart":
		s.must(s.run.Restart(true))
		s.must(s.run.Restart(false))
	default:
		s.t.Fatalf("%s: unknown", c.Line)
	}
}

// claims are those on the outputs that the command names, or all that are ready.
func (s *script) claims(c *scripttest.Command) []*onchain.Claim {
	if len(c.Words) == 1 {
		return s.run.Ready()
	}
	return s.on(c, func(o btcwire.OutPoint) *onchain.Claim { return s.run.Claims[o] })
}

// on are the claims on the outputs that the command names.
func (s *script) on(c *scripttest.Command, claim func(btcwire.OutPoint) *onchain.Claim) []*onchain.Claim {
	var list []*onchain.Claim
	for _, word := range c.Words[1:] {
		one := claim(s.outpoint(word))
		if one == nil {
			s.t.Fatalf("%s: %s is not claimed", c.Line, word)
		}
		list = append(list, one)
	}
	return list
}

// lostClaims are those that the state which was lost had on the outputs that the command names.
func (s *script) lostClaims(c *scripttest.Command) []*onchain.Claim {
	state, err := s.us.State()
	s.must(err)
	machine, _, err := onchain.New(state, s.run.Spend, s.run.Chain.Height)
	s.must(err)
	return s.on(c, machine.Claim)
}

// each has one transaction for each claim.
func (s *script) each(claims []*onchain.Claim) (list []*btcwire.MsgTx) {
	for _, claim := range claims {
		list = append(list, s.spend([]*onchain.Claim{claim}))
	}
	return list
}

func (s *script) spend(claims []*onchain.Claim) *btcwire.MsgTx {
	t, err := s.us.Spend(s.run.Chain, claims)
	s.must(err)
	return s.named(t)
}

// named gives a transaction the next name.
func (s *script) named(t *btcwire.MsgTx) *btcwire.MsgTx {
	if _, ok := s.names[t.TxHash()]; !ok {
		s.names[t.TxHash()] = "t" + strconv.Itoa(len(s.names))
	}
	return t
}

// moves are the peer's on exactly these outputs, in one transaction if there is such a one.
func (s *script) moves(c *scripttest.Command) []*btcwire.MsgTx {
	var want []btcwire.OutPoint
	for _, word := range c.Words[1:] {
		want = append(want, s.outpoint(word))
	}
	var list []*btcwire.MsgTx
	for _, t := range s.peer.Moves(func() bool { return true }) {
		if s.run.Chain.Check(t) != nil {
			continue
		}
		spends := 0
		for _, in := range t.TxIn {
			if slices.Contains(want, in.PreviousOutPoint) {
				spends++
			}
		}
		if spends == len(want) {
			list = []*btcwire.MsgTx{t}
			break
		}
		if spends == 1 {
			list = append(list, t)
		}
	}
	if len(list) == 0 {
		s.t.Fatalf("%s: the peer has no move", c.Line)
	}
	for _, t := range list {
		s.peer.Took(s.named(t))
	}
	return list
}

func (s *script) outpoint(name string) btcwire.OutPoint {
	tx, index, _ := strings.Cut(name, ":")
	i, err := strconv.ParseUint(index, 10, 32)
	s.must(err)
	for txid, n := range s.names {
		if n == tx {
			return btcwire.OutPoint{Hash: txid, Index: uint32(i)}
		}
	}
	s.t.Fatalf("no transaction %s", name)
	return btcwire.OutPoint{}
}
