package wallet

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/btcsuite/btcd/btcutil/v2/hdkeychain"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
)

// Config is what a wallet is told when it is opened.
type Config struct {
	Network string // as hsmd names it: bitcoin, testnet, testnet4, signet, regtest
	// The account keys that hsmd gives: m/84'/coin'/0' and m/86'/coin'/0'.
	BIP84XPub, BIP86XPub string
	Tip                  block.Height // of the last block that was stored with the wallet's changes
	Emergency            amount.Sat   // min-emergency-msat, in whole satoshis
	Rand                 io.Reader    // cryptographic randomness
}

// Wallet is one node's coins. It is not safe for use from several goroutines.
type Wallet struct {
	params    *chaincfg.Params
	emergency amount.Sat
	rand      io.Reader
	tip       block.Height
	fees      feeTable

	chains  map[chainID]*chain
	scripts map[string]*Address // by output script

	coins map[wire.OutPoint]*Coin
	txs   map[chainhash.Hash]*Tx // unconfirmed or recent

	prepared map[chainhash.Hash]*Funding // by txprepare; gone with the process
}

// Open loads a wallet. The changes, of a new wallet its first addresses, are to be stored.
func Open(c Config, s Storage) (*Wallet, *Changes, error) {
	params, err := Params(c.Network)
	if err != nil {
		return nil, nil, err
	}
	w := &Wallet{
		params: params, emergency: c.Emergency, rand: c.Rand, tip: c.Tip,
		fees:     newFeeTable(c.Network),
		chains:   make(map[chainID]*chain),
		scripts:  make(map[string]*Address),
		coins:    make(map[wire.OutPoint]*Coin),
		txs:      make(map[chainhash.Hash]*Tx),
		prepared: make(map[chainhash.Hash]*Funding),
	}
	for _, account := range []struct {
		kind Kind
		xpub string
	}{{P2WPKH, c.BIP84XPub}, {P2TR, c.BIP86XPub}} {
		key, err := hdkeychain.NewKeyFromString(account.xpub)
		if err != nil {
			return nil, nil, fmt.Errorf("account key of %s: %w", account.kind, err)
		}
		if err := w.addChains(account.kind, key); err != nil {
			return nil, nil, err
		}
	}
	if err := w.load(s); err != nil {
		return nil, nil, fmt.Errorf("load wallet: %w", err)
	}
	changes := newChangeSet()
	if err := errors.Join(w.fillGaps(changes), w.lookAhead(changes)); err != nil {
		return nil, nil, err
	}
	return w, changes.done(), nil
}

// load reads what can still change.
func (w *Wallet) load(s Storage) error {
	addresses, err := s.WalletAddresses()
	if err != nil {
		return err
	}
	for i := range addresses {
		if err := w.addAddress(&addresses[i]); err != nil {
			return err
		}
	}
	since := w.tip - min(w.tip, ReorgDepth)
	coins, err := s.WalletCoins(since)
	if err != nil {
		return err
	}
	for i := range coins {
		w.coins[coins[i].Outpoint] = &coins[i]
	}
	txs, err := s.WalletTxs(since)
	if err != nil {
		return err
	}
	for i := range txs {
		w.txs[txs[i].Txid] = &txs[i]
	}
	return nil
}

// Tip is the height of the last block that the wallet has seen.
func (w *Wallet) Tip() block.Height { return w.tip }

// Status is what listfunds says of a coin.
type Status string

// The states of a coin.
const (
	Unconfirmed Status = "unconfirmed"
	Confirmed   Status = "confirmed"
	Spent       Status = "spent"
	Immature    Status = "immature" // a coinbase that may not be spent yet
)

// coinbaseMaturity is how many blocks a coinbase must wait for.
const coinbaseMaturity = 100

// Status of a coin at the wallet's tip.
func (w *Wallet) Status(c *Coin) Status {
	switch {
	case c.SpentBy != chainhash.Hash{}:
		return Spent
	case c.Height == 0:
		return Unconfirmed
	case c.Coinbase && w.tip+1 < c.Height+coinbaseMaturity:
		return Immature
	}
	return Confirmed
}

// Reserved reports whether a coin is reserved at the wallet's tip.
func (w *Wallet) Reserved(c *Coin) bool { return c.ReservedTo > w.tip }

// confirmations is 0 for an unconfirmed coin.
func (w *Wallet) confirmations(c *Coin) int {
	if c.Height == 0 {
		return 0
	}
	return int(w.tip) + 1 - int(c.Height)
}

// Coins are the unspent ones, in the order of confirmation; those spent for good are in the storage.
func (w *Wallet) Coins() []Coin {
	var list []Coin
	for _, c := range w.coins {
		if w.Status(c) != Spent {
			list = append(list, *c)
		}
	}
	slices.SortFunc(list, func(a, b Coin) int {
		return cmp.Or(cmp.Compare(a.Height-1, b.Height-1), compareOutpoints(a.Outpoint, b.Outpoint))
	})
	return list
}

// Unspent returns the coin of an outpoint.
func (w *Wallet) Unspent(o wire.OutPoint) (Coin, bool) {
	c, ok := w.coins[o]
	if !ok || w.Status(c) == Spent {
		return Coin{}, false
	}
	return *c, true
}

// Coin returns the coin of an outpoint, spent or not, while a reorganisation can still change it.
func (w *Wallet) Coin(o wire.OutPoint) (Coin, bool) {
	c, ok := w.coins[o]
	if !ok {
		return Coin{}, false
	}
	return *c, true
}

// UnconfirmedTxs are our own transactions that wait to be mined, parents first: lightningd
// broadcasts them again.
func (w *Wallet) UnconfirmedTxs() []*wire.MsgTx {
	var list []*wire.MsgTx
	seen := make(map[chainhash.Hash]bool)
	var visit func(t *Tx)
	visit = func(t *Tx) {
		if t.Height != 0 || seen[t.Txid] {
			return
		}
		seen[t.Txid] = true
		for _, in := range t.Tx.TxIn {
			if parent := w.txs[in.PreviousOutPoint.Hash]; parent != nil {
				visit(parent)
			}
		}
		list = append(list, t.Tx)
	}
	txids := make([]chainhash.Hash, 0, len(w.txs))
	for txid := range w.txs {
		txids = append(txids, txid)
	}
	slices.SortFunc(txids, func(a, b chainhash.Hash) int { return bytes.Compare(a[:], b[:]) })
	for _, txid := range txids {
		visit(w.txs[txid])
	}
	return list
}

func compareOutpoints(a, b wire.OutPoint) int {
	return cmp.Or(bytes.Compare(a.Hash[:], b.Hash[:]), cmp.Compare(a.Index, b.Index))
}
