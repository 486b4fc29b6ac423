package store

import (
	"bytes"
	"errors"
	"fmt"

	"fulmen/internal/block"
	"fulmen/internal/rawtx"
	"fulmen/internal/wallet"
)

// WalletAddresses implements wallet.Storage.
func (d *DB) WalletAddresses() ([]wallet.Address, error) {
	var list []wallet.Address
	err := d.query("SELECT kind, is_change, key_index, script, issued FROM wallet_addresses", nil, func(r scanner) error {
		var a wallet.Address
		err := r.Scan(&a.Kind, &a.Change, &a.Index, &a.Script, &a.Issued)
		list = append(list, a)
		return err
	})
	return list, err
}

const coinColumns = `txid, output, kind, is_change, key_index, script, amount_sat, height, is_coinbase, spent_by, spent_height, reserved_to`

func (d *DB) coins(where string, args ...any) ([]wallet.Coin, error) {
	var list []wallet.Coin
	err := d.query("SELECT "+coinColumns+" FROM wallet_coins WHERE "+where, args, func(r scanner) error {
		var c wallet.Coin
		var txid, spentBy []byte
		err := r.Scan(&txid, &c.Outpoint.Index, &c.Kind, &c.Change, &c.Index, &c.Script, &c.Amount, &c.Height, &c.Coinbase,
			&spentBy, &c.SpentHeight, &c.ReservedTo)
		if err != nil {
			return err
		}
		if spentBy != nil {
			err = fill(c.SpentBy[:], spentBy, "spent_by")
		}
		if err := errors.Join(err, fill(c.Outpoint.Hash[:], txid, "txid")); err != nil {
			return fmt.Errorf("coin %x:%d: %w", txid, c.Outpoint.Index, err)
		}
		list = append(list, c)
		return nil
	})
	return list, err
}

// WalletCoins implements wallet.Storage.
func (d *DB) WalletCoins(since block.Height) ([]wallet.Coin, error) {
	live, err := d.coins("spent_by IS NULL OR spent_height = 0")
	if err != nil {
		return nil, err
	}
	spent, err := d.coins("spent_height > 0 AND spent_height >= ?", since)
	return append(live, spent...), err
}

// SpentCoins lists the coins whose spend was mined, newest spend first.
func (d *DB) SpentCoins() ([]wallet.Coin, error) {
	return d.coins("spent_height > 0 ORDER BY spent_height DESC")
}

func (d *DB) txs(where string, args ...any) ([]wallet.Tx, error) {
	var list []wallet.Tx
	err := d.query("SELECT txid, raw, height, tx_index FROM wallet_txs WHERE "+where, args, func(r scanner) error {
		var t wallet.Tx
		var txid, raw []byte
		err := r.Scan(&txid, &raw, &t.Height, &t.Index)
		if err != nil {
			return err
		}
		t.Tx, err = rawtx.Tx(raw)
		if err := errors.Join(fill(t.Txid[:], txid, "txid"), err); err != nil {
			return fmt.Errorf("transaction %x: %w", txid, err)
		}
		list = append(list, t)
		return nil
	})
	return list, err
}

// WalletTxs implements wallet.Storage.
func (d *DB) WalletTxs(since block.Height) ([]wallet.Tx, error) {
	return d.txs("height = 0 OR height >= ?", since)
}

// AllWalletTxs lists every transaction of the wallet, oldest first.
func (d *DB) AllWalletTxs() ([]wallet.Tx, error) { return d.txs("1 ORDER BY id") }

// StoreWallet stores what one step of the wallet changed.
func (t *Tx) StoreWallet(c *wallet.Changes) error {
	var errs []error
	for _, o := range c.DeletedCoins {
		errs = append(errs, t.exec("DELETE FROM wallet_coins WHERE txid = ? AND output = ?", o.Hash[:], o.Index))
	}
	for _, txid := range c.DeletedTxs {
		errs = append(errs, t.exec("DELETE FROM wallet_txs WHERE txid = ?", txid[:]))
	}
	for _, a := range c.Addresses {
		errs = append(errs, t.exec(`INSERT INTO wallet_addresses (kind, is_change, key_index, script, issued) VALUES (?,?,?,?,?)
			ON CONFLICT DO UPDATE SET issued = excluded.issued`, a.Kind, a.Change, a.Index, a.Script, a.Issued))
	}
	for i := range c.Coins {
		errs = append(errs, t.storeCoin(&c.Coins[i]))
	}
	for i := range c.Txs {
		errs = append(errs, t.storeTx(&c.Txs[i]))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("store the wallet: %w", err)
	}
	return nil
}

func (t *Tx) storeCoin(c *wallet.Coin) error {
	var spentBy any
	if c.SpentBy != ([32]byte{}) {
		spentBy = c.SpentBy[:]
	}
	return t.exec("INSERT INTO wallet_coins ("+coinColumns+`) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)
		ON CONFLICT DO UPDATE SET height = excluded.height, spent_by = excluded.spent_by, spent_height = excluded.spent_height,
		reserved_to = excluded.reserved_to`, c.Outpoint.Hash[:], c.Outpoint.Index, c.Kind, c.Change, c.Index, c.Script,
		c.Amount, c.Height, c.Coinbase, spentBy, c.SpentHeight, c.ReservedTo)
}

func (t *Tx) storeTx(x *wallet.Tx) error {
	var raw bytes.Buffer
	if err := x.Tx.Serialize(&raw); err != nil {
		return err
	}
	return t.exec(`INSERT INTO wallet_txs (txid, raw, height, tx_index) VALUES (?,?,?,?)
		ON CONFLICT (txid) DO UPDATE SET height = excluded.height, tx_index = excluded.tx_index`, x.Txid[:], raw.Bytes(), x.Height, x.Index)
}
