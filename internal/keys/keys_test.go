package keys

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
)

// readVectors decodes one of the files in testdata, each a copy of a BOLT's values.
func readVectors(t *testing.T, name string, into any) {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatal(err)
	}
}

func secretFromHex(t *testing.T, s string) Secret {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != 32 {
		t.Fatalf("bad secret %q: %v", s, err)
	}
	return Secret(b)
}

func TestBOLT3AppendixEKeyDerivation(t *testing.T) {
	var v map[string]string
	readVectors(t, "bolt3_appendix_e.json", &v)
	basepoint, err := PerCommitmentPoint(secretFromHex(t, v["base_secret"]))
	if err != nil || basepoint.String() != v["base_point"] {
		t.Fatalf("basepoint %s, %v", basepoint, err)
	}
	point, err := PerCommitmentPoint(secretFromHex(t, v["per_commitment_secret"]))
	if err != nil || point.String() != v["per_commitment_point"] {
		t.Fatalf("per_commitment_point %s, %v", point, err)
	}
	if tweak := Tweak(point, basepoint); hex.EncodeToString(tweak[:]) != v["tweak"] {
		t.Errorf("tweak %x", tweak)
	}
	local, err := DerivePubKey(basepoint, point)
	if err != nil || local.String() != v["localpubkey"] {
		t.Errorf("localpubkey %s, %v", local, err)
	}
	revocation, err := RevocationPubKey(basepoint, point)
	if err != nil || revocation.String() != v["revocationpubkey"] {
		t.Errorf("revocationpubkey %s, %v", revocation, err)
	}
	base := Basepoints{Revocation: basepoint, Payment: basepoint, DelayedPayment: basepoint, HTLC: basepoint}
	got, err := DeriveCommitmentKeys(&base, &base, point)
	want := CommitmentKeys{OwnerHTLC: local, OwnerDelayed: local, OtherHTLC: local, OtherPayment: basepoint, Revocation: revocation}
	if err != nil || *got != want {
		t.Errorf("commitment keys %+v, %v", got, err)
	}
}

func TestDerivationRefusesBadKeys(t *testing.T) {
	good, err := PerCommitmentPoint(Secret{31: 1})
	if err != nil {
		t.Fatal(err)
	}
	bad := PubKey{0: 2, 32: 5} // x = 5 is on no point
	uncompressed := good
	uncompressed[0] = 6
	for _, p := range []PubKey{bad, uncompressed, {}} {
		if _, err := DerivePubKey(p, good); !errors.Is(err, ErrNotOnCurve) {
			t.Errorf("DerivePubKey(%s): %v", p, err)
		}
		if _, err := RevocationPubKey(good, p); !errors.Is(err, ErrNotOnCurve) {
			t.Errorf("RevocationPubKey(point %s): %v", p, err)
		}
	}
	for _, b := range []Basepoints{{}, {HTLC: good}, {HTLC: good, DelayedPayment: good}} {
		if _, err := DeriveCommitmentKeys(&b, &b, good); !errors.Is(err, ErrNotOnCurve) {
			t.Errorf("DeriveCommitmentKeys(%+v): %v", b, err)
		}
	}
	order := secretFromHex(t, "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141")
	for _, s := range []Secret{{}, order} {
		if _, err := PerCommitmentPoint(s); !errors.Is(err, ErrScalarRange) {
			t.Errorf("PerCommitmentPoint of %x: %v", s[:], err)
		}
	}
}

func TestSecretIsNotPrinted(t *testing.T) {
	s := Secret{1, 2, 3}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(verb, s); got != "(secret)" {
			t.Errorf("%s prints %s", verb, got)
		}
	}
}

func TestSecretStoreIsNotPrinted(t *testing.T) {
	s := SecretStore{count: 1, buckets: []Secret{{1, 2, 3}}}
	if got := fmt.Sprintf("%v %+v", s, s); got != "(1 secrets) (1 secrets)" {
		t.Errorf("prints %s", got)
	}
}

func TestVerify(t *testing.T) {
	priv, pub := btcec.PrivKeyFromBytes([]byte{31: 7})
	digest := [32]byte{1, 2, 3}
	sig, err := SignatureFromDER(ecdsa.Sign(priv, digest[:]).Serialize())
	if err != nil {
		t.Fatal(err)
	}
	key := PubKey(pub.SerializeCompressed())
	if err := Verify(key, digest, sig); err != nil {
		t.Errorf("good signature: %v", err)
	}
	if err := Verify(key, [32]byte{9}, sig); !errors.Is(err, ErrSigWrong) {
		t.Errorf("other digest: %v", err)
	}
	if err := Verify(PubKey{}, digest, sig); !errors.Is(err, ErrNotOnCurve) {
		t.Errorf("zero key: %v", err)
	}
	if err := Verify(key, digest, Signature{}); !errors.Is(err, ErrSigRange) {
		t.Errorf("zero signature: %v", err)
	}
	if err := Verify(key, digest, highS(sig)); !errors.Is(err, ErrHighS) {
		t.Errorf("high s: %v", err)
	}
}

// highS is the other signature that plain ECDSA accepts for the same digest.
func highS(sig Signature) Signature {
	var s btcec.ModNScalar
	s.SetByteSlice(sig[32:])
	s.Negate()
	s.PutBytesUnchecked(sig[32:])
	return sig
}

func TestDER(t *testing.T) {
	for _, sig := range []Signature{
		{31: 1, 63: 1},
		{0: 0x80, 32: 0x7f},
		{1: 0x80, 33: 0x01},
		{0: 0x01, 63: 0x80},
	} {
		der := sig.AppendDER(nil)
		back, err := SignatureFromDER(der)
		if err != nil || back != sig {
			t.Errorf("%s: DER %x reads as %s, %v", sig, der, back, err)
		}
	}
	if _, err := SignatureFromDER([]byte{0x30, 0}); err == nil {
		t.Error("an empty DER signature is accepted")
	}
}

func FuzzSignature(f *testing.F) {
	f.Add(make([]byte, 64))
	f.Add([]byte{31: 1, 63: 1})
	_, pub := btcec.PrivKeyFromBytes([]byte{31: 7})
	key := PubKey(pub.SerializeCompressed())
	f.Fuzz(func(t *testing.T, b []byte) {
		var sig Signature
		copy(sig[:], b)
		if _, err := sig.parse(); err != nil {
			return
		}
		if err := Verify(key, [32]byte{1}, sig); !errors.Is(err, ErrSigWrong) {
			t.Fatalf("a made-up signature: %v", err)
		}
		if back, err := SignatureFromDER(sig.AppendDER(nil)); err != nil || back != sig {
			t.Fatalf("%s: DER gives %s, %v", sig, back, err)
		}
	})
}

func BenchmarkDeriveCommitmentKeys(b *testing.B) {
	p, err := PerCommitmentPoint(Secret{31: 9})
	if err != nil {
		b.Fatal(err)
	}
	base := Basepoints{Revocation: p, Payment: p, DelayedPayment: p, HTLC: p}
	for b.Loop() {
		if _, err := DeriveCommitmentKeys(&base, &base, p); err != nil {
			b.Fatal(err)
		}
	}
}
