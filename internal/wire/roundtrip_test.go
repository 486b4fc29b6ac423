package wire

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"reflect"
	"testing"

	"fulmen/internal/keys"
)

// everyType calls f with each message type that has a definition.
func everyType(f func(MessageType)) {
	for t := range 1 << 16 {
		if newMessage(MessageType(t)) != nil {
			f(MessageType(t))
		}
	}
}

// generate is a message with arbitrary contents. Slices have up to most elements; none is nil.
func generate(rng *rand.Rand, typ MessageType, most int) Message {
	m := newMessage(typ)
	fillValue(rng, reflect.ValueOf(m).Elem(), most)
	if m, ok := m.(*UpdateAddHTLC); ok { // no bytes will do: they are records, with odd types
		if m.ExtraTLVs = nil; rng.IntN(2) == 0 {
			m.ExtraTLVs = append(appendHeader([]byte{1, 0}, 65537, 2), 7, 8)
		}
	}
	return m
}

func fillValue(rng *rand.Rand, v reflect.Value, most int) {
	if v.Type() == reflect.TypeFor[keys.PubKey]() {
		for i := range v.Len() {
			v.Index(i).SetUint(uint64(rng.Uint32() & 0xff))
		}
		v.Index(0).SetUint(uint64(2 + rng.IntN(2))) // the only part of a point that is checked
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(rng.IntN(2) == 0)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(rng.Uint64() >> (64 - v.Type().Bits()) >> rng.IntN(v.Type().Bits()))
	case reflect.Int64:
		v.SetInt(int64(rng.Uint64()))
	case reflect.Struct:
		for i := range v.NumField() {
			fillValue(rng, v.Field(i), most)
		}
	case reflect.Array:
		for i := range v.Len() {
			fillValue(rng, v.Index(i), most)
		}
	case reflect.Pointer:
		if rng.IntN(2) == 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fillValue(rng, v.Elem(), most)
			present(v.Elem())
		}
	case reflect.Slice:
		if n := rng.IntN(most + 1); n > 0 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
			for i := range n {
				fillValue(rng, v.Index(i), most)
			}
		}
	default:
		panic("no generator for " + v.Type().String())
	}
}

// present makes the slices of a record that is there empty rather than nil, as they decode.
func present(record reflect.Value) {
	if record.Kind() != reflect.Struct {
		return
	}
	for _, f := range record.Fields() {
		if f.Kind() == reflect.Slice && f.IsNil() {
			f.Set(reflect.MakeSlice(f.Type(), 0, 0))
		}
	}
}

func TestEveryMessageRoundTrips(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	everyType(func(typ MessageType) {
		for range 50 {
			want := generate(rng, typ, 20)
			raw := AppendMessage([]byte("before"), want)
			got, err := Decode(raw[len("before"):])
			if err != nil {
				t.Fatalf("%s: %v: %+v", typ, err, want)
			}
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("%s: got %+v, want %+v", typ, got, want)
			}
		}
	})
}

// BOLT 1, Lightning Message Format: a known message that is too short is an error. Every field is
// required, so with no record in its extension each proper prefix is too short.
func TestEveryMessageRefusesToBeCutShort(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	everyType(func(typ MessageType) {
		m := generate(rng, typ, 5)
		dropExtension(m)
		for raw := Encode(m); len(raw) > 0; {
			raw = raw[:len(raw)-1]
			if _, err := Decode(raw); err == nil {
				t.Fatalf("%s: decoded from only %d bytes", typ, len(raw))
			}
		}
	})
}

// dropExtension clears what stands for TLV records: pointers, flags, and the slices after the
// fixed part, which decode as nil from a message that ends where they start.
func dropExtension(m Message) {
	if m, ok := m.(*UpdateAddHTLC); ok {
		m.ExtraTLVs = nil
	}
	v := reflect.ValueOf(m).Elem()
	for i := range v.NumField() {
		if k := v.Field(i).Kind(); k == reflect.Pointer || k == reflect.Bool || extensionSlice(m, i) {
			v.Field(i).SetZero()
		}
	}
}

// extensionSlice reports whether setting field i to an empty, not nil, slice makes m longer.
func extensionSlice(m Message, i int) bool {
	v := reflect.ValueOf(newMessage(m.Type())).Elem()
	if v.Field(i).Kind() != reflect.Slice {
		return false
	}
	before := len(Encode(v.Addr().Interface().(Message)))
	v.Field(i).Set(reflect.MakeSlice(v.Field(i).Type(), 0, 0))
	return len(Encode(v.Addr().Interface().(Message))) > before
}

func TestEmptyRecordIsNotAbsent(t *testing.T) {
	m := generate(rand.New(rand.NewPCG(5, 6)), MsgOpenChannel, 0).(*OpenChannel)
	for _, script := range [][]byte{nil, {}} {
		m.UpfrontShutdownScript = script
		got, err := Decode(Encode(m))
		if err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("got %+v, %v, want %+v", got, err, m)
		}
	}
}

func FuzzDecode(f *testing.F) {
	rng := rand.New(rand.NewPCG(7, 8))
	everyType(func(typ MessageType) {
		f.Add(Encode(generate(rng, typ, 4)))
		f.Add(Encode(generate(rng, typ, 0)))
	})
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := Decode(raw)
		if err != nil {
			return
		}
		encoded := Encode(m)
		if len(encoded) > len(raw) {
			t.Fatalf("%s: %d bytes became %d", m.Type(), len(raw), len(encoded))
		}
		again, err := Decode(encoded)
		if err != nil || !reflect.DeepEqual(again, m) {
			t.Fatalf("%s: became %+v, %v", m.Type(), again, err)
		}
		if id, ok := ChannelIDOf(raw); ok && !bytes.Contains(encoded, id[:]) {
			t.Fatalf("%s: has no channel id %s", m.Type(), id)
		}
	})
}

// TestExtraTLVs: what a peer need not understand has odd types, in order.
func TestExtraTLVs(t *testing.T) {
	for text, good := range map[string]bool{
		"": true, "0100": true, "0102aabb0300": true, "fe0001000101cc": true, "0000": false, "0200": false, "03000100": false, "01000100": false,
		"0102aa": false, "01": false, "fd00010100": false, "fe0001000000": false,
	} {
		raw, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := CheckExtraTLVs(raw); (err == nil) != good {
			t.Errorf("%s: %v", text, err)
		}
	}
}
