package main

import (
	"errors"

	"fulmen/internal/ipc/connectdmsg"
	"fulmen/internal/store"
	"fulmen/internal/wire"
)

// onPeerSent handles what no channel's process claims.
func (n *node) onPeerSent(m *connectdmsg.PeerSent) {
	p := n.peers[m.ID]
	if p == nil || p.conn == nil || p.conn.conn != m.Conn {
		return
	}
	msg, err := wire.Decode(m.Wire)
	var unknown *wire.UnknownMessageError
	switch {
	case errors.As(err, &unknown) && (unknown.MayIgnore() || n.isCustom(unknown.Type)):
		n.takeCustom(p, m.Wire)
		return
	case err != nil:
		// BOLT 1, Lightning Message Format: what cannot be read ends the connection.
		n.log.Warn("peer sent a message that cannot be read, disconnecting", "peer_id", m.ID, "error", err)
		n.warnAndDisconnect(p.conn, err.Error())
		return
	}
	switch msg := msg.(type) {
	case *wire.OpenChannel:
		n.acceptChannel(p, msg, m.Wire)
	case *wire.ChannelReestablish:
		n.unknownReestablish(p, msg)
	case *wire.PeerStorage:
		n.onPeerStorage(p, msg.Blob)
	case *wire.PeerStorageRetrieval:
		n.onPeerStorageRetrieval(p, msg.Blob)
	case *wire.Error:
		n.log.Warn("peer sent an error", "peer_id", m.ID, "channel_id", msg.ChannelID, "error", printable(msg.Data))
	case *wire.Warning:
		n.log.Warn("peer sent a warning", "peer_id", m.ID, "channel_id", msg.ChannelID, "warning", printable(msg.Data))
	default:
		if id, ok := wire.ChannelIDOf(m.Wire); ok && !p.hasChannel(id) {
			n.log.Debug("peer sent a message for no channel of ours", "peer_id", m.ID, "channel_id", id, "message", msg.Type())
			n.sendError(p.conn, id, "no such channel")
		}
	}
}

// hasChannel reports whether a message is for a channel of ours, whatever its state. If it came here all
// the same, the channel's process has just ended, and the connection is about to: the peer sends again
// what matters on the next one. An error would make it close a channel that lives.
func (p *peer) hasChannel(id wire.ChannelID) bool {
	for _, c := range p.channels {
		if c.row.ChannelID == id {
			return true
		}
	}
	return false
}

// unknownReestablish answers a peer that remembers a channel that we closed or never had: an error
// makes it close the channel on its side (BOLT 2, Message Retransmission).
func (n *node) unknownReestablish(p *peer, m *wire.ChannelReestablish) {
	for _, c := range p.channels {
		if c.row.ChannelID == m.ChannelID {
			if c.row.State == store.AwaitingUnilateral {
				n.sendError(p.conn, m.ChannelID, "the channel has failed: "+c.row.Billboard)
			}
			return
		}
	}
	if p.storage.restoring {
		return // the connection begins again when it is known
	}
	n.sendError(p.conn, m.ChannelID, "no such channel")
}

// maxPeerText bounds what a peer is told in words: some of them are a plugin's, and no message has room for any length.
const maxPeerText = 4000

// sendError tells the peer that a channel has failed.
func (n *node) sendError(conn *peerConn, id wire.ChannelID, text string) {
	n.connectd.send(&connectdmsg.SendPeer{
		ID: conn.id, Conn: conn.conn, Wire: [][]byte{wire.Encode(&wire.Error{ChannelID: id, Data: []byte(text[:min(len(text), maxPeerText)])})},
	})
}

// warnAndDisconnect ends a connection, and says why.
func (n *node) warnAndDisconnect(conn *peerConn, text string) {
	n.warn(conn, text)
	n.connectd.send(&connectdmsg.Disconnect{ID: conn.id, Conn: conn.conn})
}

// warn tells a peer what it did wrong.
func (n *node) warn(conn *peerConn, text string) {
	warning := wire.Encode(&wire.Warning{Data: []byte(text[:min(len(text), maxPeerText)])})
	n.connectd.send(&connectdmsg.SendPeer{ID: conn.id, Conn: conn.conn, Wire: [][]byte{warning}})
}

// printable makes a peer's text safe for a log.
func printable(b []byte) string {
	const most = 500
	out := make([]byte, 0, min(len(b), most))
	for _, c := range b[:min(len(b), most)] {
		if c < ' ' || c > '~' {
			c = '?'
		}
		out = append(out, c)
	}
	return string(out)
}
