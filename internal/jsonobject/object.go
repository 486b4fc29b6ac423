// Package jsonobject reads JSON objects whose members' order matters, which a map would lose.
package jsonobject

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Member is one member of an object.
type Member[T any] struct {
	Name  string
	Value T
}

// Object is an object's members in their order. A name that stands twice is there twice.
type Object[T any] []Member[T]

// UnmarshalJSON implements json.Unmarshaler.
func (o *Object[T]) UnmarshalJSON(raw []byte) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if start, err := dec.Token(); err != nil || start != json.Delim('{') {
		return fmt.Errorf("want an object, have %v, %v", start, err)
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return err
		}
		m := Member[T]{Name: fmt.Sprint(name)}
		if err := dec.Decode(&m.Value); err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
		*o = append(*o, m)
	}
	return nil
}

// Find is the first value of a name.
func (o Object[T]) Find(name string) (value T, ok bool) {
	for _, m := range o {
		if m.Name == name {
			return m.Value, true
		}
	}
	return value, false
}
