package wallet

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/btcsuite/btcd/psbt/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/keys"
	"fulmen/internal/psbtversion"
)

// The ways in which a PSBT is refused.
var (
	ErrPSBT        = errors.New("invalid psbt")
	ErrNotReserved = errors.New("input is not reserved")
	ErrNothing     = errors.New("no input of this wallet to sign")
)

// maxPSBT bounds the text of a PSBT: the heaviest transaction with what its inputs spend.
const maxPSBT = 16 << 20

// ParsePSBT reads base64. One of version 2 is read as what it is in version 0.
func ParsePSBT(text string) (*psbt.Packet, error) {
	if len(text) > maxPSBT {
		return nil, fmt.Errorf("%w: %d characters, at most %d", ErrPSBT, len(text), maxPSBT)
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPSBT, err)
	}
	if version, err := psbtversion.Of(raw); err == nil && version != psbtversion.V0 {
		if raw, err = psbtversion.Convert(raw, psbtversion.V0); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrPSBT, err)
		}
	}
	p, err := psbt.NewFromRawBytes(bytes.NewReader(raw), false)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPSBT, err)
	}
	return p, nil
}

// Inputs are the outpoints that a PSBT spends.
func Inputs(p *psbt.Packet) []wire.OutPoint {
	list := make([]wire.OutPoint, len(p.UnsignedTx.TxIn))
	for i, in := range p.UnsignedTx.TxIn {
		list[i] = in.PreviousOutPoint
	}
	return list
}

// newPSBT makes a PSBT that spends coins.
func (w *Wallet) newPSBT(coins []*Coin, outputs []*wire.TxOut, lockTime *uint32) (*psbt.Packet, error) {
	inputs := make([]*wire.OutPoint, len(coins))
	sequences := make([]uint32, len(coins))
	for i, c := range coins {
		inputs[i], sequences[i] = &c.Outpoint, sequence
	}
	var at uint32
	if lockTime != nil {
		at = *lockTime
	} else {
		var err error
		if at, err = w.recentLockTime(); err != nil {
			return nil, err
		}
	}
	p, err := psbt.New(inputs, outputs, 2, at, sequences)
	if err != nil {
		return nil, err
	}
	for i, c := range coins {
		p.Inputs[i].WitnessUtxo = wire.NewTxOut(int64(c.Amount), c.Script)
	}
	return p, nil
}

// recentLockTime is the tip: nobody gains by mining the block before it again for our fee. One in
// ten lies up to 99 blocks back, so that transactions which were held back for their privacy do
// not stand out.
func (w *Wallet) recentLockTime() (uint32, error) {
	tenth, err := w.random(10)
	if err != nil || tenth != 0 {
		return uint32(w.tip), err
	}
	back, err := w.random(100)
	return uint32(w.tip) - min(uint32(w.tip), uint32(back)), err
}

// random is an integer from 0 to n-1, n being small beside 2^32.
func (w *Wallet) random(n int) (int, error) {
	var b [8]byte
	if _, err := io.ReadFull(w.rand, b[:]); err != nil {
		return 0, fmt.Errorf("read randomness: %w", err)
	}
	return int(binary.BigEndian.Uint64(b[:]) % uint64(n)), nil
}

// Signing is what hsmd is asked to sign of a PSBT.
type Signing struct {
	Tx       *wire.MsgTx
	Prevouts []*wire.TxOut // of every input
	Inputs   []SignInput
}

// SignInput is an input of ours.
type SignInput struct {
	Index int
	KeyPath
}

// Signature is hsmd's answer for one of Signing.Inputs.
type Signature struct {
	PubKey    keys.PubKey
	Signature []byte // as a witness has it
}

// Signing lists the inputs to sign: those named, or all of ours. They must be reserved.
func (w *Wallet) Signing(p *psbt.Packet, only []int) (*Signing, error) {
	s := &Signing{Tx: p.UnsignedTx, Prevouts: make([]*wire.TxOut, len(p.Inputs))}
	wanted := make(map[int]bool, len(only))
	for _, i := range only {
		if i < 0 || i >= len(p.Inputs) {
			return nil, fmt.Errorf("input %d of %d: %w", i, len(p.Inputs), ErrUnknown)
		}
		wanted[i] = true
	}
	taproot, foreign := false, -1
	for i, o := range Inputs(p) {
		c := w.coins[o]
		if c == nil {
			if wanted[i] {
				return nil, fmt.Errorf("input %d: %s: %w", i, o, ErrUnknown)
			}
			s.Prevouts[i] = foreignPrevout(&p.Inputs[i], o)
			if s.Prevouts[i] == nil {
				s.Prevouts[i], foreign = new(wire.TxOut), i
			}
			continue
		}
		s.Prevouts[i] = wire.NewTxOut(int64(c.Amount), c.Script)
		if only != nil && !wanted[i] {
			continue
		}
		if !w.Reserved(c) {
			return nil, fmt.Errorf("input %d: %s: %w", i, o, ErrNotReserved)
		}
		taproot = taproot || c.Kind == P2TR
		s.Inputs = append(s.Inputs, SignInput{Index: i, KeyPath: c.KeyPath})
	}
	switch {
	case len(s.Inputs) == 0:
		return nil, ErrNothing
	case taproot && foreign >= 0: // BIP 341: a signature covers what every input spends
		return nil, fmt.Errorf("input %d: %w: what it spends is not in it", foreign, ErrPSBT)
	}
	return s, nil
}

// foreignPrevout is what an input of somebody else's spends, if the PSBT says.
func foreignPrevout(in *psbt.PInput, o wire.OutPoint) *wire.TxOut {
	switch prev := in.NonWitnessUtxo; {
	case in.WitnessUtxo != nil:
		return in.WitnessUtxo
	case prev != nil && prev.TxHash() == o.Hash && int(o.Index) < len(prev.TxOut):
		return prev.TxOut[o.Index]
	}
	return nil
}

// Apply puts signatures, one for each of s.Inputs, into the PSBT.
func (s *Signing) Apply(p *psbt.Packet, signatures []Signature) error {
	if len(signatures) != len(s.Inputs) {
		return fmt.Errorf("%d signatures for %d inputs", len(signatures), len(s.Inputs))
	}
	for i, in := range s.Inputs {
		input := &p.Inputs[in.Index]
		input.WitnessUtxo = s.Prevouts[in.Index]
		if in.Kind == P2TR {
			input.TaprootKeySpendSig = signatures[i].Signature
			input.TaprootInternalKey = signatures[i].PubKey[1:]
			continue
		}
		input.SighashType = txscript.SigHashAll
		input.PartialSigs = []*psbt.PartialSig{{PubKey: signatures[i].PubKey[:], Signature: signatures[i].Signature}}
	}
	return nil
}

// Finalize completes a fully signed PSBT and returns its transaction.
func Finalize(p *psbt.Packet) (*wire.MsgTx, error) {
	if len(p.UnsignedTx.TxIn) == 0 || len(p.UnsignedTx.TxOut) == 0 {
		return nil, fmt.Errorf("%w: %d inputs, %d outputs", ErrPSBT, len(p.UnsignedTx.TxIn), len(p.UnsignedTx.TxOut))
	}
	for i := range p.Inputs {
		if ok, err := psbt.MaybeFinalize(p, i); !ok || err != nil {
			return nil, fmt.Errorf("%w: input %d is not fully signed: %w", ErrPSBT, i, err)
		}
	}
	t, err := psbt.Extract(p)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPSBT, err)
	}
	return t, nil
}
