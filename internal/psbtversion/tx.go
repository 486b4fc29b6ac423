package psbtversion

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/btcsuite/btcd/wire/v2"
)

// readTx reads an unsigned transaction, in the format without witnesses. What it takes grows with what is there: wire
// would make room for as many inputs as are claimed.
func readTx(raw []byte) (*wire.MsgTx, error) {
	r := bytes.NewReader(raw)
	tx := new(wire.MsgTx)
	err := readFixed(r, &tx.Version)
	if err == nil {
		err = readEach(r, "input", func() error {
			in := new(wire.TxIn)
			if err := readFixed(r, &in.PreviousOutPoint.Hash, &in.PreviousOutPoint.Index); err != nil {
				return err
			}
			script, err := readBytes(r)
			switch {
			case err != nil:
				return err
			case len(script) > 0:
				return fmt.Errorf("has a signature script of %d bytes", len(script))
			}
			tx.TxIn = append(tx.TxIn, in)
			return readFixed(r, &in.Sequence)
		})
	}
	if err == nil {
		err = readEach(r, "output", func() error {
			out := new(wire.TxOut)
			if err := readFixed(r, &out.Value); err != nil {
				return err
			}
			var err error
			out.PkScript, err = readBytes(r)
			tx.TxOut = append(tx.TxOut, out)
			return err
		})
	}
	if err == nil {
		err = readFixed(r, &tx.LockTime)
	}
	if err == nil && r.Len() > 0 {
		err = fmt.Errorf("%d bytes are left over", r.Len())
	}
	if err != nil {
		return nil, fmt.Errorf("unsigned transaction: %w", err)
	}
	return tx, nil
}

// readEach reads a count, and so often what read does.
func readEach(r *bytes.Reader, what string, read func() error) error {
	count, err := wire.ReadVarInt(r, 0)
	for i := uint64(0); err == nil && i < count; i++ {
		if err = read(); err != nil {
			err = fmt.Errorf("%s %d: %w", what, i, err)
		}
	}
	return err
}

// readFixed reads values of a fixed size, little endian.
func readFixed(r io.Reader, values ...any) error {
	for _, v := range values {
		if err := binary.Read(r, binary.LittleEndian, v); err != nil {
			return err
		}
	}
	return nil
}
