package wallet

import (
	"errors"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/psbt/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
)

// The ways in which a transaction cannot be funded; each has its own error code in the RPC.
var (
	ErrInsufficient = errors.New("not enough funds")
	ErrDust         = errors.New("amount is below the dust limit")
	ErrEmergency    = errors.New("would not keep the emergency reserve for anchor channels")
	ErrFeerate      = errors.New("fee rate out of range")
)

// maxFeerate refuses what can only be a mistake of units: 10,000 sat/vB.
const maxFeerate = 2_500_000

// sequence lets a transaction be replaced, and its locktime count.
const sequence = wire.MaxTxInSequenceNum - 2

// FundRequest says what inputs are wanted.
type FundRequest struct {
	Amount           amount.Sat // what the outputs need
	All              bool       // everything there is: what Amount leaves is excess
	Feerate          amount.FeeratePerKw
	StartWeight      int // of the transaction without inputs
	MinConf          int
	Utxos            []wire.OutPoint // these and no others; nil: the wallet chooses
	ReservedOK       bool            // with Utxos
	LockTime         *uint32         // nil: close to the tip
	MinWitnessWeight int
	ExcessAsChange   bool   // what is left goes to a change output, if it is worth one
	Emergency        bool   // keep the emergency reserve, by a change output if need be: there are, or will be, anchor channels
	Reserve          uint32 // blocks; 0: the inputs are not reserved
	Fleeting         bool   // a restart forgets the reservation
}

// Funding is an unsigned transaction's inputs and perhaps its change.
type Funding struct {
	PSBT         *psbt.Packet
	Feerate      amount.FeeratePerKw
	Weight       int        // once signed
	Excess       amount.Sat // that neither the amount nor fee nor change takes
	ChangeIndex  int        // of the change output, or -1
	Reservations []Reservation
}

// selected is a choice of inputs.
type selected struct {
	coins  []*Coin
	total  amount.Sat
	weight int // of the whole transaction
}

// Fund chooses inputs.
func (w *Wallet) Fund(r *FundRequest) (*Funding, *Changes, error) {
	if r.Feerate == 0 || r.Feerate > maxFeerate {
		return nil, nil, fmt.Errorf("%s: %w: 1 to %d", r.Feerate, ErrFeerate, maxFeerate)
	}
	if r.StartWeight < 0 || r.StartWeight > MaxWeight || r.MinWitnessWeight < 0 || r.MinWitnessWeight > MaxWeight {
		return nil, nil, fmt.Errorf("start weight %d, witness weight %d: at most %d", r.StartWeight, r.MinWitnessWeight, MaxWeight)
	}
	s, err := w.selectCoins(r)
	if err != nil {
		return nil, nil, err
	}
	f := &Funding{Feerate: r.Feerate, ChangeIndex: -1}
	change, err := w.split(r, s, f)
	if err != nil {
		return nil, nil, err
	}
	var outputs []*wire.TxOut
	changes := new(Changes)
	if change > 0 {
		a, issued, err := w.ChangeAddress()
		if err != nil {
			return nil, nil, err
		}
		changes, f.ChangeIndex = issued, 0
		outputs = append(outputs, wire.NewTxOut(int64(change), a.Script))
	}
	if f.PSBT, err = w.newPSBT(s.coins, outputs, r.LockTime); err != nil {
		return nil, nil, err
	}
	if r.Reserve > 0 {
		list, reserved := w.reserve(s.coins, func(c *Coin) { c.ReservedTo = addBlocks(max(c.ReservedTo, w.tip), r.Reserve) })
		f.Reservations = list
		if !r.Fleeting {
			changes.Coins = append(changes.Coins, reserved.Coins...)
		}
	}
	return f, changes, nil
}

// MaxWeight is a block's: no transaction is heavier.
const MaxWeight = 4_000_000

// selectCoins takes the coins named, or chooses.
func (w *Wallet) selectCoins(r *FundRequest) (*selected, error) {
	if r.Utxos != nil {
		return w.selectNamed(r)
	}
	var all []candidate
	for _, c := range w.coins {
		if w.spendable(c, r.MinConf) {
			all = append(all, newCandidate(c, r))
		}
	}
	all = slices.DeleteFunc(all, func(c candidate) bool { return c.effective == 0 })
	start := r.Feerate.Fee(r.StartWeight)
	if r.All {
		if len(all) == 0 {
			return nil, fmt.Errorf("%w: no coins to spend%s", ErrInsufficient, w.held(r.MinConf))
		}
		slices.SortFunc(all, func(a, b candidate) int { return compareOutpoints(a.coin.Outpoint, b.coin.Outpoint) })
		return gather(all, r), nil
	}
	target, err := r.Amount.Add(start)
	if err != nil {
		return nil, err
	}
	// Fees of parts are each rounded down: one satoshi for each input covers the sum of it.
	target += amount.Sat(len(all)) + 1
	changeFee := r.Feerate.Fee(changeWeight)
	slack := amount.Sat(0)
	if r.ExcessAsChange {
		slack = changeFee + r.Feerate.Fee(inputWeight+p2trWitness)
	}
	chosen := choose(all, target, changeFee+changeDust, slack)
	if chosen == nil {
		return nil, fmt.Errorf("%w: %s wanted, %s available after the fee for spending them%s", ErrInsufficient, target, sum(all), w.held(r.MinConf))
	}
	return gather(chosen, r), nil
}

// changeDust is the smallest change that relays, with BOLT 3's margin (package tx).
const changeDust = 354

// spendable reports whether the wallet may choose a coin by itself.
func (w *Wallet) spendable(c *Coin, minConf int) bool {
	switch w.Status(c) {
	case Spent, Immature:
		return false
	}
	return !w.Reserved(c) && w.confirmations(c) >= minConf
}

// selectNamed takes exactly the coins that the caller names.
func (w *Wallet) selectNamed(r *FundRequest) (*selected, error) {
	var list []candidate
	seen := make(map[wire.OutPoint]bool)
	for _, o := range r.Utxos {
		c := w.coins[o]
		switch {
		case c == nil:
			return nil, fmt.Errorf("%s: %w", o, ErrUnknown)
		case w.Status(c) == Spent:
			return nil, fmt.Errorf("%s: %w by %s", o, ErrSpent, c.SpentBy)
		case w.Reserved(c) && !r.ReservedOK:
			return nil, fmt.Errorf("%s: %w to block %d", o, ErrReserved, c.ReservedTo)
		case w.Status(c) == Immature:
			return nil, fmt.Errorf("%s: %w: a coinbase that is not mature", o, ErrInsufficient)
		case seen[o]:
			return nil, fmt.Errorf("%s: %w", o, ErrTwice)
		}
		seen[o] = true
		list = append(list, newCandidate(c, r))
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%w: no coins are named", ErrInsufficient)
	}
	return gather(list, r), nil
}

func newCandidate(c *Coin, r *FundRequest) candidate {
	weight := inputWeightOf(c, r.MinWitnessWeight)
	fee := r.Feerate.Fee(weight) + 1 // rounded up
	return candidate{coin: c, weight: weight, effective: c.Amount - min(c.Amount, fee)}
}

func sum(list []candidate) (total amount.Sat) {
	for _, c := range list {
		total += c.effective
	}
	return total
}

// gather adds up a choice.
func gather(list []candidate, r *FundRequest) *selected {
	s := &selected{weight: r.StartWeight + 4*(wire.VarIntSerializeSize(uint64(len(list)))-1)}
	for _, c := range list {
		s.coins = append(s.coins, c.coin)
		s.total += c.coin.Amount
		s.weight += c.weight
	}
	return s
}

// split divides what the inputs bring into fee, amount, change and excess, and returns the change.
func (w *Wallet) split(r *FundRequest, s *selected, f *Funding) (change amount.Sat, err error) {
	f.Weight = s.weight
	need, err := r.Feerate.Fee(s.weight).Add(r.Amount)
	if err != nil {
		return 0, err
	}
	if need > s.total {
		return 0, fmt.Errorf("%w: %s wanted with the fee, the inputs have %s", ErrInsufficient, need, s.total)
	}
	f.Excess = s.total - need
	withChange := r.Feerate.Fee(s.weight+changeWeight) - r.Feerate.Fee(s.weight)
	if missing := w.emergency - min(w.emergency, w.remaining(s)); r.Emergency && missing > 0 {
		// It comes back as change, asked for or not: nothing says that the caller gives the excess back to us.
		change = max(missing, changeDust)
		if f.Excess < change+withChange {
			return 0, fmt.Errorf("%w: %s would remain, %s must", ErrEmergency, w.remaining(s)+f.Excess, w.emergency)
		}
	}
	if r.ExcessAsChange && f.Excess >= withChange+changeDust {
		change = f.Excess - withChange
	}
	if change > 0 {
		f.Excess -= change + withChange
		f.Weight += changeWeight
	}
	return change, nil
}

// remaining is what the wallet has beside a choice of inputs, and may spend if it must.
func (w *Wallet) remaining(s *selected) (total amount.Sat) {
	chosen := make(map[wire.OutPoint]bool, len(s.coins))
	for _, c := range s.coins {
		chosen[c.Outpoint] = true
	}
	for o, c := range w.coins {
		if !chosen[o] && w.spendable(c, 0) {
			total += c.Amount
		}
	}
	return total
}
