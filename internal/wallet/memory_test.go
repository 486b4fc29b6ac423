package wallet

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/signer"
)

// memory is a storage that does what the database does.
type memory struct {
	addresses map[KeyPath]Address
	coins     map[wire.OutPoint]Coin
	txs       map[chainhash.Hash]Tx
}

func newMemory() *memory {
	return &memory{
		addresses: make(map[KeyPath]Address), coins: make(map[wire.OutPoint]Coin), txs: make(map[chainhash.Hash]Tx),
	}
}

func (m *memory) apply(c *Changes) {
	for _, o := range c.DeletedCoins {
		delete(m.coins, o)
	}
	for _, txid := range c.DeletedTxs {
		delete(m.txs, txid)
	}
	for _, a := range c.Addresses {
		m.addresses[a.KeyPath] = a
	}
	for _, coin := range c.Coins {
		m.coins[coin.Outpoint] = coin
	}
	for _, t := range c.Txs {
		m.txs[t.Txid] = t
	}
}

func (m *memory) WalletAddresses() ([]Address, error) {
	var list []Address
	for _, a := range m.addresses {
		list = append(list, a)
	}
	return list, nil
}

func (m *memory) WalletCoins(since block.Height) ([]Coin, error) {
	var list []Coin
	for _, c := range m.coins {
		if c.SpentHeight == 0 || c.SpentHeight >= since {
			list = append(list, c)
		}
	}
	return list, nil
}

func (m *memory) WalletTxs(since block.Height) ([]Tx, error) {
	var list []Tx
	for _, t := range m.txs {
		if t.Height == 0 || t.Height >= since {
			list = append(list, t)
		}
	}
	return list, nil
}

// testWallet is a wallet with its storage and the node that signs for it.
type testWallet struct {
	*Wallet
	t       testing.TB
	config  Config
	storage *memory
	node    *signer.Node
	nonce   uint32 // makes transactions differ
}

// seeded is randomness that repeats.
type seeded struct{ *rand.Rand }

func (s seeded) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(s.Uint32())
	}
	return len(b), nil
}

func newTestWallet(t testing.TB) *testWallet {
	t.Helper()
	node, err := signer.New(bytes.Repeat([]byte{1}, 32), "regtest")
	if err != nil {
		t.Fatal(err)
	}
	w := &testWallet{t: t, storage: newMemory(), node: node}
	w.config = Config{Network: "regtest", Tip: 100, Emergency: 25_000, Rand: seeded{rand.New(rand.NewPCG(1, 2))}}
	w.config.BIP84XPub, w.config.BIP86XPub = node.XPubs()
	w.reopen()
	return w
}

// reopen is a restart.
func (w *testWallet) reopen() {
	w.t.Helper()
	if w.Wallet != nil {
		w.config.Tip = w.Tip()
	}
	opened, changes, err := Open(w.config, w.storage)
	if err != nil {
		w.t.Fatal(err)
	}
	w.Wallet = opened
	w.storage.apply(changes)
}

// keep stores changes unless there was an error.
func (w *testWallet) keep(changes *Changes, err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	w.storage.apply(changes)
}

// address issues one.
func (w *testWallet) address(kind Kind) Address {
	w.t.Helper()
	list, changes, err := w.NewAddresses(kind)
	w.keep(changes, err)
	return list[0]
}

// pay is a transaction of somebody else's to these scripts.
func (w *testWallet) pay(value amount.Sat, scripts ...[]byte) *wire.MsgTx {
	w.nonce++
	t := wire.NewMsgTx(2)
	var from wire.OutPoint
	binary.BigEndian.PutUint32(from.Hash[:], w.nonce)
	t.AddTxIn(wire.NewTxIn(&from, nil, nil))
	for _, s := range scripts {
		t.AddTxOut(wire.NewTxOut(int64(value), s))
	}
	return t
}

// spend is a transaction, of whoever has the keys, that spends coins to a script.
func (w *testWallet) spend(value amount.Sat, script []byte, coins ...wire.OutPoint) *wire.MsgTx {
	t := wire.NewMsgTx(2)
	w.nonce++
	t.LockTime = w.nonce
	for i := range coins {
		t.AddTxIn(wire.NewTxIn(&coins[i], nil, nil))
	}
	t.AddTxOut(wire.NewTxOut(int64(value), script))
	return t
}

// coinbaseTo is the first transaction of a block.
func (w *testWallet) coinbaseTo(value amount.Sat, script []byte) *wire.MsgTx {
	t := w.pay(value, script)
	t.LockTime = w.nonce
	t.TxIn[0].PreviousOutPoint = wire.OutPoint{Index: wire.MaxPrevOutIndex}
	return t
}

// mine connects a block with these transactions after a coinbase of somebody else's.
func (w *testWallet) mine(txs ...*wire.MsgTx) {
	w.t.Helper()
	w.mineBlock(append([]*wire.MsgTx{w.coinbaseTo(1, []byte{0x51})}, txs...))
}

func (w *testWallet) mineBlock(txs []*wire.MsgTx) {
	w.t.Helper()
	changes, err := w.Connect(w.Tip()+1, &wire.MsgBlock{Transactions: txs})
	w.keep(changes, err)
}

func (w *testWallet) unmine() {
	w.t.Helper()
	changes, err := w.Disconnect(w.Tip())
	w.keep(changes, err)
}

// fund gives the wallet confirmed coins of these amounts.
func (w *testWallet) fund(kind Kind, values ...amount.Sat) {
	w.t.Helper()
	var txs []*wire.MsgTx
	for _, v := range values {
		txs = append(txs, w.pay(v, w.address(kind).Script))
	}
	w.mine(txs...)
}

func outpoint(t *wire.MsgTx, index uint32) wire.OutPoint {
	return wire.OutPoint{Hash: t.TxHash(), Index: index}
}
