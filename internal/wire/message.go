// Package wire has the messages that peers send each other, BOLT 1, 2 and 7 (and BOLT 4's
// onion_message), as structs, and their encoding. What is inside onions is package onion's. It decides
// nothing: a message that decodes may still break every rule about its values. Public keys and
// signatures are not parsed, and amounts are as sent.
//
// The structs come from the definitions in the .csv files by tools/wiregen.
package wire

//go:generate go run ../../tools/wiregen -index messages_gen.go bolt01.csv bolt02.csv bolt04.csv bolt07.csv
//go:generate go run ../../tools/wiregen -test testdata/vectors.csv

import (
	"encoding/binary"
	"fmt"
)

// MaxMessage is the size of the largest message, type included (BOLT 1, Lightning Message Format).
const MaxMessage = 65535

// MessageType is the number that a message starts with.
type MessageType uint16

// String is the BOLT's name, e.g. "open_channel", or e.g. "message_type_40001".
func (t MessageType) String() string {
	if name := typeName(t); name != "" {
		return name
	}
	return fmt.Sprintf("message_type_%d", uint16(t))
}

// Message is one of this package's structs for a whole message.
type Message interface {
	Type() MessageType
	appendTo(dst []byte) []byte
	decode(b []byte) error
}

// UnknownMessageError is returned for a message of a type that is not in the definitions.
type UnknownMessageError struct{ Type MessageType }

func (e *UnknownMessageError) Error() string { return fmt.Sprintf("unknown message type %d", e.Type) }

// MayIgnore reports whether the type is odd: otherwise the connection has to be closed (BOLT 1,
// Lightning Message Format).
func (e *UnknownMessageError) MayIgnore() bool { return e.Type%2 == 1 }

// Encode returns m as it goes on the wire: type, fields, extension. See AppendMessage.
func Encode(m Message) []byte { return AppendMessage(nil, m) }

// AppendMessage appends m, encoded, to dst. It panics if m is larger than MaxMessage: whoever puts
// lists or text of any length into a message limits them first.
func AppendMessage(dst []byte, m Message) []byte {
	start := len(dst)
	dst = binary.BigEndian.AppendUint16(dst, uint16(m.Type()))
	dst = m.appendTo(dst)
	if n := len(dst) - start; n > MaxMessage {
		panic(fmt.Sprintf("wire: %s of %d bytes, limit %d", m.Type(), n, MaxMessage))
	}
	return dst
}

// Decode reads one whole message and keeps no reference to b. What follows the fields of a message
// that has no extension defined is ignored. A failure is an *UnknownMessageError or a *DecodeError.
func Decode(b []byte) (Message, error) {
	t, err := TypeOf(b)
	if err != nil {
		return nil, err
	}
	if len(b) > MaxMessage {
		return nil, &DecodeError{Message: t.String(), Reason: fmt.Sprintf("%d bytes, limit %d", len(b), MaxMessage)}
	}
	m := newMessage(t)
	if m == nil {
		return nil, &UnknownMessageError{t}
	}
	if err := m.decode(b[2:]); err != nil {
		return nil, err
	}
	return m, nil
}

// TypeOf is the type of an encoded message.
func TypeOf(raw []byte) (MessageType, error) {
	if len(raw) < 2 {
		return 0, &DecodeError{Message: "message", Field: "type", Reason: fmt.Sprintf("want 2 bytes, have %d", len(raw))}
	}
	return MessageType(binary.BigEndian.Uint16(raw)), nil
}

// ChannelIDOf is the channel_id, or temporary_channel_id, of an encoded message without decoding
// the rest. It is false for a message that has none, is unknown, or is too short.
func ChannelIDOf(raw []byte) (ChannelID, bool) {
	t, err := TypeOf(raw)
	if err != nil {
		return ChannelID{}, false
	}
	at := channelIDOffset(t)
	if at == 0 || len(raw) < at+len(ChannelID{}) {
		return ChannelID{}, false
	}
	return ChannelID(raw[at:]), true
}

// IsChannelMessage reports whether t belongs to one channel: all that have a channel id but error
// and warning, which may mean every channel.
func IsChannelMessage(t MessageType) bool {
	return channelIDOffset(t) > 0 && t != MsgError && t != MsgWarning
}

// IsGossip reports whether t is in the range for routing, known or not (BOLT 1, Lightning Message
// Format), and not announcement_signatures, which is between the ends of a channel.
func IsGossip(t MessageType) bool {
	return t >= 256 && t <= 511 && t != MsgAnnouncementSignatures
}
