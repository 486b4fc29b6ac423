package features

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strings"
	"testing"
)

func TestVectorBits(t *testing.T) {
	for _, c := range []struct {
		bits []Bit
		hex  string
	}{
		{nil, ""},
		{[]Bit{0}, "01"},
		{[]Bit{7}, "80"},
		{[]Bit{8}, "0100"},
		{[]Bit{8, 14, 17}, "024100"}, // as in many invoices
		{[]Bit{524279}, "80" + strings.Repeat("00", 65534)},
	} {
		v := New(c.bits...)
		if got := hex.EncodeToString(v); got != c.hex {
			t.Errorf("%v: got %s, want %s", c.bits, got, c.hex)
		}
		if got := slices.Collect(v.All()); !slices.Equal(got, c.bits) {
			t.Errorf("%v: got bits %v", c.bits, got)
		}
		for _, b := range c.bits {
			if !v.Has(b) || v.Has(b^1) || !v.Supports(b) || !v.Supports(b^1) || v.Requires(b) != (b%2 == 0) {
				t.Errorf("%v: wrong answers about %d", c.bits, b)
			}
		}
		if v.Has(1 << 20) {
			t.Errorf("%v: has a bit beyond its end", c.bits)
		}
	}
}

// BOLT 1, The init Message: the two vectors become one.
func TestBOLT1Or(t *testing.T) {
	a, b := New(1, 20), append(Vector{0, 0, 0}, New(3, 9)...)
	for _, got := range []Vector{a.Or(b), b.Or(a)} {
		if want := New(1, 3, 9, 20); !bytes.Equal(got, want) {
			t.Errorf("got %x, want %x", got, want)
		}
	}
	if !b.Equal(New(3, 9)) || b.Equal(a) {
		t.Error("Equal does not compare bits")
	}
}

// BOLT 9, Requirements for the origin node.
func TestBOLT9Ours(t *testing.T) {
	for _, c := range []struct {
		in   Context
		bits []Bit
	}{
		{Init, []Bit{0, 5, 7, 8, 11, 12, 14, 17, 19, 23, 27, 37, 43, 44, 47, 55, 61}},
		{NodeAnnouncement, []Bit{0, 5, 7, 8, 11, 12, 14, 17, 19, 23, 27, 37, 43, 44, 47, 55, 61}},
		{ChannelAnnouncement, nil},
		{Invoice, []Bit{8, 14, 17, 49}},
	} {
		v := Ours(c.in)
		if got := slices.Collect(v.All()); !slices.Equal(got, c.bits) {
			t.Errorf("context %d: got %v, want %v", c.in, got, c.bits)
		}
		if err := CheckPeer(v); err != nil {
			t.Errorf("context %d: we would refuse ourselves: %v", c.in, err)
		}
	}
}

func TestBOLT9CheckPeer(t *testing.T) {
	for _, c := range []struct {
		name string
		v    Vector
		want string // empty: accepted
	}{
		{"nothing", nil, ""},
		{"unknown odd", New(999), ""},
		{"unknown even", New(998), "peer requires feature 998 (unknown), which we do not support"},
		{"unknown even that is a low bit modulo 2^16", New(65536), "peer requires feature 65536 (unknown), which we do not support"},
		{"unknown even beside its odd", New(998, 999), "peer requires feature 998 (unknown), which we do not support"},
		{"unsupported, optional", New(DualFund.Optional()), ""},
		{"unsupported, compulsory", New(DualFund), "peer requires feature 28 (option_dual_fund), which we do not support"},
		{"all of ours compulsory", New(0, 4, 6, 8, 12, 14, 16, 18, 22, 26, 44, 46, 60), ""},
		{"basic_mpp alone", New(17), "peer sets basic_mpp/odd without payment_secret, which it depends on"},
		{"basic_mpp with its dependency", New(17, 15), ""},
		{"zeroconf alone", New(51), "peer sets option_zeroconf/odd without option_scid_alias, which it depends on"},
		{"simple close alone", New(60), "peer sets option_simple_close/even without option_shutdown_anysegwit, which it depends on"},
		// What other nodes send today.
		{"core lightning", unhex(t, "800898882a8a59a1"), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ""
			if err := CheckPeer(c.v); err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	if err := CheckInvoice(New(24)); err == nil || err.Error() != "invoice requires feature 24 (option_route_blinding), which we do not support" {
		t.Errorf("invoice: got %v", err)
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// BOLT 1, The init Message: offered and negotiated.
func TestBOLT1Negotiated(t *testing.T) {
	for _, c := range []struct {
		local, remote Vector
		want          bool
	}{
		{New(23), New(22), true},
		{New(23), New(23), true},
		{New(23), nil, false},
		{nil, New(22), false},
		{New(22), nil, true},
	} {
		if got := Negotiated(c.local, c.remote, Anchors); got != c.want {
			t.Errorf("%x and %x: got %v", c.local, c.remote, got)
		}
	}
}

func TestNames(t *testing.T) {
	for b, want := range map[Bit]string{0: "option_data_loss_protect/even", 23: "option_anchors/odd", 99: "bit 99"} {
		if got := b.String(); got != want {
			t.Errorf("%d: got %s, want %s", b, got, want)
		}
	}
}

func TestTableIsSorted(t *testing.T) {
	for i, f := range table {
		if !f.bit.IsCompulsory() || f.name == "" || i > 0 && f.bit <= table[i-1].bit {
			t.Errorf("row %d: %+v", i, f)
		}
	}
}

func FuzzVector(f *testing.F) {
	f.Add([]byte(nil), []byte{1})
	f.Add([]byte(Ours(Init)), []byte{0, 0, 0x80})
	f.Add([]byte(TypeAnchors.Vector()), []byte(TypeAnchors.Vector()))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		v, w := Vector(a), Vector(b)
		both := v.Or(w)
		for bit := range both.All() {
			if v.Has(bit) == w.Has(bit) && !v.Has(bit) {
				t.Fatalf("%x | %x has bit %d", a, b, bit)
			}
		}
		if again := New(slices.Collect(both.All())...); !bytes.Equal(again, both) {
			t.Fatalf("%x | %x = %x, from its bits %x", a, b, both, again)
		}
		if CheckPeer(both) == nil {
			for bit := range both.All() {
				if bit.IsCompulsory() && bit.Name() == "" {
					t.Fatalf("accepted unknown bit %d", bit)
				}
			}
		}
		if typ, err := ParseChannelType(a); err == nil && !bytes.Equal(typ.Vector(), a) {
			t.Fatalf("channel_type %x becomes %x", a, typ.Vector())
		}
	})
}
