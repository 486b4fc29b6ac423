package main

import (
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"fulmen/internal/daemontest"
	"fulmen/internal/features"
	"fulmen/internal/hsmsecret/secretfile"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/ipc/peermsg"
	"fulmen/internal/keys"
	"fulmen/internal/subd"
)

// patience is for anything that a test waits for.
const patience = 20 * time.Second

// programs is the folder of channeld and hsmd.
var programs string

func TestMain(m *testing.M) {
	os.Exit(daemontest.Run(m, &programs, "fulmen/cmd/channeld", "fulmen/cmd/hsmd"))
}

// testNode is a real hsmd and, while there is a connection, a real channeld; the test is their
// lightningd and, with link, their connectd.
type testNode struct {
	t      testing.TB
	name   string
	id     keys.PubKey
	script []byte
	hsmd   *subd.Child
	peer   *testNode

	channeld *subd.Child
	reports  chan ipc.Message

	mu       sync.Mutex
	snapshot []byte
	records  [][]byte
	opened   *channeldmsg.Opened
	status   channeldmsg.Status
	stores   int
	closed   bool // there is a closing transaction
}

func newNode(t testing.TB, name string) *testNode {
	n := &testNode{t: t, name: name, reports: make(chan ipc.Message, 1000)}
	script := sha256.Sum256([]byte(name))
	n.script = append([]byte{0, 20}, script[:20]...)
	n.hsmd = n.spawn(subd.Spec{Name: "hsmd"})
	secret, err := secretfile.Begin(filepath.Join(t.TempDir(), "hsm_secret"))
	if err != nil {
		t.Fatal(err)
	}
	file, err := secret.Dup()
	if err != nil {
		t.Fatal(err)
	}
	var reply hsmdmsg.InitReply
	if _, err := n.hsmd.Request(t.Context(), &hsmdmsg.Init{Network: "regtest", Create: true}, &reply, file); err != nil {
		t.Fatal(err)
	}
	n.id = reply.NodeID
	return n
}

func (n *testNode) spawn(spec subd.Spec) *subd.Child {
	n.t.Helper()
	spec.Path, spec.LogLevel = filepath.Join(programs, spec.Name), slog.LevelInfo
	spec.OnLog = func(l *ipc.Log) { n.t.Logf("%s %s: %s %v", n.name, spec.Name, l.Message, l.Attrs) }
	spec.Title = spec.Name + " of " + n.name
	child, err := subd.Spawn(spec)
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(child.Kill)
	return child
}

// start starts a channeld; peer is its link to the peer.
func (n *testNode) start(setup channeldmsg.Setup, peer *os.File) {
	n.t.Helper()
	client := hsmdmsg.NewClient{
		Rights: hsmdmsg.RightECDH | hsmdmsg.RightCommitment, PeerID: n.peer.id, ChannelDBID: 1, ShutdownScripts: [][]byte{n.script},
	}
	if n.opened != nil {
		client.Setup = &n.opened.Setup
		client.LocalRevoked, client.RemoteSigned = n.status.LocalRevoked, n.status.RemoteSigned
	}
	fds, err := n.hsmd.Request(n.t.Context(), &client, new(hsmdmsg.NewClientReply))
	if err != nil {
		n.t.Fatal(err)
	}
	setup.ChannelDBID, setup.NodeID, setup.PeerID, setup.Height = 1, n.id, n.peer.id, 100
	setup.LocalFeatures, setup.RemoteFeatures = features.Ours(features.Init), features.Ours(features.Init)
	setup.ShutdownScript = n.script
	setup.Policy = channeldmsg.Policy{
		MinFeerate: 253, MaxFeerate: 100_000, MaxDustExposure: 50_000_000, MaxCLTVExpiry: 2016,
		Close: channeldmsg.CloseFeerates{Target: 1000, Min: 253, Max: 5000},
	}
	n.channeld = n.spawn(subd.Spec{Name: "channeld", Links: []*os.File{fds[0], peer}, Handle: n.handle})
	n.order(&setup)
}

func (n *testNode) order(m ipc.Message) {
	n.t.Helper()
	if err := n.channeld.Send(m); err != nil {
		n.t.Fatalf("%s: %v", n.name, err)
	}
}

// handle stores what is to be stored, and keeps every report.
func (n *testNode) handle(f *ipc.Frame) error {
	m, ok := map[ipc.Type]ipc.Message{
		channeldmsg.TypeNeedFunding: &channeldmsg.NeedFunding{}, channeldmsg.TypeOpened: &channeldmsg.Opened{},
		channeldmsg.TypeStore: &channeldmsg.Store{}, channeldmsg.TypeOfferFailed: &channeldmsg.OfferFailed{},
		channeldmsg.TypeIncoming: &channeldmsg.Incoming{}, channeldmsg.TypeReestablished: &channeldmsg.Reestablished{},
		channeldmsg.TypeStateChanged: &channeldmsg.StateChanged{}, channeldmsg.TypeAnnouncement: &channeldmsg.Announcement{},
		channeldmsg.TypeMutualClose: &channeldmsg.MutualClose{}, channeldmsg.TypePeerText: &channeldmsg.PeerText{},
		channeldmsg.TypeFailing: &channeldmsg.Failing{}, channeldmsg.TypeFutureState: &channeldmsg.FutureState{},
	}[f.Type]
	if !ok {
		return fmt.Errorf("message type %d", f.Type)
	}
	if err := f.Decode(m); err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	var seq uint64
	switch m := m.(type) {
	case *channeldmsg.Opened:
		n.opened, n.snapshot, n.status, seq = m, m.Snapshot, m.Status, m.Seq
	case *channeldmsg.Store:
		if m.Snapshot {
			n.snapshot, n.records = m.Data, nil
		} else {
			n.records = append(n.records, m.Data)
		}
		n.status, seq = m.Status, m.Seq
		n.stores++
	case *channeldmsg.MutualClose:
		n.closed = true
	}
	if seq > 0 {
		_ = n.channeld.Send(&channeldmsg.Stored{Seq: seq}) // it may have been killed
	}
	n.reports <- m
	return nil
}

// wait returns the first report that is one of those wanted; what comes before is dropped.
func wait[M ipc.Message](n *testNode, wanted func(M) bool) M {
	n.t.Helper()
	late := time.After(patience)
	for {
		select {
		case m := <-n.reports:
			switch m := m.(type) {
			case M:
				if wanted == nil || wanted(m) {
					return m
				}
			case *channeldmsg.Failing:
				n.t.Fatalf("%s is failing: %s", n.name, m.Text)
			case *channeldmsg.PeerText:
				n.t.Fatalf("%s: peer says %s", n.name, m.Text)
			}
		case <-late:
			var m M
			n.t.Fatalf("%s: no %T", n.name, m)
		}
	}
}

// link is the connection between two channelds, which the test relays as connectd would.
type link struct {
	t     testing.TB
	conns [2]*ipc.Conn
	files [2]*os.File
}

func newLink(t testing.TB) *link {
	l := &link{t: t}
	for i := range l.conns {
		ours, theirs, err := ipc.Pair()
		if err != nil {
			t.Fatal(err)
		}
		l.conns[i], l.files[i] = ipc.NewConn(ours), theirs
	}
	t.Cleanup(l.cut)
	return l
}

// relay passes messages on, both ways, until either side ends.
func (l *link) relay() {
	for i := range l.conns {
		go func() {
			for {
				m, err := l.next(i)
				if err != nil {
					l.cut()
					return
				}
				if m != nil && l.conns[1-i].Send(m) != nil {
					return
				}
			}
		}()
	}
}

// next is what side i sends next; nil is a note to connectd.
func (l *link) next(i int) (*peermsg.Messages, error) {
	f, err := l.conns[i].Recv()
	if err != nil || f.Type == peermsg.TypeAlsoKnownAs {
		return nil, err
	}
	m := new(peermsg.Messages)
	return m, f.Decode(m)
}

// cut ends the connection.
func (l *link) cut() {
	for _, c := range l.conns {
		c.Close()
	}
}
