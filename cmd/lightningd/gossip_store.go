package main

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"

	"fulmen/internal/ipc"
	"fulmen/internal/ipc/connectdmsg"
	"fulmen/internal/ipc/gossipdmsg"
	"fulmen/internal/subd"
)

// gossipd writes gossip_store, connectd reads it: lightningd opens it for both.

func (n *node) gossipStorePath() string { return filepath.Join(n.cfg.NetworkDir(), "gossip_store") }

// newStorePath is where gossipd writes the file that will replace it.
func (n *node) newStorePath() string { return n.gossipStorePath() + ".compact" }

// newStoreID tells one file from the next.
func newStoreID() (id [32]byte) {
	rand.Read(id[:]) // never fails
	return id
}

// lendGossipStore gives connectd the file to read.
func (n *node) lendGossipStore() error {
	f, err := os.Open(n.gossipStorePath())
	if err != nil {
		return fmt.Errorf("start connectd: %w", err)
	}
	n.connectd.send(new(connectdmsg.GossipStore), f)
	return nil
}

// answerGossipd tells the gossipd that asked, should it still be there.
func (n *node) answerGossipd(child *subd.Child, m ipc.Message, fds ...*os.File) {
	if err := child.Send(m, fds...); err != nil {
		n.log.Debug("gossipd does not hear", "error", err)
	}
}

// newGossipStore opens an empty file for gossipd.
func (n *node) newGossipStore(child *subd.Child) {
	f, err := os.OpenFile(n.newStorePath(), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		n.log.Error("no file to compact gossip_store into", "error", err)
		n.answerGossipd(child, new(gossipdmsg.StoreFile))
		return
	}
	n.answerGossipd(child, &gossipdmsg.StoreFile{StoreID: newStoreID()}, f)
}

// useGossipStore gives the new file its name.
func (n *node) useGossipStore(child *subd.Child) {
	err := os.Rename(n.newStorePath(), n.gossipStorePath())
	if err != nil {
		n.log.Error("the compacted gossip_store does not take its place", "error", err)
	} else if err := n.lendGossipStore(); err != nil {
		n.log.Error("connectd goes on with the old gossip_store", "error", err)
	}
	n.answerGossipd(child, &gossipdmsg.StoreUsed{Done: err == nil})
}
