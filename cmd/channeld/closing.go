package main

import (
	"bytes"
	"fmt"

	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/channel"
	"fulmen/internal/closing"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// isClosing tells the messages of the negotiation of a close.
func isClosing(m wire.Message) bool {
	switch m.(type) {
	case *wire.ClosingSigned, *wire.ClosingComplete, *wire.ClosingSig:
		return true
	}
	return false
}

// negotiateClose begins the negotiation, as the channel has nothing left but two balances.
func (sh *shell) negotiateClose(r *channel.ReadyToClose) error {
	p := sh.channel.Params()
	var err error
	sh.closing, err = closing.New(closing.Config{
		ChannelID: p.ChannelID, Funding: p.Funding(), Opener: p.Opener,
		LocalFundingKey: p.Local.FundingPubKey, RemoteFundingKey: p.Remote.FundingPubKey,
		ToLocal: r.ToLocal, ToRemote: r.ToRemote,
		LocalDustLimit: p.Local.DustLimit, RemoteDustLimit: p.Remote.DustLimit,
		LocalScript: r.LocalScript, RemoteScript: r.RemoteScript, RemoteUpfront: p.Remote.UpfrontShutdownScript,
		ScriptRules: sh.scriptRules(), Simple: sh.simpleClose(), LockTime: uint32(sh.height),
		Feerate: sh.fees.Target, MinFeerate: sh.fees.Min, MaxFeerate: sh.fees.Max,
		StepSat: sh.fees.StepSat, StepPercent: sh.fees.StepPercent,
		Signed: sh.complete && !sh.ordered,
	})
	if err != nil {
		return err
	}
	return sh.stepClosing(closing.Start{})
}

// doClosing carries out one action of the negotiation, and returns the event that it asks for.
func (sh *shell) doClosing(a closing.Action) (closing.Event, error) {
	switch a := a.(type) {
	case closing.SendPeer:
		sh.send(a.Msg)
	case closing.AskSigner:
		signed := closing.Signed{Signatures: make([]keys.Signature, len(a.Txs))}
		for i := range a.Txs {
			sig, err := sh.hsmd.signClose(&a.Txs[i])
			if err != nil {
				return nil, err
			}
			signed.Signatures[i] = sig
		}
		return signed, nil
	case closing.Closed:
		return nil, sh.closed(a.Tx)
	case closing.PeerFailed:
		sh.ended = true
		return nil, sh.lightningd.Send(&channeldmsg.PeerText{Text: a.Text})
	case closing.PeerWarned:
		return nil, sh.lightningd.Send(&channeldmsg.PeerText{Warning: true, Text: a.Text})
	default:
		return nil, fmt.Errorf("unknown action %T", a)
	}
	return nil, nil
}

// closed hands lightningd a transaction to broadcast.
func (sh *shell) closed(t *btcwire.MsgTx) error {
	var raw bytes.Buffer
	if err := t.Serialize(&raw); err != nil {
		return fmt.Errorf("serialize close: %w", err)
	}
	sh.complete = true
	return sh.lightningd.Send(&channeldmsg.MutualClose{Tx: raw.Bytes()})
}
