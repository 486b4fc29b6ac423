package main

import (
	"bytes"
	"crypto/sha256"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"fulmen/internal/chain"
	"fulmen/internal/channel/channeltest"
	"fulmen/internal/config"
	"fulmen/internal/features"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/ipc/connectdmsg"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/keys"
	"fulmen/internal/logs"
	"fulmen/internal/onion"
	"fulmen/internal/payments"
	"fulmen/internal/plugin"
	"fulmen/internal/store"
	"fulmen/internal/subd"
	"fulmen/tests/hostile"
)

// puppet is a child whose end of the link the test holds.
type puppet struct {
	name  string
	conn  *ipc.Conn
	setup chan *channeldmsg.Setup // a channeld's
	heard chan ipc.Type           // of what comes later; only as many as it holds
	words chan ipc.Frame          // an onchaind's and a gossipd's; only as many as it holds
	gone  chan struct{}           // closed when the link has ended
}

// surroundings is a node with its database, its loop and its handlers as they are, and with puppets for
// all of its children: it has one channel with bob, and one with mallory.
type surroundings struct {
	t       testing.TB
	n       *node
	loop    chan struct{} // closed when the loop has ended
	puppets chan *puppet
	answer  func(reply ipc.Message) // changes what children answer; nil: empty replies
	dir     string
	backend chain.Backend
	words   *hostile.Words

	connectd, gossipd *puppet
	bob, mallory      *puppet // their channelds
	mu                sync.Mutex
	ends              []*ipc.Conn // of all children
	ended             bool        // end has closed them
}

// surround starts a node and the children that it has from the beginning.
func surround(t testing.TB) *surroundings {
	t.Helper()
	first, err := firstDatabase()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "db"), first, 0o600); err != nil {
		t.Fatal(err)
	}
	return surroundIn(t, dir, deafBackend{})
}

// surroundIn starts a node on what is in a folder.
func surroundIn(t testing.TB, dir string, backend chain.Backend) *surroundings {
	t.Helper()
	cfg, err := config.Load([]string{"--lightning-dir=" + dir, "--network=regtest"}, dir)
	if err != nil {
		t.Fatal(err)
	}
	book, err := logs.New(logs.Options{Stdout: io.Discard, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(filepath.Join(dir, "db"))
	if err != nil {
		t.Fatal(err)
	}
	w := &surroundings{t: t, dir: dir, backend: backend, n: newNode(cfg, book, db), puppets: make(chan *puppet, 100), loop: make(chan struct{}), words: new(hostile.Words)}
	w.begin()
	return w
}

// begin does what node.start does, with nothing outside the process.
func (w *surroundings) begin() {
	n := w.n
	must := func(err error) {
		w.t.Helper()
		if err != nil {
			w.t.Fatal(err)
		}
	}
	var err error
	n.network, err = networkNamed("regtest", 9735, true)
	must(err)
	self, err := os.Executable()
	must(err)
	must(os.MkdirAll(n.cfg.NetworkDir(), 0o700))
	n.programs = subd.Programs{Replaced: map[string]string{"hsmd": self, "connectd": self, "gossipd": self, "channeld": self, "onchaind": self}}
	n.fork = w.fork
	n.id = newPayee(1).id()
	n.plugins = plugin.NewHost(plugin.Config{})
	go func() { n.loop.run(); close(w.loop) }()
	n.blockHeight = testHeight
	n.policy = policyFrom(n.cfg)
	n.funding = newFundingChecker(w.backend, n.log)
	n.chain, err = chain.NewRunner(chain.Config{Backend: w.backend, Chain: n.network.BIP70, Receiver: chainReceiver{n}})
	must(err)
	child, err := n.spawn(subd.Spec{Name: "hsmd", OnExit: func(subd.Exit) {}})
	must(err)
	n.hsm = &hsmd{child}
	signer, err := channeltest.NodeOf("alice")
	must(err)
	reply := new(hsmdmsg.InitReply)
	reply.BIP84XPub, reply.BIP86XPub = signer.XPubs()
	must(n.onLoop(func() error { return n.openWallet(reply) }))
	must(n.onLoop(n.loadChannels))
	n.firstSync.Do(func() { close(n.synced) })
	must(n.startNetworkDaemons(n.ctx))
	<-w.puppets // hsmd
	w.gossipd, w.connectd = <-w.puppets, <-w.puppets
}

// fork is subd.Spawn with a puppet instead of a process.
func (w *surroundings) fork(s subd.Spec) (*subd.Child, error) {
	ours, theirs, err := ipc.Pair()
	if err != nil {
		return nil, err
	}
	for _, f := range s.Links {
		f.Close()
	}
	p := &puppet{
		name: s.Name, conn: ipc.NewConn(theirs), setup: make(chan *channeldmsg.Setup, 1),
		heard: make(chan ipc.Type, 100), words: make(chan ipc.Frame, 100), gone: make(chan struct{}),
	}
	w.mu.Lock()
	if w.ended {
		p.conn.Close() // as the kernel ends a child whose lightningd has ended
		close(p.gone)
	} else {
		w.ends = append(w.ends, p.conn)
		go p.listen(w)
	}
	w.mu.Unlock()
	child := subd.Adopt(s, ours)
	w.puppets <- p
	return child, nil
}

// listen answers what the child must answer, until the link ends.
func (p *puppet) listen(w *surroundings) {
	defer close(p.gone)
	defer p.conn.Close()
	for {
		f, err := p.conn.Recv()
		if err != nil {
			return
		}
		f.CloseFds()
		if f.Type == channeldmsg.TypeSetup {
			m := new(channeldmsg.Setup)
			if f.Decode(m) == nil {
				p.setup <- m
			}
		}
		select {
		case p.heard <- f.Type:
		default:
		}
		if p.name == "onchaind" || p.name == "gossipd" {
			kept := f
			kept.Body = bytes.Clone(f.Body) // the next message overwrites it
			select {
			case p.words <- kept:
			default:
			}
		}
		if f.ID != 0 && w.reply(p, &f) != nil {
			return
		}
	}
}

// reply answers a request with the reply that belongs to it, as empty as can be.
func (w *surroundings) reply(p *puppet, f *ipc.Frame) error {
	if f.Type == hsmdmsg.TypeNewClient {
		a, b, err := ipc.Pair()
		if err != nil {
			return err
		}
		b.Close()
		return p.conn.Reply(f.ID, &hsmdmsg.NewClientReply{}, a)
	}
	for _, kind := range hostile.Everything {
		if kind.IPCType() == f.Type+1 {
			reply := reflect.New(reflect.TypeOf(kind).Elem()).Interface().(ipc.Message)
			w.mu.Lock()
			answer := w.answer
			w.mu.Unlock()
			if answer != nil {
				answer(reply)
			}
			return p.conn.Reply(f.ID, reply)
		}
	}
	return p.conn.Reply(f.ID, ipc.Failf(0, "no such request"))
}

// connect has connectd report both peers, and takes their channels' processes up.
func (w *surroundings) connect() {
	w.t.Helper()
	for _, id := range []keys.PubKey{bobID, malloryID} {
		w.send(w.connectd, &connectdmsg.PeerConnected{ID: id, Conn: 1, Features: features.Ours(features.Init), Addr: "127.0.0.1:1", Incoming: true})
		p := w.next()
		w.send(p, &channeldmsg.Reestablished{})
		switch setup := <-p.setup; setup.PeerID {
		case bobID:
			w.bob = p
		case malloryID:
			w.mallory = p
		}
	}
	for _, p := range []*puppet{w.bob, w.mallory} {
		w.stored(p, &channeldmsg.Store{Status: testStatus})
	}
	w.n.loop.call(func() {
		for i, id := range []uint64{bobChannel, malloryChannel, malloryChannel} {
			w.startTestPart(w.n.channels[id], uint64(i))
		}
	})
}

// testStatus is what a channel's process says when nothing is the matter.
var testStatus = channeldmsg.Status{State: channeldmsg.Normal, ToLocal: 6e8}

// stored sends a Store, and returns when it is acknowledged: so all that was sent before is handled.
func (w *surroundings) stored(p *puppet, m *channeldmsg.Store) {
	w.t.Helper()
	w.send(p, m)
	hostile.Within(w.t, "wait for Stored", func() {
		for <-p.heard != channeldmsg.TypeStored {
		}
	})
}

// partPreimage pays the part of that number; bob has the first, mallory the others.
func partPreimage(id uint64) [32]byte { return [32]byte{'p', byte(id)} }

func (w *surroundings) startTestPart(c *channel, id uint64) {
	preimage := partPreimage(id)
	p := &payments.Part{
		ID: payments.ID{PaymentHash: sha256.Sum256(preimage[:]), Group: 1}, Status: payments.Pending, Destination: c.row.PeerID,
		Amount: 1000, Sent: 1000, Total: 1000, CreatedAt: w.n.now(),
		Route: []payments.Hop{{NodeID: c.row.PeerID, ShortChannelID: c.row.ShortChannelID, Amount: 1000, CLTVExpiry: 200}},
	}
	w.n.startPart(p, new(onion.Packet), func(_ *payments.Part, err error) {
		if err != nil {
			w.t.Errorf("part %d: %v", id, err)
		}
	})
}

// next is the next child that the node starts.
func (w *surroundings) next() *puppet {
	w.t.Helper()
	select {
	case p := <-w.puppets:
		return p
	case <-time.After(hostile.Deadline):
		w.t.Fatal("no child was started")
		return nil
	}
}

func (w *surroundings) send(p *puppet, m ipc.Message) {
	_ = p.conn.Send(m) // the node may have ended it
}

// settled returns when the node has handled what p sent, or has ended p: the link is closed behind it.
func (w *surroundings) settled(p *puppet) {
	w.t.Helper()
	hostile.Within(w.t, "hear "+p.name, func() {
		p.conn.CloseWrite()
		<-p.gone
	})
	w.alive()
}

// alive fails the test if the node has died, or its loop or its database hangs.
func (w *surroundings) alive() {
	w.t.Helper()
	hostile.Within(w.t, "the loop", func() { w.n.loop.call(func() {}) })
	hostile.Within(w.t, "the database", func() {
		if err := w.n.db.Update(func(*storeTx) error { return nil }); err != nil {
			w.t.Errorf("the database: %v", err)
		}
	})
	select {
	case err := <-w.n.failure:
		w.t.Fatalf("the node died: %v", err)
	default:
	}
}

// unharmed fails the test unless bob's channel works as if nothing had happened, and is shown.
func (w *surroundings) unharmed() {
	w.t.Helper()
	preimage := partPreimage(0)
	w.stored(w.bob, &channeldmsg.Store{
		Seq: 1, Data: ownSnapshot, Snapshot: true, Offered: []channeldmsg.OfferedHTLC{{Ref: 1, ID: 0}},
		Learned: []channeldmsg.LearnedPreimage{{ID: 0, Preimage: preimage}}, Status: testStatus,
	})
	w.alive()
	var row store.Channel
	w.n.loop.call(func() { row = *w.n.channels[bobChannel].row })
	if want := testRow(bobChannel, false); row.State != store.Normal || row.FundingTxid != want.FundingTxid || row.CloseTx != nil {
		w.t.Errorf("bob's channel is now %+v", row)
	}
	parts, err := w.n.db.PartsByHash(sha256.Sum256(preimage[:]))
	if err != nil || !slices.ContainsFunc(parts, func(p *payments.Part) bool { return p.Destination == bobID && p.Status == payments.Complete }) {
		w.t.Errorf("what bob was paid: %v, %v", parts, err)
	}
	w.listed(bobID)
}

// listed fails the test unless listpeerchannels shows a channel with the peer.
func (w *surroundings) listed(id keys.PubKey) {
	w.t.Helper()
	hostile.Within(w.t, "listpeerchannels", func() {
		r, err := w.n.listPeerChannels(w.n.ctx, &listPeerChannelsParams{})
		if err != nil || !slices.ContainsFunc(r.Channels, func(c *peerChannelResult) bool { return string(c.PeerID) == string(id[:]) }) {
			w.t.Errorf("listpeerchannels: %+v, %v", r, err)
		}
	})
}

// end stops the node and its children, those that it is about to start too, and all timers that would
// hold it in memory.
func (w *surroundings) end() {
	n := w.n
	hostile.Within(w.t, "stop", func() {
		n.loop.call(func() {
			n.stopping = true
			for _, p := range n.peers {
				p.stopRetry()
				if p.stable != nil {
					p.stable.Stop()
				}
			}
			for _, t := range []*time.Timer{n.setTimer, n.expiry} {
				if t != nil {
					t.Stop()
				}
			}
		})
		n.cancel()
		w.mu.Lock()
		w.ended = true
		for _, c := range w.ends {
			c.Close()
		}
		w.mu.Unlock()
		n.loop.close()
		<-w.loop
		n.db.Close()
		n.book.Close()
	})
}

// setAnswer changes what children answer from now on.
func (w *surroundings) setAnswer(answer func(reply ipc.Message)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answer = answer
}

// TestEndEndsLateChildren: a child that was about to be started when the node ended is gone, too.
func TestEndEndsLateChildren(t *testing.T) {
	w := surround(t)
	w.end()
	child, err := w.n.fork(subd.Spec{Name: "gossipd", OnExit: func(subd.Exit) {}})
	if err != nil {
		t.Fatal(err)
	}
	hostile.Within(t, "end the child", func() { <-child.Exited() })
}
