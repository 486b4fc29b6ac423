package main

import (
	"bytes"

	"github.com/btcsuite/btcd/chainhash/v2"
	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/htlcswitch"
	"fulmen/internal/invoices"
	"fulmen/internal/ipc/onchaindmsg"
	"fulmen/internal/store"
	"fulmen/internal/wallet"
)

// The accounts that are no channel's.
const (
	accountWallet   = "wallet"
	accountExternal = "external"
)

// walletMoves are the movements of a block: coins that came, coins that were spent, and what our spending
// paid to others.
func (n *node) walletMoves(h block.Height, changes *wallet.Changes) []store.ChainMove {
	var moves []store.ChainMove
	at := n.now()
	ours := map[chainhash.Hash]bool{} // transactions that spend coins
	for i := range changes.Coins {
		c := &changes.Coins[i]
		line := store.ChainMove{Account: accountWallet, At: at, Outpoint: c.Outpoint, Output: c.Amount, Height: h}
		if c.Height == h {
			in := line
			in.Tag, in.Credit = "deposit", c.Amount.Msat()
			moves = append(moves, in)
		}
		if c.SpentHeight == h {
			out, by := line, [32]byte(c.SpentBy)
			out.Tag, out.Debit, out.SpendingTxid = "withdrawal", c.Amount.Msat(), &by
			moves = append(moves, out)
			ours[c.SpentBy] = true
		}
	}
	for i := range changes.Txs {
		if t := &changes.Txs[i]; t.Height == h && ours[t.Txid] {
			moves = append(moves, n.paidToOthers(t, h)...)
		}
	}
	return moves
}

// paidToOthers are the outputs of a transaction of ours that are neither the wallet's nor a channel's. Those
// of a channel's end are in its own accounts.
func (n *node) paidToOthers(t *wallet.Tx, h block.Height) []store.ChainMove {
	var moves []store.ChainMove
	if n.spendsChannel(t.Tx) {
		return nil
	}
	for i, out := range t.Tx.TxOut {
		o := btcwire.OutPoint{Hash: t.Txid, Index: uint32(i)}
		if _, mine := n.wallet.Owns(out.PkScript); mine || n.byFunding[o] != nil {
			continue
		}
		moves = append(moves, store.ChainMove{
			Account: accountExternal, Origin: accountWallet, Tag: "deposit", Credit: amount.Sat(out.Value).Msat(), At: n.now(),
			Outpoint: o, Output: amount.Sat(out.Value), Height: h,
		})
	}
	return moves
}

// spendsChannel reports whether a transaction spends outputs of a channel's end.
func (n *node) spendsChannel(t *btcwire.MsgTx) bool {
	for _, in := range t.TxIn {
		if n.byOutput[in.PreviousOutPoint] != nil {
			return true
		}
	}
	return false
}

// storeMoves stores movements in the chain.
func storeMoves(tx *storeTx, moves []store.ChainMove) error {
	for i := range moves {
		if err := tx.AddChainMove(&moves[i]); err != nil {
			return err
		}
	}
	return nil
}

// opened records what a new channel began with: what its opener put in, and what of that is the other's.
func (c *channel) opened(h block.Height) {
	id, peer, at := c.row.ChannelID.String(), c.row.PeerID, c.n.now()
	open := store.ChainMove{
		Account: id, PeerID: &peer, Tag: "channel_open", At: at, Outpoint: c.fundingOutpoint(), Output: c.row.FundingSats, Height: h,
	}
	push := store.ChannelMove{Channel: c.row.ID, At: at}
	if c.row.Opener == "local" {
		open.Origin, open.ExtraTags, open.Credit = accountWallet, []string{"opener"}, c.row.FundingSats.Msat()
		push.Debit = c.row.Pushed
	} else {
		push.Credit = c.row.Pushed
	}
	c.n.submit("record the opening of a channel", func(tx *storeTx) error {
		if err := tx.AddChainMove(&open); err != nil || push.Credit+push.Debit == 0 {
			return err
		}
		return tx.AddPush(&push)
	}, nil)
}

// onMovement stores a line of the channel's accounts.
func (e *closure) onMovement(m *onchaindmsg.Movement) {
	c := e.c
	id, peer := c.row.ChannelID.String(), c.row.PeerID
	move := store.ChainMove{
		Account: id, PeerID: &peer, Tag: m.Tag, ExtraTags: m.ExtraTags, Credit: m.Credit, Debit: m.Debit, At: c.n.now(),
		Outpoint: outpointOf(m.Outpoint), Output: m.Output, OutputCount: m.OutputCount, PaymentHash: m.PaymentHash, Height: m.Height,
	}
	if m.Account == onchaindmsg.AccountExternal {
		move.Account, move.Origin = accountExternal, id
	}
	if m.Spent {
		move.SpendingTxid = &m.SpendingTxid
	}
	c.n.submit("store a movement", func(tx *storeTx) error { return tx.AddChainMove(&move) }, nil)
}

// fromChannel names the channel that a coin of the wallet came from, for its deposit.
func (n *node) fromChannel(moves []store.ChainMove, b *btcwire.MsgBlock) {
	for _, t := range b.Transactions {
		for _, in := range t.TxIn {
			e := n.byOutput[in.PreviousOutPoint]
			if e == nil {
				continue
			}
			txid := t.TxHash()
			for i := range moves {
				if m := &moves[i]; m.Tag == "deposit" && m.Account == accountWallet && bytes.Equal(m.Outpoint.Hash[:], txid[:]) {
					m.Origin = e.c.row.ChannelID.String()
				}
			}
		}
	}
}

// received are the movements of a payment that was taken for an invoice.
func (n *node) received(a invoices.Take) []store.ChannelMove {
	var moves []store.ChannelMove
	for _, p := range a.Parts {
		if p.Channel == ourselves {
			continue // nothing comes
		}
		moves = append(moves, store.ChannelMove{
			Channel: p.Channel, Tag: store.MoveInvoice, Credit: p.Amount, At: n.now(), PaymentHash: (*[32]byte)(&a.Invoice.PaymentHash),
		})
	}
	return moves
}

// paid are the movements of an HTLC that the channel offered, and whose preimage is known.
func (c *channel) paid(from origin) []store.ChannelMove {
	hash, at := from.hash(), c.n.now()
	out := store.ChannelMove{Channel: c.row.ID, Debit: from.amount(), At: at, PaymentHash: &hash}
	switch o := from.(type) {
	case *partOrigin:
		out.Tag, out.Fees = store.MoveInvoice, from.amount()-min(o.Amount, from.amount())
		out.Part, out.Group = &o.ID.Part, &o.Group
		return []store.ChannelMove{out}
	case *forwardOrigin:
		out.Tag, out.Fees = store.MoveRouted, o.f.Fee()
		if o.f.Status != htlcswitch.Settled { // it was failed before: nothing comes for what goes
			return []store.ChannelMove{out}
		}
		in := store.ChannelMove{Channel: o.f.Channel, Tag: store.MoveRouted, Credit: o.f.Amount, Fees: o.f.Fee(), At: at, PaymentHash: &hash}
		return []store.ChannelMove{in, out}
	}
	return nil
}

// with stores movements in the same unit as an ending.
func (e ending) with(moves []store.ChannelMove) ending {
	end := e.store
	e.store = func(tx *storeTx) error {
		if err := end(tx); err != nil {
			return err
		}
		return storeChannelMoves(tx, moves)
	}
	return e
}

func storeChannelMoves(tx *storeTx, moves []store.ChannelMove) error {
	for i := range moves {
		if err := tx.AddChannelMove(&moves[i]); err != nil {
			return err
		}
	}
	return nil
}
