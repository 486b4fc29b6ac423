package main

import (
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/block"
	"fulmen/internal/channel/channeltest"
	"fulmen/internal/daemontest"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/ipc/onchaindmsg"
	"fulmen/internal/subd"
)

// patience is for anything that a test waits for.
const patience = 20 * time.Second

// programs is the folder of onchaind and hsmd.
var programs string

func TestMain(m *testing.M) {
	os.Exit(daemontest.Run(m, &programs, "fulmen/cmd/onchaind", "fulmen/cmd/hsmd"))
}

// chain is alice's lightningd, with a real hsmd and onchaind, once her channel's funding output is spent.
type chain struct {
	*history
	hsmd     *subd.Child
	onchaind *subd.Child
	reports  chan ipc.Message
	exits    chan subd.Exit
	logged   chan string // what hsmd refuses
}

func newChain(h *history) *chain {
	h.t.Helper()
	c := &chain{history: h, logged: make(chan string, 100)}
	c.hsmd = c.spawn(subd.Spec{Name: "hsmd"})
	seed := sha256.Sum256([]byte("alice")) // as channeltest has it
	path := filepath.Join(h.t.TempDir(), "hsm_secret")
	if err := os.WriteFile(path, seed[:], 0o400); err != nil {
		h.t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		h.t.Fatal(err)
	}
	if _, err := c.hsmd.Request(h.t.Context(), &hsmdmsg.Init{Network: "regtest"}, new(hsmdmsg.InitReply), file); err != nil {
		h.t.Fatal(err)
	}
	return c
}

func (c *chain) spawn(spec subd.Spec) *subd.Child {
	c.t.Helper()
	spec.Path, spec.LogLevel, spec.Title = filepath.Join(programs, spec.Name), slog.LevelInfo, spec.Name
	spec.OnLog = func(l *ipc.Log) {
		text := fmt.Sprintf("%s: %s %v", spec.Name, l.Message, l.Attrs)
		c.t.Log(text)
		if strings.Contains(text, "refused") {
			c.logged <- text
		}
	}
	child, err := subd.Spawn(spec)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(child.Kill)
	return child
}

// setup is what hsmd knows of the channel.
func (c *chain) setup() *hsmdmsg.ChannelSetup {
	p := c.alice.Channel.Params()
	return &hsmdmsg.ChannelSetup{
		FundingTxid: p.FundingTxid, FundingOutput: p.FundingOutput, FundingSats: p.FundingSats, Opener: p.Opener, Anchors: p.Anchors,
		RemoteFundingPubKey: p.Remote.FundingPubKey, RemoteBasepoints: p.Remote.Basepoints,
		LocalToSelfDelay: p.Remote.ToSelfDelay, RemoteToSelfDelay: p.Local.ToSelfDelay,
		LocalDustLimit: p.Local.DustLimit, RemoteDustLimit: p.Remote.DustLimit,
	}
}

// start starts an onchaind with the channel's end. A last one is killed.
func (c *chain) start(spend *wire.MsgTx, height block.Height) {
	c.t.Helper()
	if c.onchaind != nil {
		c.onchaind.Kill()
	}
	bob, err := channeltest.NodeOf("bob")
	if err != nil {
		c.t.Fatal(err)
	}
	sum := c.alice.Channel.Summary()
	fds, err := c.hsmd.Request(c.t.Context(), &hsmdmsg.NewClient{
		Rights: hsmdmsg.RightOnchain, PeerID: bob.ID(), ChannelDBID: 1, Setup: c.setup(),
		LocalRevoked: sum.LocalNumber, RemoteSigned: sum.RemoteSigned,
	}, new(hsmdmsg.NewClientReply))
	if err != nil {
		c.t.Fatal(err)
	}
	reports, exits := make(chan ipc.Message, 1000), make(chan subd.Exit, 1)
	c.reports, c.exits = reports, exits
	c.onchaind = c.spawn(subd.Spec{
		Name: "onchaind", Links: []*os.File{fds[0]}, OnExit: func(e subd.Exit) { exits <- e },
		Handle: func(f *ipc.Frame) error {
			m, err := decodeReport(f)
			if err == nil {
				reports <- m
			}
			return err
		},
	})
	c.order(&onchaindmsg.Init{
		ChannelDBID: 1, PeerID: bob.ID(), Snapshot: c.alice.Log.Snapshot, Records: c.alice.Log.Records, SpendTx: serialize(c.t, spend), SpendHeight: height,
		LocalScripts: [][]byte{channeltest.Script("alice")},
	})
}

// reportTypes is all that onchaind says.
var reportTypes = []ipc.Message{
	&onchaindmsg.NeedHTLCs{}, &onchaindmsg.Started{}, &onchaindmsg.Watch{}, &onchaindmsg.Unwatch{}, &onchaindmsg.Claim{}, &onchaindmsg.Unclaim{},
	&onchaindmsg.Learned{}, &onchaindmsg.FailedUpstream{}, &onchaindmsg.Movement{}, &onchaindmsg.Status{}, &onchaindmsg.Processed{}, &onchaindmsg.Resolved{},
}

func (c *chain) order(m ipc.Message) {
	c.t.Helper()
	if err := c.onchaind.Send(m); err != nil {
		c.t.Fatal(err)
	}
}

// height tells of a block, and returns all that was said up to the end of what follows from it.
func (c *chain) height(h block.Height) []ipc.Message {
	c.t.Helper()
	c.order(&onchaindmsg.NewHeight{Height: h})
	return c.until(func(m ipc.Message) bool {
		p, ok := m.(*onchaindmsg.Processed)
		return ok && p.Height == h
	})
}

// until returns all reports up to the one that is wanted.
func (c *chain) until(wanted func(ipc.Message) bool) (all []ipc.Message) {
	c.t.Helper()
	late := time.After(patience)
	for {
		select {
		case m := <-c.reports:
			if all = append(all, m); wanted(m) {
				return all
			}
		case e := <-c.exits:
			c.t.Fatalf("onchaind: %s %s", e.Reason, e.Detail)
		case <-late:
			c.t.Fatalf("onchaind said no more than %v", all)
		}
	}
}

// of are the messages of one type among all.
func of[M ipc.Message](all []ipc.Message) (list []M) {
	for _, m := range all {
		if m, ok := m.(M); ok {
			list = append(list, m)
		}
	}
	return list
}

// claims are those of the given messages that stand, by the outpoint's index, in the order of their kinds.
func claims(all []ipc.Message) []*onchaindmsg.Claim {
	byPoint := map[onchaindmsg.Outpoint]*onchaindmsg.Claim{}
	for _, m := range all {
		switch m := m.(type) {
		case *onchaindmsg.Claim:
			byPoint[m.Outpoint] = m
		case *onchaindmsg.Unclaim:
			for _, o := range m.Outpoints {
				delete(byPoint, o)
			}
		}
	}
	var list []*onchaindmsg.Claim
	for _, c := range byPoint {
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b *onchaindmsg.Claim) int { return int(a.Outpoint.Index) - int(b.Outpoint.Index) })
	return list
}
