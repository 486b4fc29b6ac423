package main

import (
	"fmt"

	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/rawtx"
	"fulmen/internal/signer"
	"fulmen/internal/tx"
)

// signClaim signs claims of the channel's outputs.
func signClaim(c *signer.Channel, m *hsmdmsg.SignClaim) (ipc.Message, error) {
	t, prevouts, err := transaction(m.Tx, m.Prevouts)
	if err != nil {
		return nil, err
	}
	claims := make([]signer.Claim, len(m.Inputs))
	for i := range m.Inputs {
		claims[i] = claimOf(&m.Inputs[i])
	}
	outputs := make([]signer.WalletOutput, len(m.WalletOutputs))
	for i, o := range m.WalletOutputs {
		if err := checkKind(o.Kind); err != nil {
			return nil, fmt.Errorf("wallet output %d: %w", i, err)
		}
		outputs[i] = signer.WalletOutput{
			Index: int(o.Index), Taproot: o.Kind == hsmdmsg.P2TR, Change: o.Change, KeyIndex: o.KeyIndex,
		}
	}
	signatures, err := c.SignClaims(t, prevouts, claims, outputs)
	if err != nil {
		return nil, err
	}
	return &hsmdmsg.SignClaimReply{Signatures: signatures}, nil
}

// claimOf turns `offered by us` into `offered by the commitment's owner`.
func claimOf(in *hsmdmsg.ClaimInput) signer.Claim {
	kind := tx.ClaimKind(in.Kind)
	return signer.Claim{
		Index:  int(in.Index),
		Kind:   kind,
		Number: in.Number,
		Point:  in.PerCommitmentPoint,
		Secret: in.PerCommitmentSecret,
		HTLC: tx.HTLC{
			Offered:     in.HTLC.Offered == kind.Ours(),
			PaymentHash: in.HTLC.PaymentHash,
			CLTVExpiry:  in.HTLC.CLTVExpiry,
		},
		FeeratePerKw: in.FeeratePerKw,
	}
}

// getPublishedPoint is for onchaind as getPerCommitmentPoint is for channeld.
func getPublishedPoint(c *signer.Channel, m *hsmdmsg.GetPublishedPoint) (ipc.Message, error) {
	point, err := c.PerCommitmentPoint(m.Number)
	if err != nil {
		return nil, err
	}
	return &hsmdmsg.GetPublishedPointReply{PerCommitmentPoint: point}, nil
}

// signAnchor signs for lightningd, which pays for a commitment that is not mined yet.
func signAnchor(h *hsm, m *hsmdmsg.SignAnchor) (ipc.Message, error) {
	t, prevouts, err := transaction(m.Tx, m.Prevouts)
	if err != nil {
		return nil, err
	}
	ch, err := h.resume(&hsmdmsg.NewClient{PeerID: m.PeerID, ChannelDBID: m.ChannelDBID, Setup: &m.Setup})
	if err != nil {
		return nil, err
	}
	ch.mu.Lock()
	defer ch.mu.Unlock()
	sig, err := ch.SignAnchor(t, prevouts, int(m.Index))
	if err != nil {
		return nil, err
	}
	return &hsmdmsg.SignAnchorReply{Signature: sig}, nil
}

// transaction reads an unsigned transaction and what it spends.
func transaction(raw []byte, spent []hsmdmsg.Prevout) (*wire.MsgTx, []*wire.TxOut, error) {
	t, err := rawtx.Unsigned(raw)
	if err != nil {
		return nil, nil, fmt.Errorf("transaction: %w", err)
	}
	prevouts := make([]*wire.TxOut, len(spent))
	for i, p := range spent {
		if p.Amount > amount.MaxSat {
			return nil, nil, fmt.Errorf("spent output %d: %s is more than exists", i, p.Amount)
		}
		prevouts[i] = wire.NewTxOut(int64(p.Amount), p.Script)
	}
	return t, prevouts, nil
}

// checkKind refuses an address kind that no wallet key has.
func checkKind(kind hsmdmsg.AddressKind) error {
	if kind != hsmdmsg.P2WPKH && kind != hsmdmsg.P2TR {
		return fmt.Errorf("unknown kind %d", kind)
	}
	return nil
}
