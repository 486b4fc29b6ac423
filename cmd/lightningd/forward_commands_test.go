package main

import (
	"errors"
	"testing"
	"time"

	core "fulmen/internal/channel"
	"fulmen/internal/channel/channeltest"
	"fulmen/internal/htlcswitch"
	"fulmen/internal/rpc"
	"fulmen/internal/store"
	"fulmen/internal/wire"
)

// TestDelForwardOfRenamedChannel: a forward keeps the name of its channel from when it came, which a reorganisation
// may have given to another since. It is not deleted before its HTLC is gone, whatever its channel is called now.
func TestDelForwardOfRenamedChannel(t *testing.T) {
	w := surround(t)
	defer w.end()
	name := w.n.channels[malloryChannel].row.ShortChannelID
	err := w.n.db.Update(func(tx *storeTx) error {
		for id, log := range map[uint64][]byte{malloryChannel: stateWithHTLC(t), bobChannel: ownSnapshot} {
			f := &htlcswitch.Forward{
				HTLC:   htlcswitch.HTLC{Key: htlcswitch.Key{Channel: id, HTLC: 0}, Name: name},
				Status: htlcswitch.LocalFailed, ResolvedAt: time.Now(),
			}
			if err := errors.Join(tx.AppendChannelLog(id, 1, true, log, &store.Tally{}), tx.RefuseForward(f)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	w.n.loop.call(func() {
		w.n.channels[bobChannel].row.ShortChannelID = name
		w.n.channels[malloryChannel].row.ShortChannelID = wire.NewShortChannelID(104, 7, 0)
	})
	deleted := func() rpc.Code {
		t.Helper()
		_, err := w.n.delForward(t.Context(), &delForwardParams{InChannel: name, Status: string(htlcswitch.LocalFailed)})
		var e *rpc.Error
		if errors.As(err, &e) {
			return e.Code
		}
		return 0
	}
	if code := deleted(); code != rpc.CodeFailed {
		t.Errorf("with the HTLC there: code %d", code)
	}
	err = w.n.db.Update(func(tx *storeTx) error {
		return tx.AppendChannelLog(malloryChannel, 2, true, ownSnapshot, &store.Tally{})
	})
	if err != nil {
		t.Fatal(err)
	}
	if code := deleted(); code != 0 {
		t.Errorf("without it: code %d", code)
	}
	if code := deleted(); code != rpc.CodeDelForwardNotFound {
		t.Errorf("a second time: code %d", code)
	}
}

// stateWithHTLC is a channel in which the peer offers HTLC 0, irrevocably committed.
func stateWithHTLC(t *testing.T) []byte {
	t.Helper()
	alice, bob := normalPair(t)
	talk(t, alice, bob, map[*channeltest.Node][]core.Event{bob: {core.Offer{
		Ref: 1, Amount: 1_000_000, CLTVExpiry: 520, Onion: new([core.OnionSize]byte),
	}}})
	return alice.Channel.Snapshot()
}
