package closing

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
	"github.com/btcsuite/btcd/txscript/v2"

	"fulmen/internal/amount"
	"fulmen/internal/keys"
	"fulmen/internal/tx"
	"fulmen/internal/wire"
)

// node is one side of the pair.
type node struct {
	machine *Machine
	config  Config
	key     *btcec.PrivateKey
	outbox  []wire.Message
	asked   []Content
}

// pair is alice, who opened the channel, and bob.
type pair struct {
	t          testing.TB
	alice, bob *node
}

func newPair(t testing.TB) *pair {
	p := &pair{t: t}
	p.reset()
	return p
}

func newNode(seed byte) (*node, keys.PubKey, []byte) {
	priv, pub := btcec.PrivKeyFromBytes(bytes.Repeat([]byte{seed}, 32))
	key := keys.PubKey(pub.SerializeCompressed())
	return &node{key: priv}, key, tx.P2WPKH(key)
}

// reset is a channel of 1,000,000 sat between two nodes that would pay 1000, from 253 to 5000 per kw.
func (p *pair) reset() {
	alice, aliceKey, aliceScript := newNode(0x10)
	bob, bobKey, bobScript := newNode(0x20)
	alice.config = Config{
		ChannelID: wire.ChannelID{1}, Opener: true,
		Funding:         tx.Funding{KeyA: aliceKey, KeyB: bobKey},
		LocalFundingKey: aliceKey, RemoteFundingKey: bobKey, LocalScript: aliceScript, RemoteScript: bobScript,
		LocalDustLimit: 354, RemoteDustLimit: 354, ScriptRules: tx.ScriptRules{AnySegwit: true, OpReturn: true},
		Feerate: 1000, MinFeerate: 253, MaxFeerate: 5000, LockTime: 800000,
	}
	bob.config = alice.config
	bob.config.Opener = false
	bob.config.LocalFundingKey, bob.config.RemoteFundingKey = bobKey, aliceKey
	bob.config.LocalScript, bob.config.RemoteScript = bobScript, aliceScript
	p.alice, p.bob = alice, bob
	p.balance(700_000_000, 300_000_000)
}

func (p *pair) balance(alice, bob amount.Msat) {
	p.alice.config.ToLocal, p.alice.config.ToRemote = alice, bob
	p.bob.config.ToLocal, p.bob.config.ToRemote = bob, alice
	p.alice.config.Funding.Amount = (alice + bob).Sat()
	p.bob.config.Funding.Amount = (alice + bob).Sat()
}

// do carries out one line of a script.
func (p *pair) do(line string) []string {
	p.t.Helper()
	words := strings.Fields(line)
	switch words[0] {
	case "reset":
		p.reset()
		return nil
	case "balance": // balance ALICE BOB, in msat
		p.balance(amount.Msat(p.uint(words[1])), amount.Msat(p.uint(words[2])))
		return nil
	case "set": // set alice|bob field=value...: before legacy or simple
		p.assign(&p.node(words[1]).config, words[2:])
		return nil
	case "legacy", "simple": // both machines
		return p.begin(words[0] == "simple")
	}
	n := p.node(words[0])
	switch words[1] {
	case "starts":
		return p.step(n, Start{})
	case "bumps":
		return p.step(n, Bump{amount.FeeratePerKw(p.uint(words[2]))})
	case "signs":
		return p.step(n, Signed{p.sign(n)})
	case "receives": // receives [field=value...]: the next message of the other
		return p.step(n, PeerSent{p.take(n, words[2:])})
	case "gets":
		return p.step(n, PeerSent{special(words[2])})
	case "offers": // offers FEE [min=SAT max=SAT] [without=own|other]: a closing_signed of its own making
		n.outbox = append(n.outbox, p.closingSigned(n, words[2:]))
		return nil
	case "completes": // completes FEE VARIANT... [script=HEX] [locktime=]: a closing_complete of its own making
		n.outbox = append(n.outbox, p.closingComplete(n, words[2:]))
		return nil
	}
	p.t.Fatalf("unknown command %q", line)
	return nil
}

func (p *pair) node(name string) *node {
	if name == "bob" {
		return p.bob
	}
	return p.alice
}

func (p *pair) other(n *node) *node {
	if n == p.alice {
		return p.bob
	}
	return p.alice
}

// special is a message that is no part of a negotiation.
func special(name string) wire.Message {
	switch name {
	case "error":
		return &wire.Error{Data: []byte("no")}
	case "warning":
		return &wire.Warning{Data: []byte("hm")}
	case "channel_ready":
		return &wire.ChannelReady{}
	}
	return &wire.UpdateFee{}
}

func (p *pair) begin(simple bool) []string {
	p.t.Helper()
	for _, n := range []*node{p.alice, p.bob} {
		n.config.Simple = simple
		n.outbox = nil
		m, err := New(n.config)
		if err != nil {
			return []string{"refused: " + err.Error()}
		}
		n.machine = m
	}
	return nil
}

func (p *pair) uint(s string) uint64 {
	p.t.Helper()
	v, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		p.t.Fatal(err)
	}
	return v
}

// take is the next message that the other side sent, with changes.
func (p *pair) take(n *node, changes []string) wire.Message {
	p.t.Helper()
	from := p.other(n)
	if len(from.outbox) == 0 {
		p.t.Fatal("no message to receive")
	}
	m := from.outbox[0]
	from.outbox = from.outbox[1:]
	copied, err := wire.Decode(wire.Encode(m))
	if err != nil {
		p.t.Fatal(err)
	}
	p.assign(copied, changes)
	return copied
}

// signContent does hsmd's part: it rebuilds a transaction from its content and signs it.
func (p *pair) signContent(n *node, c Content) keys.Signature {
	p.t.Helper()
	built, err := n.config.propose(c)
	if err != nil {
		p.t.Fatal(err)
	}
	digest := built.closing.SigHash()
	sig, err := keys.SignatureFromDER(ecdsa.Sign(n.key, digest[:]).Serialize())
	if err != nil {
		p.t.Fatal(err)
	}
	return sig
}

func (p *pair) sign(n *node) []keys.Signature {
	var sigs []keys.Signature
	for _, c := range n.asked {
		sigs = append(sigs, p.signContent(n, c))
	}
	return sigs
}

func (p *pair) closingSigned(n *node, args []string) wire.Message {
	m := &wire.ClosingSigned{ChannelID: n.config.ChannelID, FeeSatoshis: amount.Sat(p.uint(args[0]))}
	content := (&legacy{config: n.config}).content(m.FeeSatoshis)
	for _, a := range args[1:] {
		name, value, _ := strings.Cut(a, "=")
		if name == "without" && value == "own" {
			content = content.withoutLocal()
			continue
		}
		if name == "without" {
			content = content.withoutRemote()
			continue
		}
		if m.FeeRange == nil {
			m.FeeRange = &wire.FeeRange{}
		}
		if name == "min" {
			m.FeeRange.MinFeeSatoshis = amount.Sat(p.uint(value))
		} else {
			m.FeeRange.MaxFeeSatoshis = amount.Sat(p.uint(value))
		}
	}
	m.Signature = p.signContent(n, content)
	return m
}

func (p *pair) closingComplete(n *node, args []string) wire.Message {
	p.t.Helper()
	fee := amount.Sat(p.uint(args[0]))
	closer := n.config
	for _, a := range args[1:] {
		if script, ok := strings.CutPrefix(a, "script="); ok {
			closer.LocalScript = p.unhex(script)
		}
		if height, ok := strings.CutPrefix(a, "locktime="); ok {
			closer.LockTime = uint32(p.uint(height))
		}
	}
	m := &wire.ClosingComplete{
		ChannelID: closer.ChannelID, CloserScriptPubkey: closer.LocalScript, CloseeScriptPubkey: closer.RemoteScript,
		FeeSatoshis: fee, Locktime: closer.LockTime,
	}
	full := Content{
		LocalSat: closer.ToLocal.Sat() - fee, LocalScript: closer.LocalScript,
		RemoteSat: closer.ToRemote.Sat(), RemoteScript: closer.RemoteScript, LockTime: closer.LockTime,
	}
	for _, a := range args[1:] {
		switch a {
		case "closer_output_only":
			m.CloserOutputOnly = new(p.signContent(n, full.withoutRemote()))
		case "closee_output_only":
			m.CloseeOutputOnly = new(p.signContent(n, full.withoutLocal()))
		case "closer_and_closee_outputs":
			m.CloserAndCloseeOutputs = new(p.signContent(n, full))
		}
	}
	return m
}

func (p *pair) unhex(s string) []byte {
	p.t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		p.t.Fatal(err)
	}
	return b
}

// step prints the actions of one event, and remembers what later commands need.
func (p *pair) step(n *node, ev Event) []string {
	actions, err := n.machine.Step(ev)
	var out []string
	for _, a := range actions {
		switch a := a.(type) {
		case SendPeer:
			n.outbox = append(n.outbox, a.Msg)
			out = append(out, "send "+p.show(a.Msg))
		case AskSigner:
			n.asked = a.Txs
			for _, c := range a.Txs {
				out = append(out, fmt.Sprintf("ask signer local=%s%s remote=%s%s simple=%t locktime=%d",
					c.LocalSat, p.scriptName(c.LocalScript), c.RemoteSat, p.scriptName(c.RemoteScript), c.Simple, c.LockTime))
			}
		case Closed:
			out = append(out, p.closed(a))
		case PeerFailed:
			out = append(out, fmt.Sprintf("peer failed: %q", a.Text))
		case PeerWarned:
			out = append(out, fmt.Sprintf("peer warned: %q", a.Text))
		}
	}
	var fault *Fault
	switch {
	case errors.As(err, &fault):
		out = append(out, fmt.Sprintf("fault %s: %s", fault.Outcome, err))
	case err != nil:
		out = append(out, "error: "+err.Error())
	}
	return out
}

// closed checks a transaction with Bitcoin's script interpreter and prints it.
func (p *pair) closed(a Closed) string {
	p.t.Helper()
	f := &p.alice.config.Funding
	fetcher := txscript.NewCannedPrevOutputFetcher(f.PkScript(), int64(f.Amount))
	vm, err := txscript.NewEngine(f.PkScript(), a.Tx, 0, txscript.StandardVerifyFlags, nil,
		txscript.NewTxSigHashes(a.Tx, fetcher), int64(f.Amount), fetcher)
	if err == nil {
		err = vm.Execute()
	}
	if err != nil {
		p.t.Errorf("closing transaction: %v", err)
	}
	s := fmt.Sprintf("closed fee=%s", a.Fee)
	for _, out := range a.Tx.TxOut {
		s += fmt.Sprintf(" %d%s", out.Value, p.scriptName(out.PkScript))
	}
	return s
}

// scriptName is e.g. " to alice".
func (p *pair) scriptName(script []byte) string {
	switch {
	case len(script) == 0:
		return " left out"
	case bytes.Equal(script, p.alice.config.LocalScript):
		return " to alice"
	case bytes.Equal(script, p.bob.config.LocalScript):
		return " to bob"
	}
	return fmt.Sprintf(" to %x", script)
}

// show prints a message without its signatures' values.
func (p *pair) show(m wire.Message) string {
	s := m.Type().String()
	switch m := m.(type) {
	case *wire.ClosingSigned:
		s += fmt.Sprintf(" fee_satoshis=%s fee_range=%s..%s", m.FeeSatoshis, m.FeeRange.MinFeeSatoshis, m.FeeRange.MaxFeeSatoshis)
	case *wire.ClosingComplete:
		s += fmt.Sprintf(" fee_satoshis=%s locktime=%d", m.FeeSatoshis, m.Locktime) +
			signatures(m.CloserOutputOnly, m.CloseeOutputOnly, m.CloserAndCloseeOutputs)
	case *wire.ClosingSig:
		s += fmt.Sprintf(" fee_satoshis=%s locktime=%d", m.FeeSatoshis, m.Locktime) +
			signatures(m.CloserOutputOnly, m.CloseeOutputOnly, m.CloserAndCloseeOutputs)
	}
	return s
}

func signatures(closer, closee, both *keys.Signature) string {
	s := ""
	if closer != nil {
		s += " closer_output_only"
	}
	if closee != nil {
		s += " closee_output_only"
	}
	if both != nil {
		s += " closer_and_closee_outputs"
	}
	return s
}

// assign sets fields by their BOLT or Go names to numbers or hex; none is nil.
func (p *pair) assign(target any, assignments []string) {
	p.t.Helper()
	v := reflect.ValueOf(target).Elem()
	for _, a := range assignments {
		name, value, _ := strings.Cut(a, "=")
		f := v.FieldByNameFunc(func(s string) bool { return strings.EqualFold(s, strings.ReplaceAll(name, "_", "")) })
		switch {
		case !f.IsValid():
			p.t.Fatalf("no field %s", name)
		case f.Kind() == reflect.Bool:
			f.SetBool(value == "true")
		case f.Kind() == reflect.Slice:
			f.SetBytes(p.unhex(value))
		case f.Kind() == reflect.Pointer && value == "none":
			f.SetZero()
		case f.Kind() == reflect.Pointer:
			f.Set(reflect.ValueOf(&keys.Signature{31: 1, 63: 1}))
		default:
			f.SetUint(p.uint(value))
		}
	}
}
