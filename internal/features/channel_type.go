package features

import (
	"fmt"
	"strings"
)

// ChannelType is a channel_type: the features, all even bits, that a channel keeps for life (BOLT
// 2, Defined Channel Types). Values compare with ==.
type ChannelType uint64

// The basic types and their variations; "|" combines them.
const (
	TypeStaticRemotekey ChannelType = 1 << StaticRemotekey
	TypeAnchors         ChannelType = 1<<Anchors | TypeStaticRemotekey
	TypeSCIDAlias       ChannelType = 1 << SCIDAlias
	TypeZeroconf        ChannelType = 1 << Zeroconf
)

// ParseChannelType reads a channel_type. It refuses bits that make no defined type, and one that is
// longer than it needs to be (BOLT 2, The open_channel Message).
func ParseChannelType(raw []byte) (ChannelType, error) {
	v := Vector(raw)
	if len(v) > 0 && v[0] == 0 {
		return 0, fmt.Errorf("channel_type %x: not the smallest bitmap", raw)
	}
	var t ChannelType
	for b := range v.All() {
		if b >= 64 {
			return 0, fmt.Errorf("channel_type: %s makes no defined type", b)
		}
		t |= 1 << b
	}
	if basic := t &^ (TypeSCIDAlias | TypeZeroconf); basic != TypeStaticRemotekey && basic != TypeAnchors {
		return 0, fmt.Errorf("channel_type %s: not a defined type", t)
	}
	return t, nil
}

// Has reports whether t includes the feature.
func (t ChannelType) Has(b Bit) bool { return b < 64 && t&(1<<b.Compulsory()) != 0 }

// Vector is t for the wire.
func (t ChannelType) Vector() Vector { return New(t.Bits()...) }

// Bits are the bits of t, ascending.
func (t ChannelType) Bits() []Bit {
	var set []Bit
	for b := Bit(0); b < 64; b++ {
		if t&(1<<b) != 0 {
			set = append(set, b)
		}
	}
	return set
}

// Names are as in listpeerchannels, e.g. "anchors/even", in the order of Bits.
func (t ChannelType) Names() []string {
	var names []string
	for _, b := range t.Bits() {
		names = append(names, strings.TrimPrefix(b.String(), "option_"))
	}
	return names
}

// String is the names, e.g. "static_remotekey/even,anchors/even".
func (t ChannelType) String() string { return strings.Join(t.Names(), ",") }

// NegotiatedBy reports whether both vectors offer all that t is made of.
func (t ChannelType) NegotiatedBy(local, remote Vector) bool {
	for _, b := range t.Bits() {
		if !Negotiated(local, remote, b) {
			return false
		}
	}
	return true
}
