package main

import (
	"fmt"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/onchaindmsg"
	"fulmen/internal/onchain"
)

// report tells lightningd what the machine says, in its order.
func (sh *shell) report(actions []onchain.Action) error {
	if len(actions) == 0 {
		return nil
	}
	list := make([]ipc.Message, len(actions))
	for i, a := range actions {
		list[i] = message(a)
	}
	return sh.lightningd.SendBatch(list...)
}

// closeKinds are the machine's kinds as lightningd knows them.
var closeKinds = map[onchain.Kind]onchaindmsg.CloseKind{
	onchain.MutualClose:     onchaindmsg.MutualClose,
	onchain.OurUnilateral:   onchaindmsg.OurUnilateral,
	onchain.TheirUnilateral: onchaindmsg.TheirUnilateral,
	onchain.TheirRevoked:    onchaindmsg.TheirRevoked,
	onchain.TheirUnknown:    onchaindmsg.TheirUnknown,
	onchain.OurUnknown:      onchaindmsg.OurUnknown,
	onchain.Unknown:         onchaindmsg.Unknown,
}

// accounts are the machine's accounts as lightningd knows them.
var accounts = map[onchain.Account]onchaindmsg.Account{
	onchain.AccountChannel:  onchaindmsg.AccountChannel,
	onchain.AccountExternal: onchaindmsg.AccountExternal,
}

// message is an action in lightningd's terms.
func message(a onchain.Action) ipc.Message {
	switch a := a.(type) {
	case onchain.Started:
		return &onchaindmsg.Started{Kind: closeKinds[a.Kind], CommitmentNumber: a.CommitmentNumber, Text: a.Text}
	case onchain.Watch:
		return &onchaindmsg.Watch{Outpoints: outpoints(a.Outpoints)}
	case onchain.Unwatch:
		return &onchaindmsg.Unwatch{Outpoints: outpoints(a.Outpoints)}
	case *onchain.Claim:
		return claim(a)
	case onchain.Unclaim:
		return &onchaindmsg.Unclaim{Outpoints: outpoints(a.Outpoints)}
	case onchain.Learned:
		m := new(onchaindmsg.Learned)
		for _, l := range a.HTLCs {
			m.HTLCs = append(m.HTLCs, onchaindmsg.LearnedHTLC(l))
		}
		return m
	case onchain.FailedUpstream:
		m := new(onchaindmsg.FailedUpstream)
		for _, f := range a.HTLCs {
			m.HTLCs = append(m.HTLCs, onchaindmsg.FailedHTLC(f))
		}
		return m
	case onchain.Movement:
		return movement(&a)
	case onchain.Status:
		return &onchaindmsg.Status{Text: a.Text}
	case onchain.Processed:
		return &onchaindmsg.Processed{Height: a.Height}
	case onchain.Resolved:
		return &onchaindmsg.Resolved{Height: a.Height}
	}
	panic(fmt.Sprintf("unknown action %T", a))
}

func claim(c *onchain.Claim) *onchaindmsg.Claim {
	m := &onchaindmsg.Claim{
		Outpoint: outpoint(c.Outpoint), Amount: c.Amount, PkScript: c.PkScript, Kind: c.Kind,
		Sequence: c.Sequence, LockTime: c.LockTime, After: c.After, Deadline: c.Deadline,
		ContestedFrom: c.ContestedFrom, WitnessWeight: uint32(c.WitnessWeight()), Final: c.Final,
	}
	if c.Fixed != nil {
		m.Fixed = &onchaindmsg.FixedOutput{Amount: amount.Sat(c.Fixed.Value), PkScript: c.Fixed.PkScript}
	}
	return m
}

func movement(v *onchain.Movement) *onchaindmsg.Movement {
	m := &onchaindmsg.Movement{
		Account: accounts[v.Account], Tag: v.Tag, ExtraTags: v.ExtraTags, Outpoint: outpoint(v.Outpoint),
		Credit: v.Credit, Debit: v.Debit, Output: v.Output, OutputCount: v.OutputCount,
		PaymentHash: v.PaymentHash, Height: v.Height,
	}
	if v.SpendingTxid != nil {
		m.Spent, m.SpendingTxid = true, *v.SpendingTxid
	}
	return m
}

func outpoint(o wire.OutPoint) onchaindmsg.Outpoint {
	return onchaindmsg.Outpoint{Txid: o.Hash, Index: o.Index}
}

func outpoints(list []wire.OutPoint) []onchaindmsg.Outpoint {
	out := make([]onchaindmsg.Outpoint, len(list))
	for i, o := range list {
		out[i] = outpoint(o)
	}
	return out
}

func outpointOf(o onchaindmsg.Outpoint) wire.OutPoint {
	return wire.OutPoint{Hash: chainhash.Hash(o.Txid), Index: o.Index}
}

func outpointsOf(list []onchaindmsg.Outpoint) []wire.OutPoint {
	out := make([]wire.OutPoint, len(list))
	for i, o := range list {
		out[i] = outpointOf(o)
	}
	return out
}
