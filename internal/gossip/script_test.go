package gossip

import (
	"fmt"
	"testing"

	"fulmen/internal/gossipstore"
	"fulmen/internal/scripttest"
	"fulmen/internal/wire"
)

// TestScripts plays Alice, who has a channel with Bob (see aliceAndBob), and hears of channels of
// strangers.
func TestScripts(t *testing.T) { // go test ./internal/gossip -run Scripts/announce
	scripttest.Run(t, "testdata/*.txtar", func(t *testing.T) scripttest.Env {
		w := newWorld(t, 6, 8)
		return &stage{t: t, w: w, a: w.actor(alice), ch: aliceAndBob()}
	})
}

// stage is the Env of a script.
type stage struct {
	t  *testing.T
	w  *world
	a  *actor
	ch Channel
}

// Do runs one command and prints what Alice does.
func (s *stage) Do(c *scripttest.Command) []string {
	defer c.Done()
	switch c.Word(0) {
	case "peer": // peer up|down [queries=true]
		if c.Word(1) == "down" {
			return s.step(PeerDown{bob.id})
		}
		return s.step(PeerUp{ID: bob.id, Queries: c.Bool("queries", false)})
	case "channel": // channel set [fee_base_msat=N] [disabled=true]
		s.ch.Policy.FeeBaseMsat = uint32(c.Uint("fee_base_msat", uint64(s.ch.Policy.FeeBaseMsat)))
		s.ch.Policy.Disabled = c.Bool("disabled", false)
		return s.step(ChannelSet{s.ch})
	case "announce":
		return s.step(Announced{s.ch.ChannelID, ownAnnouncement(s.ch)})
	case "node":
		return s.step(NodeSet{Node{Alias: [32]byte{'A'}}})
	case "bob": // bob sends announcement|update|node channel=N [side=N]
		return s.bobSends(c)
	case "chain": // chain answers
		return s.record(s.a.answerFunding)
	case "later": // later seconds=N
		s.w.now += Timestamp(c.Uint("seconds", 0))
		return s.step(Tick{})
	}
	s.t.Fatalf("unknown command %q", c.Line)
	return nil
}

func (s *stage) bobSends(c *scripttest.Command) []string {
	n, side := int(c.Uint("channel", 0)), int(c.Uint("side", 0))
	var raw []byte
	switch c.Word(2) {
	case "announcement":
		raw = s.w.net.ChannelAnnouncement(n)
	case "update":
		raw = s.w.net.ChannelUpdate(n, side)
	case "node":
		raw = s.w.net.NodeAnnouncement(s.w.net.Channels[n].Nodes[side])
	default:
		s.t.Fatalf("unknown message %q", c.Word(2))
	}
	if c.Bool("forged", false) {
		raw[40] ^= 1
	}
	return s.record(func() {
		s.a.step(PeerSent{bob.id, raw})
		s.a.step(Idle{})
	})
}

func (s *stage) step(ev Event) []string { return s.record(func() { s.a.step(ev) }) }

// record prints what Alice does meanwhile.
func (s *stage) record(do func()) (lines []string) {
	s.a.trace = func(action Action) {
		if line := describe(action); line != "" {
			lines = append(lines, line)
		}
	}
	do()
	return lines
}

// describe is an action in a line. Signatures are made as they are asked for.
func describe(action Action) string {
	switch a := action.(type) {
	case Verify:
		return fmt.Sprintf("verify signatures=%d", len(a.Checks))
	case AskFunding:
		return fmt.Sprintf("ask chain outputs=%d", len(a.IDs))
	case Append:
		return "store " + describeMessage(a.Msg) + map[bool]string{true: " push"}[a.Flags&gossipstore.Push != 0]
	case Mark:
		return fmt.Sprintf("mark flags=%04x", uint16(a.Flags))
	case SendPeer:
		return "send " + describeMessage(a.Raw)
	case SendStored:
		return fmt.Sprintf("send stored messages=%d", len(a.Offsets))
	case Made:
		return "tell lightningd our " + describeMessage(a.Raw)
	case Learned:
		return "tell lightningd their " + describeMessage(a.Raw)
	case Misbehaved:
		return fmt.Sprintf("warn disconnect=%t: %s", a.Disconnect, a.Reason)
	}
	return ""
}

func describeMessage(raw []byte) string {
	msg, err := wire.Decode(raw)
	if err != nil {
		typ, _ := wire.TypeOf(raw)
		return map[wire.MessageType]string{
			gossipstore.MsgChannelAmount: "amount", gossipstore.MsgFundingTxid: "funding_txid",
			gossipstore.MsgDeleteChannel: "delete_channel", gossipstore.MsgChannelDying: "channel_dying",
		}[typ]
	}
	switch msg := msg.(type) {
	case *wire.ChannelUpdate:
		return fmt.Sprintf("channel_update fee_base_msat=%d dont_forward=%t disable=%t", msg.FeeBaseMsat,
			msg.MessageFlags&wire.MessageFlagDontForward != 0, msg.ChannelFlags&wire.ChannelFlagDisable != 0)
	case *wire.GossipTimestampFilter:
		return fmt.Sprintf("gossip_timestamp_filter all=%t", msg.TimestampRange > 0)
	}
	return msg.Type().String()
}

// ownAnnouncement is that of Alice's channel with Bob. Its signatures are channeld's to check.
func ownAnnouncement(ch Channel) []byte {
	m := &wire.ChannelAnnouncement{
		ChainHash: regtest, ShortChannelID: ch.ShortChannelID, NodeID1: alice.id, NodeID2: bob.id,
		BitcoinKey1: alice.id, BitcoinKey2: bob.id,
	}
	if wire.Direction(alice.id, bob.id) != 0 {
		m.NodeID1, m.NodeID2 = m.NodeID2, m.NodeID1
	}
	return wire.Encode(m)
}
