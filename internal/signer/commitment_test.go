package signer

import (
	"errors"
	"fmt"
	"testing"

	"github.com/btcsuite/btcd/txscript/v2"

	"fulmen/internal/ecdh"
	"fulmen/internal/keys"
	"fulmen/internal/tx"
)

// Both sides sign one commitment; Bitcoin's interpreter accepts it, and every HTLC signature
// verifies with the key that the HTLC's script names.
func TestBothSidesSignOneCommitment(t *testing.T) {
	for _, anchors := range []bool{true, false} {
		for _, owner := range []string{"opener", "accepter"} {
			for _, htlcs := range []int{0, 1, 30} {
				t.Run(fmt.Sprintf("anchors=%t/%s/%d", anchors, owner, htlcs), func(t *testing.T) {
					local, remote := newPair(t, anchors)
					if owner == "accepter" {
						local, remote = remote, local
					}
					content := testContent(0, htlcs)
					theirs, htlcSigs, err := remote.SignRemoteCommitment(content.mirrored(), pointOf(t, local, 0))
					if err != nil {
						t.Fatal(err)
					}
					ours, err := local.SignLocalCommitment(content)
					if err != nil {
						t.Fatal(err)
					}
					commitment, err := local.buildLocal(content)
					if err != nil {
						t.Fatal(err)
					}
					checkSpend(t, local.out, commitment, ours, theirs)
					checkHTLCSigs(t, remote, commitment, pointOf(t, local, 0), htlcSigs)
				})
			}
		}
	}
}

func checkSpend(t *testing.T, out *tx.Funding, commitment *tx.Commitment, owner, other keys.Signature) {
	t.Helper()
	spend, value := commitment.Signed(owner, other), int64(out.Amount)
	fetcher := txscript.NewCannedPrevOutputFetcher(out.PkScript(), value)
	vm, err := txscript.NewEngine(out.PkScript(), spend, 0, txscript.StandardVerifyFlags, nil,
		txscript.NewTxSigHashes(spend, fetcher), value, fetcher)
	if err != nil {
		t.Fatal(err)
	}
	if err := vm.Execute(); err != nil {
		t.Error(err)
	}
}

func checkHTLCSigs(t *testing.T, signedBy *Channel, commitment *tx.Commitment, point keys.PubKey, sigs []keys.Signature) {
	t.Helper()
	digests := commitment.OtherHTLCSigHashes()
	if len(sigs) != len(digests) {
		t.Fatalf("%d signatures for %d htlcs", len(sigs), len(digests))
	}
	key, err := keys.DerivePubKey(signedBy.Basepoints().HTLC, point)
	if err != nil {
		t.Fatal(err)
	}
	for i := range sigs {
		if err := keys.Verify(key, digests[i], sigs[i]); err != nil {
			t.Errorf("htlc %d: %v", i, err)
		}
	}
}

func TestRemoteNumbers(t *testing.T) {
	type request struct {
		number keys.CommitmentNumber
		htlcs  int // tells contents apart
		point  keys.CommitmentNumber
		want   error
	}
	ask := func(number keys.CommitmentNumber, htlcs int, want error) request {
		return request{number, htlcs, number, want}
	}
	for _, c := range []struct {
		name     string
		resumeAt keys.CommitmentNumber
		requests []request
	}{
		{"in order", 0, []request{ask(0, 0, nil), ask(1, 1, nil), ask(2, 0, nil)}},
		{"skipping", 0, []request{ask(0, 0, nil), ask(2, 0, ErrOrder)}},
		{"first is 0", 0, []request{ask(1, 0, ErrOrder)}},
		{"the last again", 0, []request{ask(0, 0, nil), ask(1, 1, nil), ask(1, 1, nil)}},
		{"the last with other content", 0, []request{ask(0, 0, nil), ask(1, 1, nil), ask(1, 2, nil)}},
		{"the last with another point", 0, []request{ask(0, 0, nil), {0, 0, 1, ErrOtherPoint}}},
		{"the one before again", 0, []request{ask(0, 2, nil), ask(1, 1, nil), ask(0, 2, nil)}},
		{"the one before with other content", 0, []request{ask(0, 2, nil), ask(1, 1, nil), ask(0, 1, ErrOtherContent)}},
		{"revoked", 0, []request{ask(0, 0, nil), ask(1, 0, nil), ask(2, 0, nil), ask(0, 0, ErrRevoked)}},
		{"after a restart, the next", 5, []request{ask(5, 1, nil)}},
		{"after a restart, the last", 5, []request{ask(4, 1, nil), ask(4, 2, nil), {4, 2, 5, ErrOtherPoint}}},
		{"after a restart, the one before", 5, []request{ask(3, 0, ErrOtherContent)}},
		{"after a restart, a revoked one", 5, []request{ask(2, 0, ErrRevoked)}},
		{"beyond 48 bits", 5, []request{ask(keys.MaxCommitmentNumber+1, 0, keys.ErrNumberRange), ask(^keys.CommitmentNumber(0), 0, keys.ErrNumberRange)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			alice, bob := newPair(t, true)
			if err := alice.Resume(0, c.resumeAt); err != nil {
				t.Fatal(err)
			}
			for i, r := range c.requests {
				point := pointOf(t, bob, min(r.point, keys.MaxCommitmentNumber))
				_, _, err := alice.SignRemoteCommitment(testContent(r.number, r.htlcs), point)
				if !errors.Is(err, r.want) {
					t.Fatalf("request %d: %v, want %v", i, err, r.want)
				}
			}
		})
	}
}

func TestRemoteContentRefused(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Commitment)
		want   error
	}{
		{"a msat too much", func(c *Commitment) { c.Local++ }, tx.ErrUnbalanced},
		{"a msat too little", func(c *Commitment) { c.Remote-- }, tx.ErrUnbalanced},
		{"wraps around", func(c *Commitment) { c.Local -= 1 << 63; c.Remote -= 1 << 63 }, tx.ErrUnbalanced},
		{"967 htlcs", func(c *Commitment) { *c = *testContent(0, 484) }, ErrTooManyHTLCs},
	} {
		t.Run(c.name, func(t *testing.T) {
			alice, bob := newPair(t, true)
			content := testContent(0, 2)
			c.change(content)
			if _, _, err := alice.SignRemoteCommitment(content, pointOf(t, bob, 0)); !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
			if _, _, err := alice.SignRemoteCommitment(testContent(0, 0), pointOf(t, bob, 0)); err != nil {
				t.Errorf("after the refusal: %v", err)
			}
		})
	}
	alice, _ := newPair(t, true)
	if _, _, err := alice.SignRemoteCommitment(testContent(0, 0), keys.PubKey{2, 0xff}); !errors.Is(err, ecdh.ErrBadPoint) {
		t.Errorf("point off the curve: %v", err)
	}
}

func TestNothingIsSignedBeforeSetup(t *testing.T) {
	n := newTestNode(t, 1)
	c := n.Channel(newTestNode(t, 2).ID(), 1)
	if _, _, err := c.SignRemoteCommitment(testContent(0, 0), n.ID()); !errors.Is(err, ErrNoSetup) {
		t.Errorf("remote commitment: %v", err)
	}
	if _, err := c.SignLocalCommitment(testContent(0, 0)); !errors.Is(err, ErrNoSetup) {
		t.Errorf("local commitment: %v", err)
	}
	if _, err := c.SignMutualClose(&MutualClose{}); !errors.Is(err, ErrNoSetup) {
		t.Errorf("mutual close: %v", err)
	}
	if _, _, err := c.SignAnnouncement(nil); !errors.Is(err, ErrNoSetup) {
		t.Errorf("announcement: %v", err)
	}
}

// A pile of HTLCs and a lone commitment, as channeld asks for them.
func BenchmarkSignRemoteCommitment(b *testing.B) {
	for _, htlcs := range []int{0, 1, 80} {
		b.Run(fmt.Sprint(2*htlcs), func(b *testing.B) {
			alice, bob := newPair(b, true)
			content, point := testContent(0, htlcs), pointOf(b, bob, 0)
			for b.Loop() {
				if _, _, err := alice.SignRemoteCommitment(content, point); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
