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
	AllTo     int        // index of the output that gets what the others leave, -1: each gets its value
	AllAtMost amount.Sat // what AllTo may get, the rest is change; 0: everything
	Feerate   amount.FeeratePerKw
	MinConf   int
	Utxos     []wire.OutPoint // as in FundRequest
	Emergency bool
	Fleeting  bool // as in FundRequest
}

// Spend makes a whole unsigned transaction, its inputs reserved: withdraw, txprepare, fundchannel.
func (w *Wallet) Spend(r *SpendRequest) (*Funding, *Changes, error) {
	request, err := r.fundRequest()
	if err != nil {
		return nil, nil, err
	}
	f, changes, err := w.fundAtMost(request, r.AllAtMost)
	if err != nil {
		return nil, nil, err
	}
	outputs := make([]*wire.TxOut, len(r.Outputs))
	for i, out := range r.Outputs {
		outputs[i] = wire.NewTxOut(out.Value, out.PkScript)
	}
	switch {
	case request.All:
		outputs[r.AllTo].Value, f.Excess = int64(f.Excess), 0
	case r.AllTo >= 0:
		outputs[r.AllTo].Value = int64(r.AllAtMost)
	}
	if err := checkOutputs(outputs); err != nil {
		return nil, nil, w.undo(f, err)
	}
	return f, changes, w.addOutputs(f, outputs)
}

// fundRequest says what inputs the outputs need.
func (r *SpendRequest) fundRequest() (*FundRequest, error) {
	if r.AllTo >= len(r.Outputs) {
		return nil, fmt.Errorf("output %d of %d gets everything", r.AllTo, len(r.Outputs))
	}
	request := &FundRequest{
		All: r.AllTo >= 0, Feerate: r.Feerate, StartWeight: TxWeight(r.Outputs), MinConf: r.MinConf,
		Utxos: r.Utxos, ExcessAsChange: r.AllTo < 0, Emergency: r.Emergency, Reserve: DefaultReserve, Fleeting: r.Fleeting,
	}
	for i, out := range r.Outputs {
		if i == r.AllTo {
			continue
		}
		if out.Value < 0 || out.Value > int64(amount.MaxSat) {
			return nil, fmt.Errorf("output %d: %d sat is no amount", i, out.Value)
		}
		var err error
		if request.Amount, err = request.Amount.Add(amount.Sat(out.Value)); err != nil {
			return nil, err
		}
	}
	return request, nil
}

// fundAtMost is Fund, but a request for everything that leaves more than limit becomes one for limit
// on top of the amount, and the rest is change.
func (w *Wallet) fundAtMost(r *FundRequest, limit amount.Sat) (*Funding, *Changes, error) {
	f, changes, err := w.Fund(r)
	if err != nil || !r.All || limit == 0 || f.Excess <= limit {
		return f, changes, err
	}
	if err := w.undo(f, nil); err != nil {
		return nil, nil, err
	}
	r.All, r.ExcessAsChange = false, true
	if r.Amount, err = r.Amount.Add(limit); err != nil {
		return nil, nil, err
	}
	return w.Fund(r)
}

// undo frees the inputs of a transaction that came to nothing, before anything was stored.
func (w *Wallet) undo(f *Funding, why error) error {
	_, _, err := w.Unreserve(Inputs(f.PSBT), DefaultReserve)
	return errors.Join(why, err)
}

// checkOutputs refuses what would not relay.
func checkOutputs(outputs []*wire.TxOut) error {
	for i, out := range outputs {
		if limit := tx.DustThreshold(out.PkScript); amount.Sat(out.Value) < limit {
			return fmt.Errorf("output %d: %w: %d sat, at least %d", i, ErrDust, out.Value, uint64(limit))
		}
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
