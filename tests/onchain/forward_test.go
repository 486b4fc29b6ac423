package onchain

import (
	"fmt"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"

	"fulmen/internal/amount"
	"fulmen/tests/harness"
)

// forwarded is the amount of the HTLC that alice offers bob in the cases with a forward, and its cltv_expiry
// less the height; bob keeps 10 sat.
const (
	forwarded      amount.Sat = 60_000
	forwardedDelay            = 40
	forwardEarned  amount.Sat = 10
)

// unharmed fails unless alice's channel with bob goes on without HTLCs, after alice has paid so much in it.
func (s *stage) unharmed(paid amount.Sat) {
	s.t.Helper()
	for n, want := range map[*harness.Node]amount.Sat{s.alice: capacity/2 - paid, s.bob: capacity/2 + paid} {
		harness.Eventually(s.t, n.Name+" goes on with the channel", func() error {
			if c := s.channelOf(n); c == nil || c.State != "CHANNELD_NORMAL" || len(c.HTLCs) > 0 || c.ToUsMsat != want.Msat() {
				return fmt.Errorf("it is %+v", c)
			}
			return nil
		})
	}
}

// TestBOLT5PayeeGoneForEver has carol go with an HTLC that bob forwarded. He closes their channel when the HTLC
// has expired, takes it back, and fails alice's in time: her channel goes on.
func TestBOLT5PayeeGoneForEver(t *testing.T) {
	t.Parallel()
	s := newStage(t, anchors)
	s.withCarol(s.bob)
	a := s.account()
	a.opener = s.carol
	h := s.holdAtCarol(s.alice, forwarded, forwardedDelay)
	s.waitHeld(s.carol, 1)
	id := s.carol.Channels()[0].ChannelID
	s.carol.Stop()
	for range forwardedDelay + 1 {
		s.mine(1)
		s.settleDown()
	}
	if err := s.alice.Try("waitsendpay", map[string]any{"payment_hash": h.hash, "partid": 1, "timeout": 60}, nil); err == nil {
		t.Error("alice's payment is complete")
	}
	s.unharmed(0)
	s.mine(toSelfDelay + 2)
	s.settleDown()
	s.mine(2)
	s.resolveAt(id, s.bob)
	a.commitmentOf(s.closeOf(s.bob, id), 0)
	a.check(s.bob, carolSats/2)
}

// TestBOLT5PayerGoneForEver has alice go with an HTLC that bob forwarded, and whose preimage he then learns. He
// closes their channel before the HTLC expires, and takes it.
func TestBOLT5PayerGoneForEver(t *testing.T) {
	t.Parallel()
	s := newStage(t, anchors)
	s.withCarol(s.bob)
	a := s.account()
	h := s.holdAtCarol(s.alice, forwarded, forwardedDelay)
	s.waitHeld(s.carol, 1)
	s.alice.Stop()
	s.release(s.bob, h)
	for range forwardedDelay {
		s.mine(1)
		s.settleDown()
	}
	s.mine(toSelfDelay + 2)
	s.settleDown()
	s.mine(2)
	s.resolveAt(s.id, s.bob)
	a.commitmentOf(s.closeOf(s.bob, s.id), 0)
	a.check(s.bob, capacity/2+forwarded)
}

// TestBOLT5PreimageFromTheChain has carol close while bob is away, and take the HTLC that he forwarded. He
// finds its preimage in the chain, and fulfils alice's. So that carol can know the preimage while bob is
// away, she has forwarded the HTLC too: to alice.
func TestBOLT5PreimageFromTheChain(t *testing.T) {
	t.Parallel()
	s := newStage(t, anchors)
	s.withCarol(s.alice, s.bob)
	a := s.account()
	a.opener = s.carol
	var inv struct {
		Hash   string `json:"payment_hash"`
		Secret string `json:"payment_secret"`
	}
	amt := func(hops amount.Sat) amount.Msat { return (forwarded - hops*forwardEarned).Msat() }
	s.alice.Call("decode", []string{s.alice.Invoice(amt(2)+rest, "a part is missing")}, &inv)
	s.alice.Call("sendpay", map[string]any{
		"route": []map[string]any{
			{"id": s.bob.ID(), "channel": s.channelOf(s.alice).SCID, "amount_msat": uint64(amt(0)), "delay": forwardedDelay},
			{"id": s.carol.ID(), "channel": between(s.bob, s.carol), "amount_msat": uint64(amt(1)), "delay": forwardedDelay - 6},
			{"id": s.alice.ID(), "channel": between(s.carol, s.alice), "amount_msat": uint64(amt(2)), "delay": forwardedDelay - 12},
		},
		"payment_hash": inv.Hash, "payment_secret": inv.Secret, "partid": 1, "amount_msat": uint64(amt(2) + rest),
	}, nil)
	s.waitHeld(s.alice, 1)
	id := ""
	for _, c := range s.carol.Channels() {
		if c.PeerID == s.bob.ID() {
			id = c.ChannelID
		}
	}
	s.bob.Stop()
	s.release(s.carol, &held{to: s.alice, hash: inv.Hash, secret: inv.Secret, total: amt(2) + rest})
	commitment := s.closeBy(s.carol, id, "unilateral").TxHash()
	s.waitFor(commitment)
	s.mine(1)
	s.settleDown()
	s.mine(1)
	s.bob.Start()
	s.alice.Call("waitsendpay", map[string]any{"payment_hash": inv.Hash, "partid": 1, "timeout": 60}, nil)
	s.unharmed(forwarded)
	s.settleDown()
	s.mine(toSelfDelay + 2)
	s.settleDown()
	s.mine(2)
	s.resolveAt(id, s.bob, s.carol)
	a.commitmentOf(commitment, 0)
	a.check(s.bob, carolSats/2-forwarded+forwardEarned)
	a.check(s.carol, carolSats/2+forwarded-forwardEarned)
}

// closeOf is the transaction that closed a channel, by what a node tells of its archive.
func (s *stage) closeOf(n *harness.Node, id string) (closed chainhash.Hash) {
	s.t.Helper()
	harness.Eventually(s.t, n.Name+" has the channel in its archive", func() error {
		var list struct {
			Closed []struct {
				ChannelID string `json:"channel_id"`
				Funding   string `json:"funding_txid"`
				Output    uint32 `json:"funding_outnum"`
			} `json:"closedchannels"`
		}
		n.Call("listclosedchannels", nil, &list)
		for _, c := range list.Closed {
			if c.ChannelID != id {
				continue
			}
			funding, err := chainhash.NewHashFromStr(c.Funding)
			if err != nil {
				return err
			}
			closed = s.spentBy(*funding, c.Output).TxHash()
			return nil
		}
		return fmt.Errorf("it has %+v", list)
	})
	return closed
}
