package psbtversion

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/psbt/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// The examples of the published command setpsbtversion.
const (
	exampleV2  = "cHNidP8BAgQCAAAAAQMEbwAAAAEEAQABBQEBAQYBAwH7BAIAAAAAAQMIQEIPAAAAAAABBCJRIFlD3NJhT3wWNjZjaiYxxZ59+xdgBDNX3xaKmXSHaUI2AA=="
	exampleV0  = "cHNidP8BADUCAAAAAAFAQg8AAAAAACJRIFlD3NJhT3wWNjZjaiYxxZ59+xdgBDNX3xaKmXSHaUI2bwAAAAAA"
	exampleTwo = "cHNidP8BAgQCAAAAAQMEbwAAAAEEAQABBQECAQYBAwH7BAIAAAAAAQMIQEIPAAAAAAABBCJRIFlD3NJhT3wWNjZjaiYxxZ59+xdgBDNX3xaKmXSHaUI2AAEDCNXcMgAAAAAAAQQiUSD0Gkq/jUZyoweE8/KljiWIKl0+8Yw1A8lPHgAupcpOCAA="
)

func raw(t testing.TB, text string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestPublishedExamples(t *testing.T) {
	got, err := Convert(raw(t, exampleV2), V0)
	if err != nil || !bytes.Equal(got, raw(t, exampleV0)) {
		t.Errorf("%x, %v", got, err)
	}
	got, err = Convert(raw(t, exampleTwo), V2)
	if err != nil || !bytes.Equal(got, raw(t, exampleTwo)) {
		t.Errorf("%x, %v", got, err)
	}
}

// someV0 is a PSBT of version 0 with two inputs, one output and fields that stay as they are.
func someV0(t testing.TB) []byte {
	t.Helper()
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(&wire.TxIn{PreviousOutPoint: wire.OutPoint{Hash: [32]byte{1}, Index: 7}, Sequence: 5})
	tx.AddTxIn(&wire.TxIn{PreviousOutPoint: wire.OutPoint{Hash: [32]byte{2}}, Sequence: wire.MaxTxInSequenceNum})
	tx.AddTxOut(wire.NewTxOut(1000, []byte{0x51}))
	tx.LockTime = 111
	p, err := psbt.NewFromUnsignedTx(tx)
	if err != nil {
		t.Fatal(err)
	}
	p.Inputs[1].WitnessUtxo = wire.NewTxOut(2000, []byte{0, 20, 20: 1, 21: 1})
	p.Unknowns = []*psbt.Unknown{{Key: []byte{0xfc, 1, 2}, Value: []byte("kept")}}
	var b bytes.Buffer
	if err := p.Serialize(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestThereAndBack(t *testing.T) {
	v0 := someV0(t)
	v2, err := Convert(v0, V2)
	if err != nil {
		t.Fatal(err)
	}
	p, err := decode(v2)
	if err != nil || p.version != V2 || len(p.inputs) != 2 || len(p.outputs) != 1 || p.global.get(globalTxModifiable) != nil {
		t.Fatalf("%+v, %v", p, err)
	}
	if p.inputs[0].get(inSequence) == nil || p.inputs[1].get(inSequence) != nil || p.inputs[1].get(0x01) == nil {
		t.Errorf("inputs %+v", p.inputs)
	}
	back, err := Convert(v2, V0)
	if err != nil || !bytes.Equal(back, v0) {
		t.Errorf("%x, %v, want %x", back, err, v0)
	}
}

// TestLockTime holds which lock time becomes the transaction's to BIP 370.
func TestLockTime(t *testing.T) {
	const time = lockTimeThreshold + 5
	type asks struct{ time, height uint32 }
	for name, c := range map[string]struct {
		inputs [2]asks
		want   uint32
		bad    bool
	}{
		"nobody asks":            {want: 111},
		"a height":               {inputs: [2]asks{{height: 9}, {}}, want: 9},
		"the greater height":     {inputs: [2]asks{{height: 9}, {height: 8}}, want: 9},
		"a time":                 {inputs: [2]asks{{}, {time: time}}, want: time},
		"both kinds: a height":   {inputs: [2]asks{{time, 9}, {time + 1, 10}}, want: 10},
		"one takes a time alone": {inputs: [2]asks{{time: time, height: 9}, {time: time + 1}}, want: time + 1},
		"they cannot agree":      {inputs: [2]asks{{height: 9}, {time: time}}, bad: true},
		"a height as a time":     {inputs: [2]asks{{time: 9}, {}}, bad: true},
		"a time as a height":     {inputs: [2]asks{{height: time}, {}}, bad: true},
	} {
		v2, err := Convert(someV0(t), V2)
		if err != nil {
			t.Fatal(err)
		}
		p, err := decode(v2)
		if err != nil {
			t.Fatal(err)
		}
		for i, a := range c.inputs {
			if a.time != 0 {
				p.inputs[i].setUint32(inRequiredTimeLocktime, a.time)
			}
			if a.height != 0 {
				p.inputs[i].setUint32(inRequiredHeight, a.height)
			}
		}
		v0, err := Convert(p.encode(), V0)
		if c.bad {
			if err == nil {
				t.Errorf("%s: taken", name)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		parsed, err := psbt.NewFromRawBytes(bytes.NewReader(v0), false)
		if err != nil || parsed.UnsignedTx.LockTime != c.want {
			t.Errorf("%s: %v, want %d", name, err, c.want)
		}
	}
}

func TestRefused(t *testing.T) {
	v2 := func(change func(*packet)) []byte {
		p, err := decode(raw(t, exampleV2))
		if err != nil {
			t.Fatal(err)
		}
		change(p)
		return p.encode()
	}
	for want, b := range map[string][]byte{
		"does not begin":            []byte("psbt"),
		"global map: key":           magic,
		"unsigned transaction":      append(bytes.Clone(magic), 0),
		"left over behind the last": append(raw(t, exampleV0), 0),
		"claims 255 bytes":          append(bytes.Clone(magic), 1, 0, 0xfd, 0xff, 0),
		"version 1, only":           v2(func(p *packet) { p.global.setUint32(globalVersion, 1) }),
		"version: has 1 bytes":      v2(func(p *packet) { p.global.set(globalVersion, []byte{2}) }),
		"which its version has not": v2(func(p *packet) { p.global.set(globalUnsignedTx, nil) }),
		"input_count":               v2(func(p *packet) { p.global.remove(globalInputCount) }),
		"input 0: key": v2(func(p *packet) {
			p.global.set(globalInputCount, binary.LittleEndian.AppendUint64([]byte{0xff}, 1<<60))
			p.outputs = nil
		}),
		"output 0: amount of 0 bytes":     v2(func(p *packet) { p.outputs[0].remove(outAmount) }),
		"tx_version":                      v2(func(p *packet) { p.global.remove(globalTxVersion) }),
		"has the key 04 twice":            v2(func(p *packet) { p.outputs[0] = append(p.outputs[0], p.outputs[0][1]) }),
		"fallback_locktime: has 0 bytes":  v2(func(p *packet) { p.global.set(globalFallbackLocktime, []byte{}) }),
		"previous_txid of 0 bytes":        v2(func(p *packet) { p.global.set(globalInputCount, []byte{1}); p.inputs = []fields{nil} }),
		"PSBT of 33554433 bytes, at most": make([]byte, maxSize+1),
	} {
		if _, err := Convert(b, V0); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
	if _, err := Convert(raw(t, exampleV0), 1); err == nil {
		t.Error("version 1 is made")
	}
}

// FuzzConvert: what is taken can be brought to the other version and back, and means the same transaction.
func FuzzConvert(f *testing.F) {
	for _, seed := range []string{exampleV0, exampleV2, exampleTwo} {
		f.Add(raw(f, seed))
	}
	f.Add(someV0(f))
	f.Fuzz(func(t *testing.T, b []byte) {
		v2, err := Convert(b, V2)
		if err != nil {
			return
		}
		v0, err := Convert(v2, V0)
		if err != nil {
			t.Fatalf("back: %v", err)
		}
		again, err := Convert(v0, V2)
		if err != nil {
			t.Fatalf("again: %v", err)
		}
		p, err := decode(v2)
		if err != nil {
			t.Fatal(err)
		}
		q, err := decode(again)
		if err != nil {
			t.Fatal(err)
		}
		a, errA := p.transaction()
		c, errC := q.transaction()
		if errA != nil || errC != nil || a.TxHash() != c.TxHash() {
			t.Fatalf("%v, %v: another transaction", errA, errC)
		}
	})
}
