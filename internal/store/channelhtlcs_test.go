package store

import (
	"errors"
	"slices"
	"testing"
)

// TestChannelHTLCs: they stay until their channel is closed for good, and no longer.
func TestChannelHTLCs(t *testing.T) {
	d := open(t)
	must(t, d.Update(func(tx *Tx) error {
		return errors.Join(
			tx.CreateChannel(&Channel{ID: 1, State: Normal, Opener: "local", ChannelID: [32]byte{1}, Setup: []byte{1}, ChannelType: []byte{1}}),
			tx.CreateChannel(&Channel{ID: 2, State: Normal, Opener: "local", ChannelID: [32]byte{2}, Setup: []byte{1}, ChannelType: []byte{1}}),
		)
	}))
	ours := ChannelHTLC{Offered: true, ID: 3, PaymentHash: [32]byte{4, 31: 5}, CLTVExpiry: 1<<32 - 1}
	theirs := ChannelHTLC{ID: 1 << 62, PaymentHash: [32]byte{6}, CLTVExpiry: 7}
	again := ours
	again.CLTVExpiry = 8
	must(t, d.Update(func(tx *Tx) error {
		return errors.Join(tx.AddChannelHTLC(1, &ours), tx.AddChannelHTLC(1, &theirs), tx.AddChannelHTLC(2, &theirs), tx.AddChannelHTLC(1, &again))
	}))
	check := func(channel uint64, want ...ChannelHTLC) {
		t.Helper()
		if got, err := d.ChannelHTLCs(channel, false, 0, 10); err != nil || !slices.Equal(got, want) {
			t.Errorf("channel %d: %+v, %v; want %+v", channel, got, err, want)
		}
	}
	check(1, theirs, ours)
	for _, part := range []struct {
		offered bool
		from    uint64
		most    int
		want    []ChannelHTLC
	}{
		{false, 0, 1, []ChannelHTLC{theirs}}, {false, 1 << 62, 1, []ChannelHTLC{theirs}}, {false, 1<<62 + 1, 5, []ChannelHTLC{ours}},
		{true, 3, 1, []ChannelHTLC{ours}}, {true, 4, 1, nil},
	} {
		if got, err := d.ChannelHTLCs(1, part.offered, part.from, part.most); err != nil || !slices.Equal(got, part.want) {
			t.Errorf("%+v: %+v, %v", part, got, err)
		}
	}
	must(t, d.Update(func(tx *Tx) error { return tx.ChangeState(1, StateChange{Old: Normal, New: OnChain}) }))
	check(1, theirs, ours)
	must(t, d.Update(func(tx *Tx) error { return tx.ChangeState(1, StateChange{Old: OnChain, New: Closed}) }))
	check(1)
	check(2, theirs)
}
