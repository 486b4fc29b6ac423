package gossipstore

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"fulmen/internal/wire"
)

const (
	// Version is the file's first byte: three bits of major version, which says how to read it, and
	// five of minor.
	Version byte = 0<<5 | 16

	majorMask byte = 0xe0

	// headerSize is the size of a record before its message.
	headerSize = 12
	// FirstRecord is where the first record begins.
	FirstRecord int64 = 1
)

// Flags are a record's.
type Flags uint16

// The flags. Unknown ones are ignored.
const (
	Deleted   Flags = 0x8000 // to be passed over
	Push      Flags = 0x4000 // our own: for every peer, whatever its gossip_timestamp_filter
	Completed Flags = 0x2000 // the record is whole
	Dying     Flags = 0x0800 // of a channel whose funding output is spent
)

// The messages that are the store's own.
const (
	MsgChannelAmount wire.MessageType = 4101 // capacity, after each channel_announcement
	MsgDeleteChannel wire.MessageType = 4103 // a channel is gone, for those who follow the file
	MsgEnded         wire.MessageType = 4105 // the file was replaced
	MsgChannelDying  wire.MessageType = 4106 // a channel's funding output is spent
	MsgUUID          wire.MessageType = 4107 // which file this is: the first record

	// MsgFundingTxid follows MsgChannelAmount: which transaction a channel's output is in. It is ours
	// alone; others pass over it.
	MsgFundingTxid wire.MessageType = 4951
)

// UUID tells one file from the one that replaces it.
type UUID [32]byte

// Record is one, with its place.
type Record struct {
	Offset    int64 // of its header
	Flags     Flags
	Timestamp uint32
	Msg       []byte // type first; good until the next is read
}

// Type is the message's.
func (r *Record) Type() wire.MessageType {
	return wire.MessageType(binary.BigEndian.Uint16(r.Msg))
}

// End is where the next record begins.
func (r *Record) End() int64 { return r.Offset + Size(len(r.Msg)) }

// Size is what a message of n bytes takes in the file.
func Size(n int) int64 { return headerSize + int64(n) }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum is a record's: of the message, as if the timestamp were the sum of what came before it.
func checksum(timestamp uint32, msg []byte) uint32 {
	return crc32.Update(timestamp, castagnoli, msg)
}

// appendRecord appends a record as it is in the file.
func appendRecord(dst []byte, flags Flags, timestamp uint32, msg []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(flags|Completed))
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(msg)))
	dst = binary.BigEndian.AppendUint32(dst, checksum(timestamp, msg))
	dst = binary.BigEndian.AppendUint32(dst, timestamp)
	return append(dst, msg...)
}

// header is a record's, decoded.
type header struct {
	flags     Flags
	length    int
	checksum  uint32
	timestamp uint32
}

func parseHeader(b []byte) header {
	return header{
		flags:     Flags(binary.BigEndian.Uint16(b)),
		length:    int(binary.BigEndian.Uint16(b[2:])),
		checksum:  binary.BigEndian.Uint32(b[4:]),
		timestamp: binary.BigEndian.Uint32(b[8:]),
	}
}

// DamageError says what is wrong with the file, and where. Nothing from there on can be trusted.
type DamageError struct {
	Offset int64
	Reason string
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("gossip_store: offset %d: %s", e.Offset, e.Reason)
}

// AppendChannelAmount appends the message of a channel's capacity in satoshi.
func AppendChannelAmount(dst []byte, sat uint64) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(MsgChannelAmount))
	return binary.BigEndian.AppendUint64(dst, sat)
}

// ParseChannelAmount reads it.
func ParseChannelAmount(msg []byte) (sat uint64, err error) {
	b, err := body(msg, MsgChannelAmount, 8)
	if err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint64(b), nil
}

// AppendFundingTxid appends the message of a channel's funding txid, in internal byte order.
func AppendFundingTxid(dst []byte, txid [32]byte) []byte {
	return append(binary.BigEndian.AppendUint16(dst, uint16(MsgFundingTxid)), txid[:]...)
}

// ParseFundingTxid reads it.
func ParseFundingTxid(msg []byte) (txid [32]byte, err error) {
	b, err := body(msg, MsgFundingTxid, len(txid))
	if err != nil {
		return txid, err
	}
	return [32]byte(b), nil
}

// AppendDeleteChannel appends the message that a channel is gone.
func AppendDeleteChannel(dst []byte, id wire.ShortChannelID) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(MsgDeleteChannel))
	return binary.BigEndian.AppendUint64(dst, uint64(id))
}

// ParseDeleteChannel reads it.
func ParseDeleteChannel(msg []byte) (wire.ShortChannelID, error) {
	b, err := body(msg, MsgDeleteChannel, 8)
	if err != nil {
		return 0, err
	}
	return wire.ShortChannelID(binary.BigEndian.Uint64(b)), nil
}

// AppendChannelDying appends the message that a channel's funding output is spent, and that the
// channel is forgotten at height.
func AppendChannelDying(dst []byte, id wire.ShortChannelID, height uint32) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(MsgChannelDying))
	dst = binary.BigEndian.AppendUint64(dst, uint64(id))
	return binary.BigEndian.AppendUint32(dst, height)
}

// ParseChannelDying reads it.
func ParseChannelDying(msg []byte) (id wire.ShortChannelID, height uint32, err error) {
	b, err := body(msg, MsgChannelDying, 12)
	if err != nil {
		return 0, 0, err
	}
	return wire.ShortChannelID(binary.BigEndian.Uint64(b)), binary.BigEndian.Uint32(b[8:]), nil
}

func uuidMessage(id UUID) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(MsgUUID)), id[:]...)
}

// endedMessage says which file has replaced this one, and where in it what followed would be.
func endedMessage(equivalent int64, id UUID) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(MsgEnded))
	b = binary.BigEndian.AppendUint64(b, uint64(equivalent))
	return append(b, id[:]...)
}

// parseEnded reads it; before version 0.16 it had no UUID.
func parseEnded(msg []byte) (equivalent int64, id UUID, err error) {
	b, err := body(msg, MsgEnded, 8)
	if err != nil {
		return 0, id, err
	}
	copy(id[:], b[8:])
	return int64(binary.BigEndian.Uint64(b)), id, nil
}

// body checks a message's type and least size. More is ignored, as later versions may add to it.
func body(msg []byte, want wire.MessageType, size int) ([]byte, error) {
	if t, err := wire.TypeOf(msg); err != nil {
		return nil, err
	} else if t != want {
		return nil, fmt.Errorf("gossip_store: message type %d, want %d", t, want)
	}
	if len(msg) < 2+size {
		return nil, fmt.Errorf("gossip_store: message type %d of %d bytes, want %d", want, len(msg), 2+size)
	}
	return msg[2:], nil
}
