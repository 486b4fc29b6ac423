package wallet

import (
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/block"
)

// DefaultReserve is for how many blocks inputs are reserved where nobody says otherwise.
const DefaultReserve = 72

// The ways in which inputs are refused.
var (
	ErrSpent    = errors.New("already spent")
	ErrReserved = errors.New("already reserved")
	ErrUnknown  = errors.New("not a coin of this wallet")
	ErrTwice    = errors.New("named twice")
)

// Reservation is what became of one input.
type Reservation struct {
	Outpoint    wire.OutPoint
	WasReserved bool
	Reserved    bool
	ReservedTo  block.Height // while it is reserved
}

// Reserve reserves those of the outpoints that are ours for so many blocks, or reserves none. A
// coin that is reserved already is an error if exclusive, otherwise its time is extended.
func (w *Wallet) Reserve(outpoints []wire.OutPoint, blocks uint32, exclusive bool) ([]Reservation, *Changes, error) {
	coins, err := w.ours(outpoints)
	if err != nil {
		return nil, nil, err
	}
	for _, c := range coins {
		if exclusive && w.Reserved(c) {
			return nil, nil, fmt.Errorf("%s: %w to block %d", c.Outpoint, ErrReserved, c.ReservedTo)
		}
	}
	list, changes := w.reserve(coins, func(c *Coin) {
		c.ReservedTo = addBlocks(max(c.ReservedTo, w.tip), blocks)
	})
	return list, changes, nil
}

// Unreserve shortens the reservations of those of the outpoints that are ours.
func (w *Wallet) Unreserve(outpoints []wire.OutPoint, blocks uint32) ([]Reservation, *Changes, error) {
	coins, err := w.ours(outpoints)
	if err != nil {
		return nil, nil, err
	}
	list, changes := w.reserve(coins, func(c *Coin) {
		c.ReservedTo -= min(c.ReservedTo, block.Height(blocks))
		if !w.Reserved(c) {
			c.ReservedTo = 0
		}
	})
	return list, changes, nil
}

// reserve applies set to each coin and tells what came of it.
func (w *Wallet) reserve(coins []*Coin, set func(*Coin)) ([]Reservation, *Changes) {
	changes := newChangeSet()
	list := make([]Reservation, len(coins))
	for i, c := range coins {
		was := w.Reserved(c)
		set(c)
		changes.coin(c)
		list[i] = Reservation{Outpoint: c.Outpoint, WasReserved: was, Reserved: w.Reserved(c), ReservedTo: c.ReservedTo}
	}
	return list, changes.done()
}

// ours are the coins of the outpoints that we know, each once; a spent one is an error.
func (w *Wallet) ours(outpoints []wire.OutPoint) ([]*Coin, error) {
	var coins []*Coin
	seen := make(map[wire.OutPoint]bool)
	for _, o := range outpoints {
		c := w.coins[o]
		if c == nil || seen[o] {
			continue
		}
		if w.Status(c) == Spent {
			return nil, fmt.Errorf("%s: %w by %s", o, ErrSpent, c.SpentBy)
		}
		seen[o] = true
		coins = append(coins, c)
	}
	return coins, nil
}

// addBlocks saturates, as a caller may ask for any number.
func addBlocks(h block.Height, n uint32) block.Height {
	if sum := h + block.Height(n); sum >= h {
		return sum
	}
	return ^block.Height(0)
}
