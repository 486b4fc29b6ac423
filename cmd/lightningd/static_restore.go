package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	core "fulmen/internal/channel"
	"fulmen/internal/ipc/connectdmsg"
	"fulmen/internal/scb"
	"fulmen/internal/store"
)

// stub is a channel of which nothing is left but its static backup.
type stub struct {
	row      *store.Channel
	snapshot []byte
	address  string
}

// newStub makes the channel's row of an entry. It is in lost state from the beginning: nothing of it is ever
// published, the peer is asked to close, and what its commitment pays us is claimed.
func (n *node) newStub(raw []byte) (*stub, error) {
	e, err := scb.Decode(raw)
	if err != nil {
		return nil, err
	}
	if e.Setup == nil || e.Snapshot == nil {
		return nil, fmt.Errorf("static backup of channel %s: it is another program's, and lacks the peer's funding key and limits", e.ChannelID)
	}
	setup, err := decodeChannelSetup(e.Setup)
	if err != nil {
		return nil, err
	}
	state, err := core.Restore(e.Snapshot, nil)
	if err != nil {
		return nil, fmt.Errorf("static backup of channel %s: %w", e.ChannelID, err)
	}
	p := state.Params()
	if p.ChannelID != e.ChannelID || setup.FundingTxid != e.FundingTxid || uint32(setup.FundingOutput) != e.FundingOutput ||
		p.FundingTxid != e.FundingTxid || setup.FundingSats != e.FundingSats || e.ID == 0 || e.ID > 1<<31 {
		return nil, fmt.Errorf("static backup of channel %s: its parts do not fit together", e.ChannelID)
	}
	row := &store.Channel{
		ID: e.ID, PeerID: e.NodeID, ChannelID: e.ChannelID, State: store.AwaitingUnilateral, Opener: "remote", Private: !p.Announce,
		FundingTxid: e.FundingTxid, FundingOutput: setup.FundingOutput, FundingSats: e.FundingSats, MinDepth: p.MinimumDepth,
		Setup: bytes.Clone(e.Setup), ChannelType: bytes.Clone(e.ChannelType), Policy: n.defaultPolicy(e.FundingSats),
		CloseTo: p.Local.UpfrontShutdownScript, LostState: true, Closer: "remote", CloseCause: string(causeProtocol),
		Billboard: "Restored from its static backup: waiting for the peer to close the channel",
	}
	if e.Opener {
		row.Opener = "local"
	}
	return &stub{row, bytes.Clone(e.Snapshot), e.Address}, nil
}

// insertStubs takes up the channels of a static backup that the node does not know, and returns them. One that
// cannot be taken is logged, and keeps no other.
func (n *node) insertStubs(entries [][]byte) []string {
	ids := []string{}
	for _, raw := range entries {
		s, err := n.newStub(raw)
		var inserted bool
		if err == nil {
			inserted, err = n.insertStub(s)
		}
		switch {
		case err != nil:
			n.log.Error("a channel of the static backup is not restored", "error", err)
		case inserted:
			ids = append(ids, s.row.ChannelID.String())
		}
	}
	if len(ids) > 0 {
		n.staticBackupChanged()
	}
	return ids
}

// errKnown ends a transaction that has nothing to do.
var errKnown = errors.New("the channel is known")

func (n *node) insertStub(s *stub) (inserted bool, err error) {
	row := s.row
	tally := store.Tally{RemoteSigned: 1}
	err = n.db.Update(func(tx *storeTx) error {
		if known, err := tx.HasChannel(row.ChannelID); err != nil || known {
			return errors.Join(err, errKnown)
		}
		if err := tx.RaiseChannelID(row.ID); err != nil {
			return err
		}
		if s.address != "" {
			if err := tx.SetPeerAddress(row.PeerID, s.address); err != nil {
				return err
			}
		}
		first := tally
		if err := errors.Join(tx.CreateChannel(row), tx.SaveChannel(row)); err != nil {
			return err
		}
		return tx.AppendChannelLog(row.ID, 0, true, s.snapshot, &first)
	})
	switch {
	case errors.Is(err, errKnown):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("restore channel %s: %w", row.ChannelID, err)
	}
	return true, n.onLoop(func() error {
		c := n.newChannel(row, tally)
		c.next = 1
		n.watchChannel(c)
		c.log.Warn("channel is restored from its static backup: its peer will be asked to close it", "channel_id", row.ChannelID, "funding_sat", row.FundingSats)
		if conn := c.peer.conn; conn != nil { // a channel is taken up at the beginning of a connection
			n.connectd.send(&connectdmsg.Disconnect{ID: conn.id, Conn: conn.conn})
		} else {
			n.scheduleReconnect(c.peer)
		}
		go n.lookForFunding(c)
		return nil
	})
}

// lookForFunding tells the operator if the close of a restored channel is in the chain already, or on its way: blocks
// that were read before the channel was known are not read again by themselves.
func (n *node) lookForFunding(c *channel) {
	o := c.fundingOutpoint()
	out, err := n.funding.backend.Output(n.ctx, o)
	n.loop.post(func() {
		switch {
		case err != nil:
			c.log.Warn("it is not known whether the restored channel is closed already: the backend does not say", "funding", o, "error", err)
		case out == nil && c.row.CloseTx == nil && c.row.State == store.AwaitingUnilateral:
			c.log.Warn("the funding output of the restored channel is spent: if no block to come has its close, start once with --rescan=-HEIGHT, from a block before it", "funding", o)
			c.row.Billboard = "Restored from its static backup: its funding output is spent. Start once with --rescan=-HEIGHT, from a block before that"
			c.save()
		}
	})
}

// readEmergencyFile is the entries of the file.
func (n *node) readEmergencyFile() (raw []byte, entries [][]byte, err error) {
	n.static.writing.Lock()
	defer n.static.writing.Unlock()
	if raw, err = os.ReadFile(n.emergencyPath()); err == nil {
		entries, err = scb.Open(n.static.key, raw)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", emergencyFile, err)
	}
	return raw, entries, nil
}

// askToClose is for a channel whose state we lost and which still reestablishes: the peer has the same state, or
// does not know better. It is to close all the same.
func (c *channel) askToClose() {
	if c.proc != nil {
		c.proc.endWith("this node lost the channel's state: please close it")
	}
}
