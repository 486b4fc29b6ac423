package ipc

import (
	"fmt"
	"reflect"
	"sync"
)

// codec writes and reads the values of one Go type. It is made once a type, so that a message
// costs no look at struct tags and its decoder can be strict about exactly this type.
type codec struct {
	enc func(b []byte, v reflect.Value) []byte
	dec func(d *decoder, v reflect.Value) error
	// min is the fewest bytes that any value takes: what a claimed number of elements is
	// measured by before memory is set aside for them.
	min int
}

// structCodec is the codec of a struct's fields without the array around them.
type structCodec struct {
	name   string
	fields []field
	min    int
}

type field struct {
	name  string
	index int
	codec
}

var messageCodecs sync.Map // reflect.Type of the struct to *structCodec

// codecOf returns the codec of the struct that m points to.
func codecOf(m Message) (*structCodec, reflect.Value) {
	v := reflect.ValueOf(m).Elem()
	if c, ok := messageCodecs.Load(v.Type()); ok {
		return c.(*structCodec), v
	}
	c := makeStructCodec(v.Type(), nil)
	messageCodecs.Store(v.Type(), c)
	return c, v
}

// makeStructCodec panics on a type that no message may have: a mistake in our own source that the
// first use of the message shows.
func makeStructCodec(t reflect.Type, within []reflect.Type) *structCodec {
	for _, outer := range within {
		if outer == t {
			panic(fmt.Sprintf("ipc: %s contains itself", t))
		}
	}
	within = append(within, t)
	c := &structCodec{name: t.String()}
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Name == "_msgpack" {
			continue // how Go's msgpack libraries mark a struct that is an array
		}
		if !f.IsExported() || f.Anonymous {
			panic(fmt.Sprintf("ipc: %s.%s: fields must be exported and named", t, f.Name))
		}
		fc := makeCodec(f.Type, within)
		c.fields = append(c.fields, field{name: f.Name, index: i, codec: fc})
		c.min += fc.min
	}
	return c
}

func makeCodec(t reflect.Type, within []reflect.Type) codec {
	switch t.Kind() {
	case reflect.Bool:
		return codec{enc: encBool, dec: decBool, min: 1}
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return codec{enc: encUint, dec: decUint, min: 1}
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return codec{enc: encInt, dec: decInt, min: 1}
	case reflect.String:
		return codec{enc: encString, dec: decString, min: 1}
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return codec{enc: encBytes, dec: decBytes, min: 1}
		}
		return makeSliceCodec(makeCodec(t.Elem(), within))
	case reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return codec{enc: encBytes, dec: decByteArray, min: binHeaderLen(t.Len()) + t.Len()}
		}
		return makeArrayCodec(makeCodec(t.Elem(), within), t.Len())
	case reflect.Struct:
		return makeStructCodec(t, within).codec()
	case reflect.Pointer:
		if t.Elem().Kind() != reflect.Pointer {
			return makePointerCodec(makeCodec(t.Elem(), within), t.Elem())
		}
	}
	panic(fmt.Sprintf("ipc: %s: a message cannot have this type", t))
}

// codec wraps the fields into an array.
func (s *structCodec) codec() codec {
	return codec{
		enc: func(b []byte, v reflect.Value) []byte {
			return s.encFields(appendArrayLen(b, len(s.fields)), v)
		},
		dec: func(d *decoder, v reflect.Value) error {
			n, err := d.arrayLen()
			if err != nil {
				return err
			}
			if n != len(s.fields) {
				return fmt.Errorf("%s: want %d fields, have %d", s.name, len(s.fields), n)
			}
			return s.decFields(d, v)
		},
		min: arrayHeaderLen(len(s.fields)) + s.min,
	}
}

func (s *structCodec) encFields(b []byte, v reflect.Value) []byte {
	for i := range s.fields {
		b = s.fields[i].enc(b, v.Field(s.fields[i].index))
	}
	return b
}

func (s *structCodec) decFields(d *decoder, v reflect.Value) error {
	for i := range s.fields {
		f := &s.fields[i]
		if err := f.dec(d, v.Field(f.index)); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	return nil
}

func makeSliceCodec(elem codec) codec {
	return codec{
		enc: func(b []byte, v reflect.Value) []byte {
			n := v.Len()
			b = appendArrayLen(b, n)
			for i := range n {
				b = elem.enc(b, v.Index(i))
			}
			return b
		},
		dec: func(d *decoder, v reflect.Value) error {
			n, err := d.arrayLen()
			if err != nil || n == 0 {
				return err
			}
			if n > d.remaining()/max(elem.min, 1) {
				return fmt.Errorf("%d elements cannot be in the %d bytes left", n, d.remaining())
			}
			v.Set(reflect.MakeSlice(v.Type(), n, n))
			return decElements(d, v, elem)
		},
		min: 1,
	}
}

func makeArrayCodec(elem codec, n int) codec {
	return codec{
		enc: func(b []byte, v reflect.Value) []byte {
			b = appendArrayLen(b, n)
			for i := range n {
				b = elem.enc(b, v.Index(i))
			}
			return b
		},
		dec: func(d *decoder, v reflect.Value) error {
			have, err := d.arrayLen()
			if err != nil {
				return err
			}
			if have != n {
				return fmt.Errorf("want %d elements, have %d", n, have)
			}
			return decElements(d, v, elem)
		},
		min: arrayHeaderLen(n) + n*elem.min,
	}
}

func decElements(d *decoder, v reflect.Value, elem codec) error {
	for i := range v.Len() {
		if err := elem.dec(d, v.Index(i)); err != nil {
			return fmt.Errorf("%d: %w", i, err)
		}
	}
	return nil
}

func makePointerCodec(elem codec, t reflect.Type) codec {
	return codec{
		enc: func(b []byte, v reflect.Value) []byte {
			if v.IsNil() {
				return append(b, codeNil)
			}
			return elem.enc(b, v.Elem())
		},
		dec: func(d *decoder, v reflect.Value) error {
			if d.skipNil() {
				return nil
			}
			p := reflect.New(t)
			v.Set(p)
			return elem.dec(d, p.Elem())
		},
		min: 1,
	}
}
