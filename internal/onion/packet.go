package onion

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2"

	"fulmen/internal/ecdh"
	"fulmen/internal/keys"
)

const (
	// PacketSize is the size of every packet for a payment.
	PacketSize = 1 + 33 + payloadsSize + macSize
	// MaxPayloads is what the payloads of all hops may take together, each with its length and HMAC.
	MaxPayloads = payloadsSize

	payloadsSize = 1300
	macSize      = 32
	version      = 0

	offPayloads = 1 + 33
	offMAC      = offPayloads + payloadsSize
)

// Packet is an onion_packet: version, ephemeral key, hop payloads, HMAC.
type Packet [PacketSize]byte

func (p *Packet) ephemeralKey() keys.PubKey { return keys.PubKey(p[1:offPayloads]) }
func (p *Packet) payloads() []byte          { return p[offPayloads:offMAC] }
func (p *Packet) mac() []byte               { return p[offMAC:] }

// BadOnionError is a packet that the peer should not have passed on. It is answered with
// update_fail_malformed_htlc, because no failure can be encrypted for its origin.
type BadOnionError struct {
	Code          FailureCode // with BadOnion set
	SHA256OfOnion [32]byte
}

func (e *BadOnionError) Error() string { return "onion packet: " + e.Code.BOLTName() }

func (p *Packet) bad(code FailureCode) error {
	return &BadOnionError{Code: code, SHA256OfOnion: sha256.Sum256(p[:])}
}

// EphemeralKey is the point of which the shared secret is to be asked. It fails with a
// BadOnionError for another version, or for a key that is not on the curve.
func (p *Packet) EphemeralKey() (keys.PubKey, error) {
	if p[0] != version {
		return keys.PubKey{}, p.bad(InvalidOnionVersion)
	}
	key := p.ephemeralKey()
	if _, err := ecdh.ParsePoint(key); err != nil {
		return key, p.bad(InvalidOnionKey)
	}
	return key, nil
}

// Next is what an intermediate hop needs to pass the packet on.
type Next struct {
	ephemeral    keys.PubKey // as it came to us
	sharedSecret keys.Secret
	payloads     [payloadsSize]byte
	mac          [macSize]byte
}

// Peel removes our layer of p, given the shared secret of its ephemeral key and our node's key. It
// returns our payload, without its length, and what is to be passed on, nil if we are the final node.
// Faults are a BadOnionError or a PayloadError.
func Peel(p *Packet, sharedSecret keys.Secret, assocData []byte) (payload []byte, next *Next, err error) {
	if p[0] != version {
		return nil, nil, p.bad(InvalidOnionVersion)
	}
	mu := deriveKey(keyMu, &sharedSecret)
	if sum := mac(mu[:], p.payloads(), assocData); !hmac.Equal(sum[:], p.mac()) {
		return nil, nil, p.bad(InvalidOnionHMAC)
	}
	stream := newStream(keyRho, &sharedSecret)
	clear := make([]byte, payloadsSize)
	stream.XORKeyStream(clear, p.payloads())
	payload, rest, err := cutPayload(clear)
	if err != nil {
		return nil, nil, err
	}
	nextMAC, rest := [macSize]byte(rest[:macSize]), rest[macSize:]
	if nextMAC == [macSize]byte{} {
		return payload, nil, nil
	}
	next = &Next{ephemeral: p.ephemeralKey(), sharedSecret: sharedSecret, mac: nextMAC}
	n := copy(next.payloads[:], rest)
	// Behind the end the packet counts as zeros, so the filler is the stream itself.
	stream.XORKeyStream(next.payloads[n:], next.payloads[n:])
	return payload, next, nil
}

// cutPayload splits the first hop payload from the decrypted payloads; rest begins with its HMAC.
func cutPayload(clear []byte) (payload, rest []byte, err error) {
	length, n := readBigSize(clear)
	if n == 0 {
		return nil, nil, &PayloadError{Reason: "length is not a minimal bigsize"}
	}
	// BOLT 4, Packet Structure: 0 was another format, 1 is reserved.
	if length < 2 {
		return nil, nil, &PayloadError{Reason: fmt.Sprintf("length %d is reserved", length)}
	}
	if left := len(clear) - n - macSize; length > uint64(left) {
		return nil, nil, &PayloadError{Reason: fmt.Sprintf("length %d, at most %d are left", length, left)}
	}
	end := n + int(length)
	return clear[n:end:end], clear[end:], nil
}

// Packet makes the packet for the next hop. It blinds the ephemeral key, which is costly and
// therefore left until the packet is really passed on.
func (n *Next) Packet() (*Packet, error) {
	point, err := ecdh.ParsePoint(n.ephemeral)
	if err != nil {
		return nil, fmt.Errorf("ephemeral key: %w", err)
	}
	factor := blindingFactor(n.ephemeral, &n.sharedSecret)
	key := multiply(factor, &point)
	var p Packet
	copy(p[1:], key[:])
	copy(p.payloads(), n.payloads[:])
	copy(p.mac(), n.mac[:])
	return &p, nil
}

// blindingFactor is the scalar that hides one hop's ephemeral key from the next
// (BOLT 4, Blinding Ephemeral Onion Keys).
func blindingFactor(ephemeral keys.PubKey, sharedSecret *keys.Secret) (factor btcec.ModNScalar) {
	hash := sha256.New()
	hash.Write(ephemeral[:])
	hash.Write(sharedSecret[:])
	factor.SetByteSlice(hash.Sum(nil))
	return factor
}
