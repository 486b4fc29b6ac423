package hostile

import (
	"encoding/binary"
	"reflect"

	"fulmen/internal/ipc"
)

// Source reads decisions from a fuzzer's bytes; when they are used up, all decisions are zero.
type Source struct {
	b     []byte
	words *Words
}

// NewSource reads from b; words may be nil.
func NewSource(b []byte, words *Words) *Source {
	if words == nil {
		words = new(Words)
	}
	return &Source{b: b, words: words}
}

// Done reports whether the bytes are used up.
func (s *Source) Done() bool { return len(s.b) == 0 }

// Byte is the next byte.
func (s *Source) Byte() byte {
	if len(s.b) == 0 {
		return 0
	}
	c := s.b[0]
	s.b = s.b[1:]
	return c
}

// Below is a number below n, which is at most 256.
func (s *Source) Below(n int) int { return int(s.Byte()) % n }

// take is up to n of the next bytes.
func (s *Source) take(n int) []byte {
	n = min(n, len(s.b))
	b := s.b[:n]
	s.b = s.b[n:]
	return b
}

// Message fills one of the messages, which is made anew.
func (s *Source) Message(kinds []ipc.Message) ipc.Message {
	kind := kinds[s.Below(len(kinds))]
	m := reflect.New(reflect.TypeOf(kind).Elem())
	s.fill(m.Elem())
	return m.Interface().(ipc.Message)
}

// Fill sets every field of the struct to which m points.
func (s *Source) Fill(m any) { s.fill(reflect.ValueOf(m).Elem()) }

func (s *Source) fill(v reflect.Value) {
	if w := s.words.of(v.Type()); len(w) > 0 && s.Byte()&1 == 1 {
		v.Set(w[s.Below(len(w))])
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(s.Byte()&1 == 1)
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(s.number()))
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(s.number() & (1<<v.Type().Bits() - 1))
	case reflect.String:
		v.SetString(string(s.bytes()))
	case reflect.Slice:
		s.fillSlice(v)
	case reflect.Array:
		s.fillArray(v)
	case reflect.Pointer:
		if s.Byte()&1 == 1 {
			v.Set(reflect.New(v.Type().Elem()))
			s.fill(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				s.fill(v.Field(i))
			}
		}
	}
}

func (s *Source) fillSlice(v reflect.Value) {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		v.SetBytes(s.bytes())
		return
	}
	n := s.Below(4)
	v.Set(reflect.MakeSlice(v.Type(), n, n))
	for i := range n {
		s.fill(v.Index(i))
	}
	if n > 0 && s.Byte() == 255 { // the last one very often
		for range 200 {
			v.Set(reflect.Append(v, v.Index(n-1)))
		}
	}
}

func (s *Source) fillArray(v reflect.Value) {
	if v.Type().Elem().Kind() != reflect.Uint8 {
		for i := range v.Len() {
			s.fill(v.Index(i))
		}
		return
	}
	switch fill := s.Byte(); fill % 4 {
	case 0:
	case 1:
		v.Index(v.Len() - 1).SetUint(uint64(fill))
	case 2:
		for i := range v.Len() {
			v.Index(i).SetUint(0xff)
		}
	case 3:
		reflect.Copy(v, reflect.ValueOf(s.take(v.Len())).Convert(reflect.SliceOf(v.Type().Elem())))
	}
}

// edges are numbers at which something wraps, or no longer fits the database or the protocol.
var edges = []uint64{
	0, 1, 2, 483, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 32, 1<<48 - 1, 1 << 48, 1<<63 - 1, 1 << 63, 1<<64 - 2, 1<<64 - 1,
	21e14, 21e14 + 1, 21e17, 21e17 + 1,
}

func (s *Source) number() uint64 {
	switch c := s.Byte(); c % 4 {
	case 0:
		return uint64(s.Byte())
	case 1:
		return edges[s.Below(len(edges))]
	case 2:
		if n := s.words.numbers; len(n) > 0 {
			return n[s.Below(len(n))]
		}
		return uint64(c)
	}
	var b [8]byte
	copy(b[:], s.take(8))
	return binary.LittleEndian.Uint64(b[:])
}

// maxLong is how long the longest bytes are: longer than any BOLT message.
const maxLong = 70_000

func (s *Source) bytes() []byte {
	switch s.Byte() % 4 {
	case 0:
		return nil
	case 1:
		return append([]byte(nil), s.take(s.Below(64))...)
	case 2:
		if w := s.words.texts; len(w) > 0 {
			return append([]byte(nil), w[s.Below(len(w))]...)
		}
		return []byte{0}
	}
	long := make([]byte, s.Below(100)*maxLong/100+1)
	fill := s.Byte()
	for i := range long {
		long[i] = fill
	}
	return long
}
