package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/chainhash/v2"
	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/chain"
	"fulmen/internal/store"
	"fulmen/internal/txwatch"
	"fulmen/internal/wallet"
)

// claimReserve is for how many blocks coins are reserved that pay for a transaction. It is made again with
// each block until it is taken, and then they count as spent.
const claimReserve = 6

// stepTxs steps the machine that watches our transactions, and does what it says.
func (n *node) stepTxs(ev txwatch.Event) {
	for _, a := range n.txs.Step(ev) {
		switch a := a.(type) {
		case txwatch.Say:
			n.sayOf(a.Channel, a.Text)
		case txwatch.Publish:
			n.publish(&a)
		case txwatch.Send:
			n.sendAgain(&a)
		case txwatch.Void:
			n.void(a)
		case txwatch.GiveUp:
			if c := n.channels[a.Channel]; c != nil && c.end != nil {
				c.end.leave(a)
			}
		default:
			panic(fmt.Sprintf("lightningd: unknown action %T", a))
		}
	}
}

// sayOf logs a decision about a channel's transactions, and keeps it for listpeerchannels.
func (n *node) sayOf(channel uint64, text string) {
	if c := n.channels[channel]; c != nil {
		c.log.Info("transactions", "decision", text)
		c.lastDecision = text
	}
}

// decideTxs has the machine decide with the fee rates and coins of now.
func (n *node) decideTxs() {
	n.decideSoon = false
	if n.stopping || n.toldHeight == 0 { // the chain has not been read to its end yet
		return
	}
	f := n.wallet.Feerates()
	within := func(blocks uint32) amount.FeeratePerKw { return max(n.wallet.FeerateWithin(blocks), f.Floor) }
	d := txwatch.Decide{Height: n.blockHeight, Fees: txwatch.Fees{
		Floor: f.Floor, Slow: within(100), Normal: within(12), Soon: within(6), Urgent: within(2),
	}}
	for _, c := range n.wallet.Coins() {
		if n.wallet.Status(&c) == wallet.Confirmed && !n.wallet.Reserved(&c) {
			d.Coins = append(d.Coins, txCoin(&c))
		}
	}
	n.stepTxs(d)
}

func txCoin(c *wallet.Coin) txwatch.Coin {
	return txwatch.Coin{Outpoint: c.Outpoint, Amount: c.Amount, PkScript: c.Script, WitnessWeight: c.Kind.WitnessWeight()}
}

// publish completes, signs, stores and sends a transaction.
func (n *node) publish(p *txwatch.Publish) {
	script, err := n.complete(p)
	if err != nil {
		n.loop.post(func() { n.stepTxs(txwatch.Failed{ID: p.ID, Script: script, Reason: err.Error()}) })
		return
	}
	signing, err := n.signingOf(p)
	if err != nil {
		n.die("sign a transaction of ours", err)
		return
	}
	go func() {
		tx, err := n.signClaims(n.ctx, signing)
		n.loop.post(func() {
			if err != nil {
				n.unreserve(p)
				n.stepTxs(txwatch.Failed{ID: p.ID, Script: script, Reason: err.Error()})
				return
			}
			n.storeAndSend(p, tx, script)
		})
	}()
}

// complete reserves a transaction's coins, and gives its output to the wallet a script.
func (n *node) complete(p *txwatch.Publish) ([]byte, error) {
	if fresh := n.freshCoins(p); len(fresh) > 0 {
		_, changes, err := n.wallet.Reserve(fresh, claimReserve, false)
		if err != nil {
			return nil, err
		}
		n.storeWallet("reserve coins", changes, nil)
	}
	var script []byte
	for _, out := range p.Tx.TxOut {
		if out.PkScript != nil {
			continue
		}
		if script == nil {
			a, changes, err := n.wallet.ChangeAddress()
			if err != nil {
				return nil, err
			}
			n.storeWallet("store an address", changes, nil)
			script = a.Script
		}
		out.PkScript = script
	}
	return script, nil
}

// freshCoins are the coins of a transaction that its predecessor does not spend already.
func (n *node) freshCoins(p *txwatch.Publish) []btcwire.OutPoint {
	return slices.DeleteFunc(p.CoinOutpoints(), func(o btcwire.OutPoint) bool {
		c, ok := n.wallet.Coin(o)
		return ok && p.Replaces != nil && c.SpentBy == *p.Replaces
	})
}

func (n *node) unreserve(p *txwatch.Publish) {
	fresh := n.freshCoins(p)
	if len(fresh) == 0 {
		return
	}
	if _, changes, err := n.wallet.Unreserve(fresh, claimReserve); err == nil { // one that was spent meanwhile stays so
		n.storeWallet("free coins", changes, nil)
	}
}

// storeAndSend sends a signed transaction once it is on disk: with what it pays, its successor has to pay
// more. One whose reason is gone by then is not sent: the block that it builds on was taken back, or somebody
// else has spent the output.
func (n *node) storeAndSend(p *txwatch.Publish, tx *btcwire.MsgTx, script []byte) {
	if !n.txs.Waits(p.ID) {
		n.unreserve(p)
		return
	}
	sent := &store.SentTx{Channel: p.Channel, Tx: tx, Fee: p.Fee, Rate: p.Rate}
	n.submit("store a transaction of ours", func(t *storeTx) error { return t.AddSent(sent) }, func() {
		txid := tx.TxHash()
		if !n.txs.Waits(p.ID) {
			n.forgetSent(txid)
			n.unreserve(p)
			return
		}
		n.sent[txid] = sent
		go n.sendParentAndChild(p.ID, p.Parent, tx, func(err error) {
			if err == nil {
				n.sentIsTaken(p, tx)
				return
			}
			n.forgetSent(txid)
			n.unreserve(p)
			if rejected := (*chain.Rejected)(nil); errors.As(err, &rejected) {
				n.stepTxs(txwatch.Refused{ID: p.ID, Tx: tx, Reason: rejected.Reason})
				return
			}
			n.stepTxs(txwatch.Failed{ID: p.ID, Script: script, Reason: err.Error()})
		})
	})
}

// sentIsTaken makes what a transaction pays us a coin of the wallet, and frees what its predecessor took.
func (n *node) sentIsTaken(p *txwatch.Publish, tx *btcwire.MsgTx) {
	if p.Replaces != nil {
		n.storeWallet("store the wallet", n.wallet.Abandon(*p.Replaces), nil)
		n.forgetSent(*p.Replaces)
	}
	n.storeWallet("store the wallet", n.wallet.Sent(tx), nil)
	n.stepTxs(txwatch.Taken{ID: p.ID, Tx: tx})
	n.sayOf(p.Channel, fmt.Sprintf("%s: transaction %s is sent, fee %s", p.Why, tx.TxHash(), p.Fee))
}

func (n *node) forgetSent(txid chainhash.Hash) {
	delete(n.sent, txid)
	n.submit("forget a transaction of ours", func(t *storeTx) error { return t.RemoveSent(txid) }, nil)
}

// sendAgain sends signed transactions again.
func (n *node) sendAgain(s *txwatch.Send) {
	go n.sendParentAndChild(s.ID, s.Parent, s.Tx, func(err error) {
		var rejected *chain.Rejected
		switch {
		case s.Tx == nil:
		case errors.As(err, &rejected):
			n.stepTxs(txwatch.Refused{ID: s.ID, Tx: s.Tx, Reason: rejected.Reason})
		case err == nil:
			n.stepTxs(txwatch.Taken{ID: s.ID, Tx: s.Tx})
		default:
			n.log.Warn("transaction is not sent again, the backend is away", "txid", s.Tx.TxHash(), "error", err)
		}
	})
}

// sendParentAndChild sends a transaction after its parent, either may be nil. done runs in the loop, with
// what the backend says of tx; what it says of the parent goes to the machine before.
func (n *node) sendParentAndChild(id txwatch.ID, parent, tx *btcwire.MsgTx, done func(error)) {
	if parent != nil {
		err := n.chain.Backend.SendTx(n.ctx, parent, true)
		n.loop.post(func() {
			var rejected *chain.Rejected
			switch {
			case errors.As(err, &rejected):
				n.stepTxs(txwatch.Refused{ID: id, Tx: parent, Reason: rejected.Reason})
			case err == nil:
				n.stepTxs(txwatch.Taken{ID: id, Tx: parent})
			case !errors.Is(err, context.Canceled):
				n.log.Warn("our commitment is not sent, the backend is away", "txid", parent.TxHash(), "error", err)
			}
		})
	}
	var err error
	if tx != nil {
		err = n.chain.Backend.SendTx(n.ctx, tx, true)
	}
	if !errors.Is(err, context.Canceled) {
		n.loop.post(func() { done(err) })
	}
}

// void forgets a transaction that can no longer be mined.
func (n *node) void(v txwatch.Void) {
	n.storeWallet("store the wallet", n.wallet.Abandon(v.Txid), nil)
	n.forgetSent(v.Txid)
}

// loadSent takes up the transactions that wait to be mined. Where the node ended between the storing of one and
// the answer of the backend, the one that it replaces is there as well, and the wallet knows only that.
func (n *node) loadSent() error {
	list, err := n.db.SentTxs()
	if err != nil {
		return err
	}
	slices.SortStableFunc(list, func(a, b store.SentTx) int { return cmp.Compare(b.Fee, a.Fee) })
	spent := map[btcwire.OutPoint]bool{}
	for i := range list {
		s := &list[i]
		if slices.ContainsFunc(s.Tx.TxIn, func(in *btcwire.TxIn) bool { return spent[in.PreviousOutPoint] }) {
			n.void(txwatch.Void{Channel: s.Channel, Txid: s.Tx.TxHash()})
			continue
		}
		for _, in := range s.Tx.TxIn {
			spent[in.PreviousOutPoint] = true
		}
		n.sent[s.Tx.TxHash()] = s
	}
	for _, s := range n.sent {
		if slices.ContainsFunc(s.Tx.TxIn, n.isFree) {
			n.storeWallet("store the wallet", n.wallet.Sent(s.Tx), nil)
		}
	}
	return nil
}

// isFree reports whether an input spends a coin that the wallet takes for unspent.
func (n *node) isFree(in *btcwire.TxIn) bool {
	c, ok := n.wallet.Coin(in.PreviousOutPoint)
	return ok && c.SpentBy == chainhash.Hash{}
}

// knowSent tells the machine of a channel's transactions that were sent before.
func (n *node) knowSent(channel uint64) {
	for _, s := range n.sent {
		if s.Channel != channel {
			continue
		}
		k := txwatch.Known{Channel: channel, Tx: s.Tx, Fee: s.Fee, Rate: s.Rate}
		for _, in := range s.Tx.TxIn {
			if c, ok := n.wallet.Coin(in.PreviousOutPoint); ok {
				k.Coins = append(k.Coins, txCoin(&c))
			}
		}
		for _, out := range s.Tx.TxOut {
			if _, ours := n.wallet.Owns(out.PkScript); ours {
				k.Script = out.PkScript
			}
		}
		n.stepTxs(k)
	}
}
