package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/block"
	"fulmen/internal/chain"
	"fulmen/internal/command"
	"fulmen/internal/config"
	"fulmen/internal/features"
	"fulmen/internal/htlcswitch"
	"fulmen/internal/invoices"
	"fulmen/internal/keys"
	"fulmen/internal/logs"
	"fulmen/internal/payments"
	"fulmen/internal/plugin"
	"fulmen/internal/rpc"
	"fulmen/internal/runes"
	"fulmen/internal/store"
	"fulmen/internal/subd"
	"fulmen/internal/txwatch"
	"fulmen/internal/wallet"
	"fulmen/internal/wire"
)

// storeTx is what a unit of work writes into.
type storeTx = store.Tx

// node is lightningd. Fields below loop belong to the loop's goroutine; those above do not change
// once the loop runs, or guard themselves.
type node struct {
	cfg      *config.Config
	book     *logs.Book
	log      *slog.Logger
	network  network
	policy   policy
	programs subd.Programs
	fork     func(subd.Spec) (*subd.Child, error) // subd.Spawn
	db       *store.DB
	now      func() time.Time
	ctx      context.Context // ends when the node stops
	cancel   context.CancelFunc
	failure  chan error // the first reason why the node cannot go on

	id           keys.PubKey
	hsm          *hsmd
	connectd     *networkDaemon
	gossipd      *networkDaemon
	static       staticBackup
	plugins      *plugin.Host
	chain        *chain.Runner
	funding      *fundingChecker
	rpcServer    *rpc.Server
	runes        runeKeeper
	revoked      revocations
	recovered    string // the secret that the option recover brought, until plugins have it; never logged
	initFeatures features.Vector
	// pluginFeatures are the bits that plugins add to ours; set before anybody is told of any.
	pluginFeatures map[features.Context]features.Vector
	forced         features.Forced          // by tests
	bound          atomic.Pointer[[]string] // addresses that connectd listens on
	synced         chan struct{}
	firstSync      sync.Once
	stopRequested  chan struct{} // closed by the RPC command stop
	stopOnce       sync.Once

	crash   *crasher      // nil, but for tests
	stopped chan struct{} // closed when all but the RPC has ended

	commandTable  func() *command.Table
	loop          *loop
	stopping      bool
	drain         *drain     // set by the command graceful
	restarting    bool       // connectd and gossipd
	networkStarts bool       // connectd and gossipd start for the first time
	recentSpends  [][]uint64 // what the newest blocks spend, the last of them last, for the next gossipd

	wallet         *wallet.Wallet
	blockHeight    block.Height
	toldHeight     block.Height // that the channels know of; 0 while the chain is not read to its end
	firstHeight    block.Height // of the first time that all blocks were taken
	watcher        *chain.Watcher
	shutdownScript []byte // for the next channel that opens
	byFunding      map[btcwire.OutPoint]*channel
	byOutput       map[btcwire.OutPoint]*closure // outputs of closed channels that matter
	txs            *txwatch.Machine              // our transactions that wait to be mined,
	sent           map[chainhash.Hash]*store.SentTx
	decideSoon     bool // with the next flush

	byName    map[wire.ShortChannelID]*channel // found before, see channelByOwnName
	forwards  *htlcswitch.Switch
	channels  map[uint64]*channel // by number; all that are not forgotten
	peers     map[keys.PubKey]*peer
	dirty     map[*channel]bool // have something for the next flush
	lastRef   uint64            // of an HTLC that was offered to a channel
	out       *outgoing
	trying    map[payments.Hash]bool // payments that the plugin pay has not given up
	invoices  *invoices.Machine
	toldMoves toldMoves
	paying    map[*payingHook]bool // payments that plugins are asked about
	setTimer  *time.Timer          // for parts whose others do not come
	expiry    *time.Timer          // for invoices that nobody paid

	invoiceWaiters    waiters[string, *invoices.Invoice] // by label; nil: deleted
	anyInvoiceWaiters waiters[struct{}, struct{}]
	stateWaiters      waiters[uint64, store.ChannelState] // by channel
	connectWaiters    waiters[keys.PubKey, *peerConn]
	disconnectWaiters waiters[keys.PubKey, struct{}]
	heightWaiters     map[chan block.Height]block.Height // until this height
	pinging           map[keys.PubKey]bool
	commanding        map[commandoKey]*commandoCall // commands that we sent to peers
	lastCommand       uint64
}

func newNode(cfg *config.Config, book *logs.Book, db *store.DB) *node {
	n := &node{
		cfg: cfg, book: book, log: book.Logger(), db: db, now: time.Now, fork: subd.Spawn,
		failure: make(chan error, 1), synced: make(chan struct{}), stopRequested: make(chan struct{}), stopped: make(chan struct{}),
		connectd: &networkDaemon{name: "connectd"}, gossipd: &networkDaemon{name: "gossipd"},
		initFeatures: features.Ours(features.Init), runes: runeKeeper{uses: runes.Uses{}},

		watcher: chain.NewWatcher(), byFunding: map[btcwire.OutPoint]*channel{}, byOutput: map[btcwire.OutPoint]*closure{},
		txs: txwatch.New(), sent: map[chainhash.Hash]*store.SentTx{},
		byName: map[wire.ShortChannelID]*channel{}, channels: map[uint64]*channel{}, dirty: map[*channel]bool{},
		peers: map[keys.PubKey]*peer{}, pinging: map[keys.PubKey]bool{}, commanding: map[commandoKey]*commandoCall{},
		out: newOutgoing(), trying: map[payments.Hash]bool{}, invoices: invoices.New(db), paying: map[*payingHook]bool{},

		invoiceWaiters: waiters[string, *invoices.Invoice]{}, anyInvoiceWaiters: waiters[struct{}, struct{}]{},
		stateWaiters: waiters[uint64, store.ChannelState]{}, connectWaiters: waiters[keys.PubKey, *peerConn]{},
		disconnectWaiters: waiters[keys.PubKey, struct{}]{},
		heightWaiters:     map[chan block.Height]block.Height{},
	}
	n.invoices.SetTimeout = time.Duration(cfg.Int("dev-mpp-timeout")) * time.Second
	n.ctx, n.cancel = context.WithCancel(context.Background())
	n.static.wanted = make(chan struct{}, 1)
	n.revoked.bell = make(chan struct{}, 1)
	n.forwards = htlcswitch.New(switchChannels{n})
	n.loop = newLoop(n.flush)
	n.commandTable = n.newCommandTable()
	n.plugins = n.newPluginHost()
	if n.crash = crasherFrom(cfg); n.crash != nil {
		db.OnCommit(n.crash.step)
	}
	db.Follow(n.databaseFollower)
	return n
}

// flush sends what the functions of one batch queued for channels.
func (n *node) flush() {
	for c := range n.dirty {
		c.flush()
		delete(n.dirty, c)
	}
	if n.decideSoon {
		n.decideTxs()
	}
	n.tellMoves()
}

// onLoop runs f in the loop and returns its error, or that the node is stopping.
func (n *node) onLoop(f func() error) error {
	var err error
	if !n.loop.call(func() { err = f() }) {
		return rpc.ErrShutdown
	}
	return err
}

// submit stores something without which the node cannot go on; then runs in the loop once it is on disk.
func (n *node) submit(what string, apply func(*storeTx) error, then func()) {
	n.db.Submit(apply, func(err error) {
		switch {
		case err != nil:
			n.die(what, err)
		case then != nil:
			n.loop.post(then)
		}
	})
}

// writeAll writes one after the other into a unit.
func writeAll(tx *storeTx, writes []func(*storeTx) error) error {
	for _, write := range writes {
		if err := write(tx); err != nil {
			return err
		}
	}
	return nil
}

// die ends the node: it cannot do what it must. What is on disk stays right.
func (n *node) die(what string, err error) {
	select {
	case n.failure <- fmt.Errorf("%s: %w", what, err):
	default: // it is ending already
	}
}

// height is the height of the last block that was taken.
func (n *node) height() (h block.Height) {
	n.loop.call(func() { h = n.blockHeight })
	return h
}

// chainCaughtUp reports whether all blocks of the backend were taken at least once.
func (n *node) chainCaughtUp() bool {
	select {
	case <-n.synced:
		return true
	default:
		return false
	}
}

// channelBySCID finds a channel by its short_channel_id, or by an alias of ours.
func (n *node) channelBySCID(id wire.ShortChannelID) *channel {
	var byRemoteAlias *channel
	for _, c := range n.channels {
		if c.row.ShortChannelID == id || c.row.AliasLocal == id {
			return c
		}
		if c.row.AliasRemote == id {
			byRemoteAlias = c // the peer chose it: it must not stand before a channel's own name
		}
	}
	return byRemoteAlias
}

// scheduleExpiry marks invoices as expired when their time is over, and tells those who wait.
func (n *node) scheduleExpiry() {
	next, err := n.db.NextExpiry()
	switch {
	case errors.Is(err, store.ErrNotFound):
		return // nothing to expire
	case err != nil:
		n.log.Error("invoices are not marked as expired", "error", err)
		return
	}
	if n.expiry != nil {
		n.expiry.Stop()
	}
	// One second later, because an invoice can be paid until the end of its last second.
	n.expiry = time.AfterFunc(next.Add(time.Second).Sub(n.now()), func() {
		n.loop.post(func() {
			n.submit("expire invoices", func(tx *storeTx) error {
				_, err := tx.ExpireInvoices(n.now())
				return err
			}, n.invoicesExpired)
		})
	})
}

func (n *node) invoicesExpired() {
	for label := range n.invoiceWaiters {
		inv, err := n.db.InvoiceByLabel(label)
		if err == nil && inv != nil && inv.Status == invoices.Expired {
			n.invoiceWaiters.tell(label, inv)
		}
	}
	n.scheduleExpiry()
}

// tellHeight wakes those who wait for a height.
func (n *node) tellHeight(h block.Height) {
	for ch, want := range n.heightWaiters {
		if h >= want {
			ch <- h
			delete(n.heightWaiters, ch)
		}
	}
}
