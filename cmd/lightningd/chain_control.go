package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/chainhash/v2"
	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/block"
	"fulmen/internal/chain"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/ipc/gossipdmsg"
	"fulmen/internal/store"
	"fulmen/internal/tx"
	"fulmen/internal/wire"
)

// announceDepth is the depth at which a channel may be announced (BOLT 7), the last that channeld is
// told of.
const announceDepth = 6

// coinbaseMaturity is how deep a coinbase transaction has to be before its outputs can be spent.
const coinbaseMaturity = 100

// chainReceiver takes blocks into the loop. It implements chain.Receiver.
type chainReceiver struct{ n *node }

// BlockConnected implements chain.Receiver.
func (r chainReceiver) BlockConnected(_ context.Context, b chain.BlockConnected) error {
	return r.n.onLoop(func() error { return r.n.blockConnected(b) })
}

// BlockDisconnected implements chain.Receiver.
func (r chainReceiver) BlockDisconnected(_ context.Context, b chain.BlockDisconnected) error {
	return r.n.onLoop(func() error { return r.n.blockDisconnected(b) })
}

// CaughtUp implements chain.Receiver.
func (r chainReceiver) CaughtUp(_ context.Context, h block.Height) error {
	r.n.loop.post(func() { r.n.caughtUp(h) })
	return nil
}

// watchChannel looks for the funding transaction and for what spends its output.
func (n *node) watchChannel(c *channel) {
	n.watcher.WatchTx(chainhash.Hash(c.row.FundingTxid))
	n.watcher.WatchOutpoint(c.fundingOutpoint())
	n.byFunding[c.fundingOutpoint()] = c
}

func (c *channel) fundingOutpoint() btcwire.OutPoint {
	return btcwire.OutPoint{Hash: chainhash.Hash(c.row.FundingTxid), Index: uint32(c.row.FundingOutput)}
}

// blockConnected applies a block: the wallet's coins, the channels' funding and closes, and the
// block itself in one transaction.
func (n *node) blockConnected(b chain.BlockConnected) error {
	changes, err := n.wallet.Connect(b.Height, b.Block)
	if err != nil {
		return err
	}
	n.blockHeight = b.Height
	n.gossipBlock(b)
	for _, m := range n.watcher.Scan(b.Block) {
		n.channelMatch(b.Height, m)
	}
	n.followClosures(b.Height, b.Block)
	moves := n.walletMoves(b.Height, changes)
	n.fromChannel(moves, b.Block)
	// The block counts as taken only with all that it means, or it is taken again.
	id := b.BlockID
	n.submit("store block", func(tx *storeTx) error {
		if err := tx.ConnectBlock(id); err != nil {
			return err
		}
		if err := storeMoves(tx, moves); err != nil {
			return err
		}
		return tx.StoreWallet(changes)
	}, func() { n.tellBlock(id.Height, id.Hash) })
	return nil
}

// channelMatch handles a transaction that funds or closes a channel.
func (n *node) channelMatch(h block.Height, m chain.Match) {
	if m.Watched {
		for _, c := range n.channels {
			if chainhash.Hash(c.row.FundingTxid) == m.TxID {
				c.funded(h, m)
			}
		}
	}
	for _, input := range m.Spends {
		if c := n.byFunding[m.Tx.TxIn[input].PreviousOutPoint]; c != nil {
			if c.ownsFunding(m.Tx.TxIn[input].Witness) {
				c.spent(h, m.Tx)
			} else {
				c.closedBy("remote", causeOnchain)
				c.forgetUnfunded(causeOnchain, fmt.Sprintf("The output that was to fund it was another, and was spent in block %d", h), nil)
			}
		}
	}
}

// funded notes where the funding transaction was mined, if its output is what was agreed: exactly that amount, to
// both sides' keys (BOLT 2, The channel_ready Message). Otherwise no commitment can ever be mined, and what the peer
// pays with is worth nothing.
func (c *channel) funded(h block.Height, m chain.Match) {
	script, err := c.fundingScript()
	if err != nil {
		c.log.Error("the funding transaction is mined, but cannot be checked", "error", err)
		return
	}
	index := int(c.row.FundingOutput)
	if index >= len(m.Tx.TxOut) || m.Tx.TxOut[index].Value != int64(c.row.FundingSats) || !bytes.Equal(m.Tx.TxOut[index].PkScript, script) {
		c.closedBy("remote", causeOnchain)
		c.failChannel(causeOnchain, "the funding transaction has no such output")
		return
	}
	raw, err := encodeTx(m.Tx)
	if err != nil {
		c.n.die("encode a transaction", err)
		return
	}
	if c.row.State == store.AwaitingLockin {
		c.row.Billboard = fmt.Sprintf("Funding transaction mined in block %d", h)
	} else if c.row.ShortChannelID == 0 && c.row.State == store.Normal {
		c.row.Billboard = fmt.Sprintf("Funding transaction mined again in block %d", h)
	}
	c.row.ShortChannelID = wire.NewShortChannelID(uint32(h), uint32(m.Index), c.row.FundingOutput)
	c.row.FundingTx, c.row.Withheld = raw, false
	c.opened(h)
	c.log.Info("funding transaction is mined", "short_channel_id", c.row.ShortChannelID)
	c.save()
}

// fundingScript is where the funding output has to pay.
func (c *channel) fundingScript() ([]byte, error) {
	if c.params == nil {
		state, err := c.n.restore(c.row.ID)
		if err != nil {
			return nil, err
		}
		c.params = state.Params()
	}
	funding := c.params.Funding()
	return funding.PkScript(), nil
}

// ownsFunding reports whether a witness that spends the output which is to fund the channel is one of the funding
// script. Until it is mined a peer can have named any output: one of another channel's end, or a coin of our wallet.
func (c *channel) ownsFunding(w btcwire.TxWitness) bool {
	if c.row.ShortChannelID != 0 {
		return true // see funded
	}
	script, err := c.fundingScript()
	if err != nil {
		c.log.Error("what spends the funding output cannot be checked", "error", err)
		return true
	}
	return len(w) > 0 && bytes.Equal(tx.P2WSH(w[len(w)-1]), script)
}

// spent notes a transaction that closes the channel, and begins to follow what becomes of its outputs.
func (c *channel) spent(h block.Height, tx *btcwire.MsgTx) {
	if c.end != nil {
		return
	}
	txid := tx.TxHash()
	raw, err := encodeTx(tx)
	if err != nil {
		c.n.die("encode a transaction", err)
		return
	}
	what := "Closing"
	if isCommitment(tx) {
		what = "Commitment"
	}
	c.closedBy("remote", causeOnchain)
	c.row.CloseTx, c.row.CloseHeight = raw, h
	why := fmt.Sprintf("%s transaction %s was mined in block %d", what, txid, h)
	if c.proc != nil {
		go c.proc.stop()
	}
	if c.row.State == store.FundingSpendSeen {
		c.row.Billboard = why
		c.save()
	}
	c.setState(store.FundingSpendSeen, causeOnchain, why)
	if err := c.n.newClosure(c, nil, nil); err != nil {
		c.n.die("follow the close of a channel", err)
		return
	}
	c.end.start()
}

// isCommitment tells a commitment from a mutual close: the upper 8 bits of its locktime are 0x20
// (BOLT 3, Commitment Transaction).
func isCommitment(tx *btcwire.MsgTx) bool { return tx.LockTime>>24 == 0x20 }

// blockDisconnected takes a block back.
func (n *node) blockDisconnected(b chain.BlockDisconnected) error {
	changes, err := n.wallet.Disconnect(b.Height)
	if err != nil {
		return err
	}
	id := b.BlockID
	n.submit("take back block", func(tx *storeTx) error {
		if err := tx.DisconnectBlock(id); err != nil {
			return err
		}
		if err := tx.RemoveOnchainTxs(id.Height); err != nil {
			return err
		}
		if err := tx.RemoveChainMoves(id.Height); err != nil {
			return err
		}
		return tx.StoreWallet(changes)
	}, nil)
	n.blockHeight = b.Height - 1
	n.toldHeight = 0 // nothing is decided before the new chain is known
	for _, tx := range n.wallet.UnconfirmedTxs() {
		if n.sent[tx.TxHash()] == nil {
			n.chain.Remember(chain.Broadcast{Tx: tx, Insist: true})
		}
	}
	n.gossipd.send(&gossipdmsg.NewBlock{Height: n.blockHeight})
	for _, c := range n.channels {
		c.takeBack(b.Height)
	}
	return nil
}

// takeBack undoes what a block said about the channel.
func (c *channel) takeBack(h block.Height) {
	if c.end != nil {
		c.end.takeBack(h)
	}
	if c.row.CloseHeight == h {
		c.end.drop()
		c.unspent()
	}
	if c.row.ShortChannelID != 0 && block.Height(c.row.ShortChannelID.Height()) == h {
		c.log.Warn("the funding transaction is no longer in the chain", "height", h)
		c.row.ShortChannelID = 0
		if c.row.State == store.Normal {
			c.row.Billboard = "The funding transaction was mined, then lost in a reorganisation: no payments until it is mined again"
		}
		c.save()
		if tx, err := decodeTx(c.row.FundingTx); err == nil {
			c.n.chain.Remember(chain.Broadcast{Tx: tx, Insist: true})
		}
	}
}

// unspent undoes spent: all that may close the channel now is sent again. That is what was mined, whoever
// made it, and what this node had decided on, which is then what is waited for again.
func (c *channel) unspent() {
	lost := c.row.CloseTx
	c.log.Warn("the close is no longer in the chain", "height", c.row.CloseHeight)
	c.row.CloseHeight = 0
	const text = "The close was mined, then lost in a reorganisation: waiting for it, or %s, to be mined"
	own, err := decodeTx(c.row.OwnClose)
	switch {
	case err != nil || c.row.LostState: // there is none
		c.status = channeldmsg.Status{} // preimages may have come since: watchDeadlines learns the deadline again
		c.setState(store.FundingSpendSeen, causeOnchain, "The close was mined, then lost in a reorganisation: waiting for it to be mined again")
	case isCommitment(own):
		c.row.CloseTx = c.row.OwnClose
		c.setState(store.AwaitingUnilateral, causeOnchain, fmt.Sprintf(text, "our commitment"))
		c.n.pushCommitment(c)
	default:
		c.row.CloseTx = c.row.OwnClose
		c.setState(store.ClosingComplete, causeOnchain, fmt.Sprintf(text, "the mutual close"))
		c.n.broadcast(c.row.CloseTx)
	}
	c.save()
	c.n.broadcast(lost)
	c.n.staticBackupChanged()
}

// adrift reports whether a block with a close that this node did not choose was taken back, and no other is mined.
func (c *channel) adrift() bool {
	return c.row.State == store.FundingSpendSeen && c.end == nil && c.row.CloseHeight == 0 && !c.row.LostState
}

// caughtUp tells the channels of the height, and RPC callers who wait for it.
func (n *node) caughtUp(h block.Height) {
	n.firstSync.Do(func() {
		close(n.synced)
		n.tellBalances()
	})
	n.decideAll()
	if h == n.toldHeight {
		return
	}
	n.toldHeight = h
	n.log.Debug("block height", "height", h)
	for _, c := range n.channels {
		if c.proc != nil {
			c.proc.send(&channeldmsg.NewHeight{Height: h})
		}
		n.tellDepth(c)
		if c.end != nil && c.end.stale {
			c.end.renew()
		}
	}
	n.updateFeerates()
	n.adjustFeerates()
	n.revoked.ring()
	n.watchDeadlines(h)
	n.decideTxs()
	n.tellHeight(h)
}

// tellDepth tells a channel's process how deep the funding transaction is, until it need not know more.
func (n *node) tellDepth(c *channel) {
	if c.proc == nil || c.row.ShortChannelID == 0 || n.blockHeight < block.Height(c.row.ShortChannelID.Height()) {
		return
	}
	depth := uint32(n.blockHeight) - c.row.ShortChannelID.Height() + 1
	if c.row.ShortChannelID.TxIndex() == 0 && depth < coinbaseMaturity {
		return // until then no commitment could be mined, so no HTLC be enforced
	}
	if c.toldDepth >= max(c.row.MinDepth, announceDepth) && depth >= c.toldDepth {
		return
	}
	c.toldDepth = depth
	c.proc.send(&channeldmsg.FundingDepth{Depth: depth, ShortChannelID: c.row.ShortChannelID})
}

// archive moves a channel to the closed ones: long after all of its outputs are resolved, or when it was never
// funded.
func (n *node) archive(c *channel, by cause, why string) {
	if c.end != nil {
		c.end.drop()
	}
	id := c.row.ID
	for txid, s := range n.sent {
		if s.Channel == id {
			delete(n.sent, txid)
		}
	}
	n.submit("forget the end of a channel", func(tx *storeTx) error { return tx.ForgetOnchain(id) }, nil)
	c.setState(store.Closed, by, why)
	n.watcher.UnwatchTx(chainhash.Hash(c.row.FundingTxid))
	n.watcher.UnwatchOutpoint(c.fundingOutpoint())
	delete(n.byFunding, c.fundingOutpoint())
	for htlc := range c.held {
		c.letGo(htlc)
	}
	n.forwards.Forget(id)
	n.staticBackupChanged()
	delete(n.channels, id)
	delete(c.peer.channels, id)
	n.forgetIfIdle(c.peer)
}

// broadcast sends a transaction, and again with each block until it is mined. A refusal is logged: it
// may already be known.
func (n *node) broadcast(raw []byte) {
	tx, err := decodeTx(raw)
	if err != nil {
		n.die("decode a transaction of ours", err)
		return
	}
	go func() {
		err := n.chain.Broadcast(n.ctx, chain.Broadcast{Tx: tx, Insist: true})
		if err != nil && !errors.Is(err, context.Canceled) {
			n.log.Warn("transaction is not taken yet, it will be sent again", "txid", tx.TxHash(), "error", err)
		}
	}()
}
