package main

import (
	"testing"
	"time"

	"fulmen/internal/config"
	"fulmen/internal/store"
	"fulmen/internal/wire"
)

// A message for a channel whose process has just died must not be answered by an error: the peer would
// take the channel to the chain.
func TestStrayMessagesOfALivingChannelAreItsOwn(t *testing.T) {
	p := &peer{channels: map[uint64]*channel{1: {row: &store.Channel{ID: 1, ChannelID: wire.ChannelID{7}, State: store.Normal}}}}
	if !p.hasChannel(wire.ChannelID{7}) {
		t.Error("the channel is not known while it has no process")
	}
	if p.hasChannel(wire.ChannelID{8}) {
		t.Error("a channel that never was is known")
	}
}

func TestLongestReconnect(t *testing.T) {
	for want, args := range map[time.Duration][]string{
		mostReconnect:   {"--regtest"},
		2 * time.Second: {"--regtest", "--developer", "--dev-fast-reconnect"},
	} {
		cfg, err := config.Load(args, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		// The randomness adds half of it.
		if got := (&node{cfg: cfg}).longestReconnect(); got != want {
			t.Errorf("%q: %s, want %s", args, got, want)
		}
	}
}
