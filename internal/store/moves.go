package store

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/keys"
)

// ChainMove is an output that came to an account, or left it.
type ChainMove struct {
	CreatedIndex uint64
	Account      string // wallet, external, or a channel_id
	Origin       string // the account that it came from; "": not told
	PeerID       *keys.PubKey
	Tag          string // primary_tag of coin_movement
	ExtraTags    []string
	Credit       amount.Msat
	Debit        amount.Msat
	At           time.Time
	Outpoint     wire.OutPoint
	Output       amount.Sat // of the outpoint
	SpendingTxid *[32]byte  // internal byte order; nil: it is about the output itself
	OutputCount  uint32     // of the spending transaction; 0: not told
	PaymentHash  *[32]byte
	Height       block.Height
}

// AddChainMove stores one. A second time it is the same, and stays as it is.
func (t *Tx) AddChainMove(m *ChainMove) error {
	spending := []byte{}
	if m.SpendingTxid != nil {
		spending = m.SpendingTxid[:]
	}
	err := t.exec(`INSERT INTO chain_moves (account, origin, peer_id, tag, extra_tags, credit_msat, debit_msat, at, txid, output,
		output_sat, spending_txid, output_count, payment_hash, height) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING`,
		m.Account, orNull(m.Origin), pointOrNull(m.PeerID), m.Tag, strings.Join(m.ExtraTags, ","), m.Credit, m.Debit, m.At.Unix(),
		m.Outpoint.Hash[:], m.Outpoint.Index, m.Output, spending, zeroNull(int64(m.OutputCount)), hashOrNull(m.PaymentHash), m.Height)
	if err != nil {
		return fmt.Errorf("store a movement of %s: %w", m.Outpoint, err)
	}
	return nil
}

func hashOrNull(h *[32]byte) any {
	if h == nil {
		return nil
	}
	return h[:]
}

// RemoveChainMoves takes back what a block had that is no longer in the chain.
func (t *Tx) RemoveChainMoves(height block.Height) error {
	_, err := t.remove(ChainMoves, "DELETE FROM chain_moves WHERE height >= ?", height)
	return err
}

// ChainMoves lists them by their created_index.
func (d *DB) ChainMoves(p Page) ([]ChainMove, error) {
	var list []ChainMove
	err := d.query(`SELECT created_index, account, origin, peer_id, tag, extra_tags, credit_msat, debit_msat, at, txid, output, output_sat,
		spending_txid, output_count, payment_hash, height FROM chain_moves WHERE `+p.where()+p.order(), p.args(), func(r scanner) error {
		var m ChainMove
		var origin *string
		var tags string
		var at int64
		var count *int64
		var peer, txid, spending, hash []byte
		err := r.Scan(&m.CreatedIndex, &m.Account, &origin, &peer, &m.Tag, &tags, &m.Credit, &m.Debit, &at, &txid, &m.Outpoint.Index, &m.Output,
			&spending, &count, &hash, &m.Height)
		if err != nil {
			return err
		}
		m.Origin, m.At = text(origin), time.Unix(at, 0)
		if tags != "" {
			m.ExtraTags = strings.Split(tags, ",")
		}
		if count != nil {
			m.OutputCount = uint32(*count)
		}
		err = fill(m.Outpoint.Hash[:], txid, "txid")
		if peer != nil {
			m.PeerID = new(keys.PubKey)
			err = errors.Join(err, fill(m.PeerID[:], peer, "peer_id"))
		}
		err = errors.Join(err, fillHash(&m.SpendingTxid, spending, "spending_txid"), fillHash(&m.PaymentHash, hash, "payment_hash"))
		list = append(list, m)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list movements in the chain: %w", err)
	}
	return list, nil
}

// fillHash reads a column that may be absent or empty.
func fillHash(to **[32]byte, raw []byte, name string) error {
	if len(raw) == 0 {
		return nil
	}
	*to = new([32]byte)
	return fill((*to)[:], raw, name)
}

// MoveTag says what moved within a channel.
type MoveTag uint8

// The tags, as coin_movement names them.
const (
	MoveInvoice MoveTag = 1 + iota // invoice
	MoveRouted                     // routed
	MovePushed                     // pushed
)

// String is the primary_tag.
func (t MoveTag) String() string {
	return [...]string{MoveInvoice: "invoice", MoveRouted: "routed", MovePushed: "pushed"}[t]
}

// ChannelMove is an amount that moved within a channel.
type ChannelMove struct {
	CreatedIndex  uint64
	Channel       uint64
	Tag           MoveTag
	Credit, Debit amount.Msat
	Fees          amount.Msat
	At            time.Time
	PaymentHash   *[32]byte
	// Part and Group are those of a payment of ours.
	Part, Group *uint64
}

// AddChannelMove stores one.
func (t *Tx) AddChannelMove(m *ChannelMove) error {
	err := t.exec(`INSERT INTO channel_moves (channel, tag, credit_msat, debit_msat, fees_msat, at, payment_hash, partid, groupid)
		VALUES (?,?,?,?,?,?,?,?,?)`, m.Channel, m.Tag, m.Credit, m.Debit, m.Fees, m.At.Unix(), hashOrNull(m.PaymentHash), m.Part, m.Group)
	if err != nil {
		return fmt.Errorf("store a movement of channel %d: %w", m.Channel, err)
	}
	return nil
}

// AddPush stores what the opener of a channel gave the other side, once: the funding transaction may be
// mined again after a reorganisation.
func (t *Tx) AddPush(m *ChannelMove) error {
	err := t.exec(`INSERT INTO channel_moves (channel, tag, credit_msat, debit_msat, fees_msat, at) SELECT ?, ?, ?, ?, 0, ?
		WHERE NOT EXISTS (SELECT 1 FROM channel_moves WHERE channel = ? AND tag = ?)`,
		m.Channel, MovePushed, m.Credit, m.Debit, m.At.Unix(), m.Channel, MovePushed)
	if err != nil {
		return fmt.Errorf("store what was pushed in channel %d: %w", m.Channel, err)
	}
	return nil
}

// ChannelMoves lists them by their created_index.
func (d *DB) ChannelMoves(p Page) ([]ChannelMove, error) {
	var list []ChannelMove
	err := d.query(`SELECT created_index, channel, tag, credit_msat, debit_msat, fees_msat, at, payment_hash, partid, groupid
		FROM channel_moves WHERE `+p.where()+p.order(), p.args(), func(r scanner) error {
		var m ChannelMove
		var at int64
		var hash []byte
		if err := r.Scan(&m.CreatedIndex, &m.Channel, &m.Tag, &m.Credit, &m.Debit, &m.Fees, &at, &hash, &m.Part, &m.Group); err != nil {
			return err
		}
		if m.Tag < MoveInvoice || m.Tag > MovePushed {
			return fmt.Errorf("movement %d has the unknown tag %d", m.CreatedIndex, m.Tag)
		}
		m.At = time.Unix(at, 0)
		err := fillHash(&m.PaymentHash, hash, "payment_hash")
		list = append(list, m)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list movements in channels: %w", err)
	}
	return list, nil
}

// ChannelIDs maps the numbers of all channels that ever were to their channel_id.
func (d *DB) ChannelIDs() (map[uint64][32]byte, error) {
	ids := map[uint64][32]byte{}
	err := d.query("SELECT id, channel_id FROM channels", nil, func(r scanner) error {
		var number uint64
		var raw []byte
		var id [32]byte
		if err := r.Scan(&number, &raw); err != nil {
			return err
		}
		err := fill(id[:], raw, "channel_id")
		ids[number] = id
		return err
	})
	return ids, err
}

// LastMoves is the created_index of the newest movement in the chain, and in channels; 0 where there is none.
func (d *DB) LastMoves() (chain, channel uint64, err error) {
	if err := d.queryRow("SELECT coalesce(max(created_index), 0) FROM chain_moves", nil, &chain); err != nil {
		return 0, 0, err
	}
	err = d.queryRow("SELECT coalesce(max(created_index), 0) FROM channel_moves", nil, &channel)
	return chain, channel, err
}
