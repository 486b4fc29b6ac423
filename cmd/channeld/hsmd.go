package main

import (
	"fmt"

	"fulmen/internal/channel"
	"fulmen/internal/closing"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/keys"
)

// hsmd is the link to what signs for this channel; each call is one request.
type hsmd struct{ link *ipc.Conn }

func (h hsmd) ask(m, reply ipc.Message) error {
	if _, err := h.link.Request(m, reply); err != nil {
		return fmt.Errorf("hsmd: %T: %w", m, err)
	}
	return nil
}

func (h hsmd) basepoints() (*hsmdmsg.GetBasepointsReply, error) {
	reply := new(hsmdmsg.GetBasepointsReply)
	return reply, h.ask(&hsmdmsg.GetBasepoints{}, reply)
}

func (h hsmd) setUp(s *hsmdmsg.ChannelSetup) error {
	return h.ask(&hsmdmsg.SetupChannel{Setup: *s}, new(hsmdmsg.SetupChannelReply))
}

func (h hsmd) signRemote(a channel.AskSigner) (channel.Signed, error) {
	c := &a.Commitment
	m := &hsmdmsg.SignRemoteCommitment{PerCommitmentPoint: a.PerCommitmentPoint, Commitment: hsmdmsg.Commitment{
		Number: c.Number, FeeratePerKw: c.Feerate, LocalMsat: c.ToLocal, RemoteMsat: c.ToRemote,
		HTLCs: make([]hsmdmsg.HTLC, len(c.HTLCs)),
	}}
	for i, htlc := range c.HTLCs {
		m.Commitment.HTLCs[i] = hsmdmsg.HTLC{
			Offered: htlc.Offered, ID: htlc.ID, AmountMsat: htlc.Amount, PaymentHash: htlc.PaymentHash, CLTVExpiry: htlc.CLTVExpiry,
		}
	}
	reply := new(hsmdmsg.SignRemoteCommitmentReply)
	err := h.ask(m, reply)
	return channel.Signed{Signature: reply.Signature, HTLCSignatures: reply.HTLCSignatures}, err
}

func (h hsmd) revoke(n keys.CommitmentNumber) (channel.Revocation, error) {
	reply := new(hsmdmsg.RevokeLocalReply)
	err := h.ask(&hsmdmsg.RevokeLocal{Number: n}, reply)
	return channel.Revocation{Secret: reply.PerCommitmentSecret, NextPoint: reply.NextPerCommitmentPoint}, err
}

func (h hsmd) point(n keys.CommitmentNumber) (channel.Point, error) {
	reply := new(hsmdmsg.GetPerCommitmentPointReply)
	err := h.ask(&hsmdmsg.GetPerCommitmentPoint{Number: n}, reply)
	return channel.Point{PerCommitmentPoint: reply.PerCommitmentPoint}, err
}

func (h hsmd) checkSecret(a channel.CheckSecret) (channel.SecretChecked, error) {
	reply := new(hsmdmsg.CheckFutureSecretReply)
	err := h.ask(&hsmdmsg.CheckFutureSecret{Number: a.Number, Secret: a.Secret}, reply)
	return channel.SecretChecked{Correct: reply.Correct}, err
}

func (h hsmd) signAnnouncement(raw []byte) (channel.AnnouncementSigned, error) {
	reply := new(hsmdmsg.SignChannelAnnouncementReply)
	err := h.ask(&hsmdmsg.SignChannelAnnouncement{Announcement: raw}, reply)
	return channel.AnnouncementSigned{Node: reply.NodeSignature, Bitcoin: reply.BitcoinSignature}, err
}

func (h hsmd) signClose(c *closing.Content) (keys.Signature, error) {
	reply := new(hsmdmsg.SignMutualCloseReply)
	err := h.ask(&hsmdmsg.SignMutualClose{
		LocalSat: c.LocalSat, LocalScript: c.LocalScript, RemoteSat: c.RemoteSat, RemoteScript: c.RemoteScript,
		Simple: c.Simple, LockTime: c.LockTime,
	}, reply)
	return reply.Signature, err
}

// ecdh gives a shared secret for each point.
func (h hsmd) ecdh(points []keys.PubKey) ([]hsmdmsg.ECDHResult, error) {
	if len(points) == 0 {
		return nil, nil
	}
	reply := new(hsmdmsg.ECDHReply)
	if err := h.ask(&hsmdmsg.ECDH{Points: points}, reply); err != nil {
		return nil, err
	}
	if len(reply.Results) != len(points) {
		return nil, fmt.Errorf("hsmd: %d shared secrets for %d points", len(reply.Results), len(points))
	}
	return reply.Results, nil
}
