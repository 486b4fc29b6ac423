package onion

import (
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2"

	"fulmen/internal/ecdh"
	"fulmen/internal/keys"
)

// Hop is one node of the route, the origin not included, and its payload (a TLV stream without the
// length before it).
type Hop struct {
	NodeID  keys.PubKey
	Payload []byte
}

// size is what the hop takes of the packet.
func (h *Hop) size() int { return bigSizeLen(uint64(len(h.Payload))) + len(h.Payload) + macSize }

// Build makes the packet for the first hop, and returns the secrets shared with each hop, which
// decrypt a failure. The session key must be fresh and random. assocData is the payment hash.
func Build(sessionKey keys.Secret, hops []Hop, assocData []byte) (*Packet, []keys.Secret, error) {
	if err := checkHops(hops); err != nil {
		return nil, nil, err
	}
	ephemeral, secrets, err := shareSecrets(sessionKey, hops)
	if err != nil {
		return nil, nil, err
	}
	var p Packet
	copy(p[1:], ephemeral[:])
	// Random bytes hide from the final node how much of the packet was in use.
	newStream(keyPad, &sessionKey).XORKeyStream(p.payloads(), p.payloads())
	filler := fillerFor(hops, secrets)
	for i := len(hops) - 1; i >= 0; i-- {
		p.wrap(&hops[i], &secrets[i])
		if i == len(hops)-1 {
			copy(p[offMAC-len(filler):offMAC], filler)
		}
		mu := deriveKey(keyMu, &secrets[i])
		sum := mac(mu[:], p.payloads(), assocData)
		copy(p.mac(), sum[:])
	}
	return &p, secrets, nil
}

func checkHops(hops []Hop) error {
	if len(hops) == 0 {
		return errors.New("build onion: no hop")
	}
	total := 0
	for i := range hops {
		if len(hops[i].Payload) < 2 {
			return fmt.Errorf("build onion: hop %d: payload of %d bytes, at least 2", i, len(hops[i].Payload))
		}
		total += hops[i].size()
	}
	if total > MaxPayloads {
		return fmt.Errorf("build onion: payloads take %d bytes, at most %d", total, MaxPayloads)
	}
	return nil
}

// shareSecrets derives the ephemeral key of each hop and the secret shared with it; it returns the
// first ephemeral public key.
func shareSecrets(sessionKey keys.Secret, hops []Hop) (first keys.PubKey, secrets []keys.Secret, err error) {
	priv, err := ecdh.ParseScalar(&sessionKey)
	if err != nil {
		return first, nil, fmt.Errorf("build onion: session key: %w", err)
	}
	secrets = make([]keys.Secret, len(hops))
	for i := range hops {
		node, err := ecdh.ParsePoint(hops[i].NodeID)
		if err != nil {
			return first, nil, fmt.Errorf("build onion: hop %d: %w", i, err)
		}
		secrets[i] = ecdh.Shared(&priv, &node)
		if i > 0 && i == len(hops)-1 {
			break // the last hop is handed its ephemeral public key; it enters no further blinding
		}
		ephemeral := ecdh.PubKeyOf(&priv)
		if i == 0 {
			first = ephemeral
		}
		priv = nextEphemeral(priv, ephemeral, &secrets[i])
	}
	return first, secrets, nil
}

func nextEphemeral(priv btcec.ModNScalar, pub keys.PubKey, sharedSecret *keys.Secret) btcec.ModNScalar {
	factor := blindingFactor(pub, sharedSecret)
	return *factor.Mul(&priv)
}

// wrap puts the hop's payload before all others, with the HMAC of what it will pass on (still in p),
// and encrypts everything for it.
func (p *Packet) wrap(hop *Hop, sharedSecret *keys.Secret) {
	payloads := p.payloads()
	copy(payloads[hop.size():], payloads)
	head := appendBigSize(payloads[:0], uint64(len(hop.Payload)))
	head = append(head, hop.Payload...)
	copy(payloads[len(head):], p.mac())
	newStream(keyRho, sharedSecret).XORKeyStream(payloads, payloads)
}

// fillerFor computes what the intermediate hops will append while they peel, so that the HMACs can
// cover it (BOLT 4, Filler Generation).
func fillerFor(hops []Hop, secrets []keys.Secret) []byte {
	var zeros [payloadsSize]byte
	filler := make([]byte, 0, payloadsSize)
	for i := range hops[:len(hops)-1] {
		stream := newStream(keyRho, &secrets[i])
		skip := zeros[:payloadsSize-len(filler)] // what precedes the filler in this hop's packet
		stream.XORKeyStream(make([]byte, len(skip)), skip)
		filler = append(filler, zeros[:hops[i].size()]...)
		stream.XORKeyStream(filler, filler)
	}
	return filler
}
