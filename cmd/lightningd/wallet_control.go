package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/psbt/v2"
	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/chain"
	"fulmen/internal/command"
	"fulmen/internal/features"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/wallet"
)

// onWallet runs a step of the wallet in the loop, and returns once what it changed is on disk.
func (n *node) onWallet(ctx context.Context, step func(*wallet.Wallet) (*wallet.Changes, error)) error {
	stored := make(chan struct{})
	if err := n.onLoop(func() error {
		changes, err := step(n.wallet)
		if err != nil {
			return err
		}
		n.storeWallet("store wallet", changes, func() { close(stored) })
		return nil
	}); err != nil {
		return err
	}
	select {
	case <-stored:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// signPSBT has hsmd sign our inputs of a PSBT, all or those named by only. They must be reserved.
func (n *node) signPSBT(ctx context.Context, p *psbt.Packet, only []int) error {
	var signing *wallet.Signing
	if err := n.onLoop(func() (err error) { signing, err = n.wallet.Signing(p, only); return err }); err != nil {
		return err
	}
	raw, err := encodeTx(signing.Tx)
	if err != nil {
		return err
	}
	request := &hsmdmsg.SignWallet{Tx: raw}
	for _, out := range signing.Prevouts {
		request.Prevouts = append(request.Prevouts, hsmdmsg.Prevout{Amount: amount.Sat(out.Value), Script: out.PkScript})
	}
	for _, in := range signing.Inputs {
		request.Inputs = append(request.Inputs, hsmdmsg.WalletInput{
			Index: uint32(in.Index), Kind: hsmdmsg.AddressKind(in.Kind), Change: in.Change, KeyIndex: in.KeyPath.Index,
		})
	}
	var reply hsmdmsg.SignWalletReply
	if err := n.hsm.request(ctx, request, &reply); err != nil {
		return fmt.Errorf("sign transaction: %w", err)
	}
	signatures := make([]wallet.Signature, len(reply.Signatures))
	for i, s := range reply.Signatures {
		signatures[i] = wallet.Signature{PubKey: s.PubKey, Signature: s.Signature}
	}
	return signing.Apply(p, signatures)
}

// sendTx broadcasts a transaction of the wallet, and has the wallet know of it once the backend has
// taken it. psbt is the same as text. After an error that mayBeSent its inputs must not be freed.
func (n *node) sendTx(ctx context.Context, tx *btcwire.MsgTx, psbt string) error {
	if err := n.beforeSending(ctx, tx, psbt); err != nil {
		return fmt.Errorf("send transaction %s: %w", tx.TxHash(), err)
	}
	// From here on it is the node's, whether the caller waits or not.
	err := n.chain.Broadcast(n.ctx, chain.Broadcast{Tx: tx})
	var rejected *chain.Rejected
	switch {
	case errors.As(err, &rejected):
		n.notSent(tx)
		return fmt.Errorf("send transaction %s: %w", tx.TxHash(), err)
	case err != nil:
		return &unsure{fmt.Errorf("send transaction %s: %w; it may be under way, and is sent again: "+
			"to pay anew could be to pay twice, so its inputs stay reserved", tx.TxHash(), err)}
	}
	return n.onWallet(n.ctx, func(w *wallet.Wallet) (*wallet.Changes, error) { return w.Sent(tx), nil })
}

// unsure is the error of a transaction that the backend may have taken.
type unsure struct{ error }

// Unwrap implements errors.Unwrap.
func (u *unsure) Unwrap() error { return u.error }

func mayBeSent(err error) bool { return errors.As(err, new(*unsure)) }

// feerate is what a caller asked for, or the fee rate behind a name. One that no node would relay is raised to one that
// is relayed, as who asks for 5, which is perkb, may have meant 5 sat/vB: such a transaction would wait for ever.
func (n *node) feerate(f *command.Feerate, otherwise string) (rate amount.FeeratePerKw, err error) {
	text := otherwise
	if f != nil {
		text = f.String()
	}
	err = n.onLoop(func() error {
		rate, err = n.wallet.ParseFeerate(text)
		return err
	})
	if err != nil {
		return 0, command.BadParam("feerate", "%w", err)
	}
	return max(rate, amount.FeerateFloor), nil
}

// updateFeerates takes the backend's newest estimates.
func (n *node) updateFeerates() {
	fees, ok := n.chain.Fees()
	if !ok {
		return
	}
	estimates := make([]wallet.Estimate, len(fees.Estimates))
	for i, e := range fees.Estimates {
		estimates[i] = wallet.Estimate{Blocks: e.Blocks, Feerate: e.Feerate}
	}
	n.wallet.SetEstimates(fees.Floor, estimates)
}

// anchorChannels reports whether a channel may need coins to be closed: then some are kept back. That is so
// until a transaction that closes it is mined.
func (n *node) anchorChannels() bool {
	for _, c := range n.channels {
		t, err := features.ParseChannelType(c.row.ChannelType)
		if c.end == nil && (err != nil || t.Has(features.Anchors)) {
			return true
		}
	}
	return false
}
