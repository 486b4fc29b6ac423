package confinement

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fulmen/internal/hsmsecret/secretfile"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/connectdmsg"
	"fulmen/internal/ipc/gossipdmsg"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/keys"
	"fulmen/internal/sandbox/hostile"
	"fulmen/internal/subd"
)

// patience is for one attempt.
const patience = 60 * time.Second

// build makes the daemons with build tags, once for each.
func build(t testing.TB, tags string) string {
	t.Helper()
	dir := t.TempDir()
	args := []string{"build", "-trimpath", "-ldflags=-s -w", "-tags", tags, "-o", dir}
	for _, daemon := range hostile.Daemons {
		args = append(args, "../../cmd/"+daemon)
	}
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return dir
}

// battlefield is a node in which one daemon at a time is taken over: a real hsmd, and the test as
// lightningd. It also listens where a daemon might connect to.
type battlefield struct {
	t        *testing.T
	programs string
	hsmd     *subd.Child
	node     keys.PubKey
	port     uint16
	rpc      string // path of a socket
	abstract string
	channels atomic.Uint64 // how many were made

	mu      sync.Mutex
	refused []string // what hsmd logged
}

func newBattlefield(t *testing.T) *battlefield {
	t.Helper()
	b := &battlefield{t: t, programs: build(t, "hostile")}
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tcp.Close() })
	b.port = uint16(tcp.Addr().(*net.TCPAddr).Port)
	dir, err := os.MkdirTemp("", "rpc") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	b.rpc = filepath.Join(dir, "lightning-rpc")
	listenUnix(t, b.rpc)
	b.abstract = fmt.Sprintf("fulmen-confinement-%d", os.Getpid())
	listenUnix(t, "@"+b.abstract)
	b.startHsmd()
	return b
}

func listenUnix(t testing.TB, name string) {
	t.Helper()
	l, err := net.Listen("unix", name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
}

// startHsmd starts the one that all others ask, and attack.
func (b *battlefield) startHsmd() {
	b.t.Helper()
	var err error
	b.hsmd, err = subd.Spawn(subd.Spec{Name: "hsmd", Path: filepath.Join(b.programs, "hsmd"), LogLevel: slog.LevelError, OnLog: b.note})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(b.hsmd.Kill)
	secret, err := secretfile.Begin(filepath.Join(b.t.TempDir(), "hsm_secret"))
	if err != nil {
		b.t.Fatal(err)
	}
	file, err := secret.Dup()
	if err != nil {
		b.t.Fatal(err)
	}
	var reply hsmdmsg.InitReply
	if _, err := b.hsmd.Request(b.t.Context(), &hsmdmsg.Init{Network: "regtest", Create: true}, &reply, file); err != nil {
		b.t.Fatal(err)
	}
	b.node = reply.NodeID
}

func (b *battlefield) note(m *ipc.Log) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range m.Attrs {
		if a.Key == "client" {
			b.refused = append(b.refused, a.Value)
		}
	}
}

// hasRefused reports whether hsmd logged that it refused a client.
func (b *battlefield) hasRefused(client string) bool {
	deadline := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		b.mu.Lock()
		for _, c := range b.refused {
			if c == client {
				b.mu.Unlock()
				return true
			}
		}
		b.mu.Unlock()
		select {
		case <-tick.C:
		case <-deadline:
			return false
		}
	}
}

// scene makes the folder that an attempt plays in, as much as possible like a node's.
func (b *battlefield) scene(a *hostile.Attempt) (*hostile.Scene, error) {
	dir, err := os.MkdirTemp(b.t.TempDir(), "node")
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"hsm_secret", "lightningd.sqlite3"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			return nil, err
		}
	}
	return &hostile.Scene{
		Attempt: a.Name, Dir: dir, Lightningd: os.Getpid(), Another: b.hsmd.Pid, Port: b.port, RPC: b.rpc, Abstract: b.abstract,
		Peer: b.node,
	}, nil
}

// try starts a daemon that tries one thing, and returns what came of it.
func (b *battlefield) try(a *hostile.Attempt, daemon, confine string) string {
	scene, err := b.scene(a)
	if err != nil {
		return err.Error()
	}
	links, client, err := b.links(daemon, scene)
	if err != nil {
		return err.Error()
	}
	exits := make(chan subd.Exit, 1)
	child, err := subd.Spawn(subd.Spec{
		Name: daemon, Path: filepath.Join(b.programs, daemon), Title: scene.Title(daemon), Confine: confine, Links: links,
		LogLevel: slog.LevelError, OnExit: func(e subd.Exit) { exits <- e },
	})
	if err != nil {
		return err.Error()
	}
	defer child.Kill()
	switch daemon {
	case hostile.Connectd: // it confines itself once it knows where to listen
		child.Go(&connectdmsg.Init{NodeID: b.node}, new(connectdmsg.InitReply), func([]*os.File, error) {})
	case hostile.Gossipd:
		file, err := os.OpenFile(filepath.Join(scene.Dir, "gossip_store"), os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return err.Error()
		}
		_ = child.Send(&gossipdmsg.Init{NodeID: b.node}, file) // or its exit says why
	}
	select {
	case e := <-exits:
		return b.outcome(e, client)
	case <-time.After(patience):
		return "nothing came of it"
	}
}

// links is a daemon's descriptors from 4 on, and the name by which hsmd knows it.
func (b *battlefield) links(daemon string, scene *hostile.Scene) (links []*os.File, client string, err error) {
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	m := &hsmdmsg.NewClient{}
	switch daemon {
	case hostile.Hsmd:
		return nil, "", nil
	case hostile.Connectd:
		m.Rights, client = hsmdmsg.RightECDH, "ecdh"
	case hostile.Gossipd:
		m.Rights, client = hsmdmsg.RightGossip, "gossip"
	case hostile.Channeld:
		m.Rights, m.PeerID, m.ChannelDBID = hsmdmsg.RightECDH|hsmdmsg.RightCommitment, b.node, b.channels.Add(1)
		client = fmt.Sprintf("channel %s-%d", m.PeerID, m.ChannelDBID)
	case hostile.Onchaind:
		if m, err = b.closedChannel(ctx, scene); err != nil {
			return nil, "", err
		}
		client = fmt.Sprintf("onchain %s-%d", m.PeerID, m.ChannelDBID)
	}
	fds, err := b.hsmd.Request(ctx, m, new(hsmdmsg.NewClientReply))
	if err != nil {
		return nil, "", err
	}
	_, theirs, err := ipc.Pair() // to a neighbour, who is not there
	return append(fds, theirs), client, err
}

// closedChannel is what an onchaind's socket is asked for: our commitment 0 is revoked, the peer's 0 to 2 are
// signed.
func (b *battlefield) closedChannel(ctx context.Context, scene *hostile.Scene) (*hsmdmsg.NewClient, error) {
	m := &hsmdmsg.NewClient{Rights: hsmdmsg.RightCommitment, PeerID: b.node, ChannelDBID: b.channels.Add(1)}
	fds, err := b.hsmd.Request(ctx, m, new(hsmdmsg.NewClientReply))
	if err != nil {
		return nil, err
	}
	channeld := ipc.NewConn(fds[0])
	defer channeld.Close()
	var mine hsmdmsg.GetBasepointsReply
	if _, err := channeld.Request(&hsmdmsg.GetBasepoints{}, &mine); err != nil {
		return nil, err
	}
	scene.Payment = mine.Basepoints.Payment
	m.Rights, m.LocalRevoked, m.RemoteSigned = hsmdmsg.RightOnchain, 1, 3
	m.Setup = &hsmdmsg.ChannelSetup{
		FundingTxid: [32]byte{1}, FundingSats: 1_000_000, Opener: true, Anchors: true,
		RemoteFundingPubKey: b.node, RemoteBasepoints: mine.Basepoints,
		LocalToSelfDelay: 144, RemoteToSelfDelay: 144, LocalDustLimit: 354, RemoteDustLimit: 354,
	}
	return m, nil
}

// outcome puts what is known of a daemon's end into the list's words.
func (b *battlefield) outcome(e subd.Exit, client string) string {
	reported, ok := hostile.Reported(e.Detail)
	switch {
	case strings.HasPrefix(e.Reason, "bad message on its link"): // it may have noticed before it was killed
		return hostile.LinkClosed
	case ok && reported == hostile.SocketClosed && !b.hasRefused(client):
		return reported + ", not logged"
	case ok:
		return reported
	case strings.HasPrefix(e.Reason, "killed by the sandbox"):
		return hostile.Killed
	case e.Clean: // another program ran in its place
		return hostile.Done
	}
	return e.Reason + " " + e.Detail
}
