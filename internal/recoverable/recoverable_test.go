package recoverable

import (
	"bytes"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
)

func TestPubKey(t *testing.T) {
	priv, pub := btcec.PrivKeyFromBytes(bytes.Repeat([]byte{5}, 32))
	for i := range byte(20) { // some of either recovery id
		hash := [32]byte{i}
		compact := ecdsa.SignCompact(priv, hash[:], true)
		sig := Signature(append(compact[1:], compact[0]-27-4))
		got, err := sig.PubKey(hash)
		if err != nil || !bytes.Equal(got[:], pub.SerializeCompressed()) {
			t.Errorf("hash %d: %s, %v", i, got, err)
		}
		sig[64] ^= 1
		if got, err := sig.PubKey(hash); err == nil && bytes.Equal(got[:], pub.SerializeCompressed()) {
			t.Errorf("hash %d: the other recovery id gives the same key", i)
		}
	}
}

func TestPubKeyRefuses(t *testing.T) {
	tooLarge := Signature(bytes.Repeat([]byte{0xff}, 65))
	tooLarge[64] = 0
	for _, sig := range []Signature{{}, {0: 1, 63: 1, 64: 4}, tooLarge} {
		if got, err := sig.PubKey([32]byte{1}); err == nil {
			t.Errorf("%x: %s", sig, got)
		}
	}
}
