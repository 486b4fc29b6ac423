package main

import (
	"slices"
	"testing"

	"fulmen/internal/store"
)

// TestPenaltyThatCannotBeMadeIsTriedAgain: it waits, and no other waits for it; one that was told of is gone.
func TestPenaltyThatCannotBeMadeIsTriedAgain(t *testing.T) {
	w := surround(t)
	defer w.end()
	list := make([]store.RevokedCommitment, 250)
	for i := range list {
		list[i] = store.RevokedCommitment{Channel: malloryChannel, Amount: 1000}
	}
	if err := w.n.db.Update(func(tx *storeTx) error { return tx.AddRevoked(list) }); err != nil {
		t.Fatal(err)
	}
	round := func(answer func(uint64) telling, want ...uint64) {
		t.Helper()
		var asked []uint64
		if err := w.n.tellEach(func(r *store.RevokedCommitment) telling {
			asked = append(asked, r.ID)
			return answer(r.ID)
		}); err != nil {
			t.Fatal(err)
		}
		if len(want) > 0 && !slices.Equal(asked, want) {
			t.Errorf("asked about %v, want %v", asked, want)
		}
	}
	hard := []uint64{1, 100, 101, 250}
	round(func(id uint64) telling {
		if slices.Contains(hard, id) {
			return notNow
		}
		return toldOf
	})
	round(func(uint64) telling { return notNow }, hard...)
	round(func(id uint64) telling {
		if id == 100 {
			return nobodyThere
		}
		return toldOf
	}, 1, 100)
	round(func(uint64) telling { return toldOf }, 100, 101, 250)
	if rest, err := w.n.db.RevokedCommitments(0, 10); err != nil || len(rest) != 0 {
		t.Errorf("%d are left, %v", len(rest), err)
	}
}
