package onchain

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"fulmen/tests/harness"
	"fulmen/tests/proc"
)

// kill ends one of the processes of a node as a power cut would, if there is one of that name, and waits for
// the next.
func (s *stage) kill(n *harness.Node, name string) {
	s.t.Helper()
	if name == "lightningd" {
		n.Restart()
		return
	}
	old := s.process(n, name)
	if old == 0 {
		return
	}
	p, err := os.FindProcess(old)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := p.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) { // it was just being replaced
		s.t.Fatalf("kill the %s of %s: %v", name, n.Name, err)
	}
	if name == "hsmd" || name == "bcli" {
		// Nothing goes on without them.
		n.WaitExit()
		n.Start()
		return
	}
	harness.Eventually(s.t, name+" is started again", func() error {
		if now := s.process(n, name); now == 0 || now == old {
			return fmt.Errorf("its process is %d", now)
		}
		return nil
	})
}

// process is a process of a node by its name, 0 if there is none.
func (s *stage) process(n *harness.Node, name string) int {
	s.t.Helper()
	tree, err := proc.Tree(n.Pid())
	if err != nil {
		s.t.Fatal(err)
	}
	for _, p := range tree {
		if p.Name() == name {
			return p.PID
		}
	}
	return 0
}

// TestBOLT5EachProcessDiesBetweenBlocks closes with HTLCs in both directions while after each block another
// process of one of the nodes is killed.
func TestBOLT5EachProcessDiesBetweenBlocks(t *testing.T) {
	t.Parallel()
	for name, opener := range map[string]bool{"opener": true, "accepter": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, anchors)
			a := s.account()
			const delay = 16
			for i, sats := range offers {
				s.hold(s.alice, s.bob, sats, delay+i)
				s.hold(s.bob, s.alice, sats, delay+i)
			}
			s.waitHTLCs(2 * len(offers))
			closer := s.bob
			if opener {
				closer = s.alice
			}
			commitment := s.forceClose(closer, s.other(closer))
			names := []string{"onchaind", "lightningd", "hsmd", "onchaind", "connectd", "onchaind", "gossipd", "bcli"}
			for i := range delay + toSelfDelay + 2*len(offers) + 4 {
				s.mine(1)
				s.kill(s.parties()[i%2], names[i/2%len(names)])
			}
			s.settleDown()
			s.mine(toSelfDelay + 1)
			s.settleDown()
			s.mine(1)
			s.resolve()
			a.commitmentOf(commitment, 2*dust)
			a.check(s.alice, capacity/2-dust)
			a.check(s.bob, capacity/2-dust)
		})
	}
}
