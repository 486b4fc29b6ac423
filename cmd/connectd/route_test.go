package main

import (
	"strings"
	"testing"

	"fulmen/internal/wire"
	"fulmen/internal/wire/wiretest"
)

func TestRouteOf(t *testing.T) {
	for name, tt := range map[string]struct {
		msg  []byte
		to   route
		id   wire.ChannelID
		fail string
	}{
		"ping":                     {wire.Encode(&wire.Ping{}), toUs, wire.ChannelID{}, ""},
		"pong":                     {wire.Encode(&wire.Pong{}), toUs, wire.ChannelID{}, ""},
		"error":                    {wire.Encode(&wire.Error{ChannelID: chanA}), toChannel, chanA, ""},
		"error for all":            {wire.Encode(&wire.Error{}), toEveryChannel, wire.ChannelID{}, ""},
		"warning for all":          {wire.Encode(&wire.Warning{}), toEveryChannel, wire.ChannelID{}, ""},
		"open_channel":             {wire.Encode(&wire.OpenChannel{TemporaryChannelID: chanA}), toChannel, chanA, ""},
		"update_add_htlc":          {wire.Encode(&wire.UpdateAddHTLC{ChannelID: chanB}), toChannel, chanB, ""},
		"for the zero channel":     {wire.Encode(&wire.ChannelReady{}), toChannel, wire.ChannelID{}, ""},
		"announcement_signatures":  {wire.Encode(&wire.AnnouncementSignatures{ChannelID: chanB}), toChannel, chanB, ""},
		"channel_update":           {wire.Encode(&wire.ChannelUpdate{}), toGossipd, wire.ChannelID{}, ""},
		"gossip_timestamp_filter":  {wire.Encode(&wire.GossipTimestampFilter{}), toUs, wire.ChannelID{}, ""},
		"unknown odd gossip":       {[]byte{1, 0xff, 1}, toGossipd, wire.ChannelID{}, ""},
		"unknown odd":              {[]byte{0x9c, 0x41}, toLightningd, wire.ChannelID{}, ""},
		"known, odd and not ours":  {[]byte{2, 1}, toNobody, wire.ChannelID{}, ""}, // onion_message
		"unknown even":             {[]byte{0x9c, 0x42}, toNobody, wire.ChannelID{}, "unknown even message type 40002"},
		"unknown even gossip":      {[]byte{1, 0xfe}, toNobody, wire.ChannelID{}, "unknown even message type 510"},
		"init":                     {wire.Encode(&wire.Init{}), toNobody, wire.ChannelID{}, "init came again"},
		"empty":                    {nil, toNobody, wire.ChannelID{}, "want 2 bytes"},
		"cut in the channel_id":    {wire.Encode(&wire.Shutdown{})[:33], toNobody, wire.ChannelID{}, "shutdown of 33 bytes is too short"},
		"error without channel_id": {[]byte{0, 17}, toNobody, wire.ChannelID{}, "error of 2 bytes is too short"},
	} {
		to, id, err := routeOf(tt.msg)
		if tt.fail != "" {
			if err == nil || !strings.Contains(err.Error(), tt.fail) {
				t.Errorf("%s: %v, want %q", name, err, tt.fail)
			}
			continue
		}
		if err != nil || to != tt.to || id != tt.id {
			t.Errorf("%s: to %d, channel %s, %v", name, to, id, err)
		}
	}
}

func FuzzRouteOf(f *testing.F) {
	for _, raw := range wiretest.Captured(f, nil) {
		f.Add(raw)
	}
	f.Add([]byte{0, 17})
	f.Add(wire.Encode(&wire.OpenChannel{TemporaryChannelID: chanA}))
	f.Add([]byte{0x9c, 0x42})
	f.Fuzz(func(t *testing.T, msg []byte) {
		to, id, err := routeOf(msg)
		if err == nil && len(msg) < 2 {
			t.Error("a message without type has a receiver")
		}
		if to != toChannel && !id.IsZero() {
			t.Errorf("receiver %d, but channel %s", to, id)
		}
	})
}
