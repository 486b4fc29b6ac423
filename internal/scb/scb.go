// Package scb is the static backup of channels: what does not change in a channel's life, and is enough to find its
// peer, to have it close the channel, and to claim our balance. A channel's entry has the published layout; records
// with numbers of our own are at its end, which others skip.
package scb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// Channel is the static backup of one channel.
type Channel struct {
	ID            uint64 // our number of it: its keys are derived from it
	ChannelID     wire.ChannelID
	NodeID        keys.PubKey
	Address       string // host:port; empty: not known
	FundingTxid   [32]byte
	FundingOutput uint32
	FundingSats   amount.Sat
	ChannelType   []byte // BOLT 9 feature vector

	Basepoints  keys.Basepoints // the peer's
	Opener      bool            // we opened it
	ToSelfDelay block.Delta     // that the peer asks of us

	Setup    []byte // what hsmd must know of it
	Snapshot []byte // its state as it was opened, in the core's encoding
}

// The records at the end. Those with odd numbers may be skipped by who does not know them.
const (
	recordBasepoints  = 3
	recordOpener      = 5
	recordToSelfDelay = 7
	recordSetup       = 8193
	recordSnapshot    = 8195
)

// The types of addresses, as in node_announcement (BOLT 7).
const (
	addressIPv4 = 1
	addressIPv6 = 2
	addressName = 5
)

// Encode is the entry.
func (c *Channel) Encode() []byte {
	b := binary.BigEndian.AppendUint64(nil, c.ID)
	b = append(b, c.ChannelID[:]...)
	b = append(b, c.NodeID[:]...)
	b = appendAddress(b, c.Address)
	b = append(b, c.FundingTxid[:]...)
	b = binary.BigEndian.AppendUint32(b, c.FundingOutput)
	b = binary.BigEndian.AppendUint64(b, uint64(c.FundingSats))
	b = binary.BigEndian.AppendUint16(b, uint16(len(c.ChannelType)))
	b = append(b, c.ChannelType...)
	p := &c.Basepoints
	var points, records []byte
	for _, point := range []keys.PubKey{p.Revocation, p.Payment, p.HTLC, p.DelayedPayment} {
		points = append(points, point[:]...)
	}
	opener := []byte{0}
	if c.Opener {
		opener[0] = 1
	}
	for _, r := range []struct {
		number uint64
		value  []byte
	}{
		{recordBasepoints, points}, {recordOpener, opener},
		{recordToSelfDelay, binary.BigEndian.AppendUint16(nil, uint16(c.ToSelfDelay))},
		{recordSetup, c.Setup}, {recordSnapshot, c.Snapshot},
	} {
		records = wire.AppendBigSize(records, r.number)
		records = wire.AppendBigSize(records, uint64(len(r.value)))
		records = append(records, r.value...)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(records)))
	return append(b, records...)
}

// appendAddress writes an address; one that is not known is 0.0.0.0:0.
func appendAddress(b []byte, address string) []byte {
	if a, err := netip.ParseAddrPort(address); err == nil {
		ip := a.Addr().Unmap()
		kind := byte(addressIPv6)
		if ip.Is4() {
			kind = addressIPv4
		}
		b = append(append(b, kind), ip.AsSlice()...)
		return binary.BigEndian.AppendUint16(b, a.Port())
	}
	at := strings.LastIndexByte(address, ':')
	port, err := strconv.ParseUint(address[at+1:], 10, 16)
	if at <= 0 || at > math.MaxUint8 || err != nil {
		return append(b, addressIPv4, 0, 0, 0, 0, 0, 0)
	}
	b = append(b, addressName, byte(at))
	return binary.BigEndian.AppendUint16(append(b, address[:at]...), uint16(port))
}

// Decode reads an entry. What ours alone have is missing in those of others.
func Decode(raw []byte) (*Channel, error) {
	c, r := new(Channel), &reader{b: raw}
	c.ID = r.uint64("id")
	copy(c.ChannelID[:], r.take("channel_id", 32))
	copy(c.NodeID[:], r.take("node_id", 33))
	c.Address = r.address()
	copy(c.FundingTxid[:], r.take("funding_txid", 32))
	c.FundingOutput = uint32(r.uint("funding_output", 4))
	c.FundingSats = amount.Sat(r.uint64("funding_sat"))
	c.ChannelType = r.take("channel_type", int(r.uint("length of channel_type", 2)))
	records := &reader{b: r.take("records", int(r.uint("length of records", 4)))}
	if r.err == nil && len(r.b) > 0 {
		r.err = fmt.Errorf("%d bytes follow", len(r.b))
	}
	if r.err == nil {
		r.err = errors.Join(c.NodeID.Check(), c.readRecords(records))
	}
	if r.err != nil {
		return nil, fmt.Errorf("static backup of a channel: %w", r.err)
	}
	return c, nil
}

func (c *Channel) readRecords(r *reader) error {
	last := uint64(0)
	for len(r.b) > 0 && r.err == nil {
		number, length := r.bigSize("type of a record"), r.bigSize("length of a record")
		if number <= last {
			return fmt.Errorf("record %d follows record %d", number, last)
		}
		last = number
		value := &reader{b: r.take("record", int(min(length, math.MaxInt32)))}
		switch number {
		case recordBasepoints:
			p := &c.Basepoints
			for _, point := range []*keys.PubKey{&p.Revocation, &p.Payment, &p.HTLC, &p.DelayedPayment} {
				copy(point[:], value.take("basepoint", 33))
			}
		case recordOpener:
			c.Opener = value.uint("opener", 1) == 1
		case recordToSelfDelay:
			c.ToSelfDelay = block.Delta(value.uint("to_self_delay", 2))
		case recordSetup:
			c.Setup, value.b = value.b, nil
		case recordSnapshot:
			c.Snapshot, value.b = value.b, nil
		default:
			if number%2 == 0 {
				return fmt.Errorf("record %d is not known, and may not be skipped", number)
			}
			value.b = nil
		}
		if value.err == nil && len(value.b) > 0 {
			value.err = fmt.Errorf("%d bytes too many", len(value.b))
		}
		if value.err != nil {
			return fmt.Errorf("record %d: %w", number, value.err)
		}
	}
	return r.err
}

// reader takes from the front; after an error it gives zeroes.
type reader struct {
	b   []byte
	err error
}

func (r *reader) take(what string, n int) []byte {
	if r.err == nil && (n < 0 || n > len(r.b)) {
		r.err = fmt.Errorf("%s of %d bytes, of which %d are there", what, n, len(r.b))
	}
	if r.err != nil {
		return make([]byte, min(max(n, 0), 64))
	}
	taken := r.b[:n:n]
	r.b = r.b[n:]
	return taken
}

func (r *reader) uint(what string, bytes int) (v uint64) {
	for _, b := range r.take(what, bytes) {
		v = v<<8 | uint64(b)
	}
	return v
}

func (r *reader) uint64(what string) uint64 { return r.uint(what, 8) }

func (r *reader) bigSize(what string) uint64 {
	if r.err != nil {
		return 0
	}
	v, n, err := wire.ReadBigSize(r.b)
	if err != nil {
		r.err = fmt.Errorf("%s: %w", what, err)
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) address() string {
	switch kind := r.uint("type of the address", 1); kind {
	case addressIPv4, addressIPv6:
		size := 4
		if kind == addressIPv6 {
			size = 16
		}
		ip, ok := netip.AddrFromSlice(r.take("address", size))
		port := r.uint("port", 2)
		if !ok || port == 0 {
			return ""
		}
		return netip.AddrPortFrom(ip, uint16(port)).String()
	case addressName:
		name := string(r.take("host", int(r.uint("length of the host", 1))))
		return name + ":" + strconv.FormatUint(r.uint("port", 2), 10)
	default:
		if r.err == nil {
			r.err = fmt.Errorf("address of type %d", kind)
		}
		return ""
	}
}
