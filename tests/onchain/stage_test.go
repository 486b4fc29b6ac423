package onchain

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/command"
	"fulmen/tests/harness"
)

// capacity is that of the channel of each case.
const capacity amount.Sat = 1_000_000

// anchor is what each side's anchor has.
const anchor amount.Sat = 330

// irrevocable is how deep a transaction must be.
const irrevocable = 100

// toSelfDelay is each side's, so that cases are short.
const toSelfDelay = 10

// stage is alice, who opened a channel, and bob, who has a half of it and coins of his own.
type stage struct {
	t     *testing.T
	btcd  *harness.Btcd
	alice *harness.Node
	bob   *harness.Node
	carol *harness.Node                  // nil unless there is a third; see withCarol
	id    string                         // channel_id of alice's and bob's channel
	txs   map[chainhash.Hash]*wire.MsgTx // of all blocks since the nodes have coins
	seen  int                            // height up to which they are known
	began int                            // height before that
}

// newStage opens a channel of a type; half of it is bob's.
func newStage(t *testing.T, channelType []int, options ...string) *stage {
	t.Helper()
	btcd := harness.StartBtcd(t)
	began := btcd.Height()
	options = slices.Concat([]string{fmt.Sprintf("--watchtime-blocks=%d", toSelfDelay)}, harness.HoldParts, options)
	s := &stage{
		t: t, btcd: btcd, began: began, seen: began, txs: map[chainhash.Hash]*wire.MsgTx{},
		alice: harness.StartNode(t, btcd, "alice", options...), bob: harness.StartNode(t, btcd, "bob", options...),
	}
	s.alice.FundWallet(5_000_000)
	s.bob.FundWallet(2_000_000)
	s.alice.Connect(s.bob)
	var opened struct {
		ChannelID string `json:"channel_id"`
	}
	s.alice.Call("fundchannel", map[string]any{
		"id": s.bob.ID(), "amount": uint64(capacity), "push_msat": uint64(capacity.Msat() / 2), "channel_type": channelType,
	}, &opened)
	btcd.WaitMempool(1)
	btcd.Mine(6)
	s.id = opened.ChannelID
	for _, n := range s.nodes() {
		n.Sync()
		n.WaitChannel(s.id, "CHANNELD_NORMAL")
	}
	return s
}

// parties are those whose channel it is.
func (s *stage) parties() []*harness.Node { return []*harness.Node{s.alice, s.bob} }

// nodes are all that run.
func (s *stage) nodes() []*harness.Node {
	list := s.parties()
	if s.carol != nil {
		list = append(list, s.carol)
	}
	return slices.DeleteFunc(list, (*harness.Node).Dead)
}

// other is the peer of a party.
func (s *stage) other(n *harness.Node) *harness.Node {
	if n == s.alice {
		return s.bob
	}
	return s.alice
}

// channelOf is the channel as a party lists it, nil once it has archived it.
func (s *stage) channelOf(n *harness.Node) *harness.PeerChannel {
	s.t.Helper()
	return channelOf(n, s.id)
}

func channelOf(n *harness.Node, id string) *harness.PeerChannel {
	for _, c := range n.Channels() {
		if c.ChannelID == id {
			return &c
		}
	}
	return nil
}

// The types of channels by their feature bits.
var (
	staticRemotekey = []int{12}
	anchors         = []int{12, 22}
)

// forceClose has a node close the channel while its peer is away, and returns its commitment.
func (s *stage) forceClose(n, peer *harness.Node) chainhash.Hash {
	s.t.Helper()
	txid := s.close(n, peer)
	peer.Start()
	return txid
}

// close is forceClose, and the peer stays away.
func (s *stage) close(n, peer *harness.Node) chainhash.Hash {
	s.t.Helper()
	peer.Stop()
	tx := s.closeAlone(n)
	s.waitFor(tx.TxHash())
	return tx.TxHash()
}

// closeAlone has a node close the channel whose peer is not there, and returns its commitment.
func (s *stage) closeAlone(n *harness.Node) *wire.MsgTx {
	s.t.Helper()
	return s.closeBy(n, s.id, "unilateral")
}

// closeBy has a node close a channel in a way, and returns the transaction.
func (s *stage) closeBy(n *harness.Node, id, kind string) *wire.MsgTx {
	s.t.Helper()
	var closed struct {
		Type string        `json:"type"`
		Txs  []command.Hex `json:"txs"`
	}
	timeout := 60
	if kind == "unilateral" {
		timeout = 1
	}
	n.Call("close", []any{id, timeout}, &closed)
	if closed.Type != kind {
		s.t.Fatalf("a %s close", closed.Type)
	}
	tx := wire.NewMsgTx(2)
	if err := tx.Deserialize(bytes.NewReader(closed.Txs[0])); err != nil {
		s.t.Fatal(err)
	}
	return tx
}

// childOf is the transaction of the mempool that spends outputs of a transaction, or nil.
func (s *stage) childOf(txid chainhash.Hash) *wire.MsgTx {
	s.t.Helper()
	for _, id := range s.btcd.Mempool() {
		tx := s.btcd.Transaction(id)
		if tx == nil {
			continue
		}
		for _, in := range tx.TxIn {
			if in.PreviousOutPoint.Hash == txid {
				return tx
			}
		}
	}
	return nil
}

// newChild mines blocks without any transaction until a commitment has another child than old.
func (s *stage) newChild(commitment chainhash.Hash, old *wire.MsgTx) *wire.MsgTx {
	s.t.Helper()
	for range 40 {
		s.btcd.MineOnly()
		s.alice.Sync()
		s.settleDown()
		if tx := s.childOf(commitment); tx != nil && (old == nil || tx.TxHash() != old.TxHash()) {
			return tx
		}
	}
	s.t.Fatalf("the commitment %s gets no new child", commitment)
	return nil
}

// waitFor waits until a transaction is in the mempool.
func (s *stage) waitFor(txid chainhash.Hash) {
	s.t.Helper()
	harness.Eventually(s.t, "transaction in the mempool", func() error {
		for _, id := range s.btcd.Mempool() {
			if id == txid {
				return nil
			}
		}
		return fmt.Errorf("%s is not there", txid)
	})
}

// mine mines blocks one by one, each after all nodes have done what follows from the one before.
func (s *stage) mine(blocks int) {
	s.t.Helper()
	for range blocks {
		s.btcd.Mine(1)
		for _, n := range s.nodes() {
			n.Sync()
		}
	}
}

// settleDown waits until the mempool is as it stays: what the nodes send follows from the blocks, which all have seen.
func (s *stage) settleDown() {
	s.t.Helper()
	for _, n := range s.nodes() {
		n.Sync()
	}
	last, same := "", 0
	harness.Eventually(s.t, "the mempool settles", func() error {
		txids := s.btcd.Mempool() // in no order
		slices.SortFunc(txids, func(a, b chainhash.Hash) int { return bytes.Compare(a[:], b[:]) })
		now := fmt.Sprint(txids)
		if now != last {
			last, same = now, 0
		}
		if same++; same%5 == 0 && s.busy() {
			same -= 5 // time in which somebody waits for a turn does not count
		}
		if same < 50 {
			return fmt.Errorf("it was the same %d times", same)
		}
		return nil
	})
}

// busy says whether anybody has something to do at this moment.
func (s *stage) busy() bool {
	return s.btcd.Busy() || slices.ContainsFunc(s.nodes(), (*harness.Node).Busy)
}

// reorg replaces the last blocks by as many and one more, which have nothing in them but one transaction, if
// there is one, after some blocks.
func (s *stage) reorg(depth, after int, txs ...*wire.MsgTx) {
	s.t.Helper()
	s.btcd.Invalidate(s.btcd.HashAt(s.btcd.Height() - depth + 1))
	for i := range depth + 1 {
		if i == after {
			s.btcd.MineOnly(txs...)
		} else {
			s.btcd.MineOnly()
		}
	}
	for _, n := range s.nodes() {
		n.Sync()
	}
}

// forget has the blocks read again, after a reorganisation.
func (s *stage) forget() { s.seen, s.txs = s.began, map[chainhash.Hash]*wire.MsgTx{} }

// tx is a transaction of a block.
func (s *stage) tx(txid chainhash.Hash) *wire.MsgTx {
	s.t.Helper()
	for ; s.seen < s.btcd.Height(); s.seen++ {
		for _, tx := range s.btcd.BlockAt(s.seen + 1).Transactions {
			s.txs[tx.TxHash()] = tx
		}
	}
	return s.txs[txid]
}

// fundingOf is the output that a commitment spends.
func (s *stage) fundingOf(tx *wire.MsgTx) *wire.TxOut {
	s.t.Helper()
	o := tx.TxIn[0].PreviousOutPoint
	return s.tx(o.Hash).TxOut[o.Index]
}

// heightOf is that of the block with a transaction, 0 if there is none.
func (s *stage) heightOf(txid chainhash.Hash) int {
	s.t.Helper()
	for h := s.btcd.Height(); h > s.began; h-- {
		for _, tx := range s.btcd.BlockAt(h).Transactions {
			if tx.TxHash() == txid {
				return h
			}
		}
	}
	return 0
}

// spentBy is the transaction of a block that spends an output, nil if there is none.
func (s *stage) spentBy(txid chainhash.Hash, index uint32) *wire.MsgTx {
	s.t.Helper()
	s.tx(txid)
	for _, tx := range s.txs {
		for _, in := range tx.TxIn {
			if in.PreviousOutPoint == (wire.OutPoint{Hash: txid, Index: index}) {
				return tx
			}
		}
	}
	return nil
}

// fee is what a transaction pays whose inputs are of transactions in blocks.
func (s *stage) fee(tx *wire.MsgTx) amount.Sat {
	s.t.Helper()
	return s.feeWith(tx, nil)
}

// feeWith is fee where inputs may be of further transactions.
func (s *stage) feeWith(tx *wire.MsgTx, more map[chainhash.Hash]*wire.MsgTx) amount.Sat {
	s.t.Helper()
	var fee amount.Sat
	for _, in := range tx.TxIn {
		parent := more[in.PreviousOutPoint.Hash]
		if parent == nil {
			parent = s.tx(in.PreviousOutPoint.Hash)
		}
		if parent == nil {
			s.t.Fatalf("the fee of %s is not known", tx.TxHash())
		}
		fee += amount.Sat(parent.TxOut[in.PreviousOutPoint.Index].Value)
	}
	for _, out := range tx.TxOut {
		fee -= amount.Sat(out.Value)
	}
	return fee
}

// resolve buries all that is mined, until both nodes have archived the channel.
func (s *stage) resolve() {
	s.t.Helper()
	s.resolveAt(s.id, s.parties()...)
}

// resolveAt is resolve for a channel of some nodes.
func (s *stage) resolveAt(id string, nodes ...*harness.Node) {
	s.t.Helper()
	s.mine(1)
	for _, n := range nodes {
		if channelOf(n, id) == nil {
			s.t.Errorf("%s has archived the channel too early", n.Name)
		}
	}
	s.btcd.Mine(irrevocable)
	for _, n := range nodes {
		n.Sync()
		harness.Eventually(s.t, n.Name+" has archived the channel", func() error {
			if c := channelOf(n, id); c != nil {
				return fmt.Errorf("it is in %s", c.State)
			}
			return nil
		})
	}
}
