package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/btcsuite/btcd/btcec/v2"

	"fulmen/internal/features"
	"fulmen/internal/gossip"
	"fulmen/internal/gossipstore"
	"fulmen/internal/graph/graphtest"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/gossipdmsg"
	"fulmen/internal/ipc/gossipmsg"
	"fulmen/internal/keys"
	"fulmen/internal/wire"
	"fulmen/tests/harness"
	"fulmen/tests/proc"
)

type verifyRow struct {
	Bench     string  `json:"bench"`
	Messages  int     `json:"messages"`
	Seconds   float64 `json:"seconds"`
	PerSecond float64 `json:"messages_per_second"`
	Checked   float64 `json:"signatures_per_second"`
	Raw       float64 `json:"raw_per_second"`
	Ratio     float64 `json:"ratio"`
	CPURatio  float64 `json:"cpu_ratio"`
}

// work is how long something took, and how much of all cores' time.
type work struct{ wall, cpu time.Duration }

// gossipVerify is a gossipd that asks a peer for a network and checks all of it, played by us the peer, and the chain, which
// answers at once. It is held to what the same cores do, before and after, when they do nothing but check the
// same signatures.
func gossipVerify(r *run) {
	r.Logf("signing a network")
	s := newSource(r, graphtest.Config{Seed: 1, Nodes: r.n, Channels: 3 * r.n, ChainHash: [32]byte{1}, Now: uint32(time.Now().Unix())})
	before := s.checkOnly()
	took := s.feed()
	after := s.checkOnly()
	raw := work{(before.wall + after.wall) / 2, (before.cpu + after.cpu) / 2}
	messages, signatures := 3*len(s.net.Channels)+len(s.net.IDs), float64(len(s.checks))
	r.row(verifyRow{
		Bench: r.name, Messages: messages, Seconds: round(took.wall.Seconds(), 3),
		PerSecond: round(float64(messages)/took.wall.Seconds(), 0), Checked: round(signatures/took.wall.Seconds(), 0),
		Raw: round(signatures/raw.wall.Seconds(), 0), Ratio: round(float64(raw.wall)/float64(took.wall), 2),
		CPURatio: round(float64(raw.cpu)/float64(took.cpu), 2),
	})
}

// source is a peer that has a network, and the chain that its channels are in.
type source struct {
	*run
	net      *graphtest.Network
	channels map[wire.ShortChannelID]*sourceChannel
	ids      []wire.ShortChannelID
	nodes    [][]byte // node_announcements, nil once they were sent
	checks   []gossip.Check
	peer     keys.PubKey
}

type sourceChannel struct {
	messages [3][]byte
	nodes    [2]int
	funding  gossip.Funding
}

func newSource(r *run, c graphtest.Config) *source {
	r.Helper()
	s := &source{run: r, net: graphtest.Generate(c), channels: map[wire.ShortChannelID]*sourceChannel{}}
	s.peer = s.net.IDs[0]
	s.nodes = make([][]byte, len(s.net.IDs))
	made := make([]sourceChannel, len(s.net.Channels))
	workers := runtime.NumCPU()
	inParallel(len(made), workers, func(i int) error { //nolint:errcheck // none has one
		made[i].messages = [3][]byte{s.net.ChannelAnnouncement(i), s.net.ChannelUpdate(i, 0), s.net.ChannelUpdate(i, 1)}
		return nil
	})
	inParallel(len(s.nodes), workers, func(i int) error { //nolint:errcheck // none has one
		s.nodes[i] = s.net.NodeAnnouncement(i)
		return nil
	})
	for i := range made {
		s.addChannel(i, &made[i])
	}
	slices.Sort(s.ids)
	for _, raw := range s.nodes {
		s.addChecks(raw, nil)
	}
	return s
}

func (s *source) addChannel(i int, c *sourceChannel) {
	of := &s.net.Channels[i]
	announcement := s.addChecks(c.messages[0], nil).(*wire.ChannelAnnouncement)
	s.addChecks(c.messages[1], &s.net.IDs[of.Nodes[0]])
	s.addChecks(c.messages[2], &s.net.IDs[of.Nodes[1]])
	c.nodes = of.Nodes
	c.funding = gossip.Funding{
		ShortChannelID: of.SCID, Unspent: true, Amount: of.Capacity, Txid: [32]byte{byte(i), byte(i >> 8), 1},
		Script: gossip.FundingScript(announcement.BitcoinKey1, announcement.BitcoinKey2),
	}
	s.channels[of.SCID] = c
	s.ids = append(s.ids, of.SCID)
}

// addChecks notes the signatures of a message; signer is that of a channel_update.
func (s *source) addChecks(raw []byte, signer *keys.PubKey) wire.Message {
	s.Helper()
	msg, err := wire.Decode(raw)
	if err != nil {
		s.Fatalf("%v", err)
	}
	digest, err := wire.GossipDigest(raw)
	if err != nil {
		s.Fatalf("%v", err)
	}
	add := func(key keys.PubKey, sig keys.Signature) {
		s.checks = append(s.checks, gossip.Check{Key: key, Digest: digest, Signature: sig})
	}
	switch m := msg.(type) {
	case *wire.ChannelAnnouncement:
		add(m.NodeID1, m.NodeSignature1)
		add(m.NodeID2, m.NodeSignature2)
		add(m.BitcoinKey1, m.BitcoinSignature1)
		add(m.BitcoinKey2, m.BitcoinSignature2)
	case *wire.ChannelUpdate:
		add(*signer, m.Signature)
	case *wire.NodeAnnouncement:
		add(m.NodeID, m.Signature)
	}
	return msg
}

// checkOnly checks all signatures on all cores, and does nothing else.
func (s *source) checkOnly() work {
	s.Helper()
	const turn = 64
	begun, used := time.Now(), s.ownCPU()
	if err := inParallel((len(s.checks)+turn-1)/turn, runtime.NumCPU(), func(i int) error {
		for j := i * turn; j < min((i+1)*turn, len(s.checks)); j++ {
			if !s.checks[j].Good() {
				s.Errorf("signature %d is wrong", j)
			}
		}
		return nil
	}); err != nil {
		s.Fatalf("%v", err)
	}
	return work{time.Since(begun), s.ownCPU() - used}
}

func (s *source) ownCPU() time.Duration {
	s.Helper()
	cpu, err := proc.Process{PID: os.Getpid()}.CPU()
	if err != nil {
		s.Fatalf("%v", err)
	}
	return cpu
}

// feed starts a gossipd, and returns what it takes until everything is in its store.
func (s *source) feed() work {
	s.Helper()
	bin, err := harness.Bin()
	if err != nil {
		s.Fatalf("%v", err)
	}
	path := filepath.Join(s.TempDir(), "gossip_store")
	store, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		s.Fatalf("%v", err)
	}
	var ours [3]*ipc.Conn
	cmd := exec.Command(filepath.Join(bin, "..", "libexec", "gossipd"))
	for i := range ours {
		a, b, err := ipc.Pair()
		if err != nil {
			s.Fatalf("%v", err)
		}
		defer b.Close()
		ours[i], cmd.ExtraFiles = ipc.NewConn(a), append(cmd.ExtraFiles, b)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		s.Fatalf("%v", err)
	}
	defer cmd.Wait() //nolint:errcheck // it ends with its links
	lightningd, connectd := ours[0], ours[2]
	defer lightningd.Close()
	key, err := btcec.NewPrivateKey()
	if err != nil {
		s.Fatalf("%v", err)
	}
	s.send(lightningd, new(ipc.Start))
	err = lightningd.Send(&gossipdmsg.Init{NodeID: keys.PubKey(key.PubKey().SerializeCompressed()), ChainHash: s.net.Config.ChainHash}, store)
	if err != nil {
		s.Fatalf("%v", err)
	}
	s.send(lightningd, &gossipdmsg.NewBlock{Height: 1_000_000})
	go s.playChain(lightningd)
	go s.playPeer(connectd)
	begun := time.Now()
	s.send(connectd, &gossipmsg.PeerUp{ID: s.peer, Features: features.New(features.GossipQueries.Optional())})
	s.waitStore(path, 3*len(s.net.Channels)+len(s.net.IDs))
	wall := time.Since(begun)
	cpu, err := proc.Process{PID: cmd.Process.Pid}.CPU()
	if err != nil {
		s.Fatalf("%v", err)
	}
	return work{wall, cpu}
}

func (s *source) send(to *ipc.Conn, m ipc.Message) {
	s.Helper()
	if err := to.Send(m); err != nil {
		s.Fatalf("gossipd: %v", err)
	}
}

// waitStore waits until a store has so many announcements and updates.
func (s *source) waitStore(path string, want int) {
	s.Helper()
	reader, err := gossipstore.Open(path)
	if err != nil {
		s.Fatalf("%v", err)
	}
	defer reader.Close()
	deadline := time.After(4 * harness.Patience)
	for tick := time.NewTicker(20 * time.Millisecond); want > 0; {
		rec, err := reader.Next()
		if err == nil {
			if rec.Type() <= wire.MsgChannelUpdate {
				want--
			}
			continue
		}
		select {
		case <-tick.C:
			if s.Failed() {
				s.Fatalf("no more comes")
			}
		case <-deadline:
			s.Fatalf("%d messages are missing: %v", want, err)
		}
	}
}

// playChain answers what gossipd asks lightningd.
func (s *source) playChain(lightningd *ipc.Conn) {
	for {
		f, err := lightningd.Recv()
		if err != nil {
			return
		}
		switch f.Type {
		case gossipdmsg.TypeBadPeer:
			var bad gossipdmsg.BadPeer
			s.Errorf("gossipd says that the peer is bad: %v %s", f.Decode(&bad), bad.Reason)
		case gossipdmsg.TypeCheckFunding:
			var ask gossipdmsg.CheckFunding
			if err := f.Decode(&ask); err != nil {
				s.Errorf("%v", err)
				return
			}
			reply := new(gossipdmsg.FundingChecked)
			for _, id := range ask.IDs {
				reply.Results = append(reply.Results, s.channels[id].funding)
			}
			if lightningd.Send(reply) != nil {
				return
			}
		}
	}
}

// playPeer answers queries.
func (s *source) playPeer(connectd *ipc.Conn) {
	for {
		f, err := connectd.Recv()
		if err != nil {
			return
		}
		var asked gossipmsg.PeerGossip
		if err := f.Decode(&asked); err != nil {
			s.Errorf("%v", err)
			return
		}
		for _, raw := range asked.Wire {
			for _, answer := range s.answer(raw) {
				if connectd.Send(&gossipmsg.PeerGossip{ID: s.peer, Wire: answer}) != nil {
					return
				}
			}
		}
	}
}

// answer is what the peer sends, a few messages at a time.
func (s *source) answer(raw []byte) (parts [][][]byte) {
	msg, err := wire.Decode(raw)
	if err != nil {
		s.Errorf("gossipd sends %x: %v", raw, err)
		return nil
	}
	switch m := msg.(type) {
	case *wire.QueryChannelRange:
		const most = 8000
		for begin := 0; begin < len(s.ids); begin += most {
			reply := &wire.ReplyChannelRange{
				ChainHash: m.ChainHash, FirstBlocknum: m.FirstBlocknum, NumberOfBlocks: m.NumberOfBlocks,
				EncodedShortIDs: wire.EncodeShortIDs(s.ids[begin:min(begin+most, len(s.ids))]),
			}
			if begin+most >= len(s.ids) {
				reply.SyncComplete = 1
			}
			parts = append(parts, [][]byte{wire.Encode(reply)})
		}
	case *wire.QueryShortChannelIDs:
		ids, err := wire.DecodeShortIDs(m.EncodedShortIDs)
		if err != nil {
			s.Errorf("%v", err)
		}
		for _, id := range ids {
			c := s.channels[id]
			part := c.messages[:]
			for _, n := range c.nodes {
				if s.nodes[n] != nil {
					part, s.nodes[n] = append(part, s.nodes[n]), nil
				}
			}
			parts = append(parts, part)
		}
		parts = append(parts, [][]byte{wire.Encode(&wire.ReplyShortChannelIDsEnd{ChainHash: m.ChainHash, FullInformation: 1})})
	}
	return parts
}
