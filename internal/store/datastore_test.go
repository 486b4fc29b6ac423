package store

import (
	"errors"
	"reflect"
	"slices"
	"testing"
)

func TestDataKeysSortByTheirElements(t *testing.T) {
	d := open(t)
	keys := []DataKey{{""}, {"", ""}, {"a"}, {"a", "b"}, {"a", "b", "c"}, {"a\x00"}, {"a\x00", "b"}, {"a\x01"}, {"ab"}, {"é"}}
	must(t, d.Update(func(tx *Tx) error {
		for i := len(keys) - 1; i >= 0; i-- {
			if err := tx.SetData(&DataEntry{Key: keys[i], Generation: uint64(i)}); err != nil {
				return err
			}
		}
		return nil
	}))
	for _, c := range []struct {
		below DataKey
		want  []DataKey
	}{
		{nil, keys},
		{DataKey{"a"}, keys[2:5]}, {DataKey{"a", "b"}, keys[3:5]}, {DataKey{"a\x00"}, keys[5:7]}, {DataKey{"b"}, nil}, {DataKey{""}, keys[:2]},
	} {
		list, err := d.Data(c.below)
		must(t, err)
		var got []DataKey
		for _, e := range list {
			got = append(got, e.Key)
			if len(e.Data) != 0 {
				t.Errorf("%q has data %x", e.Key, e.Data)
			}
		}
		if !slices.EqualFunc(got, c.want, slices.Equal) {
			t.Errorf("below %q: got %q, want %q", c.below, got, c.want)
		}
	}
}

func TestData(t *testing.T) {
	d := open(t)
	e := &DataEntry{Key: DataKey{"plugin", "x"}, Data: []byte{0, 1}, Generation: 7}
	must(t, d.Update(func(tx *Tx) error { return tx.SetData(e) }))
	must(t, d.Update(func(tx *Tx) error {
		if got, err := tx.DataAt(e.Key); err != nil || !reflect.DeepEqual(got, e) {
			t.Errorf("got %+v, %v", got, err)
		}
		if _, err := tx.DataAt(DataKey{"plugin"}); !errors.Is(err, ErrNotFound) {
			t.Errorf("a parent has a value: %v", err)
		}
		for _, c := range []struct {
			key  DataKey
			want bool
		}{{DataKey{"plugin"}, true}, {e.Key, false}, {DataKey{"plug"}, false}} {
			if below, err := tx.HasDataBelow(c.key); err != nil || below != c.want {
				t.Errorf("below %q: %v, %v", c.key, below, err)
			}
		}
		return tx.DeleteData(e.Key)
	}))
	if err := d.Update(func(tx *Tx) error { return tx.DeleteData(e.Key) }); !errors.Is(err, ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
}

func FuzzDecodeDataKey(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("a\x00b\xff"))
	f.Add(DataKey{"a", "", "b\x00"}.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := decodeDataKey(b)
		if err == nil && string(k.encode()) != string(b) {
			t.Errorf("%x is %q, which is %x", b, k, k.encode())
		}
	})
}
