package main

import (
	"bytes"
	"fmt"
	"os"

	"fulmen/internal/ipc"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/ipc/onchaindmsg"
	"fulmen/internal/onchain"
	"fulmen/internal/rawtx"
)

// signClaims completes inputs of a transaction that lightningd made of claims. A claim may have ended
// while the request was on its way, so that is answered, and everything else that does not fit too:
// only what hsmd refuses ends the process.
func (sh *shell) signClaims(f *ipc.Frame) (ipc.Message, []*os.File, error) {
	m := new(onchaindmsg.SignClaims)
	if err := f.Decode(m); err != nil {
		return nil, nil, err
	}
	if sh.machine == nil {
		return nil, nil, fmt.Errorf("claims to sign %w", errNotStarted)
	}
	claims, err := sh.claimsOf(m)
	if err != nil {
		return nil, nil, ipc.Failf(onchaindmsg.CodeNoClaim, "%v", err)
	}
	reply := new(hsmdmsg.SignClaimReply)
	if _, err := sh.hsmd.Request(sh.request(m, claims), reply); err != nil {
		return nil, nil, fmt.Errorf("hsmd: sign %d claims: %w", len(claims), err)
	}
	if len(reply.Signatures) != len(claims) {
		return nil, nil, fmt.Errorf("hsmd: %d signatures for %d claims", len(reply.Signatures), len(claims))
	}
	out := &onchaindmsg.SignClaimsReply{Witnesses: make([][][]byte, len(claims))}
	for i, c := range claims {
		out.Witnesses[i] = c.Witness(reply.Signatures[i])
	}
	return out, nil, nil
}

// claimsOf finds the claim of each input.
func (sh *shell) claimsOf(m *onchaindmsg.SignClaims) ([]*onchain.Claim, error) {
	t, err := rawtx.Unsigned(m.Tx)
	if err != nil {
		return nil, fmt.Errorf("transaction: %w", err)
	}
	if len(m.Prevouts) != len(t.TxIn) {
		return nil, fmt.Errorf("%d spent outputs, %d inputs", len(m.Prevouts), len(t.TxIn))
	}
	claims := make([]*onchain.Claim, len(m.Inputs))
	for i, in := range m.Inputs {
		o := outpointOf(in.Outpoint)
		c := sh.machine.Claim(o)
		switch {
		case c == nil:
			return nil, fmt.Errorf("%s is no claim, or no longer", o)
		case in.Index >= uint32(len(t.TxIn)) || t.TxIn[in.Index].PreviousOutPoint != o:
			return nil, fmt.Errorf("input %d does not spend %s", in.Index, o)
		}
		if spent := &m.Prevouts[in.Index]; spent.Amount != c.Amount || !bytes.Equal(spent.Script, c.PkScript) {
			return nil, fmt.Errorf("input %d spends %s, which is not as said", in.Index, o)
		}
		claims[i] = c
	}
	return claims, nil
}

// request is what hsmd is asked.
func (sh *shell) request(m *onchaindmsg.SignClaims, claims []*onchain.Claim) *hsmdmsg.SignClaim {
	out := &hsmdmsg.SignClaim{Tx: m.Tx}
	for _, p := range m.Prevouts {
		out.Prevouts = append(out.Prevouts, hsmdmsg.Prevout(p))
	}
	for i, c := range claims {
		out.Inputs = append(out.Inputs, sh.input(m.Inputs[i].Index, c))
	}
	for _, o := range m.Outputs {
		out.WalletOutputs = append(out.WalletOutputs, hsmdmsg.WalletOutput{
			Index: o.Index, Kind: hsmdmsg.AddressKind(o.Kind), Change: o.Change, KeyIndex: o.KeyIndex,
		})
	}
	return out
}

// input tells hsmd what a claim's key depends on.
func (sh *shell) input(index uint32, c *onchain.Claim) hsmdmsg.ClaimInput {
	k := &c.Key
	in := hsmdmsg.ClaimInput{
		Index: index, Kind: uint8(c.Kind), Number: k.CommitmentNumber,
		PerCommitmentPoint: k.PerCommitmentPoint, PerCommitmentSecret: k.PerCommitmentSecret,
	}
	if c.Kind.Fixed() {
		in.FeeratePerKw = sh.state.LocalCommitment.Feerate
	}
	if h := k.HTLC; h != nil {
		in.HTLC = hsmdmsg.ClaimHTLC{
			Offered: h.Offered == c.Kind.Ours(), PaymentHash: h.PaymentHash, CLTVExpiry: h.CLTVExpiry,
		}
	}
	return in
}
