package onchain

import (
	"fmt"
	"testing"

	"fulmen/tests/harness"
)

// carolSats is the capacity of carol's channels; a half is the other side's.
const carolSats = 2_000_000

// withCarol adds a node that opens channels to some.
func (s *stage) withCarol(peers ...*harness.Node) {
	s.t.Helper()
	s.carol = harness.StartNode(s.t, s.btcd, "carol", harness.HoldParts...)
	s.carol.FundWallet(10_000_000)
	for _, n := range peers {
		s.carol.Connect(n)
		var opened struct {
			ChannelID string `json:"channel_id"`
		}
		s.carol.Call("fundchannel", map[string]any{"id": n.ID(), "amount": carolSats, "push_msat": carolSats / 2 * 1000}, &opened)
		s.btcd.WaitMempool(1)
		s.mine(6)
		s.carol.WaitChannel(opened.ChannelID, "CHANNELD_NORMAL")
		n.WaitChannel(opened.ChannelID, "CHANNELD_NORMAL")
	}
}

// between is the short_channel_id of one's channel with another.
func between(n, peer *harness.Node) string {
	for _, c := range n.Channels() {
		if c.PeerID == peer.ID() {
			return c.SCID
		}
	}
	return ""
}

// release has a node send the other part of payments, so that their recipient takes both, and waits until
// it has.
func (s *stage) release(by *harness.Node, list ...*held) {
	s.t.Helper()
	for _, h := range list {
		by.Call("sendpay", map[string]any{
			"route":        []map[string]any{{"id": h.to.ID(), "channel": between(by, h.to), "amount_msat": uint64(rest), "delay": 30}},
			"payment_hash": h.hash, "payment_secret": h.secret, "partid": 2, "amount_msat": uint64(h.total),
		}, nil)
		by.Call("waitsendpay", map[string]any{"payment_hash": h.hash, "partid": 2, "timeout": 60}, nil)
	}
}

// reconnect has a node that was started again and carol use their channel.
func (s *stage) reconnect(n *harness.Node) {
	s.t.Helper()
	s.carol.Connect(n)
	scid := between(s.carol, n)
	harness.Eventually(s.t, "carol's channel is of use", func() error {
		for _, c := range n.Channels() {
			if c.SCID == scid && c.PeerConnected && c.Reestablished != nil && *c.Reestablished {
				return nil
			}
		}
		return fmt.Errorf("it is not")
	})
}

// waitHeld waits until a node keeps so many HTLCs of others.
func (s *stage) waitHeld(n *harness.Node, count int) {
	s.t.Helper()
	harness.Eventually(s.t, n.Name+" keeps HTLCs", func() error {
		done := 0
		for _, c := range n.Channels() {
			for _, h := range c.HTLCs {
				if h.State == "RCVD_ADD_ACK_REVOCATION" {
					done++
				}
			}
		}
		if done != count {
			return fmt.Errorf("%d of %d", done, count)
		}
		return nil
	})
}

// outcome checks what a node says of a part that it sent.
func (s *stage) outcome(from *harness.Node, h *held, want string) {
	s.t.Helper()
	var list struct {
		Payments []struct {
			Status string `json:"status"`
		} `json:"payments"`
	}
	from.Call("listsendpays", map[string]any{"payment_hash": h.hash}, &list)
	if len(list.Payments) != 1 || list.Payments[0].Status != want {
		s.t.Errorf("%s says of a payment that should be %s: %+v", from.Name, want, list.Payments)
	}
}

// TestBOLT5HTLCsWithPreimages closes with HTLCs in both directions, of which each side knows one preimage
// with an output, and that of the dust.
func TestBOLT5HTLCsWithPreimages(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		channelType []int
		opener      bool // closes
	}{
		"opener, anchors":            {anchors, true},
		"accepter, anchors":          {anchors, false},
		"opener, static_remotekey":   {staticRemotekey, true},
		"accepter, static_remotekey": {staticRemotekey, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, c.channelType)
			s.withCarol(s.alice, s.bob)
			a := s.account()
			const delay = 30
			var toBob, toAlice []*held
			for i, sats := range offers {
				if i != 1 {
					toAlice = append(toAlice, s.holdAtCarol(s.bob, sats, delay+i))
				} else {
					toAlice = append(toAlice, s.hold(s.bob, s.alice, sats, delay+i))
				}
				if i != 0 {
					toBob = append(toBob, s.holdAtCarol(s.alice, sats, delay+i))
				} else {
					toBob = append(toBob, s.hold(s.alice, s.bob, sats, delay+i))
				}
			}
			s.waitHTLCs(2 * len(offers))
			s.waitHeld(s.carol, 4)
			s.alice.Stop()
			s.release(s.bob, toBob[1], toBob[2])
			s.bob.Stop()
			s.alice.Start()
			s.reconnect(s.alice)
			s.release(s.alice, toAlice[0], toAlice[2])
			closer := s.alice
			if !c.opener {
				closer = s.bob
				s.alice.Stop()
				s.bob.Start()
			}
			commitment := s.closeAlone(closer).TxHash()
			s.waitFor(commitment)
			s.other(closer).Start()
			s.mine(1)
			s.settleDown() // the preimages are sent
			s.mine(delay + len(offers) + 3)
			s.settleDown()
			s.mine(toSelfDelay + 1)
			s.settleDown()
			s.mine(1)
			s.resolve()
			a.commitmentOf(commitment, 2*dust)
			won := offers[0] - offers[1]
			a.check(s.alice, capacity/2-dust+won)
			a.check(s.bob, capacity/2-dust-won)
			for i, want := range []string{"failed", "complete", "failed"} {
				s.outcome(s.alice, toBob[i], want)
			}
			for i, want := range []string{"complete", "failed", "failed"} {
				s.outcome(s.bob, toAlice[i], want)
			}
		})
	}
}
