package signer

import (
	"errors"
	"testing"

	"fulmen/internal/keys"
)

func TestRevokeInOrder(t *testing.T) {
	alice, _ := newPair(t, true)
	var peer keys.SecretStore
	for n := keys.CommitmentNumber(0); n < 20; n++ {
		if _, _, err := alice.RevokeLocal(n + 1); !errors.Is(err, ErrOrder) {
			t.Fatalf("revoke %d too early: %v", n+1, err)
		}
		secret, next, err := alice.RevokeLocal(n)
		if err != nil {
			t.Fatal(err)
		}
		if err := peer.Insert(n, secret); err != nil {
			t.Error(err)
		}
		if point, err := keys.PerCommitmentPoint(secret); err != nil || point != pointOf(t, alice, n) {
			t.Errorf("secret %d is not that of its point: %v", n, err)
		}
		if next != pointOf(t, alice, n+2) {
			t.Errorf("next point after revoking %d is wrong", n)
		}
		if again, _, err := alice.RevokeLocal(n); err != nil || again != secret {
			t.Errorf("revoke %d again: %v", n, err)
		}
	}
}

func TestLocalCommitmentRefusals(t *testing.T) {
	alice, _ := newPair(t, true)
	for n := range keys.CommitmentNumber(3) {
		if _, _, err := alice.RevokeLocal(n); err != nil {
			t.Fatal(err)
		}
	}
	for n, want := range map[keys.CommitmentNumber]error{0: ErrRevoked, 2: ErrRevoked, 5: ErrOrder} {
		if _, err := alice.SignLocalCommitment(testContent(n, 0)); !errors.Is(err, want) {
			t.Errorf("sign %d: %v, want %v", n, err, want)
		}
	}
	if _, err := alice.SignLocalCommitment(testContent(4, 0)); err != nil {
		t.Errorf("sign the next: %v", err)
	}
	if _, _, err := alice.RevokeLocal(3); err != nil {
		t.Errorf("revoke the one before the broadcast: %v", err)
	}
	if _, _, err := alice.RevokeLocal(4); !errors.Is(err, ErrBroadcast) {
		t.Errorf("revoke the broadcast one: %v", err)
	}
	if _, _, err := alice.RevokeLocal(3); err != nil {
		t.Errorf("what is revoked, may be had again: %v", err)
	}
	if err := alice.Resume(5, 0); !errors.Is(err, ErrBroadcast) {
		t.Errorf("resume beyond the broadcast one: %v", err)
	}
}

func TestResumeNeverGoesBack(t *testing.T) {
	alice, bob := newPair(t, true)
	if err := alice.Resume(3, 4); err != nil {
		t.Fatal(err)
	}
	if err := alice.Resume(0, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := alice.SignLocalCommitment(testContent(2, 0)); !errors.Is(err, ErrRevoked) {
		t.Errorf("local commitment 2: %v", err)
	}
	if _, _, err := alice.SignRemoteCommitment(testContent(0, 0), pointOf(t, bob, 0)); !errors.Is(err, ErrRevoked) {
		t.Errorf("remote commitment 0: %v", err)
	}
	if err := alice.Resume(keys.MaxCommitmentNumber+1, 0); !errors.Is(err, keys.ErrNumberRange) {
		t.Errorf("beyond 48 bits: %v", err)
	}
}

func TestIsOurSecret(t *testing.T) {
	alice, _ := newPair(t, true)
	secret, _, err := alice.RevokeLocal(0)
	if err != nil {
		t.Fatal(err)
	}
	for number, want := range map[keys.CommitmentNumber]bool{0: true, 1: false} {
		if got, err := alice.IsOurSecret(number, secret); err != nil || got != want {
			t.Errorf("secret of 0 as that of %d: %t, %v", number, got, err)
		}
	}
	if _, err := alice.IsOurSecret(keys.MaxCommitmentNumber+1, secret); !errors.Is(err, keys.ErrNumberRange) {
		t.Errorf("beyond 48 bits: %v", err)
	}
}
