package main

import (
	"context"
	"errors"
	"fmt"
	"sync"

	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/chain"
	"fulmen/internal/command"
	"fulmen/internal/features"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/keys"
	"fulmen/internal/rpc"
	"fulmen/internal/wallet"
)

// channelTerms are what a caller wants of a new channel.
type channelTerms struct {
	announce    bool
	push        amount.Msat
	closeTo     []byte              // our script for a mutual close; nil: an address of the wallet
	minDepth    *uint32             // nil: what the peer asks for
	reserve     *amount.Sat         // that the peer has to keep; nil: one percent
	channelType features.Vector     // nil: the best that both know
	feerate     amount.FeeratePerKw // of a commitment without anchors; 0: what the chain asks for
}

// destination is a peer to open a channel with.
type destination struct {
	id     keys.PubKey
	host   string // to connect to; "": where the peer was last, or says that it is
	amount command.SatOrAll
	channelTerms

	conn     *peerConn
	opening  *opening // from its start on, until it fails
	accepted *channeldmsg.NeedFunding
	secured  *channeldmsg.Opened
}

// fundOrder is what fundchannel and multifundchannel ask for.
type fundOrder struct {
	destinations []*destination
	least        int // of them have to succeed
	feerate      *command.Feerate
	minConf      int
	utxos        []btcwire.OutPoint
}

// openFailure is a destination with which no channel was opened, and the step that failed by its RPC name.
type openFailure struct {
	id     keys.PubKey
	method string
	err    error
}

func (f *openFailure) Error() string { return fmt.Sprintf("%s: %s: %v", f.id, f.method, f.err) }
func (f *openFailure) Unwrap() error { return f.err }

// The steps at which a destination may fail.
const (
	stepConnect  = "connect"
	stepStart    = "fundchannel_start"
	stepComplete = "fundchannel_complete"
)

// funder opens channels with one transaction. It takes all destinations through each step at the same time; those
// that fail are left out, and as long as enough remain it begins again with them. Nothing is on disk before all that
// remain are secured; then all their channels are, with the transaction.
type funder struct {
	n *node
	*fundOrder
	rate   amount.FeeratePerKw
	left   []*destination // in the order of the transaction's outputs
	failed []*openFailure
	tx     *fundingTx // nil while no coins are reserved
}

var errFewer = errors.New("some destinations failed, others remain")

// fundChannels returns when the channels are stored, and their transaction is with the backend. After an error there
// is no channel, no half-open one is left with any peer, and no coin is reserved, but for an error of the broadcast.
func (n *node) fundChannels(ctx context.Context, order *fundOrder) (*funder, error) {
	if !n.chainCaughtUp() {
		return nil, rpc.Errorf(rpc.CodeFundStillSyncing, "this node has not seen all blocks of its backend yet")
	}
	rate, err := n.feerate(order.feerate, "opening")
	if err != nil {
		return nil, err
	}
	n.crash.arm()
	f := &funder{n: n, fundOrder: order, rate: rate, left: order.destinations}
	for {
		err := f.try(ctx)
		if err == nil {
			return f, f.broadcast()
		}
		if f.tx != nil {
			if freed := n.releaseFunding(f.tx); freed != nil {
				n.log.Error("coins of a funding transaction that came to nothing stay reserved", "error", freed)
			}
			f.tx = nil
		}
		if !errors.Is(err, errFewer) {
			f.abandon(err)
			return nil, err
		}
	}
}

// try takes what is left through all steps. After errFewer, another try may do.
func (f *funder) try(ctx context.Context) error {
	if _, err := f.each(stepConnect, func(_ int, d *destination) error { return f.reach(ctx, d) }); err != nil {
		return err
	}
	if _, err := f.each(stepStart, func(_ int, d *destination) error { return d.checkSize(f.n) }); err != nil {
		return err
	}
	if err := f.reserve(ctx); err != nil {
		return err
	}
	fewer, err := f.each(stepStart, func(i int, d *destination) error { return f.start(ctx, d, f.tx.value(i)) })
	if err != nil || fewer {
		return orFewer(err) // the openings that were accepted can go on with another transaction
	}
	scripts := make([]*channeldmsg.NeedFunding, len(f.left))
	for i, d := range f.left {
		scripts[i] = d.accepted
	}
	f.tx.pay(scripts)
	if err := f.tx.sign(ctx, f.n); err != nil {
		return err
	}
	fewer, err = f.each(stepComplete, func(i int, d *destination) error { return f.complete(ctx, d, f.tx.outpoint(i)) })
	if err == nil && !fewer {
		fewer, err = f.store()
	}
	if err != nil || fewer {
		f.abandon(errors.New("the funding transaction was given up"))
		return orFewer(err)
	}
	return nil
}

func orFewer(err error) error {
	if err != nil {
		return err
	}
	return errFewer
}

// each does a step for all that are left, and leaves out those that fail. The error is that of the first of them,
// once too few are left.
func (f *funder) each(method string, do func(int, *destination) error) (fewer bool, err error) {
	errs := make([]error, len(f.left))
	var wg sync.WaitGroup
	for i, d := range f.left {
		wg.Go(func() { errs[i] = do(i, d) })
	}
	wg.Wait()
	return f.leaveOut(method, errs)
}

// leaveOut drops those that are left and have an error.
func (f *funder) leaveOut(method string, errs []error) (fewer bool, err error) {
	var left []*destination
	var first *openFailure
	for i, d := range f.left {
		if errs[i] == nil {
			left = append(left, d)
			continue
		}
		d.abandon(errs[i])
		failure := &openFailure{d.id, method, errs[i]}
		f.failed = append(f.failed, failure)
		if first == nil {
			first = failure
		}
	}
	fewer = len(left) < len(f.left)
	f.left = left
	if fewer && len(left) < f.least {
		return true, first
	}
	return fewer, nil
}

// abandon ends all openings.
func (f *funder) abandon(why error) {
	for _, d := range f.left {
		d.abandon(why)
	}
}

func (d *destination) abandon(why error) {
	if d.opening != nil {
		d.opening.abandon(why)
	}
	d.opening, d.accepted, d.secured = nil, nil, nil
}

// reach connects to the destination.
func (f *funder) reach(ctx context.Context, d *destination) (err error) {
	d.conn, err = f.n.reach(ctx, d.id, d.host, nil)
	return err
}

// maxSmallFunding is what a peer without option_support_large_channel takes (BOLT 2, open_channel).
const maxSmallFunding amount.Sat = 1<<24 - 1

// mostFunding is what a peer takes.
func (n *node) mostFunding(conn *peerConn) amount.Sat {
	if features.Negotiated(n.initFeatures, conn.features, features.SupportLargeChannel) {
		return amount.MaxSat
	}
	return maxSmallFunding
}

// checkFundingSize fails for a channel that the peer does not take.
func (n *node) checkFundingSize(value amount.Sat, conn *peerConn) error {
	if most := n.mostFunding(conn); value > most {
		return rpc.Errorf(rpc.CodeFundMaxExceeded, "amount: %s is more than the %s that the peer takes", value, most)
	}
	return nil
}

func (d *destination) checkSize(n *node) error {
	if d.amount.All {
		return nil // the wallet gives no more
	}
	return n.checkFundingSize(d.amount.Sat, d.conn)
}

// reserve makes the transaction for those that are left.
func (f *funder) reserve(ctx context.Context) error {
	values, allTo, atMost := make([]amount.Sat, len(f.left)), -1, amount.Sat(0)
	for i, d := range f.left {
		values[i] = d.amount.Sat
		if d.amount.All {
			allTo, atMost = i, f.n.mostFunding(d.conn)
		}
	}
	var err error
	f.tx, err = f.n.reserveFunding(ctx, values, allTo, atMost, wallet.SpendRequest{
		Feerate: f.rate, MinConf: f.minConf, Utxos: f.utxos, Emergency: true,
	})
	return err
}

// start proposes the channel, and waits until the peer has accepted it. One that was accepted in an earlier try is
// taken up, if it is of the same amount.
func (f *funder) start(ctx context.Context, d *destination, value amount.Sat) error {
	if d.accepted != nil && d.accepted.Amount == value && d.opening.stillWaits() {
		return nil
	}
	d.abandon(errors.New("the channel gets another amount"))
	open, err := f.n.openParams(&d.channelTerms, value, d.conn)
	if err != nil {
		return err
	}
	if d.opening, err = f.n.openChannel(ctx, d.conn, open, &openOrder{value: value, closeTo: d.closeTo}); err != nil {
		return err
	}
	news, err := d.opening.next(ctx)
	d.accepted = news.accepted
	return err
}

// complete has both sides sign, and waits until the peer has.
func (f *funder) complete(ctx context.Context, d *destination, outpoint btcwire.OutPoint) error {
	if err := f.n.onLoop(func() error { return d.opening.fund(outpoint) }); err != nil {
		return err
	}
	news, err := d.opening.next(ctx)
	d.secured = news.secured
	return err
}

// store makes the channels, with the transaction and what it means for the wallet.
func (f *funder) store() (fewer bool, err error) {
	done := make(chan struct{})
	errs := make([]error, len(f.left))
	err = f.n.onLoop(func() error {
		list := make([]*opening, len(f.left))
		for i, d := range f.left {
			list[i] = d.opening
			if d.opening.over || d.opening.err != nil {
				errs[i], fewer = d.opening.gone(), true
			}
		}
		if fewer {
			return nil
		}
		return f.n.storeOpened(list, &fundedBy{tx: f.tx.tx}, func() { close(done) })
	})
	if err != nil {
		return false, err
	}
	if fewer {
		return f.leaveOut(stepComplete, errs)
	}
	select {
	case <-done:
		return false, nil
	case <-f.n.ctx.Done():
		return false, rpc.ErrShutdown
	}
}

// broadcast sends the transaction. The channels exist and the peers know of them: a backend that does not take it now
// gets it again with each block.
func (f *funder) broadcast() error {
	if err := f.n.chain.Broadcast(f.n.ctx, chain.Broadcast{Tx: f.tx.tx, Insist: true}); err != nil {
		return rpc.Errorf(rpc.CodeFundBroadcastFail, "funding transaction %s is not taken yet, it will be sent again: %w", f.tx.tx.TxHash(), err)
	}
	return nil
}
