package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	core "fulmen/internal/channel"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/scb"
	"fulmen/internal/store"
)

// emergencyFile is the static backup of all channels, in the network's folder.
const emergencyFile = "emergency.recover"

// staticBackup keeps the file, and what peers store of it, up to date.
type staticBackup struct {
	key     scb.Key
	wanted  chan struct{} // holds one: something has changed
	writing sync.Mutex

	mu   sync.Mutex
	blob []byte // for peers, of the newest; nil before the first
}

// startStaticBackup asks hsmd for the key, and writes the file whenever a channel has come or gone.
func (n *node) startStaticBackup(ctx context.Context) error {
	var reply hsmdmsg.DeriveSecretReply
	if err := n.hsm.request(ctx, &hsmdmsg.DeriveSecret{Info: []byte(scb.Info)}, &reply); err != nil {
		return fmt.Errorf("derive the key of static backups: %w", err)
	}
	n.static.key = scb.Key(reply.Secret)
	go func() {
		for {
			select {
			case <-n.static.wanted:
			case <-n.ctx.Done():
				return
			}
			if err := n.writeStaticBackup(); err != nil && n.ctx.Err() == nil {
				n.log.Error("the static backup of the channels is not written: "+emergencyFile+" is old", "error", err)
			}
		}
	}()
	return nil
}

// staticBackupChanged is told of each channel that came or went. From any goroutine.
func (n *node) staticBackupChanged() {
	select {
	case n.static.wanted <- struct{}{}:
	default: // it is to be written anyhow, with what is there then
	}
}

// staticEntries are the entries of all channels in which there may be something to claim: first those that are open,
// as not all may find room with a peer.
func (n *node) staticEntries() ([][]byte, error) {
	var open, ending []*channel
	if err := n.onLoop(func() error {
		for _, c := range n.channels {
			switch {
			case c.row.CloseHeight == 0:
				open = append(open, c)
			case c.leavesOutputs():
				ending = append(ending, c)
			}
		}
		return nil
	}); err != nil {
		return nil, err
	}
	byID := func(a, b *channel) int { return cmp.Compare(a.row.ID, b.row.ID) }
	slices.SortFunc(open, byID)
	slices.SortFunc(ending, byID)
	list := append(open, ending...)
	var entries [][]byte
	for _, c := range list {
		entry, err := n.staticEntry(c)
		if err != nil {
			return nil, fmt.Errorf("static backup of channel %d: %w", c.row.ID, err)
		}
		entries = append(entries, entry.Encode())
	}
	return entries, nil
}

// leavesOutputs reports whether the close that was mined is a commitment: our output of the peer's is found and claimed
// with what the static backup has, until it is in the wallet. A mutual close pays the wallet itself.
func (c *channel) leavesOutputs() bool {
	tx, err := decodeTx(c.row.CloseTx)
	return err != nil || isCommitment(tx)
}

func (n *node) staticEntry(c *channel) (*scb.Channel, error) {
	p, err := n.paramsOf(c)
	if err != nil {
		return nil, err
	}
	row := c.row // what is read of it here never changes
	address, err := n.db.PeerAddress(row.PeerID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	return &scb.Channel{
		ID: row.ID, ChannelID: row.ChannelID, NodeID: row.PeerID, Address: address,
		FundingTxid: row.FundingTxid, FundingOutput: uint32(row.FundingOutput), FundingSats: row.FundingSats, ChannelType: row.ChannelType,
		Basepoints: p.Remote.Basepoints, Opener: p.Opener, ToSelfDelay: p.Remote.ToSelfDelay,
		Setup: row.Setup, Snapshot: asOpened(p).Snapshot(),
	}, nil
}

// asOpened is the channel's state as of its opening, so far as it follows from what never changes: balances and
// points are not known, and nobody ever signs or publishes it. It finds out at reestablish that it is old.
func asOpened(p *core.Params) *core.Channel {
	o := core.Opening{
		Feerate: 253, LocalFirstPoint: p.Local.FundingPubKey, LocalSecondPoint: p.Local.FundingPubKey,
		RemoteFirstPoint: p.Remote.FundingPubKey,
	}
	if p.Opener {
		o.ToLocal = p.FundingSats.Msat()
	} else {
		o.ToRemote = p.FundingSats.Msat()
	}
	return core.New(*p, o)
}

// writeStaticBackup makes the file and the peers' blob anew. A file that another node's key made is left: it may be
// all that somebody has.
func (n *node) writeStaticBackup() error {
	n.static.writing.Lock()
	defer n.static.writing.Unlock()
	entries, err := n.staticEntries()
	if err != nil {
		return err
	}
	path := n.emergencyPath()
	old, err := os.ReadFile(path)
	switch {
	case err == nil:
		if _, err := scb.Open(n.static.key, old); err != nil {
			return fmt.Errorf("%s is left as it is: %w", path, err)
		}
		if len(entries) == 0 && !n.hadChannels() {
			return nil // a new node, with the file of the one before: emergencyrecover reads it
		}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	sealed, _, err := scb.Seal(n.static.key, entries, false, rand.Reader)
	if err == nil {
		err = writeWhole(path, sealed)
	}
	if err != nil {
		return err
	}
	blob, left, err := scb.Seal(n.static.key, entries, true, rand.Reader)
	if err != nil {
		return err
	}
	if left > 0 {
		n.log.Warn("not all channels fit into what peers store", "left_out", left)
	}
	n.static.mu.Lock()
	n.static.blob = blob
	n.static.mu.Unlock()
	n.loop.post(n.storeWithPeers)
	return nil
}

// hadChannels reports whether the database knows of any channel, open or closed.
func (n *node) hadChannels() bool {
	last, err := n.db.Var("channel_number")
	return err != nil || last != nil
}

func (n *node) emergencyPath() string { return filepath.Join(n.cfg.NetworkDir(), emergencyFile) }

// writeWhole has a file replaced as a whole, or not at all.
func writeWhole(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // after the rename there is none
	_, err = f.Write(content)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
