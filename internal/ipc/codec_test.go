package ipc

import (
	"bytes"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
)

const (
	typeEvery      Type = 9100
	typeEveryReply Type = 9101
	typeOther      Type = 9102
)

type inner struct {
	Name   string
	Number int32
}

// every has each kind of field.
type every struct {
	Bool    bool
	U8      uint8
	U64     uint64
	I16     int16
	I64     int64
	Text    string
	Bytes   []byte
	Key     [33]byte
	Struct  inner
	Pointer *inner
	None    *inner
	List    []inner
	Wire    [][]byte
	Keys    [][33]byte
	Two     [2]uint16
}

type everyReply struct {
	Text string
}

type other struct {
}

func (*every) IPCType() Type      { return typeEvery }
func (*everyReply) IPCType() Type { return typeEveryReply }
func (*other) IPCType() Type      { return typeOther }

func fullMessage() *every {
	return &every{
		Bool: true, U8: 200, U64: math.MaxUint64, I16: -300, I64: math.MinInt64,
		Text: strings.Repeat("text", 20), Bytes: bytes.Repeat([]byte{7}, 300), Key: [33]byte{2, 32: 9},
		Struct: inner{Name: "a", Number: -1}, Pointer: &inner{Name: "b", Number: 70000},
		List: []inner{{Name: "c"}, {Number: -129}}, Wire: [][]byte{{1}, {2, 3}},
		Keys: [][33]byte{{3}, {2}}, Two: [2]uint16{1, 65535},
	}
}

// encoded is the frame's body without type and id, as a Frame to decode.
func encoded(t testing.TB, m Message) Frame {
	t.Helper()
	b, err := appendFrame(nil, 5, m, 0)
	if err != nil {
		t.Fatal(err)
	}
	f, err := parseBody(b[headerLen:])
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestMessageRoundTrip(t *testing.T) {
	for _, want := range []*every{fullMessage(), {}} {
		f := encoded(t, want)
		if f.Type != typeEvery || f.ID != 5 {
			t.Errorf("frame has type %d id %d", f.Type, f.ID)
		}
		got := &every{Text: "left from before", Pointer: &inner{}}
		if err := f.Decode(got); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v\nwant %+v", got, want)
		}
	}
}

func TestIntegersAtTheirEdges(t *testing.T) {
	type numbers struct {
		U []uint64
		I []int64
	}
	want := numbers{
		U: []uint64{0, 127, 128, 255, 256, 65535, 65536, math.MaxUint32, math.MaxUint32 + 1, math.MaxUint64},
		I: []int64{0, 127, 128, -1, -32, -33, -128, -129, -32768, -32769, math.MinInt32, math.MinInt32 - 1, math.MinInt64, math.MaxInt64},
	}
	c := makeStructCodec(reflect.TypeFor[numbers](), nil).codec()
	b := c.enc(nil, reflect.ValueOf(&want).Elem())
	var got numbers
	if err := c.dec(&decoder{b: b}, reflect.ValueOf(&got).Elem()); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Another implementation reads what we write, and the other way round.
func TestMsgpackByAnotherLibrary(t *testing.T) {
	want := fullMessage()
	c, v := codecOf(want)
	ours := c.codec().enc(nil, v)
	var got every
	if err := msgpack.Unmarshal(ours, &got); err != nil { // it takes arrays for structs
		t.Fatal(err)
	}
	if !reflect.DeepEqual(&got, want) {
		t.Errorf("the library reads %+v\nwant %+v", got, want)
	}
	want.None = &inner{Name: "there"}
	var theirs bytes.Buffer
	enc := msgpack.NewEncoder(&theirs)
	enc.UseArrayEncodedStructs(true)
	if err := enc.Encode(want); err != nil {
		t.Fatal(err)
	}
	got = every{}
	if err := c.codec().dec(&decoder{b: theirs.Bytes()}, reflect.ValueOf(&got).Elem()); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(&got, want) {
		t.Errorf("we read %+v\nwant %+v", got, want)
	}
}

func TestDecodeIsStrict(t *testing.T) {
	type tiny struct {
		A uint8
		S string
		B [4]byte
		L []inner
		P *inner
	}
	c := makeStructCodec(reflect.TypeFor[tiny](), nil)
	for _, tt := range []struct {
		name string
		b    []byte
		want string // empty: it is right
	}{
		{"right", []byte{0x95, 1, 0xa1, 'x', 0xc4, 4, 1, 2, 3, 4, 0x90, 0xc0}, ""},
		{"one field less", []byte{0x94, 1, 0xa1, 'x', 0xc4, 4, 1, 2, 3, 4, 0x90}, "want 5 fields, have 4"},
		{"number too large", []byte{0x95, 0xcd, 1, 0, 0xa0, 0, 0}, "A: 256 does not fit uint8"},
		{"negative", []byte{0x95, 0xff, 0xa0, 0, 0, 0}, "A: want an unsigned integer, have code 0xff"},
		{"nil number", []byte{0x95, 0xc0, 0xa0, 0, 0, 0}, "A: want an unsigned integer, have code 0xc0"},
		{"bytes for text", []byte{0x95, 1, 0xc4, 0, 0, 0}, "S: want a string, have code 0xc4"},
		{"text that is not there", []byte{0x95, 1, 0xdb, 0xff, 0xff, 0xff, 0xff}, "S: truncated: 4294967295 bytes wanted, 0 left"},
		{"short array", []byte{0x95, 1, 0xa0, 0xc4, 3, 1, 2, 3, 0x90, 0xc0}, "B: want 4 bytes, have 3"},
		{"nil array", []byte{0x95, 1, 0xa0, 0xc0, 0x90, 0xc0}, "B: want bytes, have code 0xc0"},
		{"claimed elements", []byte{0x95, 1, 0xa0, 0xc4, 4, 1, 2, 3, 4, 0xdd, 0xff, 0xff, 0xff, 0xff, 0xc0},
			"L: 4294967295 elements cannot be in the 1 bytes left"},
		{"elements too small", []byte{0x95, 1, 0xa0, 0xc4, 4, 1, 2, 3, 4, 0x93, 0x90, 0x90, 0x90, 0xc0},
			"L: 3 elements cannot be in the 4 bytes left"},
		{"map for struct", []byte{0x95, 1, 0xa0, 0xc4, 4, 1, 2, 3, 4, 0x90, 0x80}, "P: want an array, have code 0x80"},
		{"inner field", []byte{0x95, 1, 0xa0, 0xc4, 4, 1, 2, 3, 4, 0x91, 0x92, 0xa0, 0xcf, 0xff, 0, 0, 0, 0, 0, 0, 0},
			"L: 0: Number: 18374686479671623680 does not fit an int64"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var v tiny
			err := c.codec().dec(&decoder{b: tt.b}, reflect.ValueOf(&v).Elem())
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestFrameDecodeNamesTheMessage(t *testing.T) {
	good := encoded(t, &everyReply{Text: "x"})
	for _, tt := range []struct {
		name string
		edit func(f *Frame)
		want string
	}{
		{"type", func(f *Frame) { f.Type = 1 }, "decode ipc.everyReply: have message type 1, want 9101"},
		{"fields", func(f *Frame) { f.fields = 2 }, "decode ipc.everyReply: have 2 fields, want 1"},
		{"trailing", func(f *Frame) { f.Body = append(bytes.Clone(f.Body), 0) }, "decode ipc.everyReply: 1 bytes after the last field"},
		{"field", func(f *Frame) { f.Body = []byte{0xc2} }, "decode ipc.everyReply: Text: want a string, have code 0xc2"},
	} {
		f := good
		tt.edit(&f)
		if err := f.Decode(new(everyReply)); err == nil || err.Error() != tt.want {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestTypesThatNoMessageMayHave(t *testing.T) {
	type loop struct{ Next *loop }
	for _, v := range []any{
		struct{ M map[string]int }{}, struct{ I any }{}, struct{ F float64 }{}, struct{ hidden int }{},
		struct{ inner }{}, struct{ P *int }{}, loop{},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%T was accepted", v)
				}
			}()
			makeStructCodec(reflect.TypeOf(v), nil)
		}()
	}
}

func TestEncodeTooLarge(t *testing.T) {
	before := []byte{1, 2, 3}
	b, err := appendFrame(before, 0, &every{Bytes: make([]byte, MaxFrame)}, 0)
	if err == nil || !strings.Contains(err.Error(), "encode ipc.every: ") || !strings.Contains(err.Error(), "at most 16777215") {
		t.Errorf("error %v", err)
	}
	if !bytes.Equal(b, before) {
		t.Error("part of the message stays in the buffer")
	}
	if _, err := appendFrame(nil, 0, &other{}, MaxFds+1); err == nil {
		t.Error("too many descriptors were accepted")
	}
}

func FuzzDecode(f *testing.F) {
	for _, m := range []Message{fullMessage(), &every{}, &everyReply{Text: "x"}, &Log{Attrs: []Attr{{Key: "k", Value: "v"}}}} {
		b, err := appendFrame(nil, 1, m, 0)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b[headerLen:])
	}
	f.Add([]byte{0xdd, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, body []byte) {
		frame, err := parseBody(body)
		if err != nil {
			return
		}
		for _, m := range []Message{new(every), new(everyReply), new(other), new(Log), new(Fail), new(Hello)} {
			frame.Type = m.IPCType()
			if frame.Decode(m) != nil {
				continue
			}
			again, err := appendFrame(nil, frame.ID, m, 0)
			if err != nil {
				t.Fatal(err)
			}
			g, err := parseBody(again[headerLen:])
			if err != nil {
				t.Fatal(err)
			}
			twice := reflect.New(reflect.TypeOf(m).Elem()).Interface().(Message)
			if err := g.Decode(twice); err != nil || !reflect.DeepEqual(m, twice) {
				t.Fatalf("%v: %+v became %+v", err, m, twice)
			}
		}
	})
}

func BenchmarkCodec(b *testing.B) {
	m := &every{Bytes: make([]byte, 1366), Key: [33]byte{2}}
	buf, err := appendFrame(nil, 1, m, 0)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if buf, err = appendFrame(buf[:0], 1, m, 0); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			f, err := parseBody(buf[headerLen:])
			if err != nil {
				b.Fatal(err)
			}
			if err := f.Decode(m); err != nil {
				b.Fatal(err)
			}
		}
	})
}
