package main

import (
	"bytes"
	"context"

	"github.com/btcsuite/btcd/chainhash/v2"
	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/rpc"
)

// A caller of fundchannel_complete may have this node broadcast the funding transaction, by sendpsbt, txsend or
// another command that sends one.

// beforeSending refuses a transaction that must not be broadcast yet, as it pays to a channel that nobody could close;
// and makes durable of channels which it funds that it is broadcast. It does not run in the loop.
func (n *node) beforeSending(ctx context.Context, tx *btcwire.MsgTx, psbt string) error {
	raw, err := encodeTx(tx)
	if err != nil {
		return err
	}
	saved := make(chan struct{})
	if err := n.onLoop(func() error {
		if id, begun := n.paysUnsecured(tx); begun {
			return rpc.Errorf(rpc.CodeFailed, "it pays to the channel with peer %s that fundchannel_complete has not secured yet: nobody could get that back", id)
		}
		list := n.fundedWith(tx.TxHash())
		if len(list) == 0 {
			close(saved)
			return nil
		}
		for _, c := range list {
			c.row.FundingTx, c.row.Withheld = raw, false
			if psbt != "" {
				c.row.FundingPSBT = psbt
			}
			c.save()
		}
		n.submit("store that a channel is funded", func(*storeTx) error { return nil }, func() { close(saved) })
		return nil
	}); err != nil {
		return err
	}
	select {
	case <-saved:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// notSent takes back what beforeSending noted, as the backend has refused the transaction.
func (n *node) notSent(tx *btcwire.MsgTx) {
	n.loop.post(func() {
		for _, c := range n.fundedWith(tx.TxHash()) {
			c.row.FundingTx = nil
			c.save()
		}
	})
}

// fundedWith are the channels whose funding transaction somebody else made, and which is not mined yet.
func (n *node) fundedWith(txid chainhash.Hash) (list []*channel) {
	for _, c := range n.channels {
		if chainhash.Hash(c.row.FundingTxid) == txid && c.row.FundingPSBT != "" && c.row.ShortChannelID == 0 {
			list = append(list, c)
		}
	}
	return list
}

// paysUnsecured reports whether a transaction pays to a channel that is being opened, and with whom that is.
func (n *node) paysUnsecured(tx *btcwire.MsgTx) (id string, yes bool) {
	for _, p := range n.peers {
		for _, o := range p.openings {
			for _, out := range tx.TxOut {
				if o.accepted != nil && bytes.Equal(out.PkScript, o.accepted.PkScript) {
					return p.id.String(), true
				}
			}
		}
	}
	return "", false
}
