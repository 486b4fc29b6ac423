package signer

import (
	"bytes"
	"testing"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/keys"
	"fulmen/internal/tx"
)

const testFunding amount.Sat = 1_000_000

// newTestNode has a fixed secret.
func newTestNode(t testing.TB, fill byte) *Node {
	t.Helper()
	n, err := New(bytes.Repeat([]byte{fill}, 32), "regtest")
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// newPair is one channel as both signers see it; alice opened it.
func newPair(t testing.TB, anchors bool) (alice, bob *Channel) {
	t.Helper()
	a, b := newTestNode(t, 1), newTestNode(t, 2)
	alice, bob = a.Channel(b.ID(), 1), b.Channel(a.ID(), 7)
	for _, side := range []struct{ local, remote *Channel }{{alice, bob}, {bob, alice}} {
		if err := side.local.SetUp(setupFor(side.local, side.remote, side.local == alice, anchors)); err != nil {
			t.Fatal(err)
		}
	}
	return alice, bob
}

// setupFor gives the opener a delay of 144 and a dust limit of 546, the accepter 720 and 354.
func setupFor(local, remote *Channel, opener, anchors bool) *Setup {
	s := &Setup{
		FundingTxid: [32]byte{1, 2, 3}, FundingOutput: 1, FundingSats: testFunding,
		Opener: opener, Anchors: anchors,
		RemoteFundingPubKey: remote.FundingPubKey(), RemoteBasepoints: remote.Basepoints(),
		LocalToSelfDelay: 144, RemoteToSelfDelay: 720,
		LocalDustLimit: 546, RemoteDustLimit: 354,
	}
	if !opener {
		s.LocalToSelfDelay, s.RemoteToSelfDelay = s.RemoteToSelfDelay, s.LocalToSelfDelay
		s.LocalDustLimit, s.RemoteDustLimit = s.RemoteDustLimit, s.LocalDustLimit
	}
	return s
}

// testContent is a commitment of the owner's, seen by local, with n HTLCs of each direction, a
// third of them dust.
func testContent(number keys.CommitmentNumber, n int) *Commitment {
	c := &Commitment{Number: number, FeeratePerKw: 500, Local: 600_000_000, Remote: 400_000_000}
	for i := range 2 * n {
		h := tx.HTLC{
			Offered: i%2 == 0, ID: uint64(i / 2), Amount: 1_600_000, CLTVExpiry: block.Height(500 + i),
			PaymentHash: [32]byte{byte(i), byte(i >> 8)},
		}
		if i%3 == 0 {
			h.Amount = 1000
		}
		c.HTLCs = append(c.HTLCs, h)
		if i/2%2 == 0 {
			c.Local -= h.Amount
		} else {
			c.Remote -= h.Amount
		}
	}
	return c
}

// mirrored is the same commitment as the other side's signer is asked about it.
func (c *Commitment) mirrored() *Commitment {
	m := *c
	m.Local, m.Remote = c.Remote, c.Local
	return &m
}

func pointOf(t testing.TB, c *Channel, number keys.CommitmentNumber) keys.PubKey {
	t.Helper()
	p, err := c.PerCommitmentPoint(number)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
