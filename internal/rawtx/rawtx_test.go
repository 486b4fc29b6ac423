package rawtx

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// sample is a transaction with two inputs and two outputs; the first input has a witness if it is to.
func sample(witness bool) *wire.MsgTx {
	t := wire.NewMsgTx(2)
	t.AddTxIn(&wire.TxIn{PreviousOutPoint: wire.OutPoint{Hash: chainhash.Hash{1}, Index: 7}, Sequence: 5, SignatureScript: []byte{}})
	t.AddTxIn(&wire.TxIn{PreviousOutPoint: wire.OutPoint{Index: 1 << 31}, SignatureScript: []byte{1, 2, 3}})
	if witness {
		t.TxIn[0].Witness = wire.TxWitness{{}, bytes.Repeat([]byte{9}, 300)}
	}
	t.AddTxOut(wire.NewTxOut(1<<40, []byte{0, 20}))
	t.AddTxOut(wire.NewTxOut(0, []byte{}))
	t.LockTime = 800_000
	return t
}

func serialized(t testing.TB, v interface{ Serialize(io.Writer) error }) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := v.Serialize(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestReadsWhatWireWrites(t *testing.T) {
	for name, tx := range map[string]*wire.MsgTx{
		"with witnesses": sample(true), "without": sample(false), "coinbase": chaincfg.MainNetParams.GenesisBlock.Transactions[0],
	} {
		raw := serialized(t, tx)
		got, err := Tx(raw)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i := range raw {
			raw[i] = 0xee // nothing of it is kept
		}
		if again := serialized(t, got); !bytes.Equal(again, serialized(t, tx)) {
			t.Errorf("%s: read as %x", name, again)
		}
	}
	block := &wire.MsgBlock{Header: chaincfg.MainNetParams.GenesisBlock.Header, Transactions: []*wire.MsgTx{sample(false), sample(true)}}
	got, err := Block(serialized(t, block))
	if err != nil {
		t.Fatal(err)
	}
	if got.BlockHash() != *chaincfg.MainNetParams.GenesisHash || got.Transactions[1].WitnessHash() != sample(true).WitnessHash() {
		t.Errorf("read %+v", got)
	}
}

func TestUnsigned(t *testing.T) {
	if _, err := Unsigned(serialized(t, sample(false))); err != nil {
		t.Error(err)
	}
	if _, err := Unsigned(serialized(t, sample(true))); err == nil {
		t.Error("witnesses where there are none")
	}
}

func TestRefuses(t *testing.T) {
	raw := serialized(t, sample(true))
	cut := bytes.Clone(raw[:len(raw)-1])
	flag := bytes.Clone(raw)
	flag[5] = 2
	without := serialized(t, sample(false))
	locktime := len(without) - 4
	// The flag, and an empty stack for each input.
	stripped := slices.Concat(without[:4], []byte{0, 1}, without[4:locktime], []byte{0, 0}, without[locktime:])
	for name, test := range map[string]struct {
		raw  []byte
		want string
	}{
		"cut off":             {cut, "unexpected EOF"},
		"more after it":       {append(bytes.Clone(raw), 1, 2), "2 bytes after its end"},
		"other flag":          {flag, "flag 0x02"},
		"no witness":          {stripped, errNoWitness.Error()},
		"many inputs claimed": {[]byte{2, 0, 0, 0, 0xfe, 0, 0, 1, 0}, "65536 inputs claimed in 0 bytes"},
		"long count":          {[]byte{2, 0, 0, 0, 0xfd, 1, 0}, "count 1 is not encoded"},
		"longer count":        {[]byte{2, 0, 0, 0, 0xfe, 0xff, 0xff, 0, 0}, "count 65535 is not encoded"},
		"longest count":       {[]byte{2, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}, "count 4294967295 is not encoded"},
		"nothing":             {nil, "unexpected EOF"},
	} {
		if _, err := Tx(test.raw); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	if _, err := Block(append(make([]byte, 80), 1, 2)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("block of half a transaction: %v", err)
	}
}

// What package wire reads, Tx, Unsigned and Block read, and they read the same.
func FuzzAgainstWire(f *testing.F) {
	f.Add(serialized(f, sample(true)))
	f.Add(serialized(f, sample(false)))
	f.Add(serialized(f, chaincfg.MainNetParams.GenesisBlock))
	f.Add(serialized(f, &wire.MsgBlock{Transactions: []*wire.MsgTx{sample(true), sample(false)}}))
	f.Add([]byte{2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, raw []byte) {
		tx := new(wire.MsgTx)
		got, err := Tx(raw)
		compare(t, raw, got, err, tx, tx.Deserialize)
		tx = new(wire.MsgTx)
		got, err = Unsigned(raw)
		compare(t, raw, got, err, tx, tx.DeserializeNoWitness)
		block := new(wire.MsgBlock)
		gotBlock, err := Block(raw)
		compare(t, raw, gotBlock, err, block, block.Deserialize)
	})
}

func compare[T any](t *testing.T, raw []byte, got *T, err error, want *T, read func(io.Reader) error) {
	t.Helper()
	in := bytes.NewReader(raw)
	wireErr := read(in)
	if wireErr == nil && in.Len() > 0 {
		wireErr = errors.New("more follows")
	}
	if (err == nil) != (wireErr == nil) {
		t.Fatalf("%T of %x: %v, but package wire: %v", want, raw, err, wireErr)
	}
	if err == nil && !reflect.DeepEqual(got, want) {
		t.Fatalf("%T of %x:\n%+v\npackage wire has\n%+v", want, raw, got, want)
	}
}
