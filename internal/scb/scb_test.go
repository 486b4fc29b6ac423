package scb

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"

	"fulmen/internal/keys"
)

// published is the first example of staticbackup's description.
const published = "0000000000000006f4e1de801de57374d5737da622611e3a1ad9f16d5df9c30fceecc11ce732eeeb022d223620a359a47ff7f7ac447c85c46c923da53389221a0054c11c1e3ca31d59017f000001a95cbe3270e5e0998af5eb0a67f7bf6e8d5b3d3d43059b3e4cfbd1e4fca6152c51320000000100000000000f42400003401000000000eb015c0000fffffffffffe000000020000ffffffffffff3283fc1863a9702a8e188ed55475324e55485a8758d2068cfea35851418c55740000fffffffffffed00ec892b1739b55ddc0cca2988d8731eb33f2295c1fcc13fdbdfff9d3f85d6d038402a6939f0f9d5c7a41464169eb692b4d2d73266b3c46345cd036ca577a15bdeeaa027662682a646ce7671c3a091bf639176e87d3379022126b209ebadadae19ffc0e02c59668c64362eaeabf44ee4f10b98fc92412cbea74b6f3a917423dfdf3ca282602773e6c29472ab708e5b127e8ae1ce2d8b7f56b457299f93bb72bb73fdbcf91770501010702a5f8"

func TestPublishedEntry(t *testing.T) {
	raw, err := hex.DecodeString(published)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	if c.ID != 6 || c.Address != "127.0.0.1:43356" || c.FundingOutput != 1 || c.FundingSats != 1_000_000 || !c.Opener ||
		!bytes.Equal(c.ChannelType, []byte{0x40, 0x10, 0}) || !strings.HasPrefix(c.Basepoints.Revocation.String(), "02a6939f") {
		t.Errorf("%+v", c)
	}
}

func sample() *Channel {
	var point keys.PubKey
	raw, _ := hex.DecodeString("022d223620a359a47ff7f7ac447c85c46c923da53389221a0054c11c1e3ca31d59")
	copy(point[:], raw)
	return &Channel{
		ID: 3, ChannelID: [32]byte{1}, NodeID: point, Address: "127.0.0.1:9735", FundingTxid: [32]byte{2}, FundingOutput: 1, FundingSats: 5,
		ChannelType: []byte{0x10, 0}, Basepoints: keys.Basepoints{Revocation: point, Payment: point, DelayedPayment: point, HTLC: point},
		Opener: true, ToSelfDelay: 144, Setup: []byte("setup"), Snapshot: []byte("snapshot"),
	}
}

func TestRoundTrip(t *testing.T) {
	for _, address := range []string{"127.0.0.1:9735", "[2001:db8::1]:9735", "node.example:9735", ""} {
		want := sample()
		want.Address = address
		got, err := Decode(want.Encode())
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, %v", got, err)
		}
	}
	raw := sample().Encode()
	for n := range raw {
		if c, err := Decode(raw[:n]); err == nil {
			t.Fatalf("cut at %d: %+v", n, c)
		}
	}
}

func TestSeal(t *testing.T) {
	key := Key{1}
	entries := [][]byte{[]byte("one"), []byte("two")}
	for _, padded := range []bool{false, true} {
		blob, left, err := Seal(key, entries, padded, rand.Reader)
		if err != nil || left != 0 || padded != (len(blob) == MaxBlob) {
			t.Fatalf("%d bytes, %d left, %v", len(blob), left, err)
		}
		got, err := Open(key, blob)
		if err != nil || !reflect.DeepEqual(got, entries) {
			t.Errorf("%q, %v", got, err)
		}
		blob[len(blob)/2] ^= 1
		if _, err := Open(key, blob); !errors.Is(err, ErrNotOurs) {
			t.Errorf("error %v", err)
		}
	}
	many := make([][]byte, 100)
	for i := range many {
		many[i] = make([]byte, 1000)
	}
	blob, left, err := Seal(key, many, true, rand.Reader)
	if err != nil || len(blob) != MaxBlob || left != 35 {
		t.Errorf("%d bytes, %d left, %v", len(blob), left, err)
	}
}

func FuzzDecode(f *testing.F) {
	raw, err := hex.DecodeString(published)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add(sample().Encode())
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := Decode(raw)
		if err != nil {
			return
		}
		if again, err := Decode(c.Encode()); err != nil && len(c.Address) < 250 {
			t.Errorf("%+v: %v", again, err)
		}
	})
}
