package main

import (
	"bytes"
	"fmt"

	btcwire "github.com/btcsuite/btcd/wire/v2"
	"github.com/vmihailenco/msgpack/v5"

	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/rawtx"
)

// encodeTx serializes a transaction with its witnesses.
func encodeTx(tx *btcwire.MsgTx) ([]byte, error) {
	var b bytes.Buffer
	if err := tx.Serialize(&b); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// decodeTx reads a serialized transaction, all of the bytes.
func decodeTx(raw []byte) (*btcwire.MsgTx, error) {
	tx, err := rawtx.Tx(raw)
	if err != nil {
		return nil, fmt.Errorf("decode transaction: %w", err)
	}
	return tx, nil
}

// encodeChannelSetup is how the database keeps what hsmd must know of a channel.
func encodeChannelSetup(s *hsmdmsg.ChannelSetup) ([]byte, error) { return msgpack.Marshal(s) }

func decodeChannelSetup(raw []byte) (*hsmdmsg.ChannelSetup, error) {
	s := new(hsmdmsg.ChannelSetup)
	if err := msgpack.Unmarshal(raw, s); err != nil {
		return nil, fmt.Errorf("decode the channel's setup in the database: %w", err)
	}
	return s, nil
}
