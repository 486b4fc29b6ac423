package harness

import (
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
)

func TestBtcd(t *testing.T) {
	b := StartBtcd(t)
	if h := b.Height(); h != startHeight {
		t.Fatalf("height %d", h)
	}
	const sats amount.Sat = 70_0000_0000 // more than one coinbase
	txid := b.Fund("bcrt1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqc8gma6", sats)
	if pool := b.Mempool(); len(pool) != 1 || pool[0] != txid {
		t.Fatalf("mempool %v", pool)
	}
	b.Mine(1)
	funded := b.BlockAt(startHeight + 1).Transactions[1]
	if funded.TxHash() != txid || funded.TxOut[0].Value != int64(sats) {
		t.Fatalf("funded by %v", funded)
	}
	checkReorg(t, b, funded)

	tip := b.HashAt(b.Height())
	pending := b.Fund(b.purse.address, 1000)
	b.Stop()
	b.Start()
	if got := b.HashAt(b.Height()); got != tip {
		t.Errorf("after a restart, the tip is %s, not %s", got, tip)
	}
	if pool := b.WaitMempool(1); pool[0] != pending {
		t.Errorf("after a restart, mempool %v", pool)
	}
}

func checkReorg(t *testing.T, b *Btcd, funded *wire.MsgTx) {
	old := b.HashAt(b.Height())
	height := b.Height()
	b.Reorg(1)
	if got := b.Height(); got != height+1 || b.HashAt(height) == old {
		t.Fatalf("after a reorganisation, height %d", got)
	}
	for h := height; h <= height+1; h++ {
		for _, tx := range b.BlockAt(h).Transactions {
			if tx.TxHash() == funded.TxHash() {
				return
			}
		}
	}
	if pool := b.Mempool(); len(pool) == 0 {
		t.Error("the reorganisation lost a transaction")
	}
}
