package chain

import (
	"context"
	"errors"

	"github.com/btcsuite/btcd/chainhash/v2"
)

// Broadcast sends a transaction, and again after each new block until the chain has it. When the
// backend is away the transaction is kept, and the error says that it was not sent yet; when it is
// rejected (*Rejected) it is kept only on Insist.
func (r *Runner) Broadcast(ctx context.Context, b Broadcast) error {
	err := r.Backend.SendTx(ctx, b.Tx, b.AllowHighFees)
	if !errors.As(err, new(*Rejected)) || b.Insist {
		r.Remember(b)
	}
	return err
}

// Remember has a transaction sent after the next block, as after a restart.
func (r *Runner) Remember(b Broadcast) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pending.add(b)
}

// Forget ends the sending of a transaction.
func (r *Runner) Forget(txid chainhash.Hash) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pending.forget(txid)
}

func (r *Runner) rebroadcast(ctx context.Context) {
	r.mu.Lock()
	waiting := r.pending.waiting()
	r.mu.Unlock()
	for _, p := range waiting {
		if err := r.Backend.SendTx(ctx, p.Tx, p.AllowHighFees); err != nil {
			r.Log.Debug("transaction was not taken again", "txid", p.txid, "error", err)
		}
	}
}
