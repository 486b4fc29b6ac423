package main

import (
	"context"
	"errors"
	"fmt"

	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/ipc/onchaindmsg"
	"fulmen/internal/tx"
	"fulmen/internal/txwatch"
	"fulmen/internal/wallet"
)

// txSigning is all that it takes to sign one of our transactions outside of the loop.
type txSigning struct {
	tx       *btcwire.MsgTx
	prevouts []*btcwire.TxOut
	process  *onchaindProcess // that signs claims; nil if none is to be signed
	claims   *onchaindmsg.SignClaims
	coins    *hsmdmsg.SignWallet
	kinds    []wallet.Kind // of coins.Inputs
	anchor   *hsmdmsg.SignAnchor
	script   []byte // of the anchor
}

// signingOf collects what signing p takes.
func (n *node) signingOf(p *txwatch.Publish) (*txSigning, error) {
	s := &txSigning{tx: p.Tx, prevouts: p.Prevouts}
	raw, err := encodeTx(p.Tx)
	if err != nil {
		return nil, err
	}
	c := n.channels[p.Channel]
	if c == nil {
		return nil, fmt.Errorf("channel %d is not there", p.Channel)
	}
	hsmPrevouts := make([]hsmdmsg.Prevout, len(p.Prevouts))
	prevouts := make([]onchaindmsg.Prevout, len(p.Prevouts))
	for i, out := range p.Prevouts {
		hsmPrevouts[i] = hsmdmsg.Prevout{Amount: amount.Sat(out.Value), Script: out.PkScript}
		prevouts[i] = onchaindmsg.Prevout{Amount: amount.Sat(out.Value), Script: out.PkScript}
	}
	if len(p.Claims) > 0 {
		s.claims = &onchaindmsg.SignClaims{Tx: raw, Prevouts: prevouts, Outputs: n.ownOutputs(p.Tx)}
		for _, i := range p.Claims {
			s.claims.Inputs = append(s.claims.Inputs, onchaindmsg.ClaimInput{Index: uint32(i), Outpoint: outpointMsg(p.Tx.TxIn[i].PreviousOutPoint)})
		}
		if c.end != nil {
			s.process = c.end.proc
		}
	}
	if len(p.Coins) > 0 {
		s.coins = &hsmdmsg.SignWallet{Tx: raw, Prevouts: hsmPrevouts}
		for _, i := range p.Coins {
			key, ok := n.wallet.Owns(p.Prevouts[i].PkScript)
			if !ok {
				return nil, fmt.Errorf("input %d is not the wallet's", i)
			}
			s.kinds = append(s.kinds, key.Kind)
			s.coins.Inputs = append(s.coins.Inputs, hsmdmsg.WalletInput{
				Index: uint32(i), Kind: hsmdmsg.AddressKind(key.Kind), Change: key.Change, KeyIndex: key.Index,
			})
		}
	}
	if p.Anchor >= 0 {
		setup, err := decodeChannelSetup(c.row.Setup)
		if err != nil {
			return nil, err
		}
		s.anchor = &hsmdmsg.SignAnchor{
			PeerID: c.row.PeerID, ChannelDBID: c.row.ID, Setup: *setup, Tx: raw, Prevouts: hsmPrevouts, Index: uint32(p.Anchor),
		}
		s.script = c.anchorScript
	}
	return s, nil
}

// ownOutputs are those that pay the wallet.
func (n *node) ownOutputs(t *btcwire.MsgTx) []onchaindmsg.OwnOutput {
	var list []onchaindmsg.OwnOutput
	for i, out := range t.TxOut {
		if key, ok := n.wallet.Owns(out.PkScript); ok {
			list = append(list, onchaindmsg.OwnOutput{Index: uint32(i), Kind: uint8(key.Kind), Change: key.Change, KeyIndex: key.Index})
		}
	}
	return list
}

// signClaims has all inputs signed. It does not run in the loop.
func (n *node) signClaims(ctx context.Context, s *txSigning) (*btcwire.MsgTx, error) {
	signed := s.tx.Copy()
	if s.claims != nil {
		if s.process == nil {
			return nil, errors.New("the channel's onchaind is not there")
		}
		var reply onchaindmsg.SignClaimsReply
		if _, err := s.process.child.Request(ctx, s.claims, &reply); err != nil {
			return nil, fmt.Errorf("sign claims: %w", err)
		}
		if err := checkWitnesses(reply.Witnesses, len(s.claims.Inputs)); err != nil {
			n.loop.post(func() { s.process.kill(err) })
			return nil, fmt.Errorf("sign claims: %w", err)
		}
		for i, in := range s.claims.Inputs {
			signed.TxIn[in.Index].Witness = reply.Witnesses[i]
		}
	}
	if s.coins != nil {
		if err := n.signCoins(ctx, s, signed); err != nil {
			return nil, err
		}
	}
	if s.anchor != nil {
		var reply hsmdmsg.SignAnchorReply
		if err := n.hsm.request(ctx, s.anchor, &reply); err != nil {
			return nil, fmt.Errorf("sign for our anchor: %w", err)
		}
		der := append(reply.Signature.AppendDER(nil), tx.SigHashAll)
		signed.TxIn[s.anchor.Index].Witness = btcwire.TxWitness{der, s.script}
	}
	return signed, nil
}

// signCoins has the inputs signed that are the wallet's.
func (n *node) signCoins(ctx context.Context, s *txSigning, signed *btcwire.MsgTx) error {
	var reply hsmdmsg.SignWalletReply
	if err := n.hsm.request(ctx, s.coins, &reply); err != nil {
		return fmt.Errorf("sign for coins of the wallet: %w", err)
	}
	if len(reply.Signatures) != len(s.kinds) {
		return fmt.Errorf("sign for coins of the wallet: %d signatures for %d inputs", len(reply.Signatures), len(s.kinds))
	}
	for i, in := range s.coins.Inputs {
		sig := reply.Signatures[i]
		witness := btcwire.TxWitness{sig.Signature}
		if s.kinds[i] == wallet.P2WPKH {
			witness = append(witness, sig.PubKey[:])
		}
		signed.TxIn[in.Index].Witness = witness
	}
	return nil
}
