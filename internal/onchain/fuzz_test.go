package onchain_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/channel/channeltest"
	"fulmen/internal/onchain"
	"fulmen/internal/onchain/onchaintest"
	"fulmen/internal/tx"
)

// fuzzChannel makes the same end of a channel each time, with HTLCs.
func fuzzChannel(tb testing.TB, published int, anchors bool) *world {
	rng := rand.New(rand.NewPCG(7, uint64(published)))
	terms := channeltest.DefaultTerms()
	terms.Anchors = anchors
	c, err := onchaintest.Open(terms)
	if err != nil {
		tb.Fatal(err)
	}
	if err := c.Random(rng, 200); err != nil {
		tb.Fatal(err)
	}
	w, err := newWorld(rng, c, c.Opener, published)
	if err != nil {
		tb.Fatal(err)
	}
	return w
}

// framed puts the length before a transaction, in two bytes.
func framed(tb testing.TB, in []byte, t *btcwire.MsgTx) []byte {
	var b bytes.Buffer
	if err := t.Serialize(&b); err != nil {
		tb.Fatal(err)
	}
	return append(append(in, byte(b.Len()>>8), byte(b.Len())), b.Bytes()...)
}

// FuzzSpends gives a machine any transactions, the first as that which spends the funding output. It may
// refuse that one. It never claims what is not there, or with a script that the output does not have.
//
// The first byte names the channel; then come transactions with their lengths, of which one that is
// empty is a block.
func FuzzSpends(f *testing.F) {
	var channels []*world
	for i := range 6 {
		w := fuzzChannel(f, i%3, i < 3)
		channels = append(channels, w)
		in := framed(f, []byte{byte(i)}, w.Spend)
		f.Add(in) // alone
		if err := w.run(); err != nil {
			f.Fatal(err)
		}
		for _, ev := range w.Events {
			switch ev := ev.(type) {
			case onchain.OutputSpent:
				in = framed(f, in, ev.Tx)
			case onchain.NewHeight:
				in = append(in, 0, 0)
			}
		}
		f.Add(in)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) == 0 {
			return
		}
		fz := &fuzzed{t: t, state: channels[int(in[0])%len(channels)].State, height: 150, txs: make(map[[32]byte]*btcwire.MsgTx)}
		in = in[1:]
		for len(in) >= 2 {
			size := min(int(in[0])<<8|int(in[1]), len(in)-2)
			fz.take(in[2 : 2+size])
			in = in[2+size:]
		}
		fz.step(onchain.NewHeight{Height: fz.height + 500})
	})
}

// fuzzed is a machine under a fuzzer.
type fuzzed struct {
	t       *testing.T
	state   *onchain.State
	machine *onchain.Machine
	height  block.Height
	txs     map[[32]byte]*btcwire.MsgTx
}

func (f *fuzzed) take(raw []byte) {
	if len(raw) == 0 {
		f.height++
		f.step(onchain.NewHeight{Height: f.height})
		return
	}
	t := new(btcwire.MsgTx)
	if t.Deserialize(bytes.NewReader(raw)) != nil {
		return
	}
	f.txs[t.TxHash()] = t
	if f.machine != nil {
		f.step(onchain.OutputSpent{Tx: t, Height: f.height})
		return
	}
	m, actions, err := onchain.New(f.state, t, f.height)
	if err != nil {
		return
	}
	f.machine = m
	f.check(actions)
}

func (f *fuzzed) step(ev onchain.Event) {
	if f.machine == nil {
		return
	}
	actions, err := f.machine.Step(ev)
	if err != nil {
		f.t.Fatal(err)
	}
	f.check(actions)
}

func (f *fuzzed) check(actions []onchain.Action) {
	for _, a := range actions {
		c, ok := a.(*onchain.Claim)
		if !ok {
			continue
		}
		t := f.txs[c.Outpoint.Hash]
		if t == nil || int(c.Outpoint.Index) >= len(t.TxOut) {
			f.t.Fatalf("claim on %s, which does not exist", c.Outpoint)
		}
		out := t.TxOut[c.Outpoint.Index]
		if amount.Sat(out.Value) != c.Amount || !bytes.Equal(out.PkScript, c.PkScript) {
			f.t.Errorf("claim on %s says another output", c.Outpoint)
		}
		payment := tx.P2WPKH(f.state.Local.Basepoints.Payment)
		if !bytes.Equal(tx.P2WSH(c.WitnessScript()), c.PkScript) && !bytes.Equal(payment, c.PkScript) {
			f.t.Errorf("claim on %s with a script that it does not have", c.Outpoint)
		}
		if c.Fixed != nil && (c.Kind != tx.ClaimHTLCTimeout && c.Kind != tx.ClaimHTLCSuccess || amount.Sat(c.Fixed.Value) > c.Amount) {
			f.t.Errorf("claim on %s prescribes an output", c.Outpoint)
		}
	}
}
