package main

import (
	"fmt"

	"fulmen/internal/ipc"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/signer"
)

// ecdh answers a batch of shared secrets.
func ecdh(n *signer.Node, m *hsmdmsg.ECDH) (ipc.Message, error) {
	if len(m.Points) > hsmdmsg.MaxECDHPoints {
		return nil, fmt.Errorf("%d points, at most %d", len(m.Points), hsmdmsg.MaxECDHPoints)
	}
	shared := n.ECDH(m.Points)
	reply := &hsmdmsg.ECDHReply{Results: make([]hsmdmsg.ECDHResult, len(shared))}
	for i, s := range shared {
		reply.Results[i] = hsmdmsg.ECDHResult{SharedSecret: s.Secret, BadPoint: s.BadPoint}
	}
	return reply, nil
}

func signInvoice(n *signer.Node, m *hsmdmsg.SignInvoice) (ipc.Message, error) {
	sig, err := n.SignInvoice(m.HRP, m.Data)
	if err != nil {
		return nil, err
	}
	return &hsmdmsg.SignInvoiceReply{Signature: sig}, nil
}

func signMessage(n *signer.Node, m *hsmdmsg.SignMessage) (ipc.Message, error) {
	if len(m.Message) > hsmdmsg.MaxMessage {
		return nil, fmt.Errorf("message of %d bytes, at most %d", len(m.Message), hsmdmsg.MaxMessage)
	}
	return &hsmdmsg.SignMessageReply{Signature: n.SignMessage(m.Message)}, nil
}

func signWalletMessage(n *signer.Node, m *hsmdmsg.SignWalletMessage) (ipc.Message, error) {
	if len(m.Message) > hsmdmsg.MaxMessage {
		return nil, fmt.Errorf("message of %d bytes, at most %d", len(m.Message), hsmdmsg.MaxMessage)
	}
	pub, sig, err := n.SignWalletMessage(m.Message, m.Change, m.KeyIndex)
	if err != nil {
		return nil, err
	}
	return &hsmdmsg.SignWalletMessageReply{PubKey: pub, Signature: sig}, nil
}

func deriveSecret(n *signer.Node, m *hsmdmsg.DeriveSecret) (ipc.Message, error) {
	if len(m.Info) > hsmdmsg.MaxInfo {
		return nil, fmt.Errorf("info of %d bytes, at most %d", len(m.Info), hsmdmsg.MaxInfo)
	}
	return &hsmdmsg.DeriveSecretReply{Secret: n.DeriveSecret(m.Info)}, nil
}

func signNodeAnnouncement(n *signer.Node, m *hsmdmsg.SignNodeAnnouncement) (ipc.Message, error) {
	sig, err := n.SignNodeAnnouncement(m.Announcement)
	if err != nil {
		return nil, err
	}
	return &hsmdmsg.SignNodeAnnouncementReply{Signature: sig}, nil
}

func signChannelUpdate(n *signer.Node, m *hsmdmsg.SignChannelUpdate) (ipc.Message, error) {
	sig, err := n.SignChannelUpdate(m.Update)
	if err != nil {
		return nil, err
	}
	return &hsmdmsg.SignChannelUpdateReply{Signature: sig}, nil
}

// signWallet signs inputs of an on-chain transaction.
func signWallet(n *signer.Node, m *hsmdmsg.SignWallet) (ipc.Message, error) {
	t, prevouts, err := transaction(m.Tx, m.Prevouts)
	if err != nil {
		return nil, err
	}
	inputs, err := walletInputs(m.Inputs)
	if err != nil {
		return nil, err
	}
	signatures, err := n.SignWallet(t, prevouts, inputs)
	if err != nil {
		return nil, err
	}
	reply := &hsmdmsg.SignWalletReply{Signatures: make([]hsmdmsg.WalletSignature, len(signatures))}
	for i, s := range signatures {
		reply.Signatures[i] = hsmdmsg.WalletSignature{PubKey: s.PubKey, Signature: s.Signature}
	}
	return reply, nil
}

func walletInputs(list []hsmdmsg.WalletInput) ([]signer.WalletInput, error) {
	inputs := make([]signer.WalletInput, len(list))
	for i, in := range list {
		if err := checkKind(in.Kind); err != nil {
			return nil, fmt.Errorf("wallet input %d: %w", i, err)
		}
		inputs[i] = signer.WalletInput{
			Index: int(in.Index), Taproot: in.Kind == hsmdmsg.P2TR, Change: in.Change, KeyIndex: in.KeyIndex,
		}
	}
	return inputs, nil
}
