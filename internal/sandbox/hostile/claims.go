package hostile

import (
	"bytes"

	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/tx"
)

// claims is what is tried on the socket of an onchaind, whose channel has one revoked commitment of ours, and
// of the peer's three that are signed.
func claims() (list []Attempt) {
	for _, c := range []struct {
		what  string
		kind  tx.ClaimKind
		to    []byte
		spent func(*Scene) []byte
	}{
		{"to claim for a stranger", tx.ClaimToRemote, tx.P2WSH(nil), toRemote},
		{"to claim for nobody", tx.ClaimToRemote, nil, toRemote},
		{"to claim our revoked commitment", tx.ClaimDelayed, nil, anything},
		{"to claim an HTLC of our revoked commitment", tx.ClaimHTLCTimeout, nil, anything},
		{"for a penalty without its secret", tx.ClaimPenaltyDelayed, nil, anything},
		{"to spend any output as an anchor", tx.ClaimAnchor, nil, anything},
		{"to spend any output as an unknown kind", 0, nil, anything},
	} {
		list = append(list, Attempt{
			Name: "ask hsmd " + c.what, Want: SocketClosed, Only: []string{Onchaind}, Always: true, Do: claim(c.kind, c.to, c.spent),
		})
	}
	return list
}

// toRemote is the script of our output in a commitment of the peer's.
func toRemote(s *Scene) []byte { return tx.ToRemotePkScript(true, s.Payment) }

// anything is the script of an output that is none of the channel's.
func anything(*Scene) []byte { return tx.P2WSH([]byte{1}) }

// claim asks for the signature of an input of that kind, to a script that is not our wallet's.
func claim(kind tx.ClaimKind, to []byte, spent func(*Scene) []byte) func(*Scene) error {
	return func(s *Scene) error {
		t := wire.NewMsgTx(2)
		t.AddTxIn(&wire.TxIn{Sequence: 1})
		t.AddTxOut(wire.NewTxOut(900, to))
		var raw bytes.Buffer
		if err := t.SerializeNoWitness(&raw); err != nil {
			return err
		}
		return request(s, &hsmdmsg.SignClaim{
			Tx: raw.Bytes(), Prevouts: []hsmdmsg.Prevout{{Amount: 1000, Script: spent(s)}},
			Inputs:        []hsmdmsg.ClaimInput{{Kind: uint8(kind)}},
			WalletOutputs: []hsmdmsg.WalletOutput{{Kind: hsmdmsg.P2WPKH}},
		})
	}
}
