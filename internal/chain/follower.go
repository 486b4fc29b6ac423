package chain

import (
	"fmt"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/block"
)

// Keep is the number of recent block hashes that are kept: a reorganisation may be so deep.
const Keep = 2016

// BlockID names a block.
type BlockID struct {
	Height block.Height
	Hash   chainhash.Hash
}

// Event is what a Follower hears.
type Event interface{ isEvent() }

type (
	// Tick asks to look for news.
	Tick struct{}
	// GotInfo answers AskInfo.
	GotInfo struct{ Info Info }
	// GotBlock answers AskBlock; Block is nil where the backend has none at that height.
	GotBlock struct {
		Height block.Height
		Block  *wire.MsgBlock
	}
)

func (Tick) isEvent()     {}
func (GotInfo) isEvent()  {}
func (GotBlock) isEvent() {}

// Action is what a Follower wants done. The last action of a step is the only one that asks; without
// one that asks, the next event is a Tick.
type Action interface{ isAction() }

type (
	// AskInfo asks the backend how far it is.
	AskInfo struct{ Ours block.Height }
	// AskBlock asks the backend for a block.
	AskBlock struct{ Height block.Height }
	// BlockConnected tells of the block after the last one told.
	BlockConnected struct {
		BlockID
		Block *wire.MsgBlock
	}
	// BlockDisconnected takes back the last block told.
	BlockDisconnected struct{ BlockID }
	// CaughtUp tells that the backend has no more for now.
	CaughtUp struct{ Height block.Height }
	// Stop ends the following: a person has to look at Err.
	Stop struct{ Err error }
)

func (AskInfo) isAction()           {}
func (AskBlock) isAction()          {}
func (BlockConnected) isAction()    {}
func (BlockDisconnected) isAction() {}
func (CaughtUp) isAction()          {}
func (Stop) isAction()              {}

// WrongNetworkError says that the backend is on another chain than we are.
type WrongNetworkError struct{ Want, Got string }

func (e *WrongNetworkError) Error() string {
	return fmt.Sprintf("backend is on the chain %q, we are on %q: check network and bitcoin-rpcport", e.Got, e.Want)
}

// DeepReorgError says that the backend's chain and ours part before the oldest block that we know.
type DeepReorgError struct{ Oldest, Tip BlockID }

func (e *DeepReorgError) Error() string {
	return fmt.Sprintf("backend's chain parts from ours below block %d (%s), the oldest of the %d that we keep, our last being %d (%s): is it the right backend?",
		e.Oldest.Height, e.Oldest.Hash, e.Tip.Height-e.Oldest.Height+1, e.Tip.Height, e.Tip.Hash)
}

// Follower decides which block to ask for next, and tells which ones came and went.
type Follower struct {
	chain string
	start func(tip block.Height) block.Height
	// recent are the last blocks told, without a gap; the last one is our tip.
	recent []BlockID
	// complete means that recent has every block ever told: nothing is known of what is below.
	complete bool
	info     Info
	told     bool // something since the last AskInfo
	rescan   bool // take back what is above start, once
}

// NewFollower continues after recent, which is in ascending order; a node that has none begins at
// the height that start chooses, given the backend's.
func NewFollower(chain string, recent []BlockID, start func(tip block.Height) block.Height) (*Follower, error) {
	for i := 1; i < len(recent); i++ {
		if recent[i].Height != recent[i-1].Height+1 {
			return nil, fmt.Errorf("stored blocks have a gap: %d is followed by %d", recent[i-1].Height, recent[i].Height)
		}
	}
	complete := len(recent) < Keep
	if len(recent) > Keep {
		recent = recent[len(recent)-Keep:]
	}
	return &Follower{chain: chain, start: start, recent: append([]BlockID(nil), recent...), complete: complete}, nil
}

// Tip is the last block told; ok is false before the first.
func (f *Follower) Tip() (tip BlockID, ok bool) {
	if len(f.recent) == 0 {
		return BlockID{}, false
	}
	return f.recent[len(f.recent)-1], true
}

// Step applies one event.
func (f *Follower) Step(ev Event) []Action {
	switch ev := ev.(type) {
	case Tick:
		return f.askInfo(nil)
	case GotInfo:
		return f.gotInfo(ev.Info)
	case GotBlock:
		if ev.Block == nil {
			return nil // it was there a moment ago: the backend is reorganising
		}
		return f.gotBlock(ev)
	}
	panic(fmt.Sprintf("chain: unknown event %T", ev))
}

func (f *Follower) askInfo(done []Action) []Action {
	tip, _ := f.Tip()
	f.told = false
	return append(done, AskInfo{Ours: tip.Height})
}

func (f *Follower) gotInfo(info Info) []Action {
	if info.Chain != f.chain {
		return []Action{Stop{&WrongNetworkError{Want: f.chain, Got: info.Chain}}}
	}
	f.info = info
	if _, ok := f.Tip(); !ok && info.IBD {
		return nil // where to begin shows only when it knows the real tip
	}
	if !f.rescan {
		return f.askNext(nil)
	}
	f.rescan = false
	// The oldest block stays: the next one is known to follow by its hash alone.
	from := max(f.start(info.Blocks), f.recent[0].Height+1)
	return f.askNext(f.disconnectAbove(from - 1))
}

// askNext goes on to the block after our tip. A backend whose chain is not longer than ours is
// taken to be behind: whether it is on another branch shows when it gets ahead.
func (f *Follower) askNext(done []Action) []Action {
	tip, ok := f.Tip()
	next := tip.Height + 1
	if !ok {
		next = f.start(f.info.Blocks)
	}
	switch {
	case next <= f.info.Blocks:
		return append(done, AskBlock{next})
	case f.told:
		return f.askInfo(done) // more may have come meanwhile
	case f.info.IBD || f.info.Blocks < tip.Height:
		return done
	}
	return append(done, CaughtUp{tip.Height})
}

// gotBlock takes a block that builds on one of ours, and otherwise looks for its parent.
func (f *Follower) gotBlock(got GotBlock) []Action {
	var done []Action
	switch parent := (BlockID{got.Height - 1, got.Block.Header.PrevBlock}); {
	case len(f.recent) == 0 || f.knows(parent):
		done = f.disconnectAbove(parent.Height)
	case got.Height > f.recent[0].Height:
		return []Action{AskBlock{got.Height - 1}}
	case f.complete:
		done = f.disconnectAll()
	default:
		tip, _ := f.Tip()
		return []Action{Stop{&DeepReorgError{Oldest: f.recent[0], Tip: tip}}}
	}
	id := BlockID{got.Height, got.Block.BlockHash()}
	f.recent = append(f.recent, id)
	if len(f.recent) > Keep {
		f.recent = f.recent[1:]
		f.complete = false
	}
	f.told = true
	return f.askNext(append(done, BlockConnected{id, got.Block}))
}

func (f *Follower) knows(id BlockID) bool {
	first := f.recent[0].Height
	if id.Height < first || id.Height-first >= block.Height(len(f.recent)) {
		return false
	}
	return f.recent[id.Height-first] == id
}

func (f *Follower) disconnectAbove(height block.Height) []Action {
	var done []Action
	for {
		tip, ok := f.Tip()
		if !ok || tip.Height <= height {
			return done
		}
		done = append(done, f.disconnectTip(tip))
	}
}

func (f *Follower) disconnectAll() []Action {
	var done []Action
	for tip, ok := f.Tip(); ok; tip, ok = f.Tip() {
		done = append(done, f.disconnectTip(tip))
	}
	return done
}

func (f *Follower) disconnectTip(tip BlockID) Action {
	f.recent = f.recent[:len(f.recent)-1]
	return BlockDisconnected{tip}
}
