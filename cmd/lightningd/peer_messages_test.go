package main

import (
	"strings"
	"testing"

	"fulmen/internal/wire"
)

// TestLongTextsAreCut: a plugin that refuses a channel or a peer with more words than a message has room for does not
// end the node.
func TestLongTextsAreCut(t *testing.T) {
	w := surround(t)
	defer w.end()
	w.connect()
	w.n.loop.call(func() {
		text := strings.Repeat("x", 2*wire.MaxMessage)
		conn := w.n.peers[malloryID].conn
		w.n.sendError(conn, wire.ChannelID{1}, text)
		w.n.warn(conn, text)
	})
	w.alive()
}
