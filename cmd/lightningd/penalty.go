package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/chainhash/v2"
	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	core "fulmen/internal/channel"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/keys"
	"fulmen/internal/store"
	"fulmen/internal/tx"
	"fulmen/internal/wallet"
	"fulmen/internal/wire"
)

// penalty is a transaction that takes what a revoked commitment pays its owner, to this node's wallet.
type penalty struct {
	channelID wire.ChannelID
	raw       []byte
}

// penaltyBlocks is how soon a penalty is to be mined. Nobody can raise its fee later, so it is that of now for
// the next blocks.
const penaltyBlocks = 2

// leastPenalty is what a penalty pays the wallet at least: less does not relay (dust of a p2tr output).
const leastPenalty amount.Sat = 330

// penaltyOrder is all that it takes to make one outside of the loop.
type penaltyOrder struct {
	client   hsmdmsg.NewClient
	channel  *channel
	script   []byte // of our wallet
	key      wallet.KeyPath
	feerates [2]amount.FeeratePerKw // the one wanted, the one that is enough
}

// penaltyFor makes and signs the penalty for a revoked commitment; nil where its channel is gone, or where the
// fee would eat it up. It takes to_local alone: the peer could spoil a transaction that also spends HTLC
// outputs, by spending one of those first. It does not run in the loop.
func (n *node) penaltyFor(r *store.RevokedCommitment) (*penalty, error) {
	var o *penaltyOrder
	if err := n.onLoop(func() (err error) { o, err = n.orderPenalty(r.Channel); return err }); err != nil || o == nil {
		return nil, err
	}
	params, err := n.paramsOf(o.channel)
	if err != nil {
		return nil, err
	}
	t, witness, prevout, err := o.build(r, params)
	if err != nil || t == nil {
		return nil, err
	}
	signature, err := n.signPenalty(n.ctx, o, r, t, prevout)
	if err != nil {
		return nil, fmt.Errorf("sign penalty: %w", err)
	}
	t.TxIn[0].Witness = witness.Build(signature)
	raw, err := encodeTx(t)
	return &penalty{params.ChannelID, raw}, err
}

// orderPenalty collects what the loop knows.
func (n *node) orderPenalty(channel uint64) (*penaltyOrder, error) {
	c := n.channels[channel]
	if c == nil {
		return nil, nil
	}
	setup, err := decodeChannelSetup(c.row.Setup)
	if err != nil {
		return nil, err
	}
	o := &penaltyOrder{channel: c, script: c.row.CloseTo, client: hsmdmsg.NewClient{
		Rights: hsmdmsg.RightOnchain, PeerID: c.row.PeerID, ChannelDBID: c.row.ID, Setup: setup,
		LocalRevoked: keys.CommitmentNumber(c.tally.LocalRevoked), RemoteSigned: keys.CommitmentNumber(c.tally.RemoteSigned),
	}}
	var ours bool
	if o.key, ours = n.wallet.Owns(o.script); !ours { // the operator closes to somewhere else
		o.script = n.shutdownScript
		if o.key, ours = n.wallet.Owns(o.script); !ours {
			return nil, errors.New("no address of the wallet is known")
		}
	}
	f := n.wallet.Feerates()
	o.feerates = [2]amount.FeeratePerKw{max(n.wallet.FeerateWithin(penaltyBlocks), f.Penalty, f.Floor), f.Floor}
	return o, nil
}

// build makes the transaction, still without its witness; nil if nothing would be left of the output.
func (o *penaltyOrder) build(r *store.RevokedCommitment, p *core.Params) (*btcwire.MsgTx, *tx.ClaimWitness, *btcwire.TxOut, error) {
	point, err := keys.PerCommitmentPoint(r.Secret)
	if err != nil {
		return nil, nil, nil, err
	}
	k, err := keys.DeriveCommitmentKeys(&p.Remote.Basepoints, &p.Local.Basepoints, point)
	if err != nil {
		return nil, nil, nil, err
	}
	// The delay of the peer's outputs is the one that we asked for.
	claim := &tx.ClaimParams{Anchors: p.Anchors, Keys: k, ToSelfDelay: p.Local.ToSelfDelay}
	witness := &tx.ClaimWitness{Kind: tx.ClaimPenaltyDelayed, Script: tx.ClaimScript(tx.ClaimPenaltyDelayed, claim, nil)}
	t := btcwire.NewMsgTx(2)
	outpoint := btcwire.OutPoint{Hash: chainhash.Hash(r.Txid), Index: uint32(r.Output)}
	t.AddTxIn(&btcwire.TxIn{PreviousOutPoint: outpoint, Sequence: tx.ClaimSequence(tx.ClaimPenaltyDelayed, claim)})
	t.AddTxOut(btcwire.NewTxOut(0, o.script))
	const segwitMarker = 2
	weight := 4*t.SerializeSizeStripped() + segwitMarker + witness.Weight()
	for _, rate := range o.feerates {
		if fee := rate.Fee(weight); r.Amount >= fee+leastPenalty {
			t.TxOut[0].Value = int64(r.Amount - fee)
			return t, witness, btcwire.NewTxOut(int64(r.Amount), tx.P2WSH(witness.Script)), nil
		}
	}
	return nil, nil, nil, nil
}

// signPenalty has hsmd sign, over a socket of the channel's: lightningd's main one has no right to claims. hsmd checks
// that the commitment is one that the peer has revoked, and that all of it goes to our wallet.
func (n *node) signPenalty(ctx context.Context, o *penaltyOrder, r *store.RevokedCommitment, t *btcwire.MsgTx, prevout *btcwire.TxOut) (keys.Signature, error) {
	raw, err := encodeTx(t)
	if err != nil {
		return keys.Signature{}, err
	}
	var reply hsmdmsg.SignClaimReply
	err = n.revoked.socket.request(ctx, n.hsm.newClient, &o.client, &hsmdmsg.SignClaim{
		Tx: raw, Prevouts: []hsmdmsg.Prevout{{Amount: amount.Sat(prevout.Value), Script: prevout.PkScript}},
		Inputs: []hsmdmsg.ClaimInput{{Kind: uint8(tx.ClaimPenaltyDelayed), Number: r.Number, PerCommitmentSecret: r.Secret}},
		WalletOutputs: []hsmdmsg.WalletOutput{{
			Kind: hsmdmsg.AddressKind(o.key.Kind), Change: o.key.Change, KeyIndex: o.key.Index,
		}},
	}, &reply)
	if err != nil {
		return keys.Signature{}, err
	}
	if len(reply.Signatures) != 1 {
		return keys.Signature{}, fmt.Errorf("%d signatures for one input", len(reply.Signatures))
	}
	return reply.Signatures[0], nil
}
