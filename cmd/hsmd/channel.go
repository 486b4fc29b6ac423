package main

import (
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/signer"
	"fulmen/internal/tx"
)

// getBasepoints answers with the channel's public keys.
func getBasepoints(c *signer.Channel, _ *hsmdmsg.GetBasepoints) (ipc.Message, error) {
	first, err := c.PerCommitmentPoint(0)
	if err != nil {
		return nil, err
	}
	second, err := c.PerCommitmentPoint(1)
	if err != nil {
		return nil, err
	}
	return &hsmdmsg.GetBasepointsReply{
		FundingPubKey: c.FundingPubKey(),
		Basepoints:    c.Basepoints(),
		FirstPoint:    first,
		SecondPoint:   second,
	}, nil
}

func setupChannel(c *signer.Channel, m *hsmdmsg.SetupChannel) (ipc.Message, error) {
	if err := c.SetUp(setupOf(&m.Setup)); err != nil {
		return nil, err
	}
	return new(hsmdmsg.SetupChannelReply), nil
}

func signRemoteCommitment(c *signer.Channel, m *hsmdmsg.SignRemoteCommitment) (ipc.Message, error) {
	sig, htlcSigs, err := c.SignRemoteCommitment(commitmentOf(&m.Commitment, remote), m.PerCommitmentPoint)
	if err != nil {
		return nil, err
	}
	return &hsmdmsg.SignRemoteCommitmentReply{Signature: sig, HTLCSignatures: htlcSigs}, nil
}

func revokeLocal(c *signer.Channel, m *hsmdmsg.RevokeLocal) (ipc.Message, error) {
	secret, next, err := c.RevokeLocal(m.Number)
	if err != nil {
		return nil, err
	}
	return &hsmdmsg.RevokeLocalReply{PerCommitmentSecret: secret, NextPerCommitmentPoint: next}, nil
}

func getPerCommitmentPoint(c *signer.Channel, m *hsmdmsg.GetPerCommitmentPoint) (ipc.Message, error) {
	point, err := c.PerCommitmentPoint(m.Number)
	if err != nil {
		return nil, err
	}
	return &hsmdmsg.GetPerCommitmentPointReply{PerCommitmentPoint: point}, nil
}

func checkFutureSecret(c *signer.Channel, m *hsmdmsg.CheckFutureSecret) (ipc.Message, error) {
	correct, err := c.IsOurSecret(m.Number, m.Secret)
	if err != nil {
		return nil, err
	}
	return &hsmdmsg.CheckFutureSecretReply{Correct: correct}, nil
}

func signMutualClose(c *signer.Channel, m *hsmdmsg.SignMutualClose) (ipc.Message, error) {
	sig, err := c.SignMutualClose(&signer.MutualClose{
		Local:    tx.ClosingOutput{Amount: m.LocalSat, PkScript: m.LocalScript},
		Remote:   tx.ClosingOutput{Amount: m.RemoteSat, PkScript: m.RemoteScript},
		Simple:   m.Simple,
		LockTime: m.LockTime,
	})
	if err != nil {
		return nil, err
	}
	return &hsmdmsg.SignMutualCloseReply{Signature: sig}, nil
}

func signChannelAnnouncement(c *signer.Channel, m *hsmdmsg.SignChannelAnnouncement) (ipc.Message, error) {
	node, bitcoin, err := c.SignAnnouncement(m.Announcement)
	if err != nil {
		return nil, err
	}
	return &hsmdmsg.SignChannelAnnouncementReply{NodeSignature: node, BitcoinSignature: bitcoin}, nil
}

// setupOf converts between two structs of the same fields.
func setupOf(m *hsmdmsg.ChannelSetup) *signer.Setup {
	return &signer.Setup{
		FundingTxid:          m.FundingTxid,
		FundingOutput:        m.FundingOutput,
		FundingSats:          m.FundingSats,
		Opener:               m.Opener,
		Anchors:              m.Anchors,
		RemoteFundingPubKey:  m.RemoteFundingPubKey,
		RemoteBasepoints:     m.RemoteBasepoints,
		LocalToSelfDelay:     m.LocalToSelfDelay,
		RemoteToSelfDelay:    m.RemoteToSelfDelay,
		LocalDustLimit:       m.LocalDustLimit,
		RemoteDustLimit:      m.RemoteDustLimit,
		RemoteShutdownScript: m.RemoteShutdownScript,
	}
}

// owner is whose commitment it is.
type owner int

const (
	local owner = iota
	remote
)

// commitmentOf turns `offered by us` into `offered by the owner`.
func commitmentOf(m *hsmdmsg.Commitment, o owner) *signer.Commitment {
	c := &signer.Commitment{
		Number:       m.Number,
		FeeratePerKw: m.FeeratePerKw,
		Local:        m.LocalMsat,
		Remote:       m.RemoteMsat,
		HTLCs:        make([]tx.HTLC, len(m.HTLCs)),
	}
	for i := range m.HTLCs {
		h := &m.HTLCs[i]
		c.HTLCs[i] = tx.HTLC{
			Offered:     h.Offered == (o == local),
			ID:          h.ID,
			Amount:      h.AmountMsat,
			PaymentHash: h.PaymentHash,
			CLTVExpiry:  h.CLTVExpiry,
		}
	}
	return c
}
