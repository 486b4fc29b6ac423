package store

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/rawtx"
)

// OnchainTx is a transaction in a block that spends an output of a closed channel.
type OnchainTx struct {
	Tx     *wire.MsgTx
	Height block.Height
	Index  uint32 // in the block
}

// AddOnchainTx stores one. A second time it is the same.
func (t *Tx) AddOnchainTx(channel uint64, x *OnchainTx) error {
	var raw bytes.Buffer
	if err := x.Tx.Serialize(&raw); err != nil {
		return err
	}
	txid := x.Tx.TxHash()
	err := t.exec(`INSERT INTO onchain_txs (channel, txid, raw, height, tx_index) VALUES (?,?,?,?,?)
		ON CONFLICT DO UPDATE SET height = excluded.height, tx_index = excluded.tx_index`, channel, txid[:], raw.Bytes(), x.Height, x.Index)
	if err != nil {
		return fmt.Errorf("store transaction %s of channel %d: %w", txid, channel, err)
	}
	return nil
}

// RemoveOnchainTxs takes back what a block had that is no longer in the chain.
func (t *Tx) RemoveOnchainTxs(height block.Height) error {
	return errors.Join(t.exec("DELETE FROM onchain_txs WHERE height >= ?", height),
		t.exec("DELETE FROM onchain_left WHERE height >= ?", height))
}

// OnchainTxs lists those of a channel in the order of the chain.
func (d *DB) OnchainTxs(channel uint64) ([]OnchainTx, error) {
	var list []OnchainTx
	err := d.query("SELECT raw, height, tx_index FROM onchain_txs WHERE channel = ? ORDER BY height, tx_index", []any{channel}, func(r scanner) error {
		var x OnchainTx
		var raw []byte
		err := r.Scan(&raw, &x.Height, &x.Index)
		if err == nil {
			x.Tx, err = rawtx.Tx(raw)
		}
		list = append(list, x)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("load transactions of channel %d: %w", channel, err)
	}
	return list, nil
}

// SentTx is a transaction of ours that waits to be mined.
type SentTx struct {
	Channel uint64
	Tx      *wire.MsgTx
	Fee     amount.Sat
	Rate    amount.FeeratePerKw
}

// AddSent stores one before it is sent.
func (t *Tx) AddSent(s *SentTx) error {
	var raw bytes.Buffer
	if err := s.Tx.Serialize(&raw); err != nil {
		return err
	}
	txid := s.Tx.TxHash()
	return t.exec(`INSERT INTO onchain_sent (txid, channel, raw, fee_sat, feerate_perkw) VALUES (?,?,?,?,?)
		ON CONFLICT DO NOTHING`, txid[:], s.Channel, raw.Bytes(), s.Fee, s.Rate)
}

// RemoveSent forgets one that was replaced, or that can no longer be mined.
func (t *Tx) RemoveSent(txid chainhash.Hash) error {
	return t.exec("DELETE FROM onchain_sent WHERE txid = ?", txid[:])
}

// SentTxs lists those of all channels.
func (d *DB) SentTxs() ([]SentTx, error) {
	var list []SentTx
	err := d.query("SELECT channel, raw, fee_sat, feerate_perkw FROM onchain_sent ORDER BY channel, txid", nil, func(r scanner) error {
		var s SentTx
		var raw []byte
		err := r.Scan(&s.Channel, &raw, &s.Fee, &s.Rate)
		if err == nil {
			s.Tx, err = rawtx.Tx(raw)
		}
		list = append(list, s)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("load transactions that wait to be mined: %w", err)
	}
	return list, nil
}

// LeftOutput is an output that is left for good.
type LeftOutput struct {
	Outpoint wire.OutPoint
	Height   block.Height // when that was decided
	Reason   string
}

// LeaveOutput stores that an output of a channel is left.
func (t *Tx) LeaveOutput(channel uint64, l *LeftOutput) error {
	return t.exec("INSERT INTO onchain_left (channel, txid, output, height, reason) VALUES (?,?,?,?,?) ON CONFLICT DO NOTHING",
		channel, l.Outpoint.Hash[:], l.Outpoint.Index, l.Height, l.Reason)
}

// LeftOutputs lists those of a channel in the order of the decisions.
func (d *DB) LeftOutputs(channel uint64) ([]LeftOutput, error) {
	var list []LeftOutput
	err := d.query("SELECT txid, output, height, reason FROM onchain_left WHERE channel = ? ORDER BY height, txid, output", []any{channel}, func(r scanner) error {
		var l LeftOutput
		var txid []byte
		if err := r.Scan(&txid, &l.Outpoint.Index, &l.Height, &l.Reason); err != nil {
			return err
		}
		if err := fill(l.Outpoint.Hash[:], txid, "txid"); err != nil {
			return err
		}
		list = append(list, l)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("load outputs that are left of channel %d: %w", channel, err)
	}
	return list, nil
}

// ForgetOnchain removes what was kept of a channel's end, when it is resolved.
func (t *Tx) ForgetOnchain(channel uint64) error {
	return errors.Join(t.exec("DELETE FROM onchain_txs WHERE channel = ?", channel),
		t.exec("DELETE FROM onchain_sent WHERE channel = ?", channel),
		t.exec("DELETE FROM onchain_left WHERE channel = ?", channel))
}
