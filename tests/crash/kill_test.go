package crash

import (
	"context"
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"

	"fulmen/tests/harness"
	"fulmen/tests/proc"
)

// victims are the processes of a node that are killed.
var victims = []string{"lightningd", "hsmd", "connectd", "channeld", "gossipd"}

type victim struct {
	node *node
	name string
}

// killThemAll kills every process at least once, in random order, at random moments between the
// steps of payments, and waits after each until the node is whole again.
func (w *world) killThemAll(ctx context.Context, rng *rand.Rand) {
	w.t.Helper()
	var deck []victim
	for _, n := range w.nodes {
		for _, name := range victims {
			deck = append(deck, victim{n, name})
		}
	}
	for kills := 0; kills < max(len(deck), *payments/4); kills++ {
		if kills%len(deck) == 0 {
			rng.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
		}
		for range 1 + rng.IntN(12) {
			w.progress(ctx, nil)
		}
		// Not only just after an answer: at any moment.
		<-time.After(time.Duration(rng.Int64N(int64(20 * time.Millisecond))))
		v := deck[kills%len(deck)]
		w.t.Logf("kill %s of %s", v.name, v.node.Name)
		w.kill(v)
	}
}

// kill kills a process and waits until the node has a new one. It ends with hsmd, and with
// lightningd, and is started again.
func (w *world) kill(v victim) {
	w.t.Helper()
	var old proc.Process
	switch v.name {
	case "lightningd":
		old = w.find(v)
		v.node.doom()
		v.node.Kill()
		v.node.Start()
		v.node.revived()
	case "hsmd":
		v.node.doom()
		old = w.shoot(v)
		if err := v.node.WaitExit(); err == nil {
			w.t.Errorf("lightningd of %s ended without complaint when hsmd was killed", v.node.Name)
		}
		v.node.Start()
		v.node.revived()
	default:
		old = w.shoot(v)
	}
	w.waitNew(v, old)
}

// shoot kills a process alone. One that is just being replaced may be gone by itself; then its successor is the one.
func (w *world) shoot(v victim) (shot proc.Process) {
	w.t.Helper()
	harness.Eventually(w.t, "kill "+v.name+" of "+v.node.Name, func() (err error) {
		if shot, err = v.now(); err == nil {
			err = syscall.Kill(shot.PID, syscall.SIGKILL)
		}
		return err
	})
	return shot
}

// find waits for the process where it is just being replaced.
func (w *world) find(v victim) (found proc.Process) {
	w.t.Helper()
	harness.Eventually(w.t, v.name+" of "+v.node.Name, func() (err error) {
		found, err = v.now()
		return err
	})
	return found
}

// waitNew waits until the killed process has a successor.
func (w *world) waitNew(v victim, old proc.Process) {
	w.t.Helper()
	harness.Eventually(w.t, "a new "+v.name+" of "+v.node.Name, func() error {
		p, err := v.now()
		if err == nil && p.PID == old.PID {
			err = fmt.Errorf("process %d still runs", p.PID)
		}
		return err
	})
}

// now is the process as it is.
func (v victim) now() (proc.Process, error) {
	tree, err := proc.Tree(v.node.Pid())
	if err != nil {
		return proc.Process{}, err
	}
	for _, p := range tree {
		if p.Name() == v.name {
			return p, nil
		}
	}
	return proc.Process{}, fmt.Errorf("there are only %+v", tree)
}
