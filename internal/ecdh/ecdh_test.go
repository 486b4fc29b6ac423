package ecdh

import (
	"encoding/hex"
	"errors"
	"testing"

	"fulmen/internal/keys"
)

// The values are those of BOLT 8, Appendix A: the initiator's ephemeral key and the responder's static one.
func TestBOLT8AppendixASharedSecret(t *testing.T) {
	remote, err := keys.ParsePubKey("028d7500dd4c12685d1f568b4c2b5048e8534b873319f3a8daa612b469132ec7f7")
	if err != nil {
		t.Fatal(err)
	}
	point, err := ParsePoint(remote)
	if err != nil {
		t.Fatal(err)
	}
	var secret keys.Secret
	for i := range secret {
		secret[i] = 0x12
	}
	priv, err := ParseScalar(&secret)
	if err != nil {
		t.Fatal(err)
	}
	if pub := PubKeyOf(&priv); pub.String() != "036360e856310ce5d294e8be33fc807077dc56ac80d95d9cd4ddbd21325eff73f7" {
		t.Errorf("public key %s", pub)
	} else if few := PubKeyOfFew(&priv); few != pub {
		t.Errorf("public key without the table %s", few)
	}
	if got := Compress(&point); got != remote {
		t.Errorf("compressed %s, want %s", got, remote)
	}
	shared := Shared(&priv, &point)
	if got := hex.EncodeToString(shared[:]); got != "1e2fb3c8fe8fb9f262f649f64d26ecf0f2c0a805a767cf02dc2d77a6ef1fdcc3" {
		t.Errorf("shared secret %s", got)
	}
}

func TestParseRefuses(t *testing.T) {
	onCurve, _ := keys.ParsePubKey("028d7500dd4c12685d1f568b4c2b5048e8534b873319f3a8daa612b469132ec7f7")
	badPrefix := onCurve
	badPrefix[0] = 4
	tooLarge := keys.PubKey{2}
	for i := range tooLarge[1:] {
		tooLarge[1+i] = 0xff
	}
	offCurve := keys.PubKey{2, 32: 5} // x=5 has no y
	for _, p := range []keys.PubKey{badPrefix, tooLarge, offCurve, {}} {
		if _, err := ParsePoint(p); !errors.Is(err, ErrBadPoint) {
			t.Errorf("ParsePoint(%s): %v", p, err)
		}
	}
	var order keys.Secret
	hex.Decode(order[:], []byte("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"))
	for _, s := range []keys.Secret{{}, order} {
		if _, err := ParseScalar(&s); !errors.Is(err, ErrBadScalar) {
			t.Errorf("ParseScalar(%x): %v", s[:], err)
		}
	}
}
