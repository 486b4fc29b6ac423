package wallet

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/psbt/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// ErrMalleable means that signatures will change the id of a PSBT's transaction, or that somebody else can.
var ErrMalleable = errors.New("the transaction's id is not certain before it is signed")

// Prevouts are what a PSBT's inputs spend, as far as the wallet or the PSBT knows; nil where neither does.
func (w *Wallet) Prevouts(p *psbt.Packet) []*wire.TxOut {
	list := make([]*wire.TxOut, len(p.Inputs))
	for i, o := range Inputs(p) {
		if c := w.coins[o]; c != nil {
			list[i] = wire.NewTxOut(int64(c.Amount), c.Script)
		} else {
			list[i] = foreignPrevout(&p.Inputs[i], o)
		}
	}
	return list
}

// FinalTxid is the id that a PSBT's transaction will have when it is signed. That is known only if every input
// has its signatures in its witness (BIP 141), so that all inputs must be segwit.
func FinalTxid(p *psbt.Packet, prevouts []*wire.TxOut) (chainhash.Hash, error) {
	signed := p.UnsignedTx.Copy()
	for i, prev := range prevouts {
		if prev == nil {
			return chainhash.Hash{}, fmt.Errorf("input %d: %w: it is not known what it spends", i, ErrMalleable)
		}
		script, ok := scriptSigOf(&p.Inputs[i], prev.PkScript)
		if !ok {
			return chainhash.Hash{}, fmt.Errorf("input %d: %w: it is no segwit input", i, ErrMalleable)
		}
		signed.TxIn[i].SignatureScript = script
	}
	return signed.TxHash(), nil
}

// scriptSigOf is what a segwit input has outside of its witness: nothing, or with P2SH the script that is hashed.
func scriptSigOf(in *psbt.PInput, script []byte) ([]byte, bool) {
	if txscript.IsWitnessProgram(script) {
		return nil, len(in.FinalScriptSig) == 0
	}
	if !txscript.IsPayToScriptHash(script) {
		return nil, false
	}
	redeem := in.RedeemScript
	if in.FinalScriptSig != nil {
		pushed, err := txscript.PushedData(in.FinalScriptSig)
		if err != nil || len(pushed) != 1 {
			return nil, false
		}
		redeem = pushed[0]
	}
	const hashAt, hashEnd = 2, 22 // after OP_HASH160 and the length
	if !txscript.IsWitnessProgram(redeem) || !bytes.Equal(address.Hash160(redeem), script[hashAt:hashEnd]) {
		return nil, false
	}
	push := append([]byte{byte(len(redeem))}, redeem...)
	return push, in.FinalScriptSig == nil || bytes.Equal(in.FinalScriptSig, push)
}
