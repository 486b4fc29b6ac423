package onchain

import (
	"fmt"
	"testing"

	"fulmen/internal/amount"
	"fulmen/tests/harness"
)

// The HTLCs that each side offers in the cases with HTLCs: two with an output, one without.
var offers = []amount.Sat{60_000, 45_000, 200}

// dust is the sum of those without an output.
const dust amount.Sat = 200

// held is an HTLC whose recipient waits for the other part of its payment.
type held struct {
	to           *harness.Node
	hash, secret string
	total        amount.Msat
}

// rest is what the other part has.
const rest amount.Msat = 1_000_000

// hold has a node offer an HTLC that its peer keeps: a part of a payment whose other part does not come.
func (s *stage) hold(from, to *harness.Node, sats amount.Sat, delay int) *held {
	s.t.Helper()
	var inv struct {
		Hash   string `json:"payment_hash"`
		Secret string `json:"payment_secret"`
	}
	from.Call("decode", []string{to.Invoice(sats.Msat()+rest, "a part is missing")}, &inv)
	from.Call("sendpay", map[string]any{
		"route":        []map[string]any{{"id": to.ID(), "channel": s.channelOf(from).SCID, "amount_msat": uint64(sats.Msat()), "delay": delay}},
		"payment_hash": inv.Hash, "payment_secret": inv.Secret, "partid": 1, "amount_msat": uint64(sats.Msat() + rest),
	}, nil)
	return &held{to: to, hash: inv.Hash, secret: inv.Secret, total: sats.Msat() + rest}
}

// holdAtCarol has a party offer an HTLC to the other, who forwards it to carol, who keeps it. What the other
// earns is the HTLC's share that is no forward's.
func (s *stage) holdAtCarol(from *harness.Node, sats amount.Sat, delay int) *held {
	s.t.Helper()
	const fee, delta = 10_000, 6 // more than is asked for; cltv-delta
	by := s.other(from)
	var inv struct {
		Hash   string `json:"payment_hash"`
		Secret string `json:"payment_secret"`
	}
	amt := sats.Msat() - fee
	from.Call("decode", []string{s.carol.Invoice(amt+rest, "a part is missing")}, &inv)
	from.Call("sendpay", map[string]any{
		"route": []map[string]any{
			{"id": by.ID(), "channel": s.channelOf(from).SCID, "amount_msat": uint64(sats.Msat()), "delay": delay},
			{"id": s.carol.ID(), "channel": between(by, s.carol), "amount_msat": uint64(amt), "delay": delay - delta},
		},
		"payment_hash": inv.Hash, "payment_secret": inv.Secret, "partid": 1, "amount_msat": uint64(amt + rest),
	}, nil)
	return &held{to: s.carol, hash: inv.Hash, secret: inv.Secret, total: amt + rest}
}

// waitHTLCs waits until both sides are committed to so many HTLCs.
func (s *stage) waitHTLCs(count int) {
	s.t.Helper()
	for _, n := range s.parties() {
		harness.Eventually(s.t, n.Name+" is committed to all HTLCs", func() error {
			list := s.channelOf(n).HTLCs
			done := 0
			for _, h := range list {
				if h.State == "SENT_ADD_ACK_REVOCATION" || h.State == "RCVD_ADD_ACK_REVOCATION" {
					done++
				}
			}
			if done != count {
				return fmt.Errorf("%d of %d: %v", done, count, list)
			}
			return nil
		})
	}
}

// TestBOLT5HTLCsTimeOut has each side close alone with HTLCs in both directions, which nobody has the
// preimages of.
func TestBOLT5HTLCsTimeOut(t *testing.T) {
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
			a := s.account()
			const delay = 30
			for i, sats := range offers {
				s.hold(s.alice, s.bob, sats, delay+i)
				s.hold(s.bob, s.alice, sats, delay+i)
			}
			s.waitHTLCs(2 * len(offers))
			closer, other := s.alice, s.bob
			if !c.opener {
				closer, other = s.bob, s.alice
			}
			commitment := s.forceClose(closer, other)
			s.mine(delay + len(offers) + 4)
			s.settleDown()
			s.mine(toSelfDelay + 1)
			s.settleDown()
			s.mine(1)
			s.resolve()
			a.commitmentOf(commitment, 2*dust)
			a.check(s.alice, capacity/2-dust)
			a.check(s.bob, capacity/2-dust)
		})
	}
}
