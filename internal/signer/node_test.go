package signer

import (
	"encoding/hex"
	"errors"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/tyler-smith/go-bip39"

	"fulmen/internal/keys"
)

const abandon = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about"

// Core Lightning's published node ids: an operator who moves keeps theirs.
func TestNodeID(t *testing.T) {
	for _, c := range []struct {
		name string
		seed []byte
		want string
	}{
		{"32 bytes", unhex(t, "1e14cd384691a92120f6702742ca0e06951aeee57e91b5e137526c0a6c0867f4"),
			pubOf(t, "2e87aea4a343a892927284ff8abcb15908f0285ffe8c172309a13764d8ca14ee")},
		{"mnemonic", bip39.NewSeed(abandon, ""),
			"03653e90c1ce4660fd8505dd6d643356e93cfe202af109d382787639dd5890e87d"},
		{"mnemonic with passphrase", bip39.NewSeed("ritual idle hat sunny universe pluck key alpha wing cake have wedding", "test_passphrase"),
			"039020371fb803cd4ce1e9a909b502d7b0a9e0f10cccc35c3e9be959c52d3ba6bd"},
	} {
		n, err := New(c.seed, "bitcoin")
		if err != nil {
			t.Fatal(err)
		}
		if n.ID().String() != c.want {
			t.Errorf("%s: %s, want %s", c.name, n.ID(), c.want)
		}
	}
}

func pubOf(t *testing.T, priv string) string {
	t.Helper()
	_, pub := btcec.PrivKeyFromBytes(unhex(t, priv))
	return hex.EncodeToString(pub.SerializeCompressed())
}

func TestNewRefuses(t *testing.T) {
	if _, err := New(make([]byte, 31), "bitcoin"); err == nil {
		t.Error("31 bytes of seed were accepted")
	}
	if _, err := New(make([]byte, 32), "litecoin"); !errors.Is(err, ErrNetwork) {
		t.Errorf("network: %v", err)
	}
}

// Key material of Core Lightning's documentation.
func TestBIP32SeedOfOldSecret(t *testing.T) {
	var salt [4]byte
	got := expand(unhex(t, "1e14cd384691a92120f6702742ca0e06951aeee57e91b5e137526c0a6c0867f4"), salt[:], "bip32 seed")
	if hex.EncodeToString(got[:]) != "5a9bed3df01abd7aa0f260120530aaf1eea3ac2744648975dc23cfb25a71045d" {
		t.Errorf("bip32 seed %x", got[:])
	}
}

func TestECDH(t *testing.T) {
	a, b := newTestNode(t, 1), newTestNode(t, 2)
	points := make([]keys.PubKey, 10)
	for i := range points {
		points[i] = b.ID()
	}
	points[3] = keys.PubKey{2, 0xff}
	want := b.ECDH([]keys.PubKey{a.ID()})[0].Secret
	for i, r := range a.ECDH(points) {
		if r.BadPoint != (i == 3) || (i != 3 && r.Secret != want) {
			t.Errorf("point %d: bad %t, agrees %t", i, r.BadPoint, r.Secret == want)
		}
	}
}

func TestDeriveSecret(t *testing.T) {
	n := newTestNode(t, 1)
	secret := n.DeriveSecret([]byte("x"))
	for name, other := range map[string]keys.Secret{
		"info": n.DeriveSecret([]byte("y")), "node": newTestNode(t, 2).DeriveSecret([]byte("x")),
	} {
		if other == secret {
			t.Errorf("another %s makes no difference", name)
		}
	}
	if again := newTestNode(t, 1).DeriveSecret([]byte("x")); again != secret {
		t.Error("the same info gives another secret")
	}
}

// recovered is the key that a recoverable signature over digest tells.
func recovered(t *testing.T, sig [65]byte, digest [32]byte) keys.PubKey {
	t.Helper()
	compact := append([]byte{31 + sig[64]}, sig[:64]...)
	pub, _, err := ecdsa.RecoverCompact(compact, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return keys.PubKey(pub.SerializeCompressed())
}

func TestSignMessage(t *testing.T) {
	n := newTestNode(t, 1)
	sig := n.SignMessage([]byte("hello"))
	if got := recovered(t, sig, doubleSHA256([]byte("Lightning Signed Message:hello"))); got != n.ID() {
		t.Errorf("signed by %s", got)
	}
}

// The signature of BOLT 11's first example: the data before it, and the key it gives.
func TestBOLT11FirstExampleSignature(t *testing.T) {
	const charset = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
	const hrp, data = "lnbc", "pvjluezsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygspp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdpl2pkx2ctnv5sxxmmwwd5kgetjypeh2ursdae8g6twvus8g6rfwvs8qun0dfjkxaq9qrsgq"
	var groups []byte
	for _, c := range data {
		for i, d := range charset {
			if c == d {
				groups = append(groups, byte(i))
			}
		}
	}
	n := newTestNode(t, 1)
	n.node = newPrivKey(keys.Secret(unhex(t, "e126f68f7eafcc8b74f54d269fe206be715000f94dac067d1c04a8ca3b2db734")))
	sig, err := n.SignInvoice(hrp, groups)
	if err != nil {
		t.Fatal(err)
	}
	const want = "8d3ce9e28357337f62da0162d9454df827f83cfe499aeb1c1db349d4d81127425e434ca29929406c23bba1ae8ac6ca32880b38d4bf6ff874024cac34ba9625f101"
	if hex.EncodeToString(sig[:]) != want {
		t.Errorf("signature %x, want %s", sig, want)
	}
}

func TestSignInvoiceRefuses(t *testing.T) {
	n := newTestNode(t, 1)
	if _, err := n.SignInvoice("bcrt", []byte{1}); !errors.Is(err, ErrInvoice) {
		t.Errorf("no ln: %v", err)
	}
	if _, err := n.SignInvoice("lnbcrt", []byte{32}); !errors.Is(err, ErrInvoice) {
		t.Errorf("6 bits: %v", err)
	}
}
