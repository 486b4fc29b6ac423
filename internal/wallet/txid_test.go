package wallet

import (
	"errors"
	"testing"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/psbt/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// TestFinalTxid: the id is known before the signatures are, or the PSBT is refused.
func TestFinalTxid(t *testing.T) {
	w := newTestWallet(t)
	w.fund(P2WPKH, 1000)
	ours := w.Coins()[0]
	program := append([]byte{0x00, 0x14}, make([]byte, 20)...)
	p2sh := append(append([]byte{0xa9, 0x14}, address.Hash160(program)...), 0x87)
	p2pkh := append(append([]byte{0x76, 0xa9, 0x14}, make([]byte, 20)...), 0x88, 0xac)
	foreign := wire.OutPoint{Index: 5}
	parent := wire.NewMsgTx(2)
	parent.AddTxOut(wire.NewTxOut(5000, program))

	// make is a PSBT with our coin and another input.
	make := func(o wire.OutPoint, set func(*psbt.PInput)) *psbt.Packet {
		p, err := psbt.New([]*wire.OutPoint{&ours.Outpoint, &o}, []*wire.TxOut{wire.NewTxOut(900, program)}, 2, 0, []uint32{0, 0})
		if err != nil {
			t.Fatal(err)
		}
		set(&p.Inputs[1])
		return p
	}
	spends := func(script []byte) func(*psbt.PInput) {
		return func(in *psbt.PInput) { in.WitnessUtxo = wire.NewTxOut(5000, script) }
	}
	for name, c := range map[string]struct {
		p         *psbt.Packet
		scriptSig []byte // of the other input, in the end
		want      error
	}{
		"native":     {make(foreign, spends(program)), nil, nil},
		"its parent": {make(wire.OutPoint{Hash: parent.TxHash()}, func(in *psbt.PInput) { in.NonWitnessUtxo = parent }), nil, nil},
		"unknown":    {make(foreign, func(*psbt.PInput) {}), nil, ErrMalleable},
		"p2pkh":      {make(foreign, spends(p2pkh)), nil, ErrMalleable},
		"p2sh":       {make(foreign, spends(p2sh)), nil, ErrMalleable},
		"p2sh of a program": {make(foreign, func(in *psbt.PInput) {
			spends(p2sh)(in)
			in.RedeemScript = program
		}), append([]byte{22}, program...), nil},
		"p2sh of another program": {make(foreign, func(in *psbt.PInput) {
			spends(p2sh)(in)
			in.RedeemScript = append([]byte{0x51, 0x14}, program[2:]...)
		}), nil, ErrMalleable},
		"p2sh, signed": {make(foreign, func(in *psbt.PInput) {
			spends(p2sh)(in)
			in.FinalScriptSig = append([]byte{22}, program...)
		}), append([]byte{22}, program...), nil},
		"p2sh, signed otherwise": {make(foreign, func(in *psbt.PInput) {
			spends(p2sh)(in)
			in.FinalScriptSig = append([]byte{0x4c, 22}, program...)
		}), nil, ErrMalleable},
		"native with a script": {make(foreign, func(in *psbt.PInput) {
			spends(program)(in)
			in.FinalScriptSig = []byte{0}
		}), nil, ErrMalleable},
	} {
		got, err := FinalTxid(c.p, w.Prevouts(c.p))
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		final := c.p.UnsignedTx.Copy()
		final.TxIn[1].SignatureScript = c.scriptSig
		if err == nil && got != final.TxHash() {
			t.Errorf("%s: %s, want %s", name, got, final.TxHash())
		}
	}
}
