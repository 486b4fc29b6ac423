package hostile

import "reflect"

// Words are values that mean something to the process under attack.
type Words struct {
	numbers []uint64
	texts   [][]byte
	values  map[reflect.Type][]reflect.Value
}

// Numbers adds numbers: ids, refs, amounts.
func (w *Words) Numbers(n ...uint64) { w.numbers = append(w.numbers, n...) }

// Texts adds contents of byte slices and strings: snapshots, transactions, messages.
func (w *Words) Texts(b ...[]byte) { w.texts = append(w.texts, b...) }

// Values adds values of the types that they have: public keys, channel ids.
func (w *Words) Values(list ...any) {
	if w.values == nil {
		w.values = map[reflect.Type][]reflect.Value{}
	}
	for _, value := range list {
		v := reflect.ValueOf(value)
		w.values[v.Type()] = append(w.values[v.Type()], v)
	}
}

func (w *Words) of(t reflect.Type) []reflect.Value { return w.values[t] }
