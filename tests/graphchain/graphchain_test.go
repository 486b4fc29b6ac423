package graphchain

import (
	"bytes"
	"testing"

	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/graph/graphtest"
	"fulmen/internal/tx"
	"fulmen/internal/wire"
	"fulmen/tests/harness"
)

// TestFund looks up each channel's funding output in the chain by what its announcement says, as gossipd does.
func TestFund(t *testing.T) {
	b := harness.StartBtcd(t)
	n := graphtest.Generate(Config(graphtest.Config{Seed: 2, Nodes: 300, Channels: OutputsPerTx + 500, Now: 1_700_000_000}))
	Fund(b, n, 6)
	blocks := map[uint32]*btcwire.MsgBlock{}
	for i, c := range n.Channels {
		m, err := wire.Decode(n.ChannelAnnouncement(i))
		if err != nil {
			t.Fatal(err)
		}
		ann := m.(*wire.ChannelAnnouncement)
		height := ann.ShortChannelID.Height()
		if blocks[height] == nil {
			blocks[height] = b.BlockAt(int(height))
		}
		funding := blocks[height].Transactions[ann.ShortChannelID.TxIndex()]
		out := funding.TxOut[ann.ShortChannelID.Output()]
		want := tx.P2WSH(tx.FundingScript(ann.BitcoinKey1, ann.BitcoinKey2))
		if !bytes.Equal(out.PkScript, want) || out.Value != int64(c.Capacity) {
			t.Fatalf("channel %s: output %x of %d sat, want %x of %d", ann.ShortChannelID, out.PkScript, out.Value, want, c.Capacity)
		}
	}
	if len(blocks) == 0 || b.Height() < 6 {
		t.Errorf("%d blocks with funding outputs", len(blocks))
	}
}
