package onion

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"

	"fulmen/internal/keys"
)

const (
	maxAttributed  = 20 // hops that attribution data has room for
	holdTimeSize   = 4
	shortMACSize   = 4
	holdTimesSize  = maxAttributed * holdTimeSize
	attributedMACs = maxAttributed * (maxAttributed + 1) / 2

	// AttributionSize is the size of attribution_data: hold times and truncated HMACs.
	AttributionSize = holdTimesSize + attributedMACs*shortMACSize
)

// HoldTime is how long a node held an HTLC, in units of 100 ms; 0 is also what a node says that does
// not know.
type HoldTime uint32

// Attribution is attribution_data of update_fail_htlc and update_fulfill_htlc (BOLT 4, Returning
// Errors): each node on the way back adds how long it held the HTLC, and HMACs over what it passes on.
type Attribution [AttributionSize]byte

// Attribute makes what a node sends back together with packet, which is the return packet as this
// node sends it, or nil with a preimage. downstream is what came from the next node, nil if nothing
// did, or if this node is the last.
func Attribute(sharedSecret keys.Secret, packet []byte, hold HoldTime, downstream *Attribution) *Attribution {
	a := new(Attribution)
	if downstream != nil {
		*a = *downstream
		a.shiftRight()
	}
	binary.BigEndian.PutUint32(a[:holdTimeSize], uint32(hold))
	clear := append([]byte(nil), packet...)
	WrapFailure(sharedSecret, clear) // takes our own layer off: the HMACs are over what is below it
	um := newMACs(&sharedSecret)
	for y := range maxAttributed {
		copy(a.mac(0, y), um.over(a, y, clear))
	}
	a.obscure(sharedSecret)
	return a
}

// Holds are the hold times of the hops of a route, given the secrets of Build and what the origin
// received; packet is the return packet, nil with a preimage. They end before the first hop whose
// HMAC is wrong: there, or at the node before it, somebody changed what passed, or does not attribute.
func (a *Attribution) Holds(sharedSecrets []keys.Secret, packet []byte) []HoldTime {
	view, clear := *a, append([]byte(nil), packet...)
	var holds []HoldTime
	for i, secret := range sharedSecrets[:min(len(sharedSecrets), maxAttributed)] {
		view.obscure(secret) // XOR: takes a layer off as it was put on
		WrapFailure(secret, clear)
		// A node does not know how far it is from the end. It has an HMAC for each distance, and that for
		// the end of the whole route is right even if the failure came from before it.
		y := min(len(sharedSecrets), maxAttributed) - 1 - i
		if !hmac.Equal(view.mac(0, y), newMACs(&secret).over(&view, y, clear)) {
			break
		}
		holds = append(holds, HoldTime(binary.BigEndian.Uint32(view[:holdTimeSize])))
		view.shiftLeft()
	}
	return holds
}

// obscure puts a layer on, or takes it off.
func (a *Attribution) obscure(sharedSecret keys.Secret) {
	newStream(keyAmmagExt, &sharedSecret).XORKeyStream(a[:], a[:])
}

// mac is where hmac_x_y stands: of node x, counted from here, if it is y hops before the erring node.
// Node x has one for each y up to 19-x, the largest first.
func (a *Attribution) mac(x, y int) []byte {
	before := x*maxAttributed - x*(x-1)/2
	at := holdTimesSize + (before+maxAttributed-1-x-y)*shortMACSize
	return a[at : at+shortMACSize]
}

// shiftRight makes room for a node upstream: node x is now x+1, and of each the HMAC for the distance
// that the route has no room for any more goes.
func (a *Attribution) shiftRight() {
	copy(a[holdTimeSize:holdTimesSize], a[:])
	for x := maxAttributed - 1; x > 0; x-- {
		for y := range maxAttributed - x {
			copy(a.mac(x, y), a.mac(x-1, y))
		}
	}
}

// shiftLeft undoes shiftRight, but for what was lost.
func (a *Attribution) shiftLeft() {
	copy(a[:], a[holdTimeSize:holdTimesSize])
	clear(a[holdTimesSize-holdTimeSize : holdTimesSize])
	for x := range maxAttributed - 1 {
		clear(a.mac(x, maxAttributed-1-x))
		for y := range maxAttributed - 1 - x {
			copy(a.mac(x, y), a.mac(x+1, y))
		}
	}
}

// macs computes one node's HMACs.
type macs struct{ h hash.Hash }

func newMACs(sharedSecret *keys.Secret) macs {
	um := deriveKey(keyUm, sharedSecret)
	return macs{hmac.New(sha256.New, um[:])}
}

// over is the truncated hmac_0_y of a: over the return packet, y+1 hold times and the HMACs of the y
// nodes downstream at their distances.
func (m macs) over(a *Attribution, y int, packet []byte) []byte {
	m.h.Reset()
	m.h.Write(packet)
	m.h.Write(a[:(y+1)*holdTimeSize])
	for x := 1; x <= y; x++ {
		m.h.Write(a.mac(x, y-x))
	}
	return m.h.Sum(nil)[:shortMACSize]
}
