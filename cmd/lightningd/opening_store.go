package main

import (
	"bytes"
	"slices"

	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/store"
	"fulmen/internal/wallet"
)

// fundedBy is what is stored with channels that are funded by the same transaction.
type fundedBy struct {
	tx       *btcwire.MsgTx // of ours, signed; nil where somebody else funds
	psbt     string         // of fundchannel_complete
	withheld bool
}

// storeOpened makes channels of openings that both sides have signed: all of them in one unit, or none. Only then
// their processes go on, and a funding transaction may be broadcast, because whichever of its outputs is a
// channel's, we can get it back. then runs in the loop when they are on disk.
func (n *node) storeOpened(list []*opening, by *fundedBy, then func()) error {
	var signed []byte
	var coins *wallet.Changes
	setups := make([][]byte, len(list))
	for i, o := range list {
		if o.over || o.err != nil || o.secured == nil {
			return o.gone()
		}
		var err error
		if setups[i], err = encodeChannelSetup(&o.secured.Setup); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(list, func(o *opening) bool { return bytes.Equal(o.closeTo, n.shutdownScript) }) {
		if err := n.nextShutdownScript(); err != nil {
			return err
		}
	}
	if by.tx != nil {
		var err error
		if signed, err = encodeTx(by.tx); err != nil {
			return err
		}
		coins = n.wallet.Sent(by.tx)
	}
	var writes []func(*storeTx) error
	for i, o := range list {
		writes = append(writes, o.become(setups[i], signed, by))
	}
	n.submit("store new channels", func(tx *storeTx) error {
		if err := writeAll(tx, writes); err != nil {
			return err
		}
		if coins == nil {
			return nil
		}
		return tx.StoreWallet(coins)
	}, func() {
		for _, o := range list {
			o.stored()
		}
		n.staticBackupChanged()
		if then != nil {
			then()
		}
	})
	for _, o := range list {
		early := o.early
		o.early = nil
		for _, do := range early {
			do(o.ch)
		}
	}
	return nil
}

// become makes the channel, and returns what stores it.
func (o *opening) become(setup, signed []byte, by *fundedBy) func(*storeTx) error {
	n, m := o.n, o.secured
	row := &store.Channel{
		ID: o.id, PeerID: o.peer.id, ChannelID: m.ChannelID, State: store.AwaitingLockin, Opener: "remote", Private: !m.Announce,
		FundingTxid: m.Setup.FundingTxid, FundingOutput: m.Setup.FundingOutput, FundingSats: m.Setup.FundingSats, Pushed: m.Push,
		MinDepth: m.MinimumDepth, Setup: setup, ChannelType: m.ChannelType, StartHeight: n.blockHeight, AliasLocal: o.alias,
		FundingTx: signed, FundingPSBT: by.psbt, Withheld: by.withheld,
		Policy: n.newPolicy(o.params), CloseTo: o.closeTo, Billboard: "Waiting for the funding transaction to be mined",
	}
	if o.ours != nil {
		row.Opener = "local"
	}
	tally := store.Tally{
		LocalRevoked: uint64(m.Status.LocalRevoked), RemoteSigned: uint64(m.Status.RemoteSigned),
		ToUs: m.Status.ToLocal, MinToUs: m.Status.ToLocal, MaxToUs: m.Status.ToLocal,
	}
	c := n.newChannel(row, tally)
	c.proc, c.next, c.status, c.params, o.ch = o.proc, 1, m.Status, o.params, c
	delete(o.peer.openings, o.id)
	n.watchChannel(c)
	if n.revoked.wanted { // perhaps since the opening began
		c.tellPolicy()
	}
	created, first, snapshot := *row, tally, m.Snapshot
	return func(tx *storeTx) error {
		if err := tx.CreateChannel(&created); err != nil {
			return err
		}
		return tx.AppendChannelLog(created.ID, 0, true, snapshot, &first)
	}
}

// stored goes on with a channel that is on disk.
func (o *opening) stored() {
	c, n := o.ch, o.n
	if c.proc != nil {
		c.proc.send(&channeldmsg.Stored{Seq: o.secured.Seq})
	}
	c.ready = c.proc != nil // no reestablish follows: from here on it may be closed
	by := causeRemote
	if c.row.Opener == "local" {
		by = causeUser
	} else {
		n.tellChannelOpened(c.row)
	}
	n.tellState(c.row, store.StateChange{At: n.now(), New: store.AwaitingLockin, Cause: string(by), Message: "new channel opened"})
	c.log.Info("channel is opened", "channel_id", c.row.ChannelID, "funding_sat", c.row.FundingSats, "opener", c.row.Opener)
}
