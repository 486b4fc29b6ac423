package main

import (
	"context"
	"errors"
	"fmt"

	"fulmen/internal/channel"
	"fulmen/internal/features"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/onion"
	"fulmen/internal/tx"
)

var ctx = context.Background()

// doChannel carries out one action of the channel, and returns the event that it asks for, if any.
func (sh *shell) doChannel(a channel.Action) (channel.Event, error) {
	switch a := a.(type) {
	case channel.AskPoint:
		return sh.hsmd.point(a.Number)
	case channel.AskSigner:
		return sh.hsmd.signRemote(a)
	case channel.AskRevocation:
		sh.in.waitStored(sh.seq)
		return sh.hsmd.revoke(a.Number)
	case channel.CheckSecret:
		return sh.hsmd.checkSecret(a)
	case channel.AskAnnouncement:
		return sh.hsmd.signAnnouncement(a.Announcement)
	case channel.Verify:
		return channel.Verified{Err: verify(a.Checks)}, nil
	case channel.SendPeer:
		sh.send(a.Msg)
	case channel.OfferFailed:
		return nil, sh.offerFailed(&a)
	case channel.Received:
		if err := sh.flush(); err != nil { // the peer need not wait for the onions
			return nil, err
		}
		return nil, sh.received(a.HTLCs)
	case channel.ReadyToClose:
		return nil, sh.negotiateClose(&a)
	case channel.PeerErred:
		sh.ended = true
		return nil, sh.lightningd.Send(&channeldmsg.PeerText{Text: a.Text})
	default:
		return nil, sh.report(a)
	}
	return nil, nil
}

// report passes on what lightningd has to know.
func (sh *shell) report(a channel.Action) error {
	var m ipc.Message
	switch a := a.(type) {
	case channel.Store:
		if err := sh.lightningd.Send(sh.store(&a)); err != nil {
			return err
		}
		return sh.reportState()
	case channel.Reestablished:
		m = &channeldmsg.Reestablished{Status: sh.status()}
	case channel.Announced:
		m = &channeldmsg.Announcement{ChannelAnnouncement: a.Announcement, Again: a.Again}
	case channel.PeerWarned:
		m = &channeldmsg.PeerText{Warning: true, Text: a.Text}
	default:
		return fmt.Errorf("unknown action %T", a)
	}
	return sh.lightningd.Send(m)
}

// store makes the next Store.
func (sh *shell) store(s *channel.Store) *channeldmsg.Store {
	sh.seq++
	if !sh.broken {
		sh.stored = sh.status()
	}
	m := &channeldmsg.Store{Seq: sh.seq, Data: s.Data, Snapshot: s.Snapshot, Resolved: s.Resolved, Status: sh.stored}
	for _, o := range s.Offered {
		m.Offered = append(m.Offered, channeldmsg.OfferedHTLC{Ref: o.Ref, ID: o.HTLCID})
	}
	for i := range s.NewHTLCs {
		h := &s.NewHTLCs[i]
		m.NewHTLCs = append(m.NewHTLCs, channeldmsg.NewHTLC{
			Offered: h.Offered, ID: h.ID, PaymentHash: h.PaymentHash, CLTVExpiry: h.CLTVExpiry, AmountMsat: h.Amount,
		})
	}
	for i := range s.Revoked {
		m.Revoked = append(m.Revoked, channeldmsg.RevokedCommitment(s.Revoked[i]))
	}
	for _, l := range s.Learned {
		m.Learned = append(m.Learned, channeldmsg.LearnedPreimage{ID: l.HTLCID, Preimage: l.Preimage, Attribution: sliceOf(l.Attribution)})
	}
	for _, f := range s.Failed {
		m.Failed = append(m.Failed, channeldmsg.FailedHTLC{
			ID: f.HTLCID, Reason: f.Result.Reason, Attribution: sliceOf(f.Result.Attribution),
			MalformedCode: uint16(f.Result.FailureCode), SHA256OfOnion: f.Result.SHA256OfOnion,
		})
	}
	return m
}

// sliceOf is attribution_data, nil if there is none.
func sliceOf(a *[channel.AttributionSize]byte) []byte {
	if a == nil {
		return nil
	}
	return a[:]
}

// limitCodes says what the origin of a forwarded HTLC is told (BOLT 4, Failure Messages).
var limitCodes = map[channel.LimitKind]onion.FailureCode{
	channel.LimitNotUsable:  onion.TemporaryChannelFailure,
	channel.LimitCapacity:   onion.TemporaryChannelFailure,
	channel.LimitMinimum:    onion.AmountBelowMinimum,
	channel.LimitExpirySoon: onion.ExpiryTooSoon,
	channel.LimitExpiryFar:  onion.ExpiryTooFar,
}

// offerFailed notes an HTLC that was not offered; those of a turn are reported together.
func (sh *shell) offerFailed(a *channel.OfferFailed) error {
	var l *channel.Limit
	if !errors.As(a.Err, &l) {
		return a.Err
	}
	failure := onion.Failure{Code: limitCodes[l.Kind]}
	sh.failed = append(sh.failed, channeldmsg.FailedOffer{Ref: a.Ref, Reason: l.Text, Failure: failure.Encode()})
	return nil
}

func (sh *shell) reportFailed() error {
	if len(sh.failed) == 0 {
		return nil
	}
	m := &channeldmsg.OfferFailed{HTLCs: sh.failed}
	sh.failed = nil
	return sh.lightningd.Send(m)
}

// policy is lightningd's policy, with what follows from the features of both sides.
func (sh *shell) policy() channel.Policy {
	p := &sh.setup.Policy
	return channel.Policy{
		MinFeerate: p.MinFeerate, MaxFeerate: p.MaxFeerate, MaxDustExposure: p.MaxDustExposure,
		MaxCLTVExpiry: p.MaxCLTVExpiry, FulfillBefore: p.FulfillBefore,
		ShutdownScript: sh.setup.ShutdownScript, ScriptRules: sh.scriptRules(),
		LocalAlias:  sh.setup.LocalAlias,
		TellRevoked: p.TellRevoked,
		Node:        channel.NodeInfo{ChainHash: sh.setup.ChainHash, LocalID: sh.setup.NodeID, RemoteID: sh.setup.PeerID},
	}
}

func (sh *shell) scriptRules() tx.ScriptRules {
	return tx.ScriptRules{AnySegwit: sh.negotiated(features.ShutdownAnysegwit), OpReturn: sh.simpleClose()}
}

func (sh *shell) simpleClose() bool { return sh.negotiated(features.SimpleClose) }

// negotiated reports whether both sides advertised a feature.
func (sh *shell) negotiated(b features.Bit) bool {
	return features.Negotiated(sh.setup.LocalFeatures, sh.setup.RemoteFeatures, b)
}
