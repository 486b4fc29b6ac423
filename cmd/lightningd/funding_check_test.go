package main

import (
	"testing"

	"fulmen/internal/ipc/gossipdmsg"
	"fulmen/internal/subd"
	"fulmen/internal/wire"
)

// TestManySmallFundingRequests: gossipd asks for one channel at a time when they come one at a time. No question is lost:
// gossipd waits for each answer.
func TestManySmallFundingRequests(t *testing.T) {
	c := &fundingChecker{running: true} // and slow
	child, next := new(subd.Child), new(subd.Child)
	const many = 10 * maxFundingRequests
	for i := range many {
		c.ask(child, []wire.ShortChannelID{wire.ShortChannelID(i)})
	}
	c.ask(next, []wire.ShortChannelID{many})
	seen := 0
	for _, r := range c.waiting {
		if len(r.ids) > gossipdmsg.MaxCheck {
			t.Errorf("%d at once, at most %d", len(r.ids), gossipdmsg.MaxCheck)
		}
		for _, id := range r.ids {
			if id != wire.ShortChannelID(seen) || (r.child == next) != (id == many) {
				t.Fatalf("question %d is for %s", seen, id)
			}
			seen++
		}
	}
	if seen != many+1 {
		t.Errorf("%d questions wait, want %d", seen, many+1)
	}
}
