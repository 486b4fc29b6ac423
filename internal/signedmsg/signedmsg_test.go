package signedmsg

import (
	"bytes"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"

	"fulmen/internal/keys"
	"fulmen/internal/recoverable"
)

// sign is what hsmd does.
func sign(message []byte) (string, keys.PubKey) {
	priv, pub := btcec.PrivKeyFromBytes(bytes.Repeat([]byte{7}, 32))
	digest := Digest(message)
	compact := ecdsa.SignCompact(priv, digest[:], true)
	sig := recoverable.Signature(append(compact[1:], compact[0]-headerBase))
	return Encode(sig), keys.PubKey(pub.SerializeCompressed())
}

// A signature that lnd made and published in the documentation of its signmessage.
func TestKnownSignature(t *testing.T) {
	const message = "is this compatible?"
	const sig = "rbgfioj114mh48d8egqx8o9qxqw4fmhe8jbeeabdioxnjk8z3t1ma1hu1fiswpakgucwwzwo6ofycffbsqusqdimugbh41n1g698hr9t"
	pub, err := Recover([]byte(message), sig)
	if err != nil {
		t.Fatal(err)
	}
	if got := pub.String(); got != "02b80cabdf82638aac86948e4c06e82064f547768dcef977677b9ea931ea75bab5" {
		t.Errorf("signed by %s", got)
	}
}

func TestSignAndRecover(t *testing.T) {
	message := []byte("this is what I said")
	text, pub := sign(message)
	if got, err := Recover(message, text); err != nil || got != pub {
		t.Errorf("signed by %s, %v", got, err)
	}
	if got, err := Recover([]byte("this is not"), text); err == nil && got == pub {
		t.Error("another message has the same signer")
	}
	if got, err := Decode(text); err != nil || Encode(got) != text {
		t.Errorf("decoded %x, %v", got, err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	text, _ := sign(nil)
	for _, bad := range []string{"", text[1:], text + "y", "l" + text[1:], "y" + text[1:]} {
		if _, err := Decode(bad); err == nil {
			t.Errorf("%q decoded", bad)
		}
	}
	zero := Encode(recoverable.Signature{})
	if _, err := Recover(nil, zero); err == nil {
		t.Error("a signature of zeros yields a key")
	}
}

func FuzzRecover(f *testing.F) {
	text, _ := sign([]byte("hello"))
	f.Add([]byte("hello"), text)
	f.Add([]byte{}, "yyyy")
	f.Fuzz(func(t *testing.T, message []byte, text string) {
		if _, err := Recover(message, text); err != nil {
			return
		}
		sig, err := Decode(text)
		if err != nil || Encode(sig) != text {
			t.Errorf("%q encodes to %q, %v", text, Encode(sig), err)
		}
	})
}
