package harness

import (
	"crypto/sha256"
	"fmt"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
)

// coinbaseMaturity is after how many blocks a coinbase can be spent.
const coinbaseMaturity = 100

// purse holds the coins that the miner earned: btcd has no wallet.
type purse struct {
	key     *btcec.PrivateKey
	address string
	script  []byte
	coins   []coin
	next    int // height of the next coinbase to take
}

type coin struct {
	outpoint wire.OutPoint
	value    amount.Sat
}

func (p *purse) init() {
	secret := sha256.Sum256([]byte("miner of the harness"))
	p.key, _ = btcec.PrivKeyFromBytes(secret[:])
	addr, err := address.NewAddressWitnessPubKeyHash(
		address.Hash160(p.key.PubKey().SerializeCompressed()), &chaincfg.RegressionNetParams)
	if err != nil {
		panic(err) // our own constants
	}
	p.address = addr.EncodeAddress()
	if p.script, err = txscript.PayToAddrScript(addr); err != nil {
		panic(err)
	}
	p.next = 1
}

// Fund pays to an address; the transaction waits in the mempool for a block.
func (b *Btcd) Fund(to string, sats amount.Sat) chainhash.Hash {
	b.t.Helper()
	addr, err := address.DecodeAddress(to, &chaincfg.RegressionNetParams)
	if err != nil {
		b.t.Fatalf("fund %s: %v", to, err)
	}
	script, err := txscript.PayToAddrScript(addr)
	if err != nil {
		b.t.Fatalf("fund %s: %v", to, err)
	}
	return b.FundScript(script, sats)
}

// FundScript is Fund for any script.
func (b *Btcd) FundScript(script []byte, sats amount.Sat) chainhash.Hash {
	b.t.Helper()
	return b.FundOutputs(wire.NewTxOut(int64(sats), script))
}

// FundOutputs makes one transaction with these outputs, from its first on; it waits in the mempool for a block.
func (b *Btcd) FundOutputs(outputs ...*wire.TxOut) chainhash.Hash {
	b.t.Helper()
	const feePerInput = 1000
	tx := wire.NewMsgTx(2)
	var sats amount.Sat
	for _, out := range outputs {
		tx.AddTxOut(out)
		sats += amount.Sat(out.Value)
	}
	inputs := make(map[wire.OutPoint]*wire.TxOut)
	in, fee := amount.Sat(0), amount.Sat(feePerInput+2*tx.SerializeSize())
	for in < sats+fee {
		c := b.takeCoin()
		in += c.value
		fee += feePerInput
		tx.AddTxIn(wire.NewTxIn(&c.outpoint, nil, nil))
		inputs[c.outpoint] = wire.NewTxOut(int64(c.value), b.purse.script)
	}
	const dust = 1000
	change := in - sats - fee
	if change > dust {
		tx.AddTxOut(wire.NewTxOut(int64(change), b.purse.script))
	}
	if err := b.purse.sign(tx, inputs); err != nil {
		b.t.Fatalf("sign: %v", err)
	}
	txid := b.Send(tx)
	if change > dust {
		b.purse.coins = append(b.purse.coins, coin{wire.OutPoint{Hash: txid, Index: uint32(len(outputs))}, change})
	}
	return txid
}

// takeCoin prefers mature coinbases to change, which may wait for a block.
func (b *Btcd) takeCoin() coin {
	b.t.Helper()
	if b.purse.next+coinbaseMaturity <= b.Height() {
		tx := b.BlockAt(b.purse.next).Transactions[0]
		b.purse.next++
		return coin{wire.OutPoint{Hash: tx.TxHash()}, amount.Sat(tx.TxOut[0].Value)}
	}
	n := len(b.purse.coins)
	if n == 0 {
		b.t.Fatalf("the miner has no mature coin left at height %d", b.Height())
	}
	c := b.purse.coins[n-1]
	b.purse.coins = b.purse.coins[:n-1]
	return c
}

func (p *purse) sign(tx *wire.MsgTx, inputs map[wire.OutPoint]*wire.TxOut) error {
	fetcher := txscript.NewMultiPrevOutFetcher(inputs)
	hashes := txscript.NewTxSigHashes(tx, fetcher)
	for i, in := range tx.TxIn {
		value := inputs[in.PreviousOutPoint].Value
		witness, err := txscript.WitnessSignature(tx, hashes, i, value, p.script, txscript.SigHashAll, p.key, true)
		if err != nil {
			return fmt.Errorf("input %d: %w", i, err)
		}
		in.Witness = witness
	}
	return nil
}
