// Package rawtx reads transactions and blocks in Bitcoin's encoding, as others have made them.
//
// The types, and the writing, are package wire's. Its reader is not used, as it reads into a buffer of 4 MB, which it
// keeps for ever after, and allocates what a count claims; this one allocates by the bytes that are there.
package rawtx

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// The fewest bytes that each can have.
const (
	sizeOfInput  = 36 + 1 + 4
	sizeOfOutput = 8 + 1
	sizeOfTx     = 4 + 1 + 1 + 4
)

// Tx reads a transaction, with its witnesses if it has any. It takes all of raw, and keeps none of it.
func Tx(raw []byte) (*wire.MsgTx, error) {
	return whole(raw, func(r *reader) *wire.MsgTx { return r.tx(true) })
}

// Unsigned reads a transaction in the encoding that has no witnesses. It takes all of raw, and keeps none of it.
func Unsigned(raw []byte) (*wire.MsgTx, error) {
	return whole(raw, func(r *reader) *wire.MsgTx { return r.tx(false) })
}

// Block reads a block. It takes all of raw, and keeps none of it.
func Block(raw []byte) (*wire.MsgBlock, error) {
	return whole(raw, (*reader).block)
}

func whole[T any](raw []byte, read func(*reader) *T) (*T, error) {
	r := &reader{in: raw}
	v := read(r)
	if r.err == nil && len(r.in) > 0 {
		r.err = fmt.Errorf("%d bytes after its end", len(r.in))
	}
	if r.err != nil {
		return nil, r.err
	}
	return v, nil
}

func (r *reader) block() *wire.MsgBlock {
	var b wire.MsgBlock
	h := &b.Header
	h.Version = int32(r.uint32())
	r.hash(&h.PrevBlock)
	r.hash(&h.MerkleRoot)
	h.Timestamp = unix(r.uint32())
	h.Bits = r.uint32()
	h.Nonce = r.uint32()
	n := r.count("transactions", sizeOfTx)
	b.Transactions = make([]*wire.MsgTx, n)
	for i := range b.Transactions {
		if b.Transactions[i] = r.tx(true); r.err != nil {
			r.err = fmt.Errorf("transaction %d: %w", i, r.err)
			break
		}
	}
	return &b
}

// tx reads one transaction. With witness, no input means that a flag follows (BIP 144).
func (r *reader) tx(witness bool) *wire.MsgTx {
	t := &wire.MsgTx{Version: int32(r.uint32())}
	n := r.count("inputs", sizeOfInput)
	witness = witness && n == 0
	if witness {
		if flag := r.take(1); r.err == nil && flag[0] != byte(wire.WitnessFlag) {
			r.err = fmt.Errorf("flag %#02x is not the one of witnesses", flag[0])
		}
		n = r.count("inputs", sizeOfInput)
	}
	r.inputs(t, n)
	r.outputs(t, r.count("outputs", sizeOfOutput))
	if witness {
		r.witnesses(t)
	}
	t.LockTime = r.uint32()
	if r.err == nil {
		own(t)
	}
	return t
}

func (r *reader) inputs(t *wire.MsgTx, n int) {
	all := make([]wire.TxIn, n)
	t.TxIn = make([]*wire.TxIn, n)
	for i := range all {
		in := &all[i]
		t.TxIn[i] = in
		r.hash(&in.PreviousOutPoint.Hash)
		in.PreviousOutPoint.Index = r.uint32()
		in.SignatureScript = r.bytes()
		in.Sequence = r.uint32()
	}
}

func (r *reader) outputs(t *wire.MsgTx, n int) {
	all := make([]wire.TxOut, n)
	t.TxOut = make([]*wire.TxOut, n)
	for i := range all {
		out := &all[i]
		t.TxOut[i] = out
		if amount := r.take(8); r.err == nil {
			out.Value = int64(binary.LittleEndian.Uint64(amount))
		}
		out.PkScript = r.bytes()
	}
}

var errNoWitness = errors.New("the flag says that there are witnesses, and all are empty")

func (r *reader) witnesses(t *wire.MsgTx) {
	any := false
	for _, in := range t.TxIn {
		in.Witness = make(wire.TxWitness, r.count("witness items", 1))
		for i := range in.Witness {
			in.Witness[i] = r.bytes()
		}
		any = any || len(in.Witness) > 0
	}
	if r.err == nil && !any {
		r.err = errNoWitness
	}
}

// own copies all scripts into one piece of memory, so that a transaction does not keep its block.
func own(t *wire.MsgTx) {
	n := 0
	scripts(t, func(s *[]byte) { n += len(*s) })
	copies := make([]byte, 0, n)
	scripts(t, func(s *[]byte) {
		at := len(copies)
		copies = append(copies, *s...)
		*s = copies[at:len(copies):len(copies)]
	})
}

func scripts(t *wire.MsgTx, do func(*[]byte)) {
	for _, in := range t.TxIn {
		do(&in.SignatureScript)
		for i := range in.Witness {
			do(&in.Witness[i])
		}
	}
	for _, out := range t.TxOut {
		do(&out.PkScript)
	}
}

func (r *reader) hash(h *chainhash.Hash) { copy(h[:], r.take(len(h))) }
