package main

import (
	"testing"

	"fulmen/internal/ipc/connectdmsg"
	"fulmen/internal/keys"
	"fulmen/internal/store"
	"fulmen/internal/wire"
)

// TestUnfundedChannelsAreFew: to open a channel costs nothing before its funding transaction, and us a process.
func TestUnfundedChannelsAreFew(t *testing.T) {
	w := surround(t)
	defer w.end()
	w.connect()
	w.n.loop.call(func() {
		open := func(p *peer) bool { return w.n.refusal(p, new(wire.OpenChannel)) == "" }
		strangers := make([]*peer, 5)
		for i := range strangers {
			p := w.n.peerOf(keys.PubKey{2, byte(i)})
			strangers[i], p.conn = p, new(peerConn)
			for id := uint64(0); id < 2*maxUnfunded && open(p); id++ {
				p.channels[id] = &channel{row: &store.Channel{State: store.AwaitingLockin, Opener: "remote"}}
			}
			if len(p.channels) != maxUnfunded {
				t.Errorf("stranger %d has %d channels", i, len(p.channels))
			}
		}
		last := w.n.peerOf(keys.PubKey{3})
		last.conn = new(peerConn)
		if open(last) {
			t.Errorf("strangers have %d channels, and one more is opened", w.n.strangersHave())
		}
		if !open(w.n.peers[bobID]) {
			t.Error("a peer with a channel is refused for the sake of strangers")
		}
		if strangers[0].channels[0].row.FundingTx = []byte{1}; !open(last) || !open(strangers[0]) {
			t.Error("a funded channel counts")
		}
		strangers[0].channels[0].row.FundingTx = nil
		if strangers[0].conn = nil; !open(last) {
			t.Error("channels count that have no process")
		}
		for id := range uint64(maxUnfunded) {
			last.openings[id] = new(opening)
			last.openings[1000+id] = &opening{ours: new(openOrder)}
		}
		if got := w.n.strangersHave(); got != maxStrange {
			t.Errorf("strangers have %d channels", got)
		}
		for _, p := range append(strangers, last) {
			delete(w.n.peers, p.id)
		}
	})
	w.send(w.connectd, &connectdmsg.PeerSent{ID: malloryID, Conn: 1, Wire: w.openChannel()})
	if p := w.next(); p.name != "channeld" {
		t.Errorf("%s is started for a peer's open_channel", p.name)
	}
	w.unharmed()
}
