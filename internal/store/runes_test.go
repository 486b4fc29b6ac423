package store

import (
	"fmt"
	"reflect"
	"testing"
	"time"
)

func TestRunes(t *testing.T) {
	d := open(t)
	for range 2 {
		must(t, d.Update(func(tx *Tx) error { return tx.AddRune(func(id uint64) string { return fmt.Sprint("rune ", id) }) }))
	}
	at := time.Unix(7, 5)
	must(t, d.Update(func(tx *Tx) error { return tx.UseRune(1, at) }))
	must(t, d.Update(func(tx *Tx) error { return tx.UseRune(9, at) })) // somebody else's id
	list, err := d.Runes()
	if err != nil || !reflect.DeepEqual(list, []StoredRune{{ID: 0, Text: "rune 0"}, {ID: 1, Text: "rune 1", LastUsed: at}}) {
		t.Errorf("%+v, %v", list, err)
	}
	for id, want := range map[uint64]time.Time{0: {}, 1: at, 9: {}} {
		if got, err := d.RuneUsed(id); err != nil || !got.Equal(want) {
			t.Errorf("rune %d was used at %v, %v", id, got, err)
		}
	}
	for _, want := range [][]RuneRange{{{0, 2}, {4, MaxRuneID}}, {{7, 7}}, nil} {
		must(t, d.Update(func(tx *Tx) error { return tx.SetRuneBlacklist(want) }))
		if got, err := d.RuneBlacklist(); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v, %v, want %v", got, err, want)
		}
	}
}
