package main

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"fulmen/internal/amount"
	core "fulmen/internal/channel"
	"fulmen/internal/config"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/connectdmsg"
	"fulmen/internal/ipc/gossipdmsg"
	"fulmen/internal/store"
	"fulmen/internal/wire"
	"fulmen/tests/hostile"
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

// TestAnnouncedAddressesThatLeadInside: whoever announces an address of ours, or of our network, does not have us dial it.
func TestAnnouncedAddressesThatLeadInside(t *testing.T) {
	inside := []string{
		"127.0.0.1:8080", "10.1.2.3:80", "192.168.1.1:80", "169.254.169.254:80", "0.0.0.0:22", "224.0.0.1:9735", "[::1]:8332",
		"[::ffff:127.0.0.1]:80", "[fe80::1]:80", "[fd00::1]:80", "[::]:80",
	}
	outside := []string{"203.0.113.7:9735", "[2001:db8::7]:9735", "example.org:9735", "expyuzz4wqqyqhjn.onion:9735"}
	for _, tt := range []struct {
		args []string
		want []string
	}{
		{[]string{"--signet"}, outside},
		{[]string{"--regtest"}, slices.Concat(inside, outside)},
		{[]string{"--signet", "--developer", "--dev-allow-localhost"}, slices.Concat(inside, outside)},
	} {
		cfg, err := config.Load(tt.args, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		network, err := networkNamed(tt.args[0][2:], 9735, true)
		if err != nil {
			t.Fatal(err)
		}
		if got := (&node{cfg: cfg, network: network}).dialable(slices.Concat(inside, outside)); !slices.Equal(got, tt.want) {
			t.Errorf("%q: %q", tt.args, got)
		}
	}
}

// TestPeerThatMovedIsFound: where it was before is tried first, then what it has announced, of which not all is tried.
func TestPeerThatMovedIsFound(t *testing.T) {
	w := surround(t)
	defer w.end()
	var announced []string
	for i := range 300 {
		announced = append(announced, fmt.Sprintf("203.0.113.%d:%d", i%256, 1000+i))
	}
	w.setAnswer(func(reply ipc.Message) {
		if m, ok := reply.(*gossipdmsg.FindNodeReply); ok {
			m.Addresses = announced
		}
	})
	if addrs, err := w.n.reconnectAddresses(bobID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("who was never reached is at %q, %v", addrs, err)
	}
	const before = "203.0.113.7:9735"
	if err := w.n.db.Update(func(tx *storeTx) error { return tx.SetPeerAddress(bobID, before) }); err != nil {
		t.Fatal(err)
	}
	want := append([]string{before}, announced[:maxAnnounced]...)
	if got, err := w.n.reconnectAddresses(bobID); err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
}

// TestBOLT7PolicyIsWithinWhatThePeerTakes: htlc_maximum_msat and htlc_minimum_msat of a new channel.
func TestBOLT7PolicyIsWithinWhatThePeerTakes(t *testing.T) {
	n := &node{policy: policy{HTLCMin: 1000, HTLCMax: amount.MaxMsat}}
	for _, tt := range []struct{ takesLeast, takesMost, least, most amount.Msat }{
		{0, amount.MaxMsat, 1000, 1_000_000_000},
		{5000, 100_000_000, 5000, 100_000_000},
		{0, 500, 500, 500}, // never a minimum above the maximum, which no channel_update can say
	} {
		got := n.newPolicy(&core.Params{FundingSats: 1_000_000, Remote: core.Side{HTLCMinimum: tt.takesLeast, MaxHTLCValueInFlight: tt.takesMost}})
		if got.HTLCMin != tt.least || got.HTLCMax != tt.most {
			t.Errorf("peer takes %s to %s: %s to %s", tt.takesLeast, tt.takesMost, got.HTLCMin, got.HTLCMax)
		}
	}
}

// TestDisconnectReturnsWhenTheConnectionIsGone: a connect that follows must not find the one that ends.
func TestDisconnectReturnsWhenTheConnectionIsGone(t *testing.T) {
	w := surround(t)
	defer w.end()
	w.connect()
	done := make(chan error, 1)
	go func() {
		_, err := w.n.disconnect(w.n.ctx, &disconnectParams{ID: bobID, Force: true})
		done <- err
	}()
	w.heardDisconnect()
	select {
	case err := <-done:
		t.Errorf("it returned before the connection was gone: %v", err)
	default:
	}
	w.send(w.connectd, &connectdmsg.PeerDisconnected{ID: bobID, Conn: 1})
	hostile.Within(t, "disconnect", func() {
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	w.n.loop.call(func() {
		if w.n.peers[bobID].conn != nil {
			t.Error("bob is connected")
		}
	})
	w.alive()
}

// TestConnectToConnectedPeer: that it is connected is a success, and no name of its address is looked up for it.
func TestConnectToConnectedPeer(t *testing.T) {
	w := surround(t)
	defer w.end()
	w.connect()
	r, err := w.n.connect(w.n.ctx, &connectParams{ID: bobID.String() + "@no.such.host.invalid:9735"})
	if err != nil || r.ID != bobID.String() {
		t.Errorf("%+v, %v", r, err)
	}
	w.alive()
}

// TestSetChannelIsOnDiskWhenItReturns: a node that is killed right after must have what its operator was told.
func TestSetChannelIsOnDiskWhenItReturns(t *testing.T) {
	w := surround(t)
	defer w.end()
	for ppm := range uint32(20) {
		if _, err := w.n.setChannel(w.n.ctx, &setChannelParams{ID: bobID.String(), FeePPM: &ppm}); err != nil {
			t.Fatal(err)
		}
		rows, err := w.n.db.OpenChannels()
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			if row.ID == bobChannel && row.Policy.FeePPM != ppm {
				t.Fatalf("on disk are %d ppm, set were %d", row.Policy.FeePPM, ppm)
			}
		}
	}
}
