package main

import (
	"fulmen/internal/channel"
	"fulmen/internal/ipc/channeldmsg"
)

// states translates the channel's phases of life.
var states = map[channel.State]channeldmsg.State{
	channel.AwaitingLockin: channeldmsg.AwaitingLockin,
	channel.Normal:         channeldmsg.Normal,
	channel.ShuttingDown:   channeldmsg.ShuttingDown,
	channel.SigExchange:    channeldmsg.SigExchange,
}

// status is the channel in numbers.
func (sh *shell) status() channeldmsg.Status {
	s := sh.channel.Summary()
	state := states[s.State]
	if sh.complete {
		state = channeldmsg.Complete
	}
	return channeldmsg.Status{
		State: state, ToLocal: s.ToLocal, Spendable: s.Spendable, Receivable: s.Receivable, FeeratePerKw: s.Feerate,
		NumHTLCs: uint32(s.NumHTLCs), LocalRevoked: s.LocalNumber, RemoteSigned: s.RemoteSigned, RemoteAlias: s.RemoteAlias,
		LocalReady: s.LocalReady, RemoteReady: s.RemoteReady,
		LocalShutdown: s.LocalShutdown != nil, RemoteShutdown: s.RemoteShutdown != nil, Deadline: s.Deadline,
	}
}

// reportState tells of a new state, once.
func (sh *shell) reportState() error {
	if sh.channel == nil || sh.ended || sh.broken {
		return nil
	}
	status := sh.status()
	if status.State == sh.state {
		return nil
	}
	sh.state = status.State
	return sh.lightningd.Send(&channeldmsg.StateChanged{Status: status, ByPeer: !sh.ordered})
}

// describe answers a Describe.
func (sh *shell) describe(id uint64) error {
	m := &channeldmsg.DescribeReply{Status: sh.status()}
	s := sh.channel.Summary()
	m.LocalScript, m.RemoteScript = s.LocalShutdown, s.RemoteShutdown
	last, err := sh.channel.LocalCommitment()
	if err != nil {
		return err
	}
	m.LastTxFee, m.LastTxid = last.Fee, last.Txid()
	for _, h := range sh.channel.HTLCs() {
		m.HTLCs = append(m.HTLCs, channeldmsg.DescribedHTLC{
			Offered: h.Offered, ID: h.ID, AmountMsat: h.Amount, PaymentHash: h.PaymentHash,
			CLTVExpiry: h.CLTVExpiry, State: h.Progress, LocalTrimmed: h.LocalTrimmed,
		})
	}
	return sh.lightningd.Reply(id, m)
}
