package wallet

import (
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
)

// ReorgDepth is how many blocks can be taken back: what was settled before them is left to the
// storage. It is no less than what package chain keeps.
const ReorgDepth = 2016

// Storage is what a Wallet reads when it starts.
type Storage interface {
	// WalletAddresses are all that were ever stored.
	WalletAddresses() ([]Address, error)
	// WalletCoins are those not spent, and those whose spend is unconfirmed or in block since or later.
	WalletCoins(since block.Height) ([]Coin, error)
	// WalletTxs are those unconfirmed, and those in block since or later.
	WalletTxs(since block.Height) ([]Tx, error)
}

// Changes are what one step changed: the storage applies all of them or none, deletions first.
type Changes struct {
	DeletedCoins []wire.OutPoint
	DeletedTxs   []chainhash.Hash
	Addresses    []Address // new, or with Issued set
	Coins        []Coin    // new, or changed: by their outpoint
	Txs          []Tx      // new, or with another block: by their txid
}

// Empty reports whether there is nothing to store.
func (c *Changes) Empty() bool {
	return len(c.DeletedCoins)+len(c.DeletedTxs)+len(c.Addresses)+len(c.Coins)+len(c.Txs) == 0
}

// Kind is how an output is locked.
type Kind uint8

// The kinds of our outputs, as hsmdmsg numbers them too.
const (
	P2WPKH Kind = 1 // BIP 84
	P2TR   Kind = 2 // BIP 86, key path
)

// KeyPath names a key: its chain and index within the account of its kind.
type KeyPath struct {
	Kind   Kind
	Change bool
	Index  uint32
}

// Address is an output script that we can spend from.
type Address struct {
	KeyPath
	Script []byte
	Issued bool // given to somebody, or used for change; others are watched ahead
}

// Coin is an output of ours.
type Coin struct {
	Outpoint wire.OutPoint
	KeyPath
	Script      []byte
	Amount      amount.Sat
	Height      block.Height // of its block; 0 is unconfirmed
	Coinbase    bool
	SpentBy     chainhash.Hash // zero if it is not spent
	SpentHeight block.Height   // 0 while the spend is unconfirmed
	ReservedTo  block.Height   // reserved before this height; 0 is not
}

// Tx is a transaction that pays us or spends our coins.
type Tx struct {
	Txid   chainhash.Hash
	Tx     *wire.MsgTx
	Height block.Height // 0 is unconfirmed
	Index  uint32       // in its block
}

// changeSet collects changes; a coin that changes twice is stored once, as it is in the end.
type changeSet struct {
	Changes
	coins map[wire.OutPoint]*Coin
	txs   map[chainhash.Hash]*Tx
}

func newChangeSet() *changeSet {
	return &changeSet{coins: make(map[wire.OutPoint]*Coin), txs: make(map[chainhash.Hash]*Tx)}
}

func (s *changeSet) coin(c *Coin) { s.coins[c.Outpoint] = c }

func (s *changeSet) tx(t *Tx) { s.txs[t.Txid] = t }

func (s *changeSet) deleteCoin(o wire.OutPoint) {
	delete(s.coins, o)
	s.DeletedCoins = append(s.DeletedCoins, o)
}

func (s *changeSet) deleteTx(txid chainhash.Hash) {
	delete(s.txs, txid)
	s.DeletedTxs = append(s.DeletedTxs, txid)
}

// done copies what is to be stored, so that later steps do not change it.
func (s *changeSet) done() *Changes {
	for _, c := range s.coins {
		s.Coins = append(s.Coins, *c)
	}
	for _, t := range s.txs {
		s.Txs = append(s.Txs, *t)
	}
	return &s.Changes
}
