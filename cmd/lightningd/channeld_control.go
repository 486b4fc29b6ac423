package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"fulmen/internal/ipc"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/ipc/connectdmsg"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/subd"
	"fulmen/internal/wire"
)

// channelOwner is what a channeld works for: a channel, or one that is being opened. started comes
// before all else, ended is the last; both run in the loop.
type channelOwner interface {
	started(*channelProcess)
	// handles decodes a message of the process, and returns what the loop is to do with it.
	handles(*ipc.Frame) (func(), error)
	ended(subd.Exit)
}

// channelProcess is a running channeld.
type channelProcess struct {
	process
	// The rest is the loop's.
	nextIncoming uint64                             // HTLCs of the peer come in the order of their ids: none below it
	nextNew      struct{ offered, received uint64 } // the same of each side's HTLCs that a commitment brings
	closes       int                                // closing transactions that it brought
}

// channelStart is what a channeld is started with.
type channelStart struct {
	conn      *peerConn
	channelID wire.ChannelID // or the temporary one
	client    hsmdmsg.NewClient
	setup     channeldmsg.Setup
}

// startChanneld starts a channeld for owner: with a socket to hsmd that can sign for this channel
// alone, and one to the peer through connectd. It does not run in the loop. On an error the owner
// hears nothing.
func (n *node) startChanneld(ctx context.Context, s *channelStart, owner channelOwner) error {
	hsm, err := n.hsm.newClient(ctx, &s.client)
	if err != nil {
		return fmt.Errorf("start channeld: %w", err)
	}
	theirs, connectds, err := ipc.Pair()
	if err != nil {
		hsm.Close()
		return fmt.Errorf("start channeld: %w", err)
	}
	p := &channelProcess{process: process{n: n, title: fmt.Sprintf("channeld %.4s..-chan#%d", s.conn.id, s.setup.ChannelDBID)}}
	known := make(chan struct{}) // p.child is set
	p.child, err = n.spawnFor(subd.Spec{
		Name: "channeld", Title: p.title, Links: []*os.File{hsm, theirs},
		Handle: func(f *ipc.Frame) error {
			<-known
			do, err := owner.handles(f)
			if err != nil {
				return err
			}
			n.loop.post(func() {
				if !p.killed {
					do()
				}
			})
			return nil
		},
		OnExit: func(e subd.Exit) {
			<-known
			n.loop.post(func() { owner.ended(e) })
		},
	}, s.conn.id.String(), strconv.FormatUint(s.setup.ChannelDBID, 10))
	if err != nil {
		connectds.Close()
		return fmt.Errorf("start channeld: %w", err)
	}
	p.send(&s.setup) // before the loop knows the process, and sends it something else: a new height, or an order
	n.loop.post(func() { owner.started(p) })
	close(known)
	n.connectd.send(&connectdmsg.AttachChannel{ID: s.conn.id, Conn: s.conn.conn, ChannelID: s.channelID}, connectds)
	return nil
}

// send tells the process; that it has ended is heard elsewhere.
func (p *channelProcess) send(ms ...ipc.Message) {
	p.n.crash.step()
	_ = p.child.SendBatch(ms...)
}

// endWith has the process tell the peer that the channel has failed, and end by itself then: were it stopped, it
// might not come to that.
func (p *channelProcess) endWith(text string) {
	p.send(&channeldmsg.SendError{Text: text})
	go func() {
		timer := time.NewTimer(endTime)
		defer timer.Stop()
		select {
		case <-p.child.Exited():
		case <-timer.C:
			p.stop()
		}
	}()
}

// handles implements channelOwner.
func (c *channel) handles(f *ipc.Frame) (func(), error) {
	do, err := channelMessage(f)
	return func() { do(c) }, err
}

// channelMessage is the table of what the channeld of an open channel may send.
func channelMessage(f *ipc.Frame) (func(*channel), error) {
	switch f.Type {
	case channeldmsg.TypeStore:
		return decodeFor(f, (*channel).onStore)
	case channeldmsg.TypeIncoming:
		return decodeFor(f, (*channel).onIncoming)
	case channeldmsg.TypeOfferFailed:
		return decodeFor(f, (*channel).onOfferFailed)
	case channeldmsg.TypeReestablished:
		return decodeFor(f, (*channel).onReestablished)
	case channeldmsg.TypeStateChanged:
		return decodeFor(f, (*channel).onStateChanged)
	case channeldmsg.TypeAnnouncement:
		return decodeFor(f, (*channel).onAnnouncement)
	case channeldmsg.TypeMutualClose:
		return decodeFor(f, (*channel).onMutualClose)
	case channeldmsg.TypePeerText:
		return decodeFor(f, (*channel).onPeerText)
	case channeldmsg.TypeFailing:
		return decodeFor(f, (*channel).onFailing)
	case channeldmsg.TypeFutureState:
		return decodeFor(f, (*channel).onFutureState)
	}
	return nil, fmt.Errorf("message type %d from a channeld", f.Type)
}
