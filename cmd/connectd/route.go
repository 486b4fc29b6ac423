package main

import (
	"errors"
	"fmt"

	"fulmen/internal/wire"
)

// route says who gets a message.
type route int

const (
	toNobody       route = iota
	toUs                 // ping, pong and gossip_timestamp_filter
	toChannel            // the process of its channel; lightningd if there is none
	toEveryChannel       // all of those, and lightningd
	toGossipd
	toLightningd
)

var errInitAgain = errors.New("init came again")

// routeOf decides from a message's type and channel_id alone. An error means that the connection has to
// be closed.
func routeOf(msg []byte) (route, wire.ChannelID, error) {
	t, err := wire.TypeOf(msg)
	if err != nil {
		return toNobody, wire.ChannelID{}, err
	}
	switch {
	case t == wire.MsgPing || t == wire.MsgPong || t == wire.MsgGossipTimestampFilter:
		return toUs, wire.ChannelID{}, nil
	case t == wire.MsgInit:
		return toNobody, wire.ChannelID{}, errInitAgain
	case t == wire.MsgError || t == wire.MsgWarning || wire.IsChannelMessage(t):
		id, ok := wire.ChannelIDOf(msg)
		if !ok {
			return toNobody, id, fmt.Errorf("%s of %d bytes is too short", t, len(msg))
		}
		if id.IsZero() && !wire.IsChannelMessage(t) {
			return toEveryChannel, id, nil
		}
		return toChannel, id, nil
	}
	return routeOther(t)
}

// routeOther is routeOf for what belongs to no channel.
func routeOther(t wire.MessageType) (route, wire.ChannelID, error) {
	known := isKnown(t)
	switch {
	case !known && t%2 == 0: // BOLT 1, Lightning Message Format
		return toNobody, wire.ChannelID{}, fmt.Errorf("unknown even message type %d", t)
	case wire.IsGossip(t):
		return toGossipd, wire.ChannelID{}, nil
	case !known || t == wire.MsgPeerStorage || t == wire.MsgPeerStorageRetrieval:
		return toLightningd, wire.ChannelID{}, nil
	}
	return toNobody, wire.ChannelID{}, nil // odd, and of a feature that we do not offer
}

func isKnown(t wire.MessageType) bool {
	_, err := wire.Decode([]byte{byte(t >> 8), byte(t)})
	var unknown *wire.UnknownMessageError
	return !errors.As(err, &unknown)
}
