package main

import (
	"bytes"
	"testing"
	"time"

	"fulmen/internal/ipc/connectdmsg"
	"fulmen/internal/wire"
	"fulmen/tests/hostile"
)

// TestEmptyPeerStorage: a peer may have no bytes stored (BOLT 1, Peer storage). That ends nothing, and is written as seldom
// as any other: those that come before the pause is over are one write, of the newest.
func TestEmptyPeerStorage(t *testing.T) {
	w := surround(t)
	defer w.end()
	w.connect()
	say := func(blobs ...string) {
		for _, b := range blobs {
			w.send(w.connectd, &connectdmsg.PeerSent{ID: bobID, Conn: 1, Wire: wire.Encode(&wire.PeerStorage{Blob: []byte(b)})})
		}
	}
	stored := func(want string) {
		t.Helper()
		hostile.Within(t, "store "+want, func() {
			for {
				select {
				case err := <-w.n.failure:
					t.Errorf("the node ends: %v", err)
					return
				default:
				}
				if got, err := w.n.db.PeerStorage(bobID); err == nil && bytes.Equal(got, []byte(want)) {
					return
				}
				w.n.loop.call(func() {})
			}
		})
	}
	say("")
	stored("")
	// The pause is nearly over.
	w.n.loop.call(func() { w.n.peers[bobID].storage.last = w.n.now().Add(-storagePause).Add(100 * time.Millisecond) })
	say("", "", "", "newest")
	stored("newest")
	late := make(chan struct{})
	time.AfterFunc(time.Millisecond, func() { w.n.loop.post(func() { close(late) }) })
	hostile.Within(t, "wait for what was arranged before", func() { <-late })
	w.n.loop.call(func() {
		if w.n.peers[bobID].storage.waits {
			t.Error("something still waits")
		}
	})
	w.alive()
	stored("newest")
}
