package main

import (
	"testing"

	"fulmen/internal/ipc"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/subd"
	"fulmen/tests/hostile"
)

// eagerOwner has something to say to its process as soon as it knows it.
type eagerOwner struct{}

func (eagerOwner) started(p *channelProcess) { p.send(&channeldmsg.NewHeight{Height: testHeight}) }

func (eagerOwner) handles(*ipc.Frame) (func(), error) { return func() {}, nil }

func (eagerOwner) ended(subd.Exit) {}

// TestSetupIsWhatAProcessHearsFirst: a block may come just as the process of a channel starts.
func TestSetupIsWhatAProcessHearsFirst(t *testing.T) {
	w := surround(t)
	defer w.end()
	conn := &peerConn{id: bobID, conn: 1}
	for range 50 {
		if err := w.n.startChanneld(w.n.ctx, w.n.channelStart(conn, bobChannel, 0), eagerOwner{}); err != nil {
			t.Fatal(err)
		}
		p := w.next()
		hostile.Within(t, "hear the process", func() {
			for _, want := range []ipc.Type{ipc.TypeStart, channeldmsg.TypeSetup, channeldmsg.TypeNewHeight} {
				if got := <-p.heard; got != want {
					t.Errorf("the process hears message type %d, want %d", got, want)
				}
			}
		})
		if t.Failed() {
			return
		}
	}
}
