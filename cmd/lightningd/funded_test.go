package main

import (
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/block"
	"fulmen/internal/chain"
	core "fulmen/internal/channel"
	"fulmen/internal/store"
	"fulmen/internal/wire"
)

// TestBOLT2FundingOutputIsChecked: a transaction that has the agreed txid funds the channel only if its output pays
// exactly the agreed amount to both sides' keys. Whoever opens the channel chooses the txid, and could pay itself.
func TestBOLT2FundingOutputIsChecked(t *testing.T) {
	if _, err := firstDatabase(); err != nil {
		t.Fatal(err)
	}
	state, err := core.Restore(ownSnapshot, nil)
	if err != nil {
		t.Fatal(err)
	}
	good := state.Params().Funding()
	for _, c := range []struct {
		name   string
		outs   []*btcwire.TxOut
		funded bool
	}{
		{"as agreed", []*btcwire.TxOut{{Value: 1e6, PkScript: good.PkScript()}}, true},
		{"to somebody else", []*btcwire.TxOut{{Value: 1e6, PkScript: append([]byte{0, 32}, make([]byte, 32)...)}}, false},
		{"less", []*btcwire.TxOut{{Value: 1e6 - 1, PkScript: good.PkScript()}}, false},
		{"no such output", nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := surround(t)
			defer w.end()
			w.connect()
			var row store.Channel
			w.n.loop.call(func() {
				ch := w.n.channels[malloryChannel]
				ch.row.State, ch.row.Opener, ch.row.ShortChannelID = store.AwaitingLockin, "remote", 0
				ch.funded(testHeight, chain.Match{Index: 7, Tx: &btcwire.MsgTx{TxOut: c.outs}, TxID: chainhash.Hash(ch.row.FundingTxid)})
				row = *ch.row
			})
			if funded := row.ShortChannelID != 0; funded != c.funded || (row.State == store.AwaitingUnilateral) == c.funded {
				t.Errorf("short_channel_id %s, state %s", row.ShortChannelID, row.State)
			}
			w.alive()
		})
	}
}

// TestSpendOfAnothersOutput: a peer that opens a channel may name an output that is another channel's, or a coin of ours, as
// what funds it. What spends that closes no channel, and its outputs are not followed as the channel's.
func TestSpendOfAnothersOutput(t *testing.T) {
	if _, err := firstDatabase(); err != nil {
		t.Fatal(err)
	}
	state, err := core.Restore(ownSnapshot, nil)
	if err != nil {
		t.Fatal(err)
	}
	funding := state.Params().Funding()
	for _, c := range []struct {
		name    string
		witness btcwire.TxWitness
		want    store.ChannelState
	}{
		{"the funding output", btcwire.TxWitness{nil, {1}, {2}, funding.Script()}, store.FundingSpendSeen},
		{"a coin", btcwire.TxWitness{{1}, {2}}, store.Closed},
		{"no witness", nil, store.Closed},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := surround(t)
			defer w.end()
			w.connect()
			w.n.loop.call(func() {
				ch := w.n.channels[malloryChannel]
				ch.row.State, ch.row.Opener, ch.row.ShortChannelID = store.AwaitingLockin, "remote", 0
				spend := &btcwire.MsgTx{
					TxIn: []*btcwire.TxIn{{PreviousOutPoint: ch.fundingOutpoint(), Witness: c.witness}}, TxOut: []*btcwire.TxOut{{Value: 1}},
				}
				w.n.channelMatch(testHeight+1, chain.Match{Tx: spend, TxID: spend.TxHash(), Spends: []int{0}})
				if ch.row.State != c.want || (ch.end != nil) != (c.want == store.FundingSpendSeen) || (len(w.n.byOutput) > 0) != (ch.end != nil) {
					t.Errorf("state %s, %d outputs are followed", ch.row.State, len(w.n.byOutput))
				}
			})
			w.alive()
		})
	}
}

// TestCoinbaseFundsLate: an output of a coinbase transaction cannot be spent for 100 blocks, and so no HTLC of a channel
// that it funds be enforced.
func TestCoinbaseFundsLate(t *testing.T) {
	for index, want := range map[uint32]uint32{0: coinbaseMaturity, 1: 1} {
		w := surround(t)
		w.connect()
		w.n.loop.call(func() {
			c := w.n.channels[malloryChannel]
			c.row.ShortChannelID, c.toldDepth = wire.NewShortChannelID(testHeight, index, 0), 0
			first := uint32(0)
			for depth := uint32(1); first == 0; depth++ {
				w.n.blockHeight = block.Height(testHeight + depth - 1)
				w.n.tellDepth(c)
				first = c.toldDepth
			}
			if first != want {
				t.Errorf("transaction %d: told at depth %d, want %d", index, first, want)
			}
		})
		w.end()
	}
}
