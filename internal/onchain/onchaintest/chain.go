package onchaintest

import (
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
)

// The ways in which a transaction cannot be in the next block.
var (
	ErrSpent  = errors.New("output is spent")
	ErrNoCoin = errors.New("output does not exist")
	ErrEarly  = errors.New("too early")
	ErrValue  = errors.New("outputs exceed inputs")
)

// Chain is a chain of blocks that takes nothing that Bitcoin's rules forbid.
type Chain struct {
	Height block.Height // of the newest block
	coins  map[wire.OutPoint]*coin
	minted uint32
	Minted map[string]amount.Sat // by script
}

type coin struct {
	out    *wire.TxOut
	height block.Height
	spent  bool
}

// NewChain begins with a channel's funding output.
func NewChain(height block.Height, funding wire.OutPoint, out *wire.TxOut) *Chain {
	return &Chain{Height: height, Minted: make(map[string]amount.Sat), coins: map[wire.OutPoint]*coin{funding: {out: out, height: height}}}
}

// Mint makes a coin from nothing.
func (c *Chain) Mint(value amount.Sat, pkScript []byte) wire.OutPoint {
	c.minted++
	c.Minted[string(pkScript)] += value
	o := wire.OutPoint{Hash: [32]byte{0xc0, 0x1b}, Index: c.minted}
	c.coins[o] = &coin{out: &wire.TxOut{Value: int64(value), PkScript: pkScript}, height: c.Height}
	return o
}

// FetchPrevOutput implements txscript.PrevOutputFetcher.
func (c *Chain) FetchPrevOutput(o wire.OutPoint) *wire.TxOut {
	if coin := c.coins[o]; coin != nil {
		return coin.out
	}
	return nil
}

// Spent says that the output exists and was spent.
func (c *Chain) Spent(o wire.OutPoint) bool { return c.coins[o] != nil && c.coins[o].spent }

// Unspent says that the output exists and was not spent.
func (c *Chain) Unspent(o wire.OutPoint) bool { return c.coins[o] != nil && !c.coins[o].spent }

// Check says why a transaction cannot be in the next block, or nil.
func (c *Chain) Check(t *wire.MsgTx) error {
	if len(t.TxIn) == 0 || len(t.TxOut) == 0 {
		return fmt.Errorf("no inputs or outputs: %w", ErrValue)
	}
	next := c.Height + 1
	// Locktimes from 500,000,000 on are times; those of commitments are long past.
	if t.LockTime < txscript.LockTimeThreshold && block.Height(t.LockTime) >= next {
		return fmt.Errorf("locktime %d in block %d: %w", t.LockTime, next, ErrEarly)
	}
	sum := int64(0)
	for i, in := range t.TxIn {
		coin := c.coins[in.PreviousOutPoint]
		if coin == nil {
			return fmt.Errorf("input %d: %w", i, ErrNoCoin)
		}
		if coin.spent {
			return fmt.Errorf("input %d: %w", i, ErrSpent)
		}
		// BIP 68, of which only blocks are needed here.
		if t.Version >= 2 && in.Sequence&wire.SequenceLockTimeDisabled == 0 &&
			coin.height+block.Height(in.Sequence&wire.SequenceLockTimeMask) > next {
			return fmt.Errorf("input %d: sequence %d after block %d in block %d: %w", i, in.Sequence, coin.height, next, ErrEarly)
		}
		sum += coin.out.Value
	}
	for _, out := range t.TxOut {
		sum -= out.Value
	}
	if sum < 0 {
		return fmt.Errorf("by %d: %w", -sum, ErrValue)
	}
	return c.checkScripts(t)
}

func (c *Chain) checkScripts(t *wire.MsgTx) error {
	hashes := txscript.NewTxSigHashes(t, c)
	for i, in := range t.TxIn {
		out := c.coins[in.PreviousOutPoint].out
		engine, err := txscript.NewEngine(out.PkScript, t, i, txscript.StandardVerifyFlags, nil, hashes, out.Value, c)
		if err != nil {
			return fmt.Errorf("input %d: %w", i, err)
		}
		if err := engine.Execute(); err != nil {
			return fmt.Errorf("input %d: %w", i, err)
		}
	}
	return nil
}

// Take puts a transaction into the next block, which Advance finishes.
func (c *Chain) Take(t *wire.MsgTx) error {
	if err := c.Check(t); err != nil {
		return err
	}
	for _, in := range t.TxIn {
		c.coins[in.PreviousOutPoint].spent = true
	}
	txid := t.TxHash()
	for i, out := range t.TxOut {
		c.coins[wire.OutPoint{Hash: txid, Index: uint32(i)}] = &coin{out: out, height: c.Height + 1}
	}
	return nil
}

// Advance finishes a block.
func (c *Chain) Advance() { c.Height++ }

// Balance is what the unspent outputs with that script hold.
func (c *Chain) Balance(pkScript []byte) amount.Sat {
	var sum amount.Sat
	for _, coin := range c.coins {
		if !coin.spent && string(coin.out.PkScript) == string(pkScript) {
			sum += amount.Sat(coin.out.Value)
		}
	}
	return sum
}

// Fee is what a transaction whose inputs the chain knows pays the miner.
func (c *Chain) Fee(t *wire.MsgTx) amount.Sat {
	sum := int64(0)
	for _, in := range t.TxIn {
		sum += c.coins[in.PreviousOutPoint].out.Value
	}
	for _, out := range t.TxOut {
		sum -= out.Value
	}
	return amount.Sat(sum)
}
