package features

import (
	"bytes"
	"slices"
	"testing"
)

// BOLT 2, Defined Channel Types.
func TestBOLT2ChannelTypes(t *testing.T) {
	for _, c := range []struct {
		typ   ChannelType
		bits  []Bit
		names []string
	}{
		{TypeStaticRemotekey, []Bit{12}, []string{"static_remotekey/even"}},
		{TypeAnchors, []Bit{12, 22}, []string{"static_remotekey/even", "anchors/even"}},
		{TypeAnchors | TypeSCIDAlias, []Bit{12, 22, 46}, []string{"static_remotekey/even", "anchors/even", "scid_alias/even"}},
		{TypeStaticRemotekey | TypeZeroconf, []Bit{12, 50}, []string{"static_remotekey/even", "zeroconf/even"}},
	} {
		raw := []byte(New(c.bits...))
		if got, err := ParseChannelType(raw); err != nil || got != c.typ {
			t.Errorf("%v: parsed as %s, %v", c.bits, got, err)
		}
		if got := c.typ.Vector(); !bytes.Equal(got, raw) {
			t.Errorf("%s: encoded as %x, want %x", c.typ, got, raw)
		}
		if got := c.typ.Bits(); !slices.Equal(got, c.bits) {
			t.Errorf("%s: got bits %v, want %v", c.typ, got, c.bits)
		}
		if got := c.typ.Names(); !slices.Equal(got, c.names) {
			t.Errorf("%s: got names %v, want %v", c.typ, got, c.names)
		}
		for b := Bit(0); b < 70; b += 2 {
			if got := c.typ.Has(b); got != slices.Contains(c.bits, b) {
				t.Errorf("%s: has %s: %v", c.typ, b, got)
			}
		}
	}
}

func TestBOLT2ChannelTypeRefused(t *testing.T) {
	for name, raw := range map[string][]byte{
		"empty":                    nil,
		"anchors alone":            New(22),
		"scid_alias alone":         New(46),
		"odd bits":                 New(13, 23),
		"anchors in odd":           New(12, 23),
		"unassigned":               New(12, 24),
		"beyond 64":                New(12, 64),
		"same as 12 modulo 64":     New(76),
		"longer than it has to be": append([]byte{0}, New(12)...),
	} {
		if got, err := ParseChannelType(raw); err == nil {
			t.Errorf("%s: parsed as %s", name, got)
		}
	}
}

func TestChannelTypeNegotiatedBy(t *testing.T) {
	ours := Ours(Init)
	for _, c := range []struct {
		typ    ChannelType
		remote Vector
		want   bool
	}{
		{TypeAnchors, ours, true},
		{TypeAnchors, New(13), false},
		{TypeStaticRemotekey, New(13), true},
		{TypeAnchors | TypeZeroconf, ours.Or(New(51)), false}, // we do not offer it
	} {
		if got := c.typ.NegotiatedBy(ours, c.remote); got != c.want {
			t.Errorf("%s with %x: got %v", c.typ, c.remote, got)
		}
	}
}
