package signer

import (
	"bytes"
	"errors"
	"testing"

	"fulmen/internal/keys"
)

// number is a secret that is a small number, whose public keys are known from many tests.
func number(b byte) (s keys.Secret) {
	s[31] = b
	return s
}

func TestForcedKeys(t *testing.T) {
	one := number(1)
	secrets := ChannelSecrets{
		Funding: number(0x10), Revocation: number(0x11), Payment: number(0x12), DelayedPayment: number(0x13), HTLC: number(0x14),
		Seed: keys.Secret(bytes.Repeat([]byte{0xff}, 32)),
	}
	seed := bytes.Repeat([]byte{7}, 32)
	forced := Forced{NodeKey: &one, BIP32Seed: &one, Channel: &secrets}
	n, err := NewForced(seed, "regtest", forced)
	if err != nil {
		t.Fatal(err)
	}
	// The generator point.
	if got, want := n.ID().String(), "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"; got != want {
		t.Errorf("node id %s, want %s", got, want)
	}
	plain, err := New(seed, "regtest")
	if err != nil {
		t.Fatal(err)
	}
	forced84, forced86 := n.XPubs()
	if plain84, plain86 := plain.XPubs(); plain84 == forced84 || plain86 == forced86 {
		t.Error("the wallet's keys do not follow from the forced seed")
	}
	a, b := n.Channel(plain.ID(), 1), n.Channel(n.ID(), 2)
	if a.Basepoints() != b.Basepoints() || a.FundingPubKey() != newPrivKey(secrets.Funding).pub {
		t.Error("channels do not have the forced secrets")
	}
	for i, pair := range [][2]keys.PubKey{
		{a.Basepoints().Revocation, newPrivKey(secrets.Revocation).pub}, {a.Basepoints().Payment, newPrivKey(secrets.Payment).pub},
		{a.Basepoints().DelayedPayment, newPrivKey(secrets.DelayedPayment).pub}, {a.Basepoints().HTLC, newPrivKey(secrets.HTLC).pub},
	} {
		if pair[0] != pair[1] {
			t.Errorf("basepoint %d is %s, want %s", i, pair[0], pair[1])
		}
	}
	for _, network := range []string{"bitcoin", "testnet", "testnet4", "signet"} {
		for _, forced := range []Forced{{NodeKey: &one}, {BIP32Seed: &one}, {Channel: &secrets}} {
			if _, err := NewForced(seed, network, forced); !errors.Is(err, ErrForced) {
				t.Errorf("%s: %v, want a refusal", network, err)
			}
		}
	}
}
