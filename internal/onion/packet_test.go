package onion

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"testing"

	"fulmen/internal/ecdh"
	"fulmen/internal/keys"
)

// hexBytes is hex in JSON.
type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	*h = b
	return err
}

func loadJSON(t testing.TB, name string, into any) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

// packetVector is testdata/onion-test.json.
type packetVector struct {
	Generate struct {
		SessionKey     hexBytes `json:"session_key"`
		AssociatedData hexBytes `json:"associated_data"`
		Hops           []struct{ Pubkey, Payload hexBytes }
	}
	Onion  hexBytes
	Decode []hexBytes // the private keys of the hops
}

// hops cuts the length off the payloads, which in the vector have it.
func (v *packetVector) hops(t testing.TB) []Hop {
	var hops []Hop
	for i, h := range v.Generate.Hops {
		length, n := readBigSize(h.Payload)
		if n == 0 || int(length) != len(h.Payload)-n {
			t.Fatalf("vector: payload %d", i)
		}
		hops = append(hops, Hop{keys.PubKey(h.Pubkey), h.Payload[n:]})
	}
	return hops
}

func loadPacketVector(t testing.TB) *packetVector {
	v := new(packetVector)
	loadJSON(t, "onion-test.json", v)
	return v
}

// shared does what hsmd does.
func shared(t testing.TB, priv hexBytes, p *Packet) keys.Secret {
	t.Helper()
	key, err := p.EphemeralKey()
	if err != nil {
		t.Fatal(err)
	}
	secret := keys.Secret(priv)
	scalar, err := ecdh.ParseScalar(&secret)
	if err != nil {
		t.Fatal(err)
	}
	point, err := ecdh.ParsePoint(key)
	if err != nil {
		t.Fatal(err)
	}
	return ecdh.Shared(&scalar, &point)
}

func TestBOLT4OnionTestBuild(t *testing.T) {
	v := loadPacketVector(t)
	p, secrets, err := Build(keys.Secret(v.Generate.SessionKey), v.hops(t), v.Generate.AssociatedData)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(p[:], v.Onion) {
		t.Errorf("packet %x\nwant %x", p[:], v.Onion)
	}
	if len(secrets) != len(v.Generate.Hops) {
		t.Errorf("%d shared secrets for %d hops", len(secrets), len(v.Generate.Hops))
	}
}

func TestBOLT4OnionTestPeel(t *testing.T) {
	v := loadPacketVector(t)
	hops := v.hops(t)
	p := Packet(v.Onion)
	for i := range hops {
		payload, next, err := Peel(&p, shared(t, v.Decode[i], &p), v.Generate.AssociatedData)
		if err != nil {
			t.Fatalf("hop %d: %v", i, err)
		}
		if !bytes.Equal(payload, hops[i].Payload) {
			t.Errorf("hop %d: payload %x, want %x", i, payload, hops[i].Payload)
		}
		if final := i == len(hops)-1; (next == nil) != final {
			t.Fatalf("hop %d: next is nil: %v", i, next == nil)
		} else if final {
			break
		}
		following, err := next.Packet()
		if err != nil {
			t.Fatalf("hop %d: %v", i, err)
		}
		p = *following
	}
}

// route makes n hops with small payloads; the private keys belong to them.
func route(t testing.TB, n int) (hops []Hop, privs []hexBytes) {
	for i := range n {
		priv := sha256.Sum256([]byte{byte(i)})
		secret := keys.Secret(priv)
		scalar, err := ecdh.ParseScalar(&secret)
		if err != nil {
			t.Fatal(err)
		}
		payload := &Payload{AmtToForward: 1000, OutgoingCLTVValue: 500_000}
		hops = append(hops, Hop{ecdh.PubKeyOf(&scalar), payload.Encode()})
		privs = append(privs, priv[:])
	}
	return hops, privs
}

func TestBuildAndPeel(t *testing.T) {
	session := keys.Secret{1, 2, 3}
	assoc := []byte("payment_hash")
	for _, n := range []int{1, 2, 20, 27} {
		hops, privs := route(t, n)
		p, secrets, err := Build(session, hops, assoc)
		if err != nil {
			t.Fatal(err)
		}
		for i := range hops {
			ss := shared(t, privs[i], p)
			if ss != secrets[i] {
				t.Fatalf("%d hops: shared secret %d differs", n, i)
			}
			payload, next, err := Peel(p, ss, assoc)
			if err != nil || !bytes.Equal(payload, hops[i].Payload) {
				t.Fatalf("%d hops: hop %d: %x, %v", n, i, payload, err)
			}
			if next == nil {
				if i != n-1 {
					t.Fatalf("%d hops: ends at %d", n, i)
				}
				break
			}
			if p, err = next.Packet(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestPeelRefuses(t *testing.T) {
	v := loadPacketVector(t)
	good := Packet(v.Onion)
	ss := shared(t, v.Decode[0], &good)
	tests := []struct {
		name   string
		change func(*Packet)
		assoc  []byte
		want   FailureCode
	}{
		{"version", func(p *Packet) { p[0] = 1 }, v.Generate.AssociatedData, InvalidOnionVersion},
		{"payload", func(p *Packet) { p[700] ^= 1 }, v.Generate.AssociatedData, InvalidOnionHMAC},
		{"hmac", func(p *Packet) { p[PacketSize-1] ^= 1 }, v.Generate.AssociatedData, InvalidOnionHMAC},
		{"associated data", func(*Packet) {}, []byte("other"), InvalidOnionHMAC},
	}
	for _, tt := range tests {
		p := good
		tt.change(&p)
		_, _, err := Peel(&p, ss, tt.assoc)
		var bad *BadOnionError
		if !errors.As(err, &bad) || bad.Code != tt.want || bad.SHA256OfOnion != sha256.Sum256(p[:]) {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
	for code, at := range map[FailureCode]int{InvalidOnionVersion: 0, InvalidOnionKey: 1} {
		p := good
		p[at] = 9
		var bad *BadOnionError
		if _, err := p.EphemeralKey(); !errors.As(err, &bad) || bad.Code != code {
			t.Errorf("byte %d: %v, want %s", at, err, code)
		}
	}
}

// sealed is a packet of one hop whose decrypted payloads begin with head.
func sealed(head []byte, ss keys.Secret) *Packet {
	var p Packet
	copy(p.payloads(), head)
	newStream(keyRho, &ss).XORKeyStream(p.payloads(), p.payloads())
	mu := deriveKey(keyMu, &ss)
	sum := mac(mu[:], p.payloads())
	copy(p.mac(), sum[:])
	return &p
}

func TestPeelRefusesPayloadLength(t *testing.T) {
	ss := keys.Secret{7}
	for _, head := range [][]byte{
		{0}, {1}, // reserved
		{0xfd, 0, 5},       // not minimal
		{0xfd, 0x04, 0xf2}, // one more than fits with its length and HMAC
		{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, // far more
	} {
		var fault *PayloadError
		if _, _, err := Peel(sealed(head, ss), ss, nil); !errors.As(err, &fault) {
			t.Errorf("%x: %v", head, err)
		}
	}
	if payload, next, err := Peel(sealed([]byte{0xfd, 0x04, 0xf1}, ss), ss, nil); err != nil || next != nil || len(payload) != 1265 {
		t.Errorf("largest payload: %d bytes, %v", len(payload), err)
	}
}

func TestBuildRefuses(t *testing.T) {
	hops, _ := route(t, 2)
	big, _ := route(t, 1)
	big[0].Payload = make([]byte, 1266)
	short, _ := route(t, 1)
	short[0].Payload = []byte{0}
	badKey, _ := route(t, 1)
	badKey[0].NodeID[0] = 4
	for name, tt := range map[string]struct {
		session keys.Secret
		hops    []Hop
	}{
		"no hop": {keys.Secret{1}, nil}, "session key": {keys.Secret{}, hops}, "too large": {keys.Secret{1}, big},
		"reserved length": {keys.Secret{1}, short}, "node id": {keys.Secret{1}, badKey},
	} {
		if _, _, err := Build(tt.session, tt.hops, nil); err == nil {
			t.Errorf("%s: built", name)
		}
	}
	big[0].Payload = big[0].Payload[:1265]
	if _, _, err := Build(keys.Secret{1}, big, nil); err != nil {
		t.Errorf("largest payload: %v", err)
	}
}

func FuzzPeel(f *testing.F) {
	v := loadPacketVector(f)
	ss := keys.Secret{7}
	f.Add([]byte(v.Onion), []byte(v.Generate.AssociatedData))
	f.Add([]byte{0x12, 2, 2}, []byte{})
	f.Add([]byte{0xfd, 0x04, 0xf1}, []byte{})
	f.Fuzz(func(t *testing.T, data, assoc []byte) {
		var raw Packet
		copy(raw[:], data)
		if key, err := raw.EphemeralKey(); err == nil && key != raw.ephemeralKey() {
			t.Error("ephemeral key differs")
		}
		if _, _, err := Peel(&raw, ss, assoc); err == nil {
			t.Error("peeled without the right HMAC")
		}
		// The same bytes behind a right HMAC.
		payload, next, err := Peel(sealed(data[:min(len(data), payloadsSize)], ss), ss, nil)
		if err != nil {
			return
		}
		if len(payload) < 2 || len(payload) > payloadsSize-macSize {
			t.Errorf("payload of %d bytes", len(payload))
		}
		if next != nil {
			next.ephemeral = keys.PubKey(onCurve)
			if _, err := next.Packet(); err != nil {
				t.Error(err)
			}
		}
	})
}

// onCurve is any point on the curve.
var onCurve, _ = hex.DecodeString("02eec7245d6b7d2ccb30380bfbe2a3648cd7a942653f5aa340edcea1f283686619")

func BenchmarkBuild(b *testing.B) {
	for _, n := range []int{1, 2, 5, 20} {
		b.Run(fmt.Sprintf("hops=%d", n), func(b *testing.B) {
			hops, _ := route(b, n)
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := Build(keys.Secret{1}, hops, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkPeel(b *testing.B) {
	for name, n := range map[string]int{"final": 1, "forward": 2} {
		b.Run(name, func(b *testing.B) {
			hops, _ := route(b, n)
			p, secrets, err := Build(keys.Secret{1}, hops, nil)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				_, next, err := Peel(p, secrets[0], nil)
				if err != nil {
					b.Fatal(err)
				}
				if next != nil {
					if _, err := next.Packet(); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
