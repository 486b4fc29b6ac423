package opening

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"

	"fulmen/internal/features"
	"fulmen/internal/keys"
	"fulmen/internal/tx"
	"fulmen/internal/wire"
)

// node is one side of the pair: its machine, its keys and the last message it sent.
type node struct {
	machine *Machine
	funding *btcec.PrivateKey
	config  Config
	sent    wire.Message
	asked   *AskSigner
	channel *Channel
}

// pair is alice, who opens, and bob.
type pair struct {
	t          testing.TB
	alice, bob *node
	proposal   Proposal
}

func key(seed byte) (*btcec.PrivateKey, keys.PubKey) {
	priv, pub := btcec.PrivKeyFromBytes(bytes.Repeat([]byte{seed}, 32))
	return priv, keys.PubKey(pub.SerializeCompressed())
}

func newNode(seed byte) *node {
	n := &node{config: Config{
		ChainHash:          [32]byte{0x6f},
		TemporaryChannelID: wire.ChannelID{31: 0xaa},
		Features:           Features{Local: features.Ours(features.Init), Remote: features.Ours(features.Init)},
		Limits: Limits{
			MinFunding: 10_000, MaxFunding: 1_000_000_000, MinFeerate: 253, MaxFeerate: 50_000,
			MaxToSelfDelay: 2016, MaxDustLimit: 5000, MaxReservePercent: 10, MaxHTLCMinimum: 10_000,
			MinHTLCValueInFlight: 1_000_000, MinAcceptedHTLCs: 5, MaxMinimumDepth: 20,
		},
		Local: Terms{
			DustLimit: 354, MaxHTLCValueInFlight: 990_000_000, HTLCMinimum: 1, ToSelfDelay: 144, MaxAcceptedHTLCs: 483,
		},
	}}
	t := &n.config.Local
	n.funding, t.FundingPubkey = key(seed)
	_, t.Basepoints.Revocation = key(seed + 1)
	_, t.Basepoints.Payment = key(seed + 2)
	_, t.Basepoints.DelayedPayment = key(seed + 3)
	_, t.Basepoints.HTLC = key(seed + 4)
	_, t.FirstPerCommitmentPoint = key(seed + 5)
	return n
}

func newPair(t testing.TB) *pair {
	p := &pair{t: t}
	p.reset()
	return p
}

func (p *pair) reset() {
	p.alice, p.bob = newNode(0x10), newNode(0x20)
	p.proposal = Proposal{Funding: 1_000_000, Feerate: 1000, Announce: true, Type: features.TypeAnchors}
}

// do carries out one line of a script.
func (p *pair) do(line string) []string {
	p.t.Helper()
	words := strings.Fields(line)
	switch words[0] {
	case "set": // set [alice|bob] field=value...: before new
		p.set(words[1], words[2:])
		return nil
	case "new": // both machines; what was set stays
		return p.begin()
	case "reset": // forget what was set
		p.reset()
		return nil
	case "judge": // judge MESSAGE [field=value...]: a fresh opening up to MESSAGE, changed like this
		return p.judge(words[1], words[2:])
	}
	n, other := p.alice, p.bob
	if words[0] == "bob" {
		n, other = p.bob, p.alice
	}
	switch words[1] {
	case "starts":
		return p.step(n, Start{})
	case "receives": // receives [field=value...]: what the other sent last
		return p.step(n, PeerSent{p.change(other.sent, words[2:])})
	case "funds":
		return p.step(n, FundingChosen{Txid: [32]byte{31: 0xf0}, OutputIndex: uint32(p.uint(words[2], 32))})
	case "signs":
		return p.step(n, Signed{p.sign(n)})
	case "gets": // gets error|warning TEXT
		if words[2] == "error" {
			return p.step(n, PeerSent{&wire.Error{Data: []byte(words[3])}})
		}
		return p.step(n, PeerSent{&wire.Warning{Data: []byte(words[3])}})
	}
	p.t.Fatalf("unknown command %q", line)
	return nil
}

func (p *pair) uint(s string, bits int) uint64 {
	p.t.Helper()
	v, err := strconv.ParseUint(s, 10, bits)
	if err != nil {
		p.t.Fatal(err)
	}
	return v
}

// set changes the proposal, or a node's terms, limits or feature bits.
func (p *pair) set(what string, assignments []string) {
	p.t.Helper()
	for _, a := range assignments {
		name, value, _ := strings.Cut(a, "=")
		targets := []any{&p.proposal}
		if what != "proposal" {
			n := p.alice
			if what == "bob" {
				n = p.bob
			}
			if name == "without_feature" {
				bit := features.Bit(p.uint(value, 16))
				n.config.Features.Remote = without(n.config.Features.Remote, bit)
				continue
			}
			if name == "with_feature" {
				bit := features.Bit(p.uint(value, 16))
				n.config.Features.Local = bytes.Clone(n.config.Features.Local)
				n.config.Features.Local = n.config.Features.Local.Set(bit)
				n.config.Features.Remote = n.config.Features.Local
				continue
			}
			targets = []any{&n.config, &n.config.Local, &n.config.Limits}
		}
		if !setField(p.t, targets, name, value) {
			p.t.Fatalf("set: no field %s", name)
		}
	}
}

// without is v with neither bit of a pair.
func without(v features.Vector, b features.Bit) features.Vector {
	var kept features.Vector
	for bit := range v.All() {
		if bit.Compulsory() != b.Compulsory() {
			kept = kept.Set(bit)
		}
	}
	return kept
}

func (p *pair) begin() []string {
	opener, err := NewOpener(p.alice.config, p.proposal)
	if err != nil {
		return []string{"refused: " + err.Error()}
	}
	p.alice.machine, p.bob.machine = opener, NewAccepter(p.bob.config, 3)
	return nil
}

// judge runs a good opening up to a message and prints what comes of that one.
func (p *pair) judge(message string, changes []string) []string {
	p.t.Helper()
	if refused := p.begin(); refused != nil {
		return refused
	}
	to, good := p.runTo(messageTypes[message])
	return p.step(to, PeerSent{p.change(good, changes)})[:1]
}

var messageTypes = map[string]wire.MessageType{
	"open_channel": wire.MsgOpenChannel, "accept_channel": wire.MsgAcceptChannel,
	"funding_created": wire.MsgFundingCreated, "funding_signed": wire.MsgFundingSigned,
}

// change copies a message and sets fields in it.
func (p *pair) change(m wire.Message, assignments []string) wire.Message {
	p.t.Helper()
	copied, err := wire.Decode(wire.Encode(m))
	if err != nil {
		p.t.Fatal(err)
	}
	for _, a := range assignments {
		name, value, _ := strings.Cut(a, "=")
		if !setField(p.t, []any{copied}, name, value) {
			p.t.Fatalf("%s has no field %s", m.Type(), name)
		}
	}
	return copied
}

// sign does hsmd's part: it rebuilds the remote's commitment 0 and signs it.
func (p *pair) sign(n *node) keys.Signature {
	p.t.Helper()
	c := n.channel
	k, err := keys.DeriveCommitmentKeys(&c.Remote.Basepoints, &c.Local.Basepoints, n.asked.PerCommitmentPoint)
	if err != nil {
		p.t.Fatal(err)
	}
	opener, accepter := c.Local.Basepoints.Payment, c.Remote.Basepoints.Payment
	if !c.Opener {
		opener, accepter = accepter, opener
	}
	commitment, err := tx.BuildCommitment(&tx.CommitmentParams{
		Funding: &c.Funding, OwnerFundingKey: c.Remote.FundingPubkey, OtherFundingKey: c.Local.FundingPubkey,
		ObscuringFactor: tx.ObscuringFactor(opener, accepter), Anchors: c.Type.Has(features.Anchors), OwnerIsOpener: !c.Opener,
		DustLimit: c.Remote.DustLimit, ToSelfDelay: c.Local.ToSelfDelay, Keys: k,
	}, 0, n.asked.Feerate, n.asked.ToRemote, n.asked.ToLocal, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	digest := commitment.SigHash()
	sig, err := keys.SignatureFromDER(ecdsa.Sign(n.funding, digest[:]).Serialize())
	if err != nil {
		p.t.Fatal(err)
	}
	return sig
}

// step prints the actions of one event, and remembers what later commands need.
func (p *pair) step(n *node, ev Event) []string {
	actions, err := n.machine.Step(ev)
	var out []string
	for _, a := range actions {
		switch a := a.(type) {
		case SendPeer:
			n.sent = a.Msg
			out = append(out, "send "+show(a.Msg))
		case AskFunding:
			out = append(out, fmt.Sprintf("ask funding amount=%s script=%x type=%s minimum_depth=%d", a.Amount, a.PkScript, a.Type, a.MinimumDepth))
		case SetupSigner:
			n.channel = a.Channel
			out = append(out, fmt.Sprintf("setup signer funding=%s:%d", a.Channel.Funding.Outpoint.Hash, a.Channel.Funding.Outpoint.Index))
		case AskSigner:
			n.asked = &a
			out = append(out, fmt.Sprintf("ask signer feerate=%s to_local=%s to_remote=%s", a.Feerate, a.ToLocal, a.ToRemote))
		case AlsoKnownAs:
			out = append(out, fmt.Sprintf("also known as %s", a.ChannelID))
		case Opened:
			c := a.Channel
			out = append(out, fmt.Sprintf("opened %s opener=%t type=%s to_local=%s to_remote=%s minimum_depth=%d",
				c.ChannelID, c.Opener, c.Type, c.ToLocal, c.ToRemote, c.MinimumDepth))
		case PeerFailed:
			out = append(out, fmt.Sprintf("peer failed: %q", a.Text))
		case PeerWarned:
			out = append(out, fmt.Sprintf("peer warned: %q", a.Text))
		}
	}
	return append(out, showError(err)...)
}

func showError(err error) []string {
	var f *Fault
	switch {
	case err == nil:
		return nil
	case errors.As(err, &f):
		return []string{"fault: " + err.Error()}
	}
	return []string{"error: " + err.Error()}
}

// show prints the fields that matter for the reader of a script.
func show(m wire.Message) string {
	s := m.Type().String()
	for _, name := range []string{
		"funding_satoshis", "push_msat", "dust_limit_satoshis", "channel_reserve_satoshis", "feerate_per_kw", "minimum_depth",
		"to_self_delay", "max_accepted_htlcs", "channel_flags", "channel_type", "upfront_shutdown_script", "funding_output_index",
	} {
		if f, ok := field(m, name); ok {
			if f.Kind() == reflect.Slice {
				s += fmt.Sprintf(" %s=%x", name, f.Bytes())
			} else {
				s += fmt.Sprintf(" %s=%v", name, f.Interface())
			}
		}
	}
	return s
}

// field finds a struct's field by its BOLT name.
func field(of any, name string) (reflect.Value, bool) {
	v := reflect.ValueOf(of).Elem()
	name = strings.ReplaceAll(name, "_", "")
	for i := range v.NumField() {
		if strings.EqualFold(v.Type().Field(i).Name, name) {
			return v.Field(i), true
		}
	}
	return reflect.Value{}, false
}

// setField parses a value into the first target that has the field: a number, hex, or none.
func setField(t testing.TB, targets []any, name, value string) bool {
	t.Helper()
	for _, target := range targets {
		f, ok := field(target, name)
		if !ok {
			continue
		}
		switch f.Kind() {
		case reflect.Bool:
			f.SetBool(value == "true")
		case reflect.Array:
			b, err := hex.DecodeString(value)
			if err != nil || len(b) > f.Len() {
				t.Fatalf("%s=%s: %v", name, value, err)
			}
			f.SetZero()
			reflect.Copy(f, reflect.ValueOf(b))
		case reflect.Slice:
			f.SetZero()
			if value != "none" {
				b, err := hex.DecodeString(value)
				if err != nil {
					t.Fatal(err)
				}
				f.SetBytes(append([]byte{}, b...))
			}
		default:
			v, err := strconv.ParseUint(value, 0, 64)
			if err != nil {
				t.Fatal(err)
			}
			f.SetUint(v)
		}
		return true
	}
	return false
}
