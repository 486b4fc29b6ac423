package store

import (
	"fmt"

	"fulmen/internal/block"
	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// keepStorage is for how many blocks a peer's storage is kept when its last channel is closed (BOLT 1, Peer storage).
const keepStorage = 2016

// SetPeerStorage replaces what is stored for a peer.
func (t *Tx) SetPeerStorage(peer keys.PubKey, blob []byte, height block.Height) error {
	return t.exec(`INSERT INTO peer_storage (node_id, blob, height) VALUES (?, ?, ?)
		ON CONFLICT (node_id) DO UPDATE SET blob = excluded.blob, height = excluded.height`, peer[:], append([]byte{}, blob...), height) // nil would be NULL; a peer may store no bytes
}

// PeerStorage is what is stored for a peer; ErrNotFound where nothing is.
func (d *DB) PeerStorage(peer keys.PubKey) (blob []byte, err error) {
	err = d.queryRow("SELECT blob FROM peer_storage WHERE node_id = ?", []any{peer[:]}, &blob)
	return blob, err
}

// AgePeerStorage forgets what is stored for peers that have had no channel for long.
func (t *Tx) AgePeerStorage(height block.Height) error {
	if err := t.exec("UPDATE peer_storage SET height = ? WHERE node_id IN (SELECT peer_id FROM channels WHERE state != ?)", height, Closed); err != nil {
		return err
	}
	return t.exec("DELETE FROM peer_storage WHERE height < ?", int64(height)-keepStorage)
}

// HasChannel is DB.HasChannel as this transaction sees it.
func (t *Tx) HasChannel(id wire.ChannelID) (bool, error) {
	var n int
	err := t.queryRow("SELECT count(*) FROM channels WHERE channel_id = ?", []any{id[:]}, &n)
	return n > 0, err
}

// RaiseChannelID keeps NextChannelID from giving out id or anything below it.
func (t *Tx) RaiseChannelID(id uint64) error {
	err := t.exec("INSERT INTO vars (name, value) VALUES ('channel_number', ?) ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)", int64(id))
	if err != nil {
		return fmt.Errorf("reserve channel number %d: %w", id, err)
	}
	return nil
}
