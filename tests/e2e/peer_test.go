package e2e

import (
	"fmt"
	"strings"
	"testing"

	"fulmen/internal/block"
	"fulmen/internal/channel/channeltest"
	"fulmen/internal/keys"
	"fulmen/internal/wire"
	"fulmen/tests/harness"
)

// misdeed is one message that breaks a rule, and what the node says to it.
type misdeed struct {
	do    func(p *rawPeer)
	what  string // warning or error
	text  string
	state string // of the channel thereafter
}

// TestHostilePeerWithoutChannel: the peer is told, the node logs it, and does nothing else.
func TestHostilePeerWithoutChannel(t *testing.T) {
	_, alice, bob := pair(t)
	p := newRawPeer(t, bob, "mallory")
	unknown := wire.ChannelID{0xee}
	s, err := channeltest.NewReal("mallory", p.keys.ID())
	if err != nil {
		t.Fatal(err)
	}
	cut := wire.Encode(&wire.UpdateFulfillHTLC{ChannelID: unknown})
	tooMuch := p.proposal(s)
	tooMuch.PushMsat = tooMuch.FundingSatoshis.Msat() + 1
	for _, tt := range []struct {
		raw        []byte
		what, text string
	}{
		{[]byte{0x9c, 0x42, 1, 2, 3}, "warning", "unknown even"},
		{[]byte{0}, "warning", "2 bytes"},
		{cut[:20], "warning", "too short"},
		{cut[:40], "warning", "update_fulfill_htlc"},
		{cut, "error", "no such channel"},
		{wire.Encode(&wire.ChannelReestablish{ChannelID: unknown, NextCommitmentNumber: 1, MyCurrentPerCommitmentPoint: s.Point(0)}), "error", "channel"},
		{wire.Encode(tooMuch), "error", "push_msat"},
	} {
		p.connect()
		p.sendRaw(tt.raw)
		p.told(tt.what, tt.text)
	}
	if n := len(bob.Channels()); n != 1 {
		t.Errorf("bob has %d channels", n)
	}
	alice.Pay(bob.Invoice(1_000_000, "as if nothing had been"))
}

// TestBOLT2HostilePeerWithChannel opens a channel for each misdeed. Where BOLT 2 asks for a warning the
// channel lives; where it asks for an error our commitment is broadcast. No other channel minds.
func TestBOLT2HostilePeerWithChannel(t *testing.T) {
	btcd, alice, bob := pair(t)
	alice.Pay(bob.Invoice(100_000_000, "so that bob can pay too"))
	const lives, fails = "CHANNELD_NORMAL", "AWAITING_UNILATERAL"
	for name, tt := range map[string]misdeed{
		"invalid signature":   {commitWith(keys.Signature{31: 1, 63: 1}), "warning", "signature", lives},
		"htlc beyond reserve": {add(wire.UpdateAddHTLC{AmountMsat: 599_000_000}), "warning", "update_add_htlc", lives},
		"htlc of nothing":     {add(wire.UpdateAddHTLC{}), "warning", "amount_msat", lives},
		"htlc id skipped":     {add(wire.UpdateAddHTLC{ID: 7, AmountMsat: 1_000_000}), "warning", "id", lives},
		"too many htlcs":      {addMany, "warning", "484", lives},
		"fulfil of nothing":   {func(p *rawPeer) { p.send(&wire.UpdateFulfillHTLC{ChannelID: p.id, ID: 3}) }, "warning", "no such htlc", lives},
		"revocation unasked": {func(p *rawPeer) {
			p.send(&wire.RevokeAndAck{ChannelID: p.id, NextPerCommitmentPoint: p.channel.Signer.Point(9)})
		}, "warning", "revoke_and_ack", lives},
		"fee for dust":         {func(p *rawPeer) { p.send(&wire.UpdateFee{ChannelID: p.id, FeeratePerKw: 10_000_000}) }, "warning", "update_fee", lives},
		"numbers from ahead":   {reestablish(50, 49), "error", "channel_reestablish", fails},
		"numbers from before":  {reestablish(0, 0), "error", "channel_reestablish", fails},
		"message before hello": {func(p *rawPeer) { p.connect(); p.send(&wire.UpdateFee{ChannelID: p.id, FeeratePerKw: 1000}) }, "warning", "before channel_reestablish", lives},
	} {
		t.Run(name, func(t *testing.T) {
			p := newRawPeer(t, bob, name)
			p.openChannel(btcd, name)
			tt.do(p)
			p.told(tt.what, tt.text)
			harness.Eventually(t, "the channel is in "+tt.state, func() error {
				for _, c := range bob.Channels() {
					if c.ChannelID == p.id.String() && c.State != tt.state {
						return fmt.Errorf("it is in %s", c.State)
					}
				}
				return nil
			})
			if !strings.Contains(bob.Log(), p.keys.ID().String()) {
				t.Errorf("bob's log does not name the peer")
			}
			if tt.state == fails {
				btcd.WaitMempool(1)
			}
			alice.Sync()
			alice.Pay(bob.Invoice(1_000_000, name))
			bob.Pay(alice.Invoice(1_000_000, name))
		})
	}
}

func commitWith(s keys.Signature) func(*rawPeer) {
	return func(p *rawPeer) {
		add(wire.UpdateAddHTLC{AmountMsat: 1_000_000})(p)
		p.send(&wire.CommitmentSigned{ChannelID: p.id, Signature: s, HTLCSignature: []keys.Signature{s}})
	}
}

func add(m wire.UpdateAddHTLC) func(*rawPeer) {
	return func(p *rawPeer) {
		m.ChannelID, m.CLTVExpiry = p.id, soon
		p.send(&m)
	}
}

// soon is an expiry within reach of a chain that has some hundred blocks.
const soon block.Height = 700

func addMany(p *rawPeer) {
	for id := range uint64(484) {
		add(wire.UpdateAddHTLC{ID: id, AmountMsat: 1000})(p)
	}
}

// reestablish comes back with other numbers than those that are due, and no secret that proves them.
func reestablish(nextCommitment, nextRevocation uint64) func(*rawPeer) {
	return func(p *rawPeer) {
		p.connect()
		p.send(&wire.ChannelReestablish{
			ChannelID: p.id, NextCommitmentNumber: nextCommitment, NextRevocationNumber: nextRevocation,
			MyCurrentPerCommitmentPoint: p.channel.Signer.Point(0),
		})
	}
}
