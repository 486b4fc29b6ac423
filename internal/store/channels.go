package store

import (
	"errors"
	"fmt"
	"time"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// ChannelState is a channel's state, by its name in listpeerchannels.
type ChannelState string

// The states that a stored channel can be in.
const (
	AwaitingLockin     ChannelState = "CHANNELD_AWAITING_LOCKIN"
	Normal             ChannelState = "CHANNELD_NORMAL"
	ShuttingDown       ChannelState = "CHANNELD_SHUTTING_DOWN"
	SigExchange        ChannelState = "CLOSINGD_SIGEXCHANGE"
	ClosingComplete    ChannelState = "CLOSINGD_COMPLETE"
	AwaitingUnilateral ChannelState = "AWAITING_UNILATERAL"
	FundingSpendSeen   ChannelState = "FUNDING_SPEND_SEEN"
	OnChain            ChannelState = "ONCHAIN"
	Closed             ChannelState = "CLOSED"
)

// Policy is what we ask of those who forward through a channel, as in our channel_update (BOLT 7).
type Policy struct {
	FeeBase   amount.Msat
	FeePPM    uint32
	HTLCMin   amount.Msat
	HTLCMax   amount.Msat
	CLTVDelta block.Delta
}

// Channel is a row of the channels table: what lightningd keeps of a channel beside the state that
// its process keeps (see ChannelLog).
type Channel struct {
	ID             uint64
	PeerID         keys.PubKey
	ChannelID      wire.ChannelID
	State          ChannelState
	Opener         string // local or remote
	Private        bool
	FundingTxid    [32]byte // internal byte order
	FundingOutput  uint16
	FundingSats    amount.Sat
	Pushed         amount.Msat
	MinDepth       uint32
	Setup          []byte // hsmdmsg.ChannelSetup
	ChannelType    []byte // BOLT 9 feature vector
	FundingTx      []byte // to broadcast while it is not mined; nil where others do that, until it is mined
	FundingPSBT    string // that the caller of fundchannel_complete means to fund it with; "" for others
	Withheld       bool   // the funding transaction is not broadcast before somebody sends it by this node
	StartHeight    block.Height
	ShortChannelID wire.ShortChannelID // 0 until the funding transaction is deep enough
	AliasLocal     wire.ShortChannelID
	AliasRemote    wire.ShortChannelID // 0 until the peer told one
	Policy         Policy
	IgnoreLimits   bool
	LostState      bool   // our state is old: to broadcast it would cost us everything
	RemoteUpdate   []byte // the peer's newest channel_update
	CloseTo        []byte // our scriptpubkey for a mutual close, where one was chosen
	Closer         string // local or remote, "" while open
	CloseCause     string
	CloseTx        []byte       // that closes it, as far as is known
	OwnClose       []byte       // by which this node meant to close it: a mutual close, or our commitment; nil: it did not
	CloseHeight    block.Height // 0 until the close is mined
	LastStable     time.Time    // zero: never
	Billboard      string
	FuturePoint    *keys.PubKey // by which the peer proved that our state is old
}

const channelColumns = `id, peer_id, channel_id, state, opener, private, funding_txid, funding_output, funding_sat, pushed_msat,
	min_depth, setup, channel_type, funding_tx, start_height, short_channel_id, alias_local, alias_remote, fee_base_msat, fee_ppm,
	htlc_min_msat, htlc_max_msat, cltv_delta, ignore_fee_limits, lost_state, remote_update, close_to, closer, close_cause, close_tx,
	close_height, last_stable, billboard, future_point, own_close, funding_psbt, withheld`

func scanChannel(row scanner) (*Channel, error) {
	var c Channel
	var peer, channel, txid, future []byte
	var scid, alias, local, stable, closeHeight *int64
	var closer, cause, packet *string
	err := row.Scan(&c.ID, &peer, &channel, &c.State, &c.Opener, &c.Private, &txid, &c.FundingOutput, &c.FundingSats, &c.Pushed,
		&c.MinDepth, &c.Setup, &c.ChannelType, &c.FundingTx, &c.StartHeight, &scid, &local, &alias, &c.Policy.FeeBase,
		&c.Policy.FeePPM, &c.Policy.HTLCMin, &c.Policy.HTLCMax, &c.Policy.CLTVDelta, &c.IgnoreLimits, &c.LostState, &c.RemoteUpdate, &c.CloseTo,
		&closer, &cause, &c.CloseTx, &closeHeight, &stable, &c.Billboard, &future, &c.OwnClose, &packet, &c.Withheld)
	if err != nil {
		return nil, notFound(err)
	}
	c.ShortChannelID, c.AliasLocal, c.AliasRemote = scidOf(scid), scidOf(local), scidOf(alias)
	c.Closer, c.CloseCause, c.FundingPSBT = text(closer), text(cause), text(packet)
	if closeHeight != nil {
		c.CloseHeight = block.Height(*closeHeight)
	}
	if stable != nil {
		c.LastStable = time.Unix(*stable, 0)
	}
	if future != nil {
		c.FuturePoint = new(keys.PubKey)
		if err := fill(c.FuturePoint[:], future, "future_point"); err != nil {
			return nil, fmt.Errorf("channel %d: %w", c.ID, err)
		}
	}
	if err := errors.Join(fill(c.PeerID[:], peer, "peer_id"), fill(c.ChannelID[:], channel, "channel_id"),
		fill(c.FundingTxid[:], txid, "funding_txid")); err != nil {
		return nil, fmt.Errorf("channel %d: %w", c.ID, err)
	}
	return &c, nil
}

func scidOf(v *int64) wire.ShortChannelID {
	if v == nil {
		return 0
	}
	return wire.ShortChannelID(*v)
}

// zeroNull stores 0 as NULL.
func zeroNull(v int64) any {
	if v == 0 {
		return nil
	}
	return v
}

func unixOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.Unix()
}

func pointOrNull(p *keys.PubKey) any {
	if p == nil {
		return nil
	}
	return p[:]
}

func (d *DB) channels(where string, args ...any) ([]*Channel, error) {
	var list []*Channel
	err := d.query("SELECT "+channelColumns+" FROM channels WHERE "+where, args, func(r scanner) error {
		c, err := scanChannel(r)
		list = append(list, c)
		return err
	})
	return list, err
}

// OpenChannels lists the channels that are not forgotten, oldest first.
func (d *DB) OpenChannels() ([]*Channel, error) { return d.channels("state != 'CLOSED' ORDER BY id") }

// ClosedChannels lists the forgotten channels, oldest first; of one peer where peer is not nil.
func (d *DB) ClosedChannels(peer *keys.PubKey) ([]*Channel, error) {
	if peer != nil {
		return d.channels("state = 'CLOSED' AND peer_id = ? ORDER BY id", peer[:])
	}
	return d.channels("state = 'CLOSED' ORDER BY id")
}

// HasChannel reports whether there is or was a channel of that channel_id.
func (d *DB) HasChannel(id wire.ChannelID) (bool, error) {
	var n int
	err := d.queryRow("SELECT count(*) FROM channels WHERE channel_id = ?", []any{id[:]}, &n)
	return n > 0, err
}

// NextChannelID reserves a number for a channel that may be opened. It is never used again, so that
// the keys derived from it are not either.
func (t *Tx) NextChannelID() (uint64, error) { return t.next("channel_number") }

// CreateChannel stores a new channel under the ID that NextChannelID reserved.
func (t *Tx) CreateChannel(c *Channel) error {
	err := t.exec(`INSERT INTO channels (id, peer_id, channel_id, state, opener, private, funding_txid, funding_output,
		funding_sat, pushed_msat, min_depth, setup, channel_type, funding_tx, start_height, alias_local, fee_base_msat, fee_ppm,
		htlc_min_msat, htlc_max_msat, cltv_delta, close_to, funding_psbt, withheld) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`,
		c.ID, c.PeerID[:], c.ChannelID[:], c.State, c.Opener, c.Private, c.FundingTxid[:], c.FundingOutput,
		c.FundingSats, c.Pushed, c.MinDepth, c.Setup, c.ChannelType, c.FundingTx, c.StartHeight, int64(c.AliasLocal), c.Policy.FeeBase,
		c.Policy.FeePPM, c.Policy.HTLCMin, c.Policy.HTLCMax, c.Policy.CLTVDelta, c.CloseTo,
		orNull(c.FundingPSBT), c.Withheld)
	if err != nil {
		return fmt.Errorf("create channel %d: %w", c.ID, err)
	}
	return nil
}

// SaveChannel stores the columns of a channel that can change, except its state.
func (t *Tx) SaveChannel(c *Channel) error {
	err := t.change(`UPDATE channels SET funding_tx = ?, short_channel_id = ?, alias_remote = ?, fee_base_msat = ?,
		fee_ppm = ?, htlc_min_msat = ?, htlc_max_msat = ?, cltv_delta = ?, ignore_fee_limits = ?, lost_state = ?, remote_update = ?,
		close_to = ?, closer = ?, close_cause = ?, close_tx = ?, close_height = ?, last_stable = ?, billboard = ?, future_point = ?,
		own_close = ?, funding_psbt = ?, withheld = ? WHERE id = ?`,
		c.FundingTx, zeroNull(int64(c.ShortChannelID)), zeroNull(int64(c.AliasRemote)), c.Policy.FeeBase,
		c.Policy.FeePPM, c.Policy.HTLCMin, c.Policy.HTLCMax, c.Policy.CLTVDelta, c.IgnoreLimits, c.LostState, c.RemoteUpdate,
		c.CloseTo, orNull(c.Closer), orNull(c.CloseCause), c.CloseTx, zeroNull(int64(c.CloseHeight)), unixOrNull(c.LastStable),
		c.Billboard, pointOrNull(c.FuturePoint), c.OwnClose, orNull(c.FundingPSBT), c.Withheld, c.ID)
	if err != nil {
		return fmt.Errorf("save channel %d: %w", c.ID, err)
	}
	return nil
}

// StateChange is a change of a channel's state, and why.
type StateChange struct {
	At       time.Time
	Old, New ChannelState
	Cause    string // unknown, local, user, remote, protocol, onchain
	Message  string
}

// ChangeState stores a channel's new state and that it changed.
func (t *Tx) ChangeState(channel uint64, s StateChange) error {
	if err := t.change("UPDATE channels SET state = ? WHERE id = ?", s.New, channel); err != nil {
		return fmt.Errorf("change state of channel %d: %w", channel, err)
	}
	if s.New == Closed {
		if err := t.forgetChannelHTLCs(channel); err != nil {
			return err
		}
	}
	return t.exec("INSERT INTO channel_state_changes (channel, at_ms, old_state, new_state, cause, message) VALUES (?,?,?,?,?,?)",
		channel, s.At.UnixMilli(), s.Old, s.New, s.Cause, s.Message)
}

// StateChanges lists the changes of a channel's state, oldest first.
func (d *DB) StateChanges(channel uint64) ([]StateChange, error) {
	var list []StateChange
	err := d.query(`SELECT at_ms, old_state, new_state, cause, message FROM channel_state_changes
		WHERE channel = ? ORDER BY id`, []any{channel}, func(r scanner) error {
		var s StateChange
		var at int64
		err := r.Scan(&at, &s.Old, &s.New, &s.Cause, &s.Message)
		s.At = time.UnixMilli(at)
		list = append(list, s)
		return err
	})
	return list, err
}

// SetPeerAddress stores where a peer was reached.
func (t *Tx) SetPeerAddress(peer keys.PubKey, address string) error {
	return t.exec("INSERT INTO peers (node_id, address) VALUES (?, ?) ON CONFLICT (node_id) DO UPDATE SET address = excluded.address",
		peer[:], address)
}

// PeerAddress returns where a peer was last reached; ErrNotFound where it never was.
func (d *DB) PeerAddress(peer keys.PubKey) (address string, err error) {
	err = d.queryRow("SELECT address FROM peers WHERE node_id = ?", []any{peer[:]}, &address)
	return address, err
}
