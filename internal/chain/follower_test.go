package chain

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"fulmen/internal/block"
)

// follow steps a follower against a backend until it rests, and says what it told.
func follow(t *testing.T, f *Follower, b *fakeBackend) (told []string, stop error) {
	t.Helper()
	queue := []Event{Tick{}}
	for steps := 0; len(queue) > 0; steps++ {
		if steps > 20000 {
			t.Fatal("the follower does not come to rest")
		}
		ev := queue[0]
		queue = queue[1:]
		for _, action := range f.Step(ev) {
			if len(queue) > 0 {
				t.Fatalf("%T follows an action that asks", action)
			}
			switch a := action.(type) {
			case AskInfo:
				info, _ := b.ChainInfo(t.Context(), a.Ours)
				queue = append(queue, GotInfo{info})
			case AskBlock:
				got, _ := b.BlockAt(t.Context(), a.Height)
				queue = append(queue, GotBlock{a.Height, got})
			case BlockConnected:
				told = append(told, fmt.Sprintf("+%d", a.Height))
			case BlockDisconnected:
				told = append(told, fmt.Sprintf("-%d", a.Height))
			case CaughtUp:
				told = append(told, fmt.Sprintf("=%d", a.Height))
			case Stop:
				return told, a.Err
			}
		}
	}
	return told, nil
}

func newTestFollower(t *testing.T, recent []BlockID) *Follower {
	t.Helper()
	f, err := NewFollower("regtest", recent, func(tip block.Height) block.Height { return tip - 2 })
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func expect(t *testing.T, f *Follower, b *fakeBackend, want string) {
	t.Helper()
	told, stop := follow(t, f, b)
	if got := strings.Join(told, " "); got != want || stop != nil {
		t.Fatalf("told %q, %v; want %q", got, stop, want)
	}
	tip, _ := f.Tip()
	if want := b.id(len(b.blocks) - 1); tip != want {
		t.Fatalf("tip %v, want %v", tip, want)
	}
}

func TestFollow(t *testing.T) {
	b := newFakeBackend(10)
	f := newTestFollower(t, nil)
	expect(t, f, b, "+8 +9 +10 =10")
	expect(t, f, b, "=10")
	b.grow(2)
	expect(t, f, b, "+11 +12 =12")
	b.cut(1)
	b.grow(2)
	expect(t, f, b, "-12 +12 +13 =13")
}

func TestContinueAfterARestart(t *testing.T) {
	b := newFakeBackend(10)
	recent := []BlockID{b.id(6), b.id(7), b.id(8)}
	b.cut(3) // also 8 was replaced meanwhile
	b.grow(4)
	expect(t, newTestFollower(t, recent), b, "-8 +8 +9 +10 +11 =11")
}

func TestReorgsOfEveryDepth(t *testing.T) {
	const known = 30
	for depth := 1; depth <= known; depth++ {
		b := newFakeBackend(100)
		var recent []BlockID
		for h := 101 - known; h <= 100; h++ {
			recent = append(recent, b.id(h))
		}
		f := newTestFollower(t, recent)
		b.cut(depth)
		b.grow(depth + 1)
		var want []string
		for h := 100; h > 100-depth; h-- {
			want = append(want, fmt.Sprintf("-%d", h))
		}
		for h := 101 - depth; h <= 101; h++ {
			want = append(want, fmt.Sprintf("+%d", h))
		}
		expect(t, f, b, strings.Join(append(want, "=101"), " "))
	}
}

// A node that has forgotten no block can begin anew: it knows nothing of what was before.
func TestReorgBelowTheFirstBlockOfANewNode(t *testing.T) {
	b := newFakeBackend(10)
	f := newTestFollower(t, nil)
	expect(t, f, b, "+8 +9 +10 =10")
	b.cut(6)
	b.grow(7)
	expect(t, f, b, "-10 -9 -8 +8 +9 +10 +11 =11")
}

func TestReorgDeeperThanWeKeep(t *testing.T) {
	b := newFakeBackend(Keep + 100)
	var recent []BlockID
	for h := range Keep + 100 {
		recent = append(recent, b.id(h))
	}
	f := newTestFollower(t, recent)
	b.cut(Keep + 2)
	b.grow(Keep + 3)
	told, stop := follow(t, f, b)
	var deep *DeepReorgError
	if !errors.As(stop, &deep) || len(told) != 0 {
		t.Fatalf("told %d, stop %v", len(told), stop)
	}
	if deep.Oldest != recent[100] || deep.Tip != recent[Keep+99] {
		t.Errorf("error %v", deep)
	}
}

func TestKeepIsKeptWhileFollowing(t *testing.T) {
	b := newFakeBackend(5)
	f := newTestFollower(t, nil)
	follow(t, f, b)
	b.grow(Keep)
	follow(t, f, b)
	if len(f.recent) != Keep || f.complete {
		t.Fatalf("keeps %d, complete %v", len(f.recent), f.complete)
	}
	b.cut(Keep - 1)
	b.grow(Keep)
	if _, stop := follow(t, f, b); stop != nil {
		t.Fatalf("a reorganisation as deep as we keep: %v", stop)
	}
}

func TestShorterChainIsWaitedFor(t *testing.T) {
	b := newFakeBackend(10)
	f := newTestFollower(t, nil)
	expect(t, f, b, "+8 +9 +10 =10")
	b.cut(2)
	b.grow(1)
	if told, stop := follow(t, f, b); len(told) != 0 || stop != nil {
		t.Fatalf("behind us, it made us tell %v, %v", told, stop)
	}
	b.grow(1) // as long as ours: nothing shows yet
	follow(t, f, b)
	b.grow(1)
	expect(t, f, b, "-10 -9 +9 +10 +11 =11")
}

func TestSyncingBackend(t *testing.T) {
	b := newFakeBackend(10)
	b.ibd = true
	f := newTestFollower(t, nil)
	if told, _ := follow(t, f, b); len(told) != 0 {
		t.Fatalf("a new node began at %v while the backend was syncing", told)
	}
	b.ibd = false
	expect(t, f, b, "+8 +9 +10 =10")
}

func TestWrongNetwork(t *testing.T) {
	b := newFakeBackend(10)
	b.chain = "main"
	_, stop := follow(t, newTestFollower(t, nil), b)
	var wrong *WrongNetworkError
	if !errors.As(stop, &wrong) || wrong.Want != "regtest" || wrong.Got != "main" {
		t.Fatalf("stop %v", stop)
	}
}

func TestStoredBlocksWithAGapAreRefused(t *testing.T) {
	b := newFakeBackend(10)
	if _, err := NewFollower("regtest", []BlockID{b.id(1), b.id(3)}, nil); err == nil {
		t.Fatal("taken")
	}
}

// TestRescan takes blocks back and reads them again, once, from the height that start says, but never
// below what is known.
func TestRescan(t *testing.T) {
	b := newFakeBackend(10)
	f := newTestFollower(t, []BlockID{b.id(5), b.id(6), b.id(7), b.id(8), b.id(9), b.id(10)})
	f.rescan = true
	expect(t, f, b, "-10 -9 -8 +8 +9 +10 =10")
	expect(t, f, b, "=10")
	f = newTestFollower(t, []BlockID{b.id(9), b.id(10)})
	f.rescan = true
	expect(t, f, b, "-10 +10 =10")
	// A node that is far behind has nothing to take back.
	f = newTestFollower(t, []BlockID{b.id(5), b.id(6)})
	f.rescan = true
	expect(t, f, b, "+7 +8 +9 +10 =10")
}
