package store

import (
	"bytes"
	"errors"
	"fmt"
)

// DataKey is a key of the datastore: the names on the way to a value, at least one.
type DataKey []string

// DataEntry is a value of the datastore.
type DataEntry struct {
	Key        DataKey
	Data       []byte
	Generation uint64 // counts its changes, from 0
}

// A key is stored as its elements, each ended by a zero byte, with a zero byte within an element as 00 ff. So keys
// sort by their elements, and all below a key begin with its bytes and go on with one that is not ff, which no
// UTF-8 string has.
const (
	elementEnd = 0x00
	escaped    = 0xff
)

func (k DataKey) encode() []byte {
	var b []byte
	for _, element := range k {
		b = append(b, bytes.ReplaceAll([]byte(element), []byte{elementEnd}, []byte{elementEnd, escaped})...)
		b = append(b, elementEnd)
	}
	return b
}

// decodeDataKey is the reverse of encode.
func decodeDataKey(b []byte) (DataKey, error) {
	var k DataKey
	var element []byte
	for i := 0; i < len(b); i++ {
		switch {
		case b[i] != elementEnd:
			element = append(element, b[i])
		case i+1 < len(b) && b[i+1] == escaped:
			element = append(element, elementEnd)
			i++
		default:
			k, element = append(k, string(element)), nil
		}
	}
	if len(k) == 0 || len(element) > 0 {
		return nil, fmt.Errorf("datastore: key %x is not well-formed", b)
	}
	return k, nil
}

// Data lists a key's value, if it has one, and all below it, by key; of an empty key, everything.
func (d *DB) Data(k DataKey) ([]*DataEntry, error) {
	from := k.encode()
	var list []*DataEntry
	err := d.query("SELECT key, data, generation FROM datastore WHERE key >= ? AND key < ? ORDER BY key",
		[]any{append([]byte{}, from...), append(from, escaped)}, func(r scanner) error {
			e := new(DataEntry)
			var key []byte
			err := r.Scan(&key, &e.Data, &e.Generation)
			if err == nil {
				e.Key, err = decodeDataKey(key)
			}
			list = append(list, e)
			return err
		})
	return list, err
}

// DataAt is a key's value, as this transaction sees it; ErrNotFound if it has none.
func (t *Tx) DataAt(k DataKey) (*DataEntry, error) {
	e := &DataEntry{Key: k}
	err := t.queryRow("SELECT data, generation FROM datastore WHERE key = ?", []any{k.encode()}, &e.Data, &e.Generation)
	return e, err
}

// HasDataBelow reports whether a key has children.
func (t *Tx) HasDataBelow(k DataKey) (bool, error) {
	from := k.encode()
	var one int
	err := t.queryRow("SELECT 1 FROM datastore WHERE key > ? AND key < ? LIMIT 1", []any{append([]byte{}, from...), append(from, escaped)}, &one)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// SetData stores a value.
func (t *Tx) SetData(e *DataEntry) error {
	return t.exec(`INSERT INTO datastore (key, data, generation) VALUES (?,?,?)
		ON CONFLICT (key) DO UPDATE SET data = excluded.data, generation = excluded.generation`,
		e.Key.encode(), append([]byte{}, e.Data...), e.Generation)
}

// DeleteData deletes a key's value; ErrNotFound if it has none.
func (t *Tx) DeleteData(k DataKey) error {
	return t.change("DELETE FROM datastore WHERE key = ?", k.encode())
}
