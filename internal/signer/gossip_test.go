package signer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"fulmen/internal/keys"
)

// announcement builds the messages of BOLT 7 as far as the signer looks at them.
func announcement(t uint16, signatures int, features []byte, rest ...[]byte) []byte {
	raw := binary.BigEndian.AppendUint16(nil, t)
	raw = append(raw, make([]byte, 64*signatures)...)
	raw = binary.BigEndian.AppendUint16(raw, uint16(len(features)))
	return append(append(raw, features...), bytes.Join(rest, nil)...)
}

func TestSignAnnouncements(t *testing.T) {
	alice, bob := newPair(t, true)
	idA, idB, keyA, keyB := alice.node.ID(), bob.node.ID(), alice.FundingPubKey(), bob.FundingPubKey()
	if bytes.Compare(idA[:], idB[:]) > 0 {
		idA, idB, keyA, keyB = idB, idA, keyB, keyA
	}
	good := announcement(256, 4, []byte{1}, make([]byte, 40), idA[:], idB[:], keyA[:], keyB[:])
	digest := doubleSHA256(good[2+256:])
	for _, c := range []*Channel{alice, bob} {
		node, bitcoin, err := c.SignAnnouncement(good)
		if err != nil {
			t.Fatal(err)
		}
		if err := keys.Verify(c.node.ID(), digest, node); err != nil {
			t.Errorf("node signature: %v", err)
		}
		if err := keys.Verify(c.FundingPubKey(), digest, bitcoin); err != nil {
			t.Errorf("bitcoin signature: %v", err)
		}
	}
	for name, raw := range map[string][]byte{
		"empty":              nil,
		"another type":       announcement(257, 4, nil, make([]byte, 40), idA[:], idB[:], keyA[:], keyB[:]),
		"nodes swapped":      announcement(256, 4, nil, make([]byte, 40), idB[:], idA[:], keyA[:], keyB[:]),
		"keys swapped":       announcement(256, 4, nil, make([]byte, 40), idA[:], idB[:], keyB[:], keyA[:]),
		"cut":                good[:len(good)-1],
		"features too long":  append(append([]byte{1, 0}, make([]byte, 256)...), 255, 255, 1),
		"no features at all": append(append([]byte{1, 0}, make([]byte, 256)...), 0),
	} {
		if _, _, err := alice.SignAnnouncement(raw); !errors.Is(err, ErrAnnouncement) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSignNodeGossip(t *testing.T) {
	n, other := newTestNode(t, 1), newTestNode(t, 2)
	id, otherID := n.ID(), other.ID()
	mine := announcement(257, 1, []byte{1, 2}, make([]byte, 4), id[:], []byte{1, 2, 3})
	sig, err := n.SignNodeAnnouncement(mine)
	if err != nil {
		t.Fatal(err)
	}
	if err := keys.Verify(n.ID(), doubleSHA256(mine[66:]), sig); err != nil {
		t.Error(err)
	}
	for name, raw := range map[string][]byte{
		"another node": announcement(257, 1, nil, make([]byte, 4), otherID[:]),
		"cut":          mine[:66+2+2+4+32],
		"too long":     append(mine, make([]byte, 65535)...),
		"another type": announcement(258, 1, nil, make([]byte, 4), id[:]),
	} {
		if _, err := n.SignNodeAnnouncement(raw); !errors.Is(err, ErrAnnouncement) {
			t.Errorf("%s: %v", name, err)
		}
	}

	update := announcement(258, 1, nil, make([]byte, 100))
	sig, err = n.SignChannelUpdate(update)
	if err != nil {
		t.Fatal(err)
	}
	if err := keys.Verify(n.ID(), doubleSHA256(update[66:]), sig); err != nil {
		t.Error(err)
	}
	if _, err := n.SignChannelUpdate(mine); !errors.Is(err, ErrAnnouncement) {
		t.Errorf("another type: %v", err)
	}
}
