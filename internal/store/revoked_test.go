package store

import (
	"slices"
	"testing"
)

// TestRevokedCommitments: they wait in their order, and go from the front.
func TestRevokedCommitments(t *testing.T) {
	d := open(t)
	list := []RevokedCommitment{
		{ID: 1, Channel: 7, Number: 1<<48 - 2, Secret: [32]byte{1}, Txid: [32]byte{2}, Output: 65535, Amount: 21e14},
		{ID: 2, Channel: 3, Number: 0, Secret: [32]byte{3}, Txid: [32]byte{4}},
		{ID: 3, Channel: 7, Number: 1<<48 - 1, Secret: [32]byte{5}, Txid: [32]byte{6}, Amount: 1},
	}
	must(t, d.Update(func(tx *Tx) error { return tx.AddRevoked(list) }))
	check := func(most int, want []RevokedCommitment) {
		t.Helper()
		if got, err := d.RevokedCommitments(0, most); err != nil || !slices.Equal(got, want) {
			t.Errorf("%+v, %v; want %+v", got, err, want)
		}
	}
	check(2, list[:2])
	must(t, d.Update(func(tx *Tx) error { return tx.ForgetRevoked([]uint64{1, 2}) }))
	check(2, list[2:])
}
