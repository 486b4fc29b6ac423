package wallet

import (
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/psbt/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/tx"
)

// SpendRequest says what is to be paid.
type SpendRequest struct {
	Outputs   []*wire.TxOut
	AllTo     int // index of the output that gets everything, -1: each gets its value
	Feerate   amount.FeeratePerKw
	MinConf   int
	Utxos     []wire.OutPoint // as in FundRequest
	Emergency bool
}

// Spend makes a whole unsigned transaction, its inputs reserved: withdraw, txprepare, fundchannel.
func (w *Wallet) Spend(r *SpendRequest) (*Funding, *Changes, error) {
	fund := &FundRequest{
		All: r.AllTo >= 0, Feerate: r.Feerate, StartWeight: TxWeight(r.Outputs), MinConf: r.MinConf,
		Utxos: r.Utxos, ExcessAsChange: r.AllTo < 0, Emergency: r.Emergency, Reserve: DefaultReserve,
	}
	if r.AllTo >= len(r.Outputs) {
		return nil, nil, fmt.Errorf("output %d of %d gets everything", r.AllTo, len(r.Outputs))
	}
	for i, out := range r.Outputs {
		if i == r.AllTo {
			continue
		}
		if err := checkOutput(i, out); err != nil {
			return nil, nil, err
		}
		var err error
		if fund.Amount, err = fund.Amount.Add(amount.Sat(out.Value)); err != nil {
			return nil, nil, err
		}
	}
	if fund.All && fund.Amount > 0 {
		return nil, nil, fmt.Errorf("output %d gets everything, so it must be the only one", r.AllTo)
	}
	outputs := make([]*wire.TxOut, len(r.Outputs))
	for i, out := range r.Outputs {
		outputs[i] = wire.NewTxOut(out.Value, out.PkScript)
	}
	f, changes, err := w.Fund(fund)
	if err != nil {
		return nil, nil, err
	}
	if fund.All {
		outputs[r.AllTo].Value = int64(f.Excess)
		f.Excess = 0
		if err := checkOutput(r.AllTo, outputs[r.AllTo]); err != nil {
			return nil, nil, w.undo(f, err)
		}
	}
	return f, changes, w.addOutputs(f, outputs)
}

// undo frees the inputs of a transaction that came to nothing, before anything was stored.
func (w *Wallet) undo(f *Funding, why error) error {
	_, _, err := w.Unreserve(Inputs(f.PSBT), DefaultReserve)
	return errors.Join(why, err)
}

// checkOutput refuses what would not relay.
func checkOutput(i int, out *wire.TxOut) error {
	if out.Value < 0 || out.Value > int64(amount.MaxSat) {
		return fmt.Errorf("output %d: %d sat is no amount", i, out.Value)
	}
	if limit := tx.DustThreshold(out.PkScript); amount.Sat(out.Value) < limit && !tx.IsOpReturn(out.PkScript) {
		return fmt.Errorf("output %d: %w: %d sat, at least %d", i, ErrDust, out.Value, uint64(limit))
	}
	return nil
}

// addOutputs puts outputs into a funding's transaction, the change somewhere among them, so that
// its place tells nothing.
func (w *Wallet) addOutputs(f *Funding, outputs []*wire.TxOut) error {
	if f.ChangeIndex >= 0 {
		at, err := w.random(len(outputs) + 1)
		if err != nil {
			return err
		}
		change := f.PSBT.UnsignedTx.TxOut[f.ChangeIndex]
		outputs = append(outputs[:at:at], append([]*wire.TxOut{change}, outputs[at:]...)...)
		f.ChangeIndex = at
	}
	f.PSBT.UnsignedTx.TxOut = outputs
	f.PSBT.Outputs = make([]psbt.POutput, len(outputs))
	return nil
}

// OutputIndex is where output i of the request is in the transaction.
func (f *Funding) OutputIndex(i int) int {
	if f.ChangeIndex >= 0 && f.ChangeIndex <= i {
		return i + 1
	}
	return i
}

// ErrNotPrepared means that txprepare has made no such transaction, or that it was sent or
// discarded.
var ErrNotPrepared = errors.New("no such prepared transaction")

// Keep remembers a transaction for txsend and txdiscard. A restart forgets it; its inputs stay
// reserved for their time.
func (w *Wallet) Keep(f *Funding) chainhash.Hash {
	txid := f.PSBT.UnsignedTx.TxHash()
	w.prepared[txid] = f
	return txid
}

// Take returns a remembered transaction and forgets it.
func (w *Wallet) Take(txid chainhash.Hash) (*Funding, error) {
	f := w.prepared[txid]
	if f == nil {
		return nil, fmt.Errorf("%s: %w", txid, ErrNotPrepared)
	}
	delete(w.prepared, txid)
	return f, nil
}
