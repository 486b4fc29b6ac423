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
	ours := ChannelHTLC{Offered: true, ID: 3, PaymentHash: [32]byte{4, 31: 5}, CLTVExpiry: 1<<32 - 1, Amount: 1}
	theirs := ChannelHTLC{ID: 1 << 62, PaymentHash: [32]byte{6}, CLTVExpiry: 7}
	again := ours
	again.CLTVExpiry = 8
	must(t, d.Update(func(tx *Tx) error {
		return errors.Join(tx.AddChannelHTLCs(1, []ChannelHTLC{ours, theirs}), tx.AddChannelHTLCs(2, []ChannelHTLC{theirs}), tx.AddChannelHTLCs(1, []ChannelHTLC{again}))
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

// TestListHTLCs: each index counts all channels' HTLCs, one the new ones and one the outcomes, and pages.
func TestListHTLCs(t *testing.T) {
	d := open(t)
	name := func(id uint64) HTLCName { return HTLCName{true, id} }
	must(t, d.Update(func(tx *Tx) error {
		return errors.Join(
			tx.AddChannelHTLCs(1, []ChannelHTLC{{Offered: true, ID: 0, Amount: 7}, {Offered: true, ID: 1}}),
			tx.AddChannelHTLCs(2, []ChannelHTLC{{ID: 0}}),
			tx.AddChannelHTLCs(1, []ChannelHTLC{{Offered: true, ID: 2}}),
			tx.EndChannelHTLCs(1, []HTLCName{name(2), name(0)}),
			tx.EndChannelHTLCs(1, []HTLCName{name(2), name(9)}), // told again, and not there
			tx.EndChannelHTLCs(2, []HTLCName{{ID: 0}}),
		)
	}))
	for _, c := range []struct {
		channel uint64
		page    Page
		want    [][3]uint64 // created_index, updated_index, htlc_id
	}{
		{0, Page{}, [][3]uint64{{1, 2, 0}, {2, 0, 1}, {3, 5, 0}, {4, 1, 2}}},
		{1, Page{}, [][3]uint64{{1, 2, 0}, {2, 0, 1}, {4, 1, 2}}},
		{0, Page{Start: 2, Limit: 2}, [][3]uint64{{2, 0, 1}, {3, 5, 0}}},
		{0, Page{Updated: true}, [][3]uint64{{4, 1, 2}, {1, 2, 0}, {3, 5, 0}}},
		{2, Page{Updated: true, Start: 1, Limit: 1}, [][3]uint64{{3, 5, 0}}},
		{3, Page{}, nil},
	} {
		list, err := d.ListHTLCs(c.channel, c.page)
		must(t, err)
		var got [][3]uint64
		for _, h := range list {
			got = append(got, [3]uint64{h.CreatedIndex, h.UpdatedIndex, h.ID})
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("channel %d, %+v: %v, want %v", c.channel, c.page, got, c.want)
		}
	}
}
