package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"fulmen/internal/htlcswitch"
	"fulmen/internal/invoices"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/ipc/onchaindmsg"
	"fulmen/internal/keys"
	"fulmen/internal/store"
	"fulmen/internal/subd"
)

// The pause before an onchaind that died is started again doubles from the first to the last.
const (
	firstOnchaindPause = time.Second
	lastOnchaindPause  = time.Minute
)

// onchaindProcess is a running onchaind.
type onchaindProcess struct {
	process
	preimages    []onchaindmsg.Preimage // known when it was started
	sendingHTLCs bool                   // it has asked for old ones
}

func (p *onchaindProcess) send(ms ...ipc.Message) { _ = p.child.SendBatch(ms...) } // its end is heard elsewhere

// start starts the channel's onchaind, once the last of its channeld is on disk.
func (e *closure) start() {
	n := e.c.n
	if e.starting || e.proc != nil || n.stopping {
		return
	}
	e.starting = true
	go func() {
		err := n.startOnchaind(n.ctx, e)
		if err == nil || n.ctx.Err() != nil {
			return
		}
		n.loop.post(func() {
			e.c.log.Error("onchaind does not start", "error", err)
			e.starting = false
			e.restartLater()
		})
	}()
}

// restartLater starts the process again after a pause that grows.
func (e *closure) restartLater() {
	e.pause = min(max(2*e.pause, firstOnchaindPause), lastOnchaindPause)
	time.AfterFunc(e.pause, func() {
		e.c.n.loop.post(func() {
			if e.c.end == e && !e.stale {
				e.start()
			}
		})
	})
}

// stop ends the process in order; what it still says is not heard.
func (e *closure) stop() {
	p := e.proc
	e.proc, e.live = nil, false
	if p == nil {
		return
	}
	p.killed = true
	go p.stop()
}

// startOnchaind does not run in the loop.
func (n *node) startOnchaind(ctx context.Context, e *closure) error {
	c := e.c
	if err := n.awaitRest(ctx, c); err != nil {
		return err
	}
	init, client, preimages, err := n.onchaindInit(c)
	if err != nil {
		return err
	}
	hsm, err := n.hsm.newClient(ctx, client)
	if err != nil {
		return err
	}
	p := &onchaindProcess{process: process{n: n, title: fmt.Sprintf("onchaind %.4s..-chan#%d", c.row.PeerID, c.row.ID)}, preimages: preimages}
	known := make(chan struct{}) // p.child is set
	p.child, err = n.spawnFor(subd.Spec{
		Name: "onchaind", Title: p.title, Links: []*os.File{hsm},
		Handle: func(f *ipc.Frame) error {
			<-known
			do, err := onchaindMessage(f)
			if err != nil {
				return err
			}
			n.loop.post(func() {
				if !p.killed && e.proc == p {
					do(e)
				}
			})
			return nil
		},
		OnExit: func(x subd.Exit) {
			<-known
			n.loop.post(func() { e.ended(p, x) })
		},
	}, c.row.PeerID.String(), strconv.FormatUint(c.row.ID, 10))
	if err != nil {
		return err
	}
	n.loop.post(func() {
		e.starting = false
		if c.end != e || n.stopping {
			p.drop()
			return
		}
		e.proc = p
	})
	close(known)
	p.send(init)
	return nil
}

// onchaindInit collects what onchaind and its socket to hsmd are told first. It does not run in the loop.
func (n *node) onchaindInit(c *channel) (*onchaindmsg.Init, *hsmdmsg.NewClient, []onchaindmsg.Preimage, error) {
	var row store.Channel
	var tally store.Tally
	var upstream []onchaindmsg.Upstream
	if err := n.onLoop(func() error {
		row, tally = *c.row, c.tally
		for id, at := range c.upstream() {
			upstream = append(upstream, onchaindmsg.Upstream{HTLCID: id, CLTVExpiry: at})
		}
		return nil
	}); err != nil {
		return nil, nil, nil, err
	}
	log, err := n.db.LoadChannelLog(row.ID)
	if err != nil {
		return nil, nil, nil, err
	}
	state, err := n.restore(row.ID)
	if err != nil {
		return nil, nil, nil, err
	}
	setup, err := decodeChannelSetup(row.Setup)
	if err != nil {
		return nil, nil, nil, err
	}
	scripts := [][]byte{}
	for _, s := range [][]byte{row.CloseTo, state.Params().Local.UpfrontShutdownScript, state.Summary().LocalShutdown} {
		if len(s) > 0 {
			scripts = append(scripts, s)
		}
	}
	var preimages []onchaindmsg.Preimage
	for _, h := range state.HTLCs() {
		if h.Offered {
			continue
		}
		preimage, err := n.preimageOf(row.ID, h.ID)
		switch {
		case err == nil:
			preimages = append(preimages, onchaindmsg.Preimage{HTLCID: h.ID, Preimage: preimage})
		case !errors.Is(err, store.ErrNotFound):
			return nil, nil, nil, err
		}
	}
	return &onchaindmsg.Init{
			ChannelDBID: row.ID, PeerID: row.PeerID, Snapshot: log.Snapshot, Records: log.Records, SpendTx: row.CloseTx,
			SpendHeight: row.CloseHeight, FuturePoint: row.FuturePoint, LocalScripts: scripts, Upstream: upstream,
		}, &hsmdmsg.NewClient{
			Rights: hsmdmsg.RightOnchain, PeerID: row.PeerID, ChannelDBID: row.ID, Setup: setup,
			LocalRevoked: keys.CommitmentNumber(tally.LocalRevoked), RemoteSigned: keys.CommitmentNumber(tally.RemoteSigned),
		}, preimages, nil
}

// preimageOf is the preimage of an HTLC from a peer that was taken for an invoice, or whose twin was
// fulfilled; store.ErrNotFound if there is none.
func (n *node) preimageOf(channel, htlc uint64) ([32]byte, error) {
	preimage, err := n.db.HTLCTaken(invoices.Key{Channel: channel, HTLC: htlc})
	if !errors.Is(err, store.ErrNotFound) {
		return preimage, err
	}
	f, err := n.db.LinkedForward(htlcswitch.Key{Channel: channel, HTLC: htlc})
	switch {
	case err != nil:
		return [32]byte{}, err
	case f.Preimage == nil:
		return [32]byte{}, store.ErrNotFound
	}
	return *f.Preimage, nil
}

// ended starts a process again that died.
func (e *closure) ended(p *onchaindProcess, x subd.Exit) {
	if e.proc != p {
		return
	}
	e.proc, e.live = nil, false
	if e.c.n.stopping || e.c.end != e {
		return
	}
	e.c.log.Error("process died", "daemon", p.title, "reason", x.Reason, "detail", x.Detail)
	e.restartLater()
}

// onchaindMessage is the table of what an onchaind may send.
func onchaindMessage(f *ipc.Frame) (func(*closure), error) {
	switch f.Type {
	case onchaindmsg.TypeNeedHTLCs:
		return decodeOnchain(f, (*closure).checkNeedHTLCs, (*closure).onNeedHTLCs)
	case onchaindmsg.TypeStarted:
		return decodeOnchain(f, (*closure).checkStarted, (*closure).onStarted)
	case onchaindmsg.TypeWatch:
		return decodeOnchain(f, (*closure).checkWatch, (*closure).onWatch)
	case onchaindmsg.TypeUnwatch:
		return decodeOnchain(f, (*closure).checkUnwatch, (*closure).onUnwatch)
	case onchaindmsg.TypeClaim:
		return decodeOnchain(f, (*closure).checkClaim, (*closure).onClaim)
	case onchaindmsg.TypeUnclaim:
		return decodeOnchain(f, (*closure).checkUnclaim, (*closure).onUnclaim)
	case onchaindmsg.TypeLearned:
		return decodeOnchain(f, (*closure).checkLearned, (*closure).onLearned)
	case onchaindmsg.TypeFailedUpstream:
		return decodeOnchain(f, (*closure).checkFailedUpstream, (*closure).onFailedUpstream)
	case onchaindmsg.TypeMovement:
		return decodeOnchain(f, (*closure).checkMovement, (*closure).onMovement)
	case onchaindmsg.TypeProcessed:
		return decodeOnchain(f, (*closure).checkProcessed, (*closure).onProcessed)
	case onchaindmsg.TypeStatus:
		return decodeOnchain(f, (*closure).checkStatusText, (*closure).onStatus)
	case onchaindmsg.TypeResolved:
		return decodeOnchain(f, (*closure).checkResolved, (*closure).onResolved)
	}
	return nil, fmt.Errorf("message type %d from an onchaind", f.Type)
}

// decodeOnchain is decode for a message whose closure is known later. What check refuses ends the process.
// After a block was taken back only preimages still count: they are true whatever the chain is.
func decodeOnchain[M any, P ipc.Of[M]](f *ipc.Frame, check func(*closure, P) error, do func(*closure, P)) (func(*closure), error) {
	m, err := ipc.Read[M, P](f)
	if err != nil {
		return nil, err
	}
	return func(e *closure) {
		if e.stale && m.IPCType() != onchaindmsg.TypeLearned {
			return
		}
		if err := check(e, m); err != nil {
			e.proc.kill(err)
			return
		}
		do(e, m)
	}, nil
}
