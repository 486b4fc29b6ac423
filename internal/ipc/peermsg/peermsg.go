// Package peermsg has the messages between connectd and the channeld of one channel. The link is
// the channel's view of the peer: its end is the peer's absence. When the peer is gone connectd
// closes it and channeld exits; when channeld is gone connectd hands what comes for the channel to
// lightningd. Everything that the peer sends through it is hostile.
package peermsg

import (
	"fulmen/internal/ipc"
	"fulmen/internal/wire"
)

// A request has an even number and its reply the next one; a number is never used again.
const (
	TypeMessages    ipc.Type = 400
	TypeAlsoKnownAs ipc.Type = 402
)

// MaxBatch is how many bytes of BOLT messages one Messages carries at most, except that a single
// message may always be carried.
const MaxBatch = 4 << 20

// Messages carries BOLT messages in order, both ways: from connectd all that could be read without
// waiting, from channeld all that one step sends, which leaves in one write.
type Messages struct {
	Wire [][]byte // encoded, type first
}

// AlsoKnownAs, from channeld: the peer will use this channel_id too. It goes out before the first
// message with that id (funding_created or funding_signed).
type AlsoKnownAs struct {
	ChannelID wire.ChannelID
}

// IPCType implements ipc.Message.
func (*Messages) IPCType() ipc.Type    { return TypeMessages }
func (*AlsoKnownAs) IPCType() ipc.Type { return TypeAlsoKnownAs }
