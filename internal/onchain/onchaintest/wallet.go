package onchaintest

import (
	"fmt"

	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/onchain"
)

// feePerInput is what every transaction of ours pays.
const feePerInput = 300

// walletCoin is what is added where claims cannot pay for themselves.
const walletCoin amount.Sat = 100_000

// Spend makes the transaction that carries out claims, signed by p, as lightningd, onchaind and hsmd do
// together. Fixed claims must have one locktime, and a final one must be alone.
func (p *Party) Spend(chain *Chain, claims []*onchain.Claim) (*wire.MsgTx, error) {
	t := wire.NewMsgTx(2)
	var in, out int64
	for _, fixed := range []bool{true, false} { // so that prescribed outputs have their inputs' indexes
		for _, c := range claims {
			if fixed != (c.Fixed != nil) {
				continue
			}
			t.AddTxIn(&wire.TxIn{PreviousOutPoint: c.Outpoint, Sequence: c.Sequence})
			in += int64(c.Amount)
			t.LockTime = max(t.LockTime, c.LockTime)
			if fixed {
				t.AddTxOut(c.Fixed)
				out += c.Fixed.Value
			}
		}
	}
	ordered := len(t.TxIn)
	fee := int64(feePerInput * (len(t.TxIn) + 1))
	if !claims[0].Final {
		if in-out < fee+1000 {
			t.AddTxIn(&wire.TxIn{PreviousOutPoint: chain.Mint(walletCoin, p.WalletScript()), Sequence: 0xfffffffd})
			in += int64(walletCoin)
		}
		t.AddTxOut(&wire.TxOut{Value: in - out - fee, PkScript: p.WalletScript()})
	}
	byPoint := make(map[wire.OutPoint]*onchain.Claim)
	for _, c := range claims {
		byPoint[c.Outpoint] = c
	}
	for i := range t.TxIn[:ordered] {
		if err := p.complete(chain, t, i, byPoint[t.TxIn[i].PreviousOutPoint]); err != nil {
			return nil, err
		}
	}
	return t, p.completeWallet(chain, t)
}

// complete signs one claim.
func (p *Party) complete(chain *Chain, t *wire.MsgTx, i int, c *onchain.Claim) error {
	k, err := p.claimKey(c)
	if err != nil {
		return err
	}
	sig, err := signInput(t, i, c.WitnessScript(), int64(c.Amount), chain, k)
	if err != nil {
		return err
	}
	t.TxIn[i].Witness = c.Witness(sig)
	if have, most := t.TxIn[i].Witness.SerializeSize(), c.WitnessWeight(); have > most || have < most-6 {
		return fmt.Errorf("%s: witness weighs %d, said to weigh %d", c.Kind, have, most)
	}
	return nil
}

// completeWallet signs the inputs that spend the wallet's coins.
func (p *Party) completeWallet(chain *Chain, t *wire.MsgTx) error {
	for i, in := range t.TxIn {
		out := chain.FetchPrevOutput(in.PreviousOutPoint)
		if out == nil || string(out.PkScript) != string(p.WalletScript()) {
			continue
		}
		// The script that a P2WPKH signature covers has the opcodes of P2PKH; the library makes it.
		sig, err := signInput(t, i, out.PkScript, out.Value, chain, p.wallet)
		if err != nil {
			return err
		}
		in.Witness = wire.TxWitness{append(sig.AppendDER(nil), 1), p.wallet.pub[:]}
	}
	return nil
}
