package main

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/block"
	"fulmen/internal/htlcswitch"
	"fulmen/internal/invoices"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/ipc/onchaindmsg"
	"fulmen/internal/payments"
	"fulmen/internal/store"
	"fulmen/internal/txwatch"
	"fulmen/tests/hostile"
)

// TestLostStateIsNotPublished: a channel fails, and the last word of its process is that our state is old: the
// commitment that is being signed for the chain must not go there, now or after a restart.
func TestLostStateIsNotPublished(t *testing.T) {
	w, backend := surroundChain(t)
	w.caughtUp(testHeight)
	raw, err := w.n.signCommitment(w.n.ctx, w.n.channels[malloryChannel])
	if err != nil {
		t.Fatal(err)
	}
	w.n.loop.call(func() {
		c := w.n.channels[malloryChannel]
		c.setState(store.AwaitingUnilateral, causeUser, "as failChannel leaves it")
		c.onFutureState(&channeldmsg.FutureState{RemotePerCommitmentPoint: bobID})
		c.commitmentSigned(raw)
	})
	check := func() {
		t.Helper()
		if row := w.row(); !row.LostState || row.CloseTx != nil || row.State != store.AwaitingUnilateral {
			t.Errorf("%s, lost %v, close %x", row.State, row.LostState, row.CloseTx)
		}
	}
	check()
	w = w.restart()
	defer w.end()
	w.mine(testHeight + 1)
	check()
	if len(backend.sent) != 0 {
		t.Errorf("sent %s", backend.sent)
	}
}

// TestUselessMutualCloseIsReplaced: a closing transaction is signed, and is not mined: the peer may have had the
// last word on what it pays. The operator can have our commitment instead.
func TestUselessMutualCloseIsReplaced(t *testing.T) {
	w, _ := surroundChain(t)
	w.caughtUp(testHeight)
	mutual := mustEncode(testSpend(0, []btcwire.OutPoint{malloryFunding()}, 999_990))
	c := w.n.channels[malloryChannel]
	w.n.loop.call(func() {
		c.row.CloseTx, c.row.OwnClose = mutual, mutual
		c.setState(store.ClosingComplete, causeLocal, "waiting for it")
	})
	second := uint32(1)
	how, err := w.n.closingFor(w.n.ctx, c, &closeParams{UnilateralTimeout: &second, FeeNegotiationStep: "50%"})
	if err != nil {
		t.Fatal(err)
	}
	kind, raw, err := w.n.closeChannel(w.n.ctx, c, how, time.Millisecond, func(string) {})
	if err != nil || kind != "unilateral" {
		t.Fatalf("%s, %v", kind, err)
	}
	own, err := decodeTx(raw)
	if err != nil || !isCommitment(own) {
		t.Errorf("%x, %v", raw, err)
	}
	if row := w.row(); row.State != store.AwaitingUnilateral {
		t.Errorf("state %s", row.State)
	}
	w = w.restart()
	defer w.end()
	if row := w.row(); row.State != store.AwaitingUnilateral {
		t.Errorf("state %s after a restart", row.State)
	}
}

// TestProcessOfAClosedChannelEnds: one that was being started while the chain closed its channel is ended unheard,
// as the end of the channel begins with the last state that was stored.
func TestProcessOfAClosedChannelEnds(t *testing.T) {
	w, _ := surroundChain(t)
	defer w.end()
	w.connect()
	w.n.loop.call(func() {
		c := w.n.channels[malloryChannel]
		c.row.State = store.FundingSpendSeen
		c.started(c.proc)
	})
	hostile.Within(t, "end the process", func() {
		for gone := false; !gone; {
			w.n.loop.call(func() { gone = w.n.channels[malloryChannel].proc == nil })
		}
	})
	w.unharmed()
}

// TestCloseTellsOfEachStep: who closes a channel hears what is waited for, to the closing transaction.
func TestCloseTellsOfEachStep(t *testing.T) {
	w, _ := surroundChain(t)
	defer w.end()
	steps := make(chan string, 10)
	done := make(chan string, 2)
	begin := func(channel uint64) {
		go func() {
			kind, _, err := w.n.closeChannel(w.n.ctx, w.n.channels[channel], new(closing), 0, func(text string) { steps <- text })
			done <- fmt.Sprint(kind, err)
		}()
	}
	next := func(want string) {
		t.Helper()
		hostile.Within(t, want, func() {
			if got := <-steps; !strings.HasPrefix(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
	begin(bobChannel)
	next("Waiting for the peer to be connected")
	w.connect()
	next("Asking the peer to close")
	begin(malloryChannel)
	next("Asking the peer to close")
	shutting, exchange := testStatus, testStatus
	shutting.State, exchange.State = channeldmsg.ShuttingDown, channeldmsg.SigExchange
	w.send(w.mallory, &channeldmsg.StateChanged{Status: shutting})
	next("Shutdown: waiting for HTLCs")
	w.send(w.mallory, &channeldmsg.StateChanged{Status: exchange})
	next("Negotiating the fee")
	w.send(w.mallory, &channeldmsg.MutualClose{Tx: testClose(malloryChannel, 1)})
	next("Waiting for the closing transaction")
	hostile.Within(t, "close", func() {
		if got := <-done; got != "mutual<nil>" {
			t.Errorf("a close %s", got)
		}
	})
	if len(steps) != 0 {
		t.Errorf("more steps: %q", <-steps)
	}
}

// TestUntakenBlocksAreForgotten: what a node wrote of a block that it did not take before it ended counts for
// nothing, as the chain may have another by now.
func TestUntakenBlocksAreForgotten(t *testing.T) {
	w, _ := surroundChain(t)
	close := testCommitment(1)
	spend := testSpend(0, []btcwire.OutPoint{{Hash: close.TxHash()}}, 90_000)
	w.mine(testHeight + 1)
	w.n.loop.call(func() { w.n.channels[malloryChannel].spent(testHeight+2, close) })
	w.n.loop.call(func() { w.n.followTx(store.OnchainTx{Tx: spend, Height: testHeight + 2}) })
	w.alive()
	w = w.restart()
	defer w.end()
	if row := w.row(); row.CloseHeight != 0 || row.State != store.FundingSpendSeen {
		t.Errorf("%s in block %d", row.State, row.CloseHeight)
	}
	if list, err := w.n.db.OnchainTxs(malloryChannel); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
	w.mine(testHeight+2, close, spend)
	p := w.began(close)
	if m := hears[onchaindmsg.OutputSpent](w, p); m.TxIndex != 1 {
		t.Errorf("told of %+v", m)
	}
}

// TestClaimIsStoredBeforeItIsSent follows one claim to the backend.
func TestClaimIsStoredBeforeItIsSent(t *testing.T) {
	w, backend := surroundChain(t)
	w.setAnswer(signed)
	sent := make(chan *btcwire.MsgTx, 1)
	backend.seen = func(tx *btcwire.MsgTx) {
		list, err := w.n.db.SentTxs()
		if err != nil || len(list) != 1 || list[0].Tx.TxHash() != tx.TxHash() {
			t.Errorf("on disk are %+v, %v", list, err)
		}
		sent <- tx
	}
	close := testCommitment(1)
	w.mine(testHeight+1, close)
	p := w.began(close)
	w.send(p, testClaim(close, 0))
	w.send(p, &onchaindmsg.Processed{Height: testHeight + 1})
	var tx *btcwire.MsgTx
	hostile.Within(t, "send it", func() { tx = <-sent })
	if len(tx.TxIn) != 1 || outpointMsg(tx.TxIn[0].PreviousOutPoint) != outputOf(close, 0) || len(tx.TxIn[0].Witness) != 1 {
		t.Errorf("sent %+v", tx)
	}
	w.alive()
	backend.seen = nil
	w = w.restart() // it is known, and no other is made
	defer w.end()
	p = w.began(close)
	w.send(p, testClaim(close, 0))
	w.mine(testHeight + 2)
	w.send(p, &onchaindmsg.Processed{Height: testHeight + 2})
	w.handled(p)
	w.alive()
	if list, err := w.n.db.SentTxs(); err != nil || len(list) != 1 || list[0].Tx.TxHash() != tx.TxHash() {
		t.Errorf("after the restart %+v, %v", list, err)
	}
}

func signed(reply ipc.Message) {
	if m, ok := reply.(*onchaindmsg.SignClaimsReply); ok {
		m.Witnesses = [][][]byte{{make([]byte, 72)}}
	}
}

// TestClaimIsNotSentWhenItsReasonIsGone: the close is taken back while its onchaind signs.
func TestClaimIsNotSentWhenItsReasonIsGone(t *testing.T) {
	w, backend := surroundChain(t)
	defer w.end()
	asked, answer := make(chan struct{}), make(chan struct{})
	var once sync.Once
	w.setAnswer(func(reply ipc.Message) {
		if _, ok := reply.(*onchaindmsg.SignClaimsReply); ok {
			once.Do(func() { asked <- struct{}{}; <-answer })
		}
		signed(reply)
	})
	close := testCommitment(1)
	w.mine(testHeight+1, close)
	p := w.began(close)
	w.send(p, testClaim(close, 0))
	w.send(p, &onchaindmsg.Processed{Height: testHeight + 1})
	hostile.Within(t, "ask for the signature", func() { <-asked })
	w.n.loop.call(func() { w.n.stepTxs(txwatch.Forget{Channel: malloryChannel}) })
	answer <- struct{}{}
	w.handled(p)
	for range 3 {
		w.alive()
	}
	if list, err := w.n.db.SentTxs(); err != nil || len(list) != 0 || len(backend.sent) != 0 {
		t.Errorf("stored %+v, sent %s, %v", list, backend.sent, err)
	}
}

// TestOverdueChannelsGetTwoBlocks: after a start a peer may come back before a deadline that has passed closes its
// channel.
func TestOverdueChannelsGetTwoBlocks(t *testing.T) {
	w, _ := surroundChain(t)
	defer w.end()
	watch := func(h block.Height) (state store.ChannelState) {
		w.n.loop.call(func() {
			w.n.watchDeadlines(h)
			state = w.mallorys().State
		})
		return state
	}
	w.n.loop.call(func() {
		w.n.channels[malloryChannel].status = channeldmsg.Status{State: channeldmsg.Normal, Deadline: testHeight - 10}
	})
	for h := block.Height(testHeight); h < testHeight+comeBack; h++ {
		if got := watch(h); got != store.Normal {
			t.Errorf("block %d: %s", h, got)
		}
	}
	if got := watch(testHeight + comeBack); got != store.AwaitingUnilateral {
		t.Errorf("two blocks later: %s", got)
	}
}

// TestTakenHTLCsHaveADeadline: the peer's HTLC whose preimage is on disk has to be fulfilled before it expires,
// though the channel's own state knows nothing of the preimage.
func TestTakenHTLCsHaveADeadline(t *testing.T) {
	w, _ := surroundChain(t)
	defer w.end()
	key := invoices.Key{Channel: malloryChannel, HTLC: 5}
	d := &channeldmsg.DescribeReply{HTLCs: []channeldmsg.DescribedHTLC{{ID: 5, CLTVExpiry: 500}, {ID: 6, CLTVExpiry: 400}}}
	if err := w.n.considerTaken(w.n.channels[malloryChannel], d); err != nil || d.Status.Deadline != 0 {
		t.Errorf("nothing taken: deadline %d, %v", d.Status.Deadline, err)
	}
	if err := w.n.db.Update(func(tx *storeTx) error { return tx.TakeHTLC(key, 1000, testPreimage) }); err != nil {
		t.Fatal(err)
	}
	if err := w.n.considerTaken(w.n.channels[malloryChannel], d); err != nil || d.Status.Deadline != 500-block.Height(w.n.policy.fulfillBefore()) {
		t.Errorf("deadline %d, %v", d.Status.Deadline, err)
	}
}

// TestForwardsSetTheDeadlineOfOurCommitment: it is by the expiry of the incoming HTLC.
func TestForwardsSetTheDeadlineOfOurCommitment(t *testing.T) {
	c := &channel{outs: map[uint64]origin{
		3: &forwardOrigin{f: &htlcswitch.Forward{HTLC: htlcswitch.HTLC{CLTVExpiry: 640}}}, 4: &partOrigin{Part: &payments.Part{}},
	}}
	if got := c.upstream(); len(got) != 1 || got[3] != 640 {
		t.Errorf("%v", got)
	}
}
