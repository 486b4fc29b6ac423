package graph

import (
	"encoding/binary"

	"fulmen/internal/wire"
)

// table finds indices by hash: open addressing, at most half full. It has the indices alone; what they stand
// for is compared by the caller.
type table struct {
	slots []uint32 // index + 1; 0 is free
	n     int
}

// hashID takes bytes of the key as they are: keys are as good as random.
func hashID(id *NodeID) uint64 { return mix(binary.LittleEndian.Uint64(id[8:])) }

func hashScid(s wire.ShortChannelID) uint64 { return mix(uint64(s)) }

// mix spreads x over all bits (the finalizer of splitmix64).
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// find is the index with this hash that is the wanted one, or None.
func (t *table) find(hash uint64, is func(uint32) bool) uint32 {
	if t.n == 0 {
		return None
	}
	mask := uint64(len(t.slots) - 1)
	for at := hash & mask; ; at = (at + 1) & mask {
		i := t.slots[at]
		if i == 0 {
			return None
		}
		if is(i - 1) {
			return i - 1
		}
	}
}

// add takes an index that is not there yet. hashOf is asked when the table grows.
func (t *table) add(index uint32, hashOf func(uint32) uint64) {
	if 2*(t.n+1) > len(t.slots) {
		old := t.slots
		t.slots = make([]uint32, max(64, 2*len(old)))
		for _, i := range old {
			if i != 0 {
				t.put(i, hashOf(i-1))
			}
		}
	}
	t.put(index+1, hashOf(index))
	t.n++
}

func (t *table) put(slot uint32, hash uint64) {
	mask := uint64(len(t.slots) - 1)
	at := hash & mask
	for t.slots[at] != 0 {
		at = (at + 1) & mask
	}
	t.slots[at] = slot
}

// remove takes out an index that is there. What follows moves up, so that find does not stop too early.
func (t *table) remove(index uint32, hashOf func(uint32) uint64) {
	mask := uint64(len(t.slots) - 1)
	at := hashOf(index) & mask
	for t.slots[at] != index+1 {
		at = (at + 1) & mask
	}
	t.n--
	for next := (at + 1) & mask; t.slots[next] != 0; next = (next + 1) & mask {
		home := hashOf(t.slots[next]-1) & mask
		if (next-home)&mask >= (next-at)&mask {
			t.slots[at] = t.slots[next]
			at = next
		}
	}
	t.slots[at] = 0
}
