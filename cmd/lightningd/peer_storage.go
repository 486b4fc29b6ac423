package main

import (
	"errors"
	"time"

	"fulmen/internal/features"
	"fulmen/internal/ipc/connectdmsg"
	"fulmen/internal/keys"
	"fulmen/internal/scb"
	"fulmen/internal/store"
	"fulmen/internal/wire"
)

// storagePause is how often a peer's storage is written at most (BOLT 1, Peer storage); what comes in between
// waits, the newest alone.
const storagePause = time.Minute

// peerStorage is what a peer with a channel wants to have stored.
type peerStorage struct {
	last    time.Time // when it was stored last
	waits   bool      // waiting is to be stored when the pause is over
	waiting []byte    // which may have no bytes
	// restoring: it gave us a backup of channels that are being taken up.
	restoring bool
}

// onPeerStorage keeps what a peer gives us, if it has a channel.
func (n *node) onPeerStorage(p *peer, blob []byte) {
	s := &p.storage
	switch pause := storagePause - n.now().Sub(s.last); {
	case len(p.channels) == 0 || len(blob) > scb.MaxBlob:
		n.log.Debug("peer's storage is not kept: it has no channel", "peer_id", p.id, "bytes", len(blob))
	case s.waits:
		s.waiting = blob
	case pause <= 0:
		n.storePeerBlob(p.id, s, blob)
	default:
		s.waits, s.waiting = true, blob
		time.AfterFunc(pause, func() {
			n.loop.post(func() {
				n.storePeerBlob(p.id, s, s.waiting)
				s.waits, s.waiting = false, nil
			})
		})
	}
}

func (n *node) storePeerBlob(id keys.PubKey, s *peerStorage, blob []byte) {
	s.last = n.now()
	height := n.blockHeight
	n.submit("store what a peer backs up", func(tx *storeTx) error { return tx.SetPeerStorage(id, blob, height) }, nil)
}

// returnStorage gives a peer back what it had stored, before anything else is said: it may have lost all, and must
// not reestablish a channel before it knows. It does not run in the loop.
func (n *node) returnStorage(conn *peerConn) {
	blob, err := n.db.PeerStorage(conn.id)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		n.log.Error("what a peer stores here cannot be read", "peer_id", conn.id, "error", err)
	default:
		n.connectd.send(&connectdmsg.SendPeer{ID: conn.id, Conn: conn.conn, Wire: [][]byte{wire.Encode(&wire.PeerStorageRetrieval{Blob: blob})}})
	}
}

// storeWithPeers gives the newest static backup to all peers that have a channel and store it.
func (n *node) storeWithPeers() {
	for _, p := range n.peers {
		n.storeWith(p)
	}
}

func (n *node) storeWith(p *peer) {
	n.static.mu.Lock()
	blob := n.static.blob
	n.static.mu.Unlock()
	if blob == nil || p.conn == nil || !p.served || len(p.channels) == 0 || !features.Vector(p.conn.features).Supports(features.ProvideStorage) {
		return
	}
	n.connectd.send(&connectdmsg.SendPeer{ID: p.id, Conn: p.conn.conn, Wire: [][]byte{wire.Encode(&wire.PeerStorage{Blob: blob})}})
}

// onPeerStorageRetrieval reads what a peer had of ours. A node that knows of no channel, or that is being recovered,
// takes up those that are in it.
func (n *node) onPeerStorageRetrieval(p *peer, blob []byte) {
	entries, err := scb.Open(n.static.key, blob)
	if err != nil {
		n.log.Info("peer gave back what is no backup of this node", "peer_id", p.id, "error", err)
		return
	}
	p.storage.restoring = true // its channels are answered when they are known
	go func() {
		if err := n.recoverFrom(p.id, entries); err != nil {
			n.log.Error("the backup that a peer gave back is not taken up", "peer_id", p.id, "error", err)
		}
		n.loop.post(func() { p.storage.restoring = false })
	}()
}

// recoveringVar says that the node lost its database: what peers give back counts.
const recoveringVar = "recovering"

func (n *node) recoverFrom(id keys.PubKey, entries [][]byte) error {
	unknown := 0
	for _, raw := range entries {
		e, err := scb.Decode(raw)
		if err != nil {
			return err
		}
		known, err := n.db.HasChannel(e.ChannelID)
		if err != nil {
			return err
		}
		if !known {
			unknown++
		}
	}
	recovering, err := n.db.Var(recoveringVar)
	switch {
	case err != nil || unknown == 0:
		return err
	case recovering == nil && n.hadChannels():
		n.log.Debug("peer stores a backup with channels that this node does not have", "peer_id", id, "channels", unknown)
		return nil
	}
	n.log.Warn("recovering channels from what a peer stored", "peer_id", id, "channels", unknown)
	if err := n.db.Update(func(tx *storeTx) error { return tx.SetVar(recoveringVar, []byte{1}) }); err != nil {
		return err
	}
	n.insertStubs(entries)
	return nil
}
