package signer

import (
	"encoding/hex"
	"errors"
	"testing"

	"fulmen/internal/ecdh"
	"fulmen/internal/keys"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The private side of the vectors; package keys has the public one.
func TestBOLT3AppendixEPrivateKeys(t *testing.T) {
	base := newPrivKey(keys.Secret(unhex(t, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")))
	point, err := keys.PerCommitmentPoint(keys.Secret(unhex(t, "1f1e1d1c1b1a191817161514131211100f0e0d0c0b0a09080706050403020100")))
	if err != nil {
		t.Fatal(err)
	}
	local := base.tweak(point)
	if got := hex.EncodeToString(local.key.Serialize()); got != "cbced912d3b21bf196a766651e436aff192362621ce317704ea2f75d87e7be0f" {
		t.Errorf("localprivkey %s", got)
	}
	if local.pub.String() != "0235f2dbfaa89b57ec7b055afe29849ef7ddfeb1cefdb9ebdc43f5494984db29e5" {
		t.Errorf("localpubkey %s", local.pub)
	}
	secret := keys.Secret(unhex(t, "1f1e1d1c1b1a191817161514131211100f0e0d0c0b0a09080706050403020100"))
	penalty := base.revocationPrivKey(secret, point)
	if got := hex.EncodeToString(penalty.key.Serialize()); got != "d09ffff62ddb2297ab000cc85bcb4283fdeb6aa052affbc9dddcf33b61078110" {
		t.Errorf("revocationprivkey %s", got)
	}
	revocation, err := base.revocationPubKey(point)
	if err != nil || revocation.String() != "02916e326636d19c33f13e8c0c3a03dd157f332f3e99c317c141dd865eb01f8ff0" {
		t.Errorf("revocationpubkey %s, %v", revocation, err)
	}
	if _, err := base.revocationPubKey(keys.PubKey{2, 0xff}); !errors.Is(err, ecdh.ErrBadPoint) {
		t.Errorf("point off the curve: %v", err)
	}
}

// The short way to the remote's keys gives what the plain one gives.
func TestRemoteKeysAgree(t *testing.T) {
	alice, bob := newPair(t, true)
	for n := range keys.CommitmentNumber(8) {
		point := pointOf(t, bob, n)
		want, err := keys.DeriveCommitmentKeys(&alice.setup.RemoteBasepoints, &alice.basepoints, point)
		if err != nil {
			t.Fatal(err)
		}
		got, htlc, err := alice.remoteKeys(testContent(n, 2), point)
		if err != nil || *got != *want || htlc.pub != want.OtherHTLC {
			t.Errorf("commitment %d: %v", n, err)
		}
	}
}
