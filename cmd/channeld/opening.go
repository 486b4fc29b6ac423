package main

import (
	"fmt"

	"fulmen/internal/channel"
	"fulmen/internal/features"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/ipc/peermsg"
	"fulmen/internal/opening"
	"fulmen/internal/wire"
)

// open proposes a channel.
func (sh *shell) open(o *channeldmsg.Open) error {
	config, err := sh.openingConfig(&o.Terms, &o.Limits)
	if err != nil {
		return err
	}
	config.TemporaryChannelID, config.MinimumDepth = o.TemporaryChannelID, o.MinimumDepth
	sh.channelID = o.TemporaryChannelID
	typ := features.TypeStaticRemotekey
	if sh.negotiated(features.Anchors) {
		typ = features.TypeAnchors
	}
	if len(o.ChannelType) > 0 {
		if typ, err = features.ParseChannelType(o.ChannelType); err != nil {
			return err
		}
	}
	sh.opening, err = opening.NewOpener(config, opening.Proposal{
		Funding: o.Funding, Push: o.Push, Feerate: o.Feerate, Announce: o.Announce, Type: typ,
	})
	if err != nil {
		// The peer has heard nothing of it, and need not.
		sh.ended = true
		return sh.lightningd.Send(&channeldmsg.Failing{Text: err.Error()})
	}
	return sh.stepOpening(opening.Start{})
}

// accept answers a peer's proposal.
func (sh *shell) accept(a *channeldmsg.Accept) error {
	config, err := sh.openingConfig(&a.Terms, &a.Limits)
	if err != nil {
		return err
	}
	sh.channelID, _ = wire.ChannelIDOf(a.OpenChannel)
	sh.opening = opening.NewAccepter(config, a.MinimumDepth)
	return sh.receive(a.OpenChannel)
}

func (sh *shell) openingConfig(t *channeldmsg.Terms, l *channeldmsg.Limits) (opening.Config, error) {
	ours, err := sh.hsmd.basepoints()
	if err != nil {
		return opening.Config{}, err
	}
	return opening.Config{
		ChainHash: sh.setup.ChainHash,
		Local: opening.Terms{
			FundingPubkey: ours.FundingPubKey, Basepoints: ours.Basepoints, FirstPerCommitmentPoint: ours.FirstPoint,
			DustLimit: t.DustLimit, MaxHTLCValueInFlight: t.MaxHTLCValueInFlight, ChannelReserve: t.ChannelReserve,
			HTLCMinimum: t.HTLCMinimum, ToSelfDelay: t.ToSelfDelay, MaxAcceptedHTLCs: t.MaxAcceptedHTLCs,
			UpfrontShutdownScript: t.UpfrontShutdownScript,
		},
		Features: opening.Features{Local: sh.setup.LocalFeatures, Remote: sh.setup.RemoteFeatures},
		Limits: opening.Limits{
			MinFunding: l.MinFunding, MaxFunding: l.MaxFunding, MinFeerate: l.MinFeerate, MaxFeerate: l.MaxFeerate,
			MaxToSelfDelay: l.MaxToSelfDelay, MaxDustLimit: l.MaxDustLimit, MaxReservePercent: l.MaxReservePercent,
			MaxHTLCMinimum: l.MaxHTLCMinimum, MinHTLCValueInFlight: l.MinHTLCValueInFlight,
			MinAcceptedHTLCs: l.MinAcceptedHTLCs, MaxMinimumDepth: l.MaxMinimumDepth,
		},
	}, nil
}

// doOpening carries out one action of the opening.
func (sh *shell) doOpening(a opening.Action) error {
	switch a := a.(type) {
	case opening.SendPeer:
		sh.send(a.Msg)
		return nil
	case opening.AskFunding:
		return sh.lightningd.Send(&channeldmsg.NeedFunding{
			PkScript: a.PkScript, Amount: a.Amount, ChannelType: a.Type.Vector(), MinimumDepth: a.MinimumDepth,
		})
	case opening.SetupSigner:
		return sh.hsmd.setUp(channelSetup(a.Channel))
	case opening.AskSigner:
		signed, err := sh.hsmd.signRemote(channel.AskSigner{
			PerCommitmentPoint: a.PerCommitmentPoint,
			Commitment:         channel.Content{Feerate: a.Feerate, ToLocal: a.ToLocal, ToRemote: a.ToRemote},
		})
		if err != nil {
			return err
		}
		return sh.stepOpening(opening.Signed{Signature: signed.Signature})
	case opening.AlsoKnownAs:
		sh.channelID = a.ChannelID
		return sh.peer.Send(&peermsg.AlsoKnownAs{ChannelID: a.ChannelID})
	case opening.Opened:
		return sh.opened(a.Channel)
	case opening.PeerFailed:
		sh.ended = true
		return sh.lightningd.Send(&channeldmsg.PeerText{Text: a.Text})
	case opening.PeerWarned:
		return sh.lightningd.Send(&channeldmsg.PeerText{Warning: true, Text: a.Text})
	}
	return fmt.Errorf("unknown action %T", a)
}

// opened makes the channel that both sides agreed on, and has it stored.
func (sh *shell) opened(o *opening.Channel) error {
	ours, err := sh.hsmd.basepoints()
	if err != nil {
		return err
	}
	sh.opening = nil
	sh.channel = channel.New(paramsOf(o), channel.Opening{
		Feerate: o.Feerate, ToLocal: o.ToLocal, ToRemote: o.ToRemote,
		LocalFirstPoint: ours.FirstPoint, LocalSecondPoint: ours.SecondPoint,
		RemoteFirstPoint: o.Remote.FirstPerCommitmentPoint, RemoteSignature: o.RemoteSignature,
	})
	sh.seq++
	push := o.ToRemote
	if !o.Opener {
		push = o.ToLocal
	}
	status := sh.status()
	sh.stored, sh.state = status, status.State
	err = sh.lightningd.Send(&channeldmsg.Opened{
		Seq: sh.seq, Snapshot: sh.channel.Snapshot(), ChannelID: o.ChannelID, Setup: *channelSetup(o),
		Announce: o.Announce, ChannelType: o.Type.Vector(), Push: push, MinimumDepth: o.MinimumDepth, Status: status,
	})
	if err != nil {
		return err
	}
	return sh.connect()
}

// resume takes up a stored channel.
func (sh *shell) resume(r *channeldmsg.Resume) error {
	ch, err := channel.Restore(r.Snapshot, r.Records)
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	sh.setup.Resume = nil // it need not stay in memory
	sh.complete = r.Closed
	sh.channel, sh.channelID = ch, ch.Params().ChannelID
	sh.stored = sh.status()
	sh.state = sh.stored.State
	return sh.connect()
}

// connect begins the channel's life in this connection.
func (sh *shell) connect() error {
	for _, ev := range []channel.Event{
		channel.SetPolicy{Policy: sh.policy()}, channel.NewHeight{Height: sh.height}, channel.Connected{},
	} {
		if err := sh.stepChannel(ev); err != nil {
			return err
		}
	}
	return nil
}

// paramsOf is the channel package's view of an opening.
func paramsOf(o *opening.Channel) channel.Params {
	return channel.Params{
		ChannelID: o.ChannelID, FundingTxid: o.Funding.Outpoint.Hash, FundingOutput: uint16(o.Funding.Outpoint.Index),
		FundingSats: o.Funding.Amount, Opener: o.Opener, Anchors: o.Type.Has(features.Anchors), Announce: o.Announce,
		MinimumDepth: o.MinimumDepth, Local: sideOf(&o.Local), Remote: sideOf(&o.Remote),
	}
}

func sideOf(t *opening.Terms) channel.Side {
	return channel.Side{
		FundingPubKey: t.FundingPubkey, Basepoints: t.Basepoints, DustLimit: t.DustLimit,
		MaxHTLCValueInFlight: t.MaxHTLCValueInFlight, ChannelReserve: t.ChannelReserve, HTLCMinimum: t.HTLCMinimum,
		ToSelfDelay: t.ToSelfDelay, MaxAcceptedHTLCs: t.MaxAcceptedHTLCs, UpfrontShutdownScript: t.UpfrontShutdownScript,
	}
}

// channelSetup is hsmd's view of an opening.
func channelSetup(o *opening.Channel) *hsmdmsg.ChannelSetup {
	return &hsmdmsg.ChannelSetup{
		FundingTxid: o.Funding.Outpoint.Hash, FundingOutput: uint16(o.Funding.Outpoint.Index), FundingSats: o.Funding.Amount,
		Opener: o.Opener, Anchors: o.Type.Has(features.Anchors),
		RemoteFundingPubKey: o.Remote.FundingPubkey, RemoteBasepoints: o.Remote.Basepoints,
		LocalToSelfDelay: o.Remote.ToSelfDelay, RemoteToSelfDelay: o.Local.ToSelfDelay,
		LocalDustLimit: o.Local.DustLimit, RemoteDustLimit: o.Remote.DustLimit,
		RemoteShutdownScript: o.Remote.UpfrontShutdownScript,
	}
}
