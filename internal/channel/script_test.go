package channel_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/channel"
	"fulmen/internal/channel/channeltest"
	"fulmen/internal/keys"
	"fulmen/internal/scripttest"
	"fulmen/internal/wire"
)

// TestScripts runs two cores with real signers against each other, step by step:
//
//	open [anchors=] [...]     a channel from alice to bob, locked in unless ready=false
//	alice offer|settle|...    an order to one side; "alice idle" lets it act
//	deliver alice [n=1]       hands bob what alice has sent (all, or the first n)
//	alice receives TYPE ...   a message that bob never sent
//	tamper alice FIELD        changes the last message that alice has sent
//	run                       idle and deliver on both sides until nothing happens
//	disconnect, reconnect     both restore what they stored; reconnect lets them find out
//	alice rollback [n=1]      takes records from what alice stored, as an old backup would
func TestScripts(t *testing.T) {
	scripttest.Run(t, "testdata/*.txtar", func(t *testing.T) scripttest.Env { return &pair{t: t} })
}

// pair is two sides and what is on its way between them.
type pair struct {
	t          *testing.T
	alice, bob *side
}

type side struct {
	*channeltest.Node
	peer   *side
	out    []wire.Message
	policy channel.Policy
	height block.Height
}

func (p *pair) Do(c *scripttest.Command) (out []string) {
	defer c.Done()
	if c.Word(0) == "open" {
		return p.open(c)
	}
	if p.alice == nil {
		p.t.Fatalf("%s: before open", c.Line)
	}
	switch c.Word(0) {
	case "run":
		return p.run()
	case "quiet":
		p.run()
		return nil
	case "deliver":
		s := p.side(c.Word(1))
		return s.deliver(int(c.Uint("n", uint64(len(s.out)))))
	case "tamper":
		p.side(c.Word(1)).tamper(c)
		return nil
	case "disconnect":
		for _, s := range []*side{p.alice, p.bob} {
			s.restore(c)
		}
		return nil
	case "reconnect":
		return slices.Concat(p.alice.step(channel.Connected{}), p.bob.step(channel.Connected{}), p.run())
	}
	return p.side(c.Word(0)).do(c)
}

func (p *pair) side(name string) *side {
	switch name {
	case "alice":
		return p.alice
	case "bob":
		return p.bob
	}
	p.t.Fatalf("no side %q", name)
	return nil
}

func (p *pair) open(c *scripttest.Command) []string {
	terms := channeltest.DefaultTerms()
	terms.Anchors = c.Bool("anchors", true)
	terms.Announce = c.Bool("announce", false)
	terms.Feerate = amount.FeeratePerKw(c.Uint("feerate", 1000))
	terms.ToOpener = amount.Msat(c.Uint("to_opener", 600_000_000))
	for _, s := range []*channel.Side{&terms.Opener, &terms.Accepter} {
		s.DustLimit = amount.Sat(c.Uint("dust_limit", uint64(s.DustLimit)))
	}
	bob := &terms.Accepter // what binds alice
	bob.HTLCMinimum = amount.Msat(c.Uint("htlc_minimum", 1))
	bob.MaxAcceptedHTLCs = uint16(c.Uint("max_accepted_htlcs", 483))
	bob.MaxHTLCValueInFlight = amount.Msat(c.Uint("max_in_flight", 1_000_000_000))
	bob.ChannelReserve = amount.Sat(c.Uint("reserve", 10_000))
	if c.Bool("upfront", false) {
		terms.Opener.UpfrontShutdownScript = channeltest.Script("alice upfront")
	}
	a, b, err := channeltest.Open("alice", "bob", terms)
	if err != nil {
		p.t.Fatal(err)
	}
	p.alice, p.bob = p.start(a), p.start(b)
	p.alice.peer, p.bob.peer = p.bob, p.alice
	ready := c.Bool("ready", true)
	for _, s := range []*side{p.alice, p.bob} {
		s.begin()
		s.step(channel.Connected{})
		if ready {
			s.step(channel.FundingConfirmed{Depth: 1, ShortChannelID: wire.NewShortChannelID(100, 1, 0)})
		}
	}
	p.run()
	return nil
}

func (p *pair) start(n *channeltest.Node) *side {
	policy := channeltest.DefaultPolicy()
	policy.ShutdownScript = channeltest.Script(n.Name)
	local, err := channeltest.NodeOf(n.Name)
	if err != nil {
		p.t.Fatal(err)
	}
	remote, err := channeltest.NodeOf(map[string]string{"alice": "bob", "bob": "alice"}[n.Name])
	if err != nil {
		p.t.Fatal(err)
	}
	policy.Node = channel.NodeInfo{LocalID: local.ID(), RemoteID: remote.ID()}
	return &side{Node: n, policy: policy, height: 400}
}

// begin tells a new core what it is told at every start.
func (s *side) begin() {
	s.step(channel.SetPolicy{Policy: s.policy})
	s.step(channel.NewHeight{Height: s.height})
}

func (s *side) restore(c *scripttest.Command) {
	ch, err := s.Log.Restore()
	if err != nil {
		c.T.Fatalf("%s: %v", c.Line, err)
	}
	s.Channel, s.out = ch, nil
	s.begin()
}

// run lets both sides act until nothing is on its way.
func (p *pair) run() (out []string) {
	for range 100 {
		lines := slices.Concat(
			p.alice.step(channel.Idle{}), p.bob.step(channel.Idle{}),
			p.alice.deliver(len(p.alice.out)), p.bob.deliver(len(p.bob.out)))
		if len(lines) == 0 {
			return out
		}
		out = append(out, lines...)
	}
	p.t.Fatal("the two never come to rest")
	return nil
}

// deliver hands the peer the first n messages.
func (s *side) deliver(n int) (out []string) {
	list := s.out[:n]
	s.out = slices.Clone(s.out[n:])
	for _, m := range list {
		out = append(out, s.peer.receive(m)...)
	}
	return out
}

// receive decodes a message as it came over the wire.
func (s *side) receive(m wire.Message) []string {
	decoded, err := wire.Decode(wire.Encode(m))
	if err != nil {
		return []string{s.Name + ": " + err.Error()}
	}
	return append([]string{fmt.Sprintf("%s: receives %s", s.Name, describe(m))}, s.step(channel.PeerSent{Msg: decoded})...)
}

// step steps the core and prints what it asks for; after a fault the side is dead until restored.
func (s *side) step(ev channel.Event) (out []string) {
	err := s.Step(ev, func(a channel.Action) {
		switch a := a.(type) {
		case channel.SendPeer:
			s.out = append(s.out, a.Msg)
		case channel.Store:
			s.Log.Append(&a)
		}
		out = append(out, s.Name+": "+describeAction(a))
	})
	var fault *channel.Fault
	switch {
	case err == nil, errors.Is(err, channel.ErrDead):
	case errors.As(err, &fault):
		out = append(out, fmt.Sprintf("%s: fault %s: %v", s.Name, fault.Outcome, err))
	default:
		out = append(out, fmt.Sprintf("%s: error: %v", s.Name, err))
	}
	return out
}

// do runs an order to one side.
func (s *side) do(c *scripttest.Command) []string {
	switch c.Word(1) {
	case "idle":
		return s.step(channel.Idle{})
	case "connected":
		return s.step(channel.Connected{})
	case "offer":
		return s.step(offerOf(c))
	case "settle":
		return s.step(settleOf(c))
	case "feerate":
		return s.step(channel.SetFeerate{Feerate: amount.FeeratePerKw(c.Uint("to", 0))})
	case "shutdown":
		var script []byte
		if c.Has("script") {
			script = channeltest.Script(c.String("script", ""))
		}
		return s.step(channel.Shutdown{Script: script})
	case "depth":
		scid := wire.NewShortChannelID(uint32(c.Uint("block", 100)), 1, 0)
		return s.step(channel.FundingConfirmed{Depth: uint32(c.Uint("to", 1)), ShortChannelID: scid})
	case "height":
		s.height = block.Height(c.Uint("to", 0))
		return s.step(channel.NewHeight{Height: s.height})
	case "policy":
		s.setPolicy(c)
		return nil
	case "receives":
		return s.receive(s.hostile(c))
	case "rollback":
		n := c.Uint("n", 1)
		s.Log.Records = s.Log.Records[:len(s.Log.Records)-int(n)]
		return nil
	case "summary":
		return s.summary()
	}
	c.T.Fatalf("%s: unknown order", c.Line)
	return nil
}

func (s *side) setPolicy(c *scripttest.Command) {
	s.policy.MaxDustExposure = amount.Msat(c.Uint("max_dust", uint64(s.policy.MaxDustExposure)))
	s.policy.MaxCLTVExpiry = block.Delta(c.Uint("max_cltv", uint64(s.policy.MaxCLTVExpiry)))
	s.policy.MinFeerate = amount.FeeratePerKw(c.Uint("min_feerate", uint64(s.policy.MinFeerate)))
	s.policy.MaxFeerate = amount.FeeratePerKw(c.Uint("max_feerate", uint64(s.policy.MaxFeerate)))
	s.policy.LocalAlias = wire.ShortChannelID(c.Uint("alias", uint64(s.policy.LocalAlias)))
	s.step(channel.SetPolicy{Policy: s.policy})
}

// preimageOf makes a preimage of a small number.
func preimageOf(n uint64) (p [32]byte) {
	p[31] = byte(n)
	p[30] = byte(n >> 8)
	return p
}

func hashOf(n uint64) [32]byte {
	p := preimageOf(n)
	return sha256.Sum256(p[:])
}

// offerOf: hash=n is the payment hash of preimage n.
func offerOf(c *scripttest.Command) channel.Offer {
	o := channel.Offer{
		Ref: c.Uint("ref", 1), Amount: amount.Msat(c.Uint("amount", 5_000_000)),
		PaymentHash: hashOf(c.Uint("hash", 1)), CLTVExpiry: block.Height(c.Uint("expiry", 500)),
		Onion: new([channel.OnionSize]byte),
	}
	o.Onion[0] = byte(o.Ref)
	return o
}

func settleOf(c *scripttest.Command) channel.Settle {
	s := channel.Settle{HTLCID: c.Uint("id", 0)}
	switch {
	case c.Has("preimage"):
		s.Result = channel.Result{Kind: channel.Fulfill, Preimage: preimageOf(c.Uint("preimage", 0))}
	case c.Has("malformed"):
		s.Result = channel.Result{Kind: channel.Malformed, FailureCode: wire.FailureCode(c.Uint("malformed", 0))}
	default:
		s.Result = channel.Result{Kind: channel.Fail, Reason: []byte(c.String("fail", "reason"))}
	}
	return s
}

func (s *side) summary() []string {
	sum := s.Channel.Summary()
	out := []string{fmt.Sprintf("%s: state=%d to_local=%d spendable=%d receivable=%d feerate=%d local_commitment=%d remote_signed=%d htlcs=%d deadline=%d",
		s.Name, sum.State, sum.ToLocal, sum.Spendable, sum.Receivable, sum.Feerate, sum.LocalNumber, sum.RemoteSigned, sum.NumHTLCs, sum.Deadline)}
	for _, h := range s.Channel.HTLCs() {
		out = append(out, fmt.Sprintf("%s: htlc offered=%t id=%d amount_msat=%d %s trimmed=%t", s.Name, h.Offered, h.ID, h.Amount, h.Progress, h.LocalTrimmed))
	}
	return out
}

// wrongSecret is a per_commitment_secret of nobody.
var wrongSecret = keys.Secret{31: 1}

func fields(format string, args ...any) string {
	return strings.TrimSpace(fmt.Sprintf(format, args...))
}
