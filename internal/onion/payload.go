package onion

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/wire"
)

// The record types of BOLT 4, payload format, that we know. Those of blinded paths are unknown here,
// and even, so such a payload is refused.
const (
	typeAmtToForward      = 2
	typeOutgoingCLTVValue = 4
	typeShortChannelID    = 6
	typePaymentData       = 8
	typePaymentMetadata   = 16
)

// TypeKeysend is the record of a payment that nobody asked for: its preimage (bLIP 3).
const TypeKeysend = 5482373484

// Payload is what the origin tells one hop.
type Payload struct {
	AmtToForward      amount.Msat
	OutgoingCLTVValue block.Height
	ShortChannelID    *wire.ShortChannelID // of the channel to forward over; nil for the final node
	PaymentData       *PaymentData         // for the final node alone
	PaymentMetadata   []byte               // the same; nil if absent
	Keysend           *[32]byte            // the same: the preimage of a payment that nobody asked for (bLIP 3)
	Custom            []Record             // types that we do not know: odd ones when decoded
}

// PaymentData is the record payment_data.
type PaymentData struct {
	PaymentSecret [32]byte
	TotalMsat     amount.Msat
}

// CutLength takes the length off a payload that stands as in the packet (BOLT 4, Packet Structure).
func CutLength(payload []byte) ([]byte, error) {
	length, n := readBigSize(payload)
	if n == 0 || length != uint64(len(payload)-n) {
		return nil, fmt.Errorf("does not begin with its own length, of %d bytes as a bigsize", len(payload))
	}
	return payload[n:], nil
}

// WithLength is a TLV stream as it stands in the packet.
func WithLength(stream []byte) []byte {
	return append(appendBigSize(nil, uint64(len(stream))), stream...)
}

// Encode is the TLV stream for a Hop.
func (p *Payload) Encode() []byte {
	records := []Record{
		{typeAmtToForward, appendTruncated(nil, uint64(p.AmtToForward))},
		{typeOutgoingCLTVValue, appendTruncated(nil, uint64(p.OutgoingCLTVValue))},
	}
	if p.ShortChannelID != nil {
		records = append(records, Record{typeShortChannelID, binary.BigEndian.AppendUint64(nil, uint64(*p.ShortChannelID))})
	}
	if d := p.PaymentData; d != nil {
		records = append(records, Record{typePaymentData, appendTruncated(slices.Clone(d.PaymentSecret[:]), uint64(d.TotalMsat))})
	}
	if p.PaymentMetadata != nil {
		records = append(records, Record{typePaymentMetadata, p.PaymentMetadata})
	}
	if p.Keysend != nil {
		records = append(records, Record{TypeKeysend, p.Keysend[:]})
	}
	records = append(records, p.Custom...)
	slices.SortStableFunc(records, func(a, b Record) int { return cmp.Compare(a.Type, b.Type) })
	var stream []byte
	for _, r := range records {
		stream = appendRecord(stream, r)
	}
	return stream
}

// DecodePayload reads the payload of the final or of an intermediate node and checks that what this
// node needs is there. Every fault is a PayloadError.
func DecodePayload(stream []byte, final bool) (*Payload, error) {
	p := new(Payload)
	var seen uint64 // a bit for each known type
	var last *record
	for offset := 0; offset < len(stream); {
		rec, end, err := nextRecord(stream, offset, last)
		if err != nil {
			return nil, err
		}
		if err := p.set(&rec); err != nil {
			return nil, err
		}
		if rec.Type < 64 {
			seen |= 1 << rec.Type
		}
		last, offset = &rec, end
	}
	required := []uint64{typeAmtToForward, typeOutgoingCLTVValue}
	if !final {
		required = append(required, typeShortChannelID)
	}
	for _, typ := range required {
		if seen&(1<<typ) == 0 {
			return nil, &PayloadError{Type: typ, Reason: "missing"}
		}
	}
	return p, nil
}

// set takes over one record.
func (p *Payload) set(rec *record) error {
	switch rec.Type {
	case typeAmtToForward:
		v, err := rec.truncated(rec.Value, 8)
		p.AmtToForward = amount.Msat(v)
		return err
	case typeOutgoingCLTVValue:
		v, err := rec.truncated(rec.Value, 4)
		p.OutgoingCLTVValue = block.Height(v)
		return err
	case typeShortChannelID:
		if len(rec.Value) != 8 {
			return rec.fault("short_channel_id of %d bytes, want 8", len(rec.Value))
		}
		scid := wire.ShortChannelID(binary.BigEndian.Uint64(rec.Value))
		p.ShortChannelID = &scid
		return nil
	case typePaymentData:
		return p.setPaymentData(rec)
	case typePaymentMetadata:
		p.PaymentMetadata = rec.Value
		return nil
	case TypeKeysend:
		if len(rec.Value) != 32 {
			return rec.fault("keysend preimage of %d bytes, want 32", len(rec.Value))
		}
		p.Keysend = (*[32]byte)(rec.Value)
		return nil
	}
	if rec.Type%2 == 0 {
		return rec.fault("unknown even type")
	}
	p.Custom = append(p.Custom, rec.Record)
	return nil
}

func (p *Payload) setPaymentData(rec *record) error {
	const secretSize = 32
	if len(rec.Value) < secretSize {
		return rec.fault("payment_data of %d bytes, at least %d", len(rec.Value), secretSize)
	}
	total, err := rec.truncated(rec.Value[secretSize:], 8)
	p.PaymentData = &PaymentData{PaymentSecret: [32]byte(rec.Value[:secretSize]), TotalMsat: amount.Msat(total)}
	return err
}
