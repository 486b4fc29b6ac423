package main

import (
	"os"

	"fulmen/internal/ipc"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/signer"
)

// requests is all that hsmd ever does for anyone.
var requests = ipc.Table[client]{
	hsmdmsg.TypeInit:                {Right: hsmdmsg.RightMaster, Do: (*client).init, FdsIn: 1},
	hsmdmsg.TypeNewClient:           {Right: hsmdmsg.RightMaster, Do: (*client).newClient, FdsOut: 1},
	hsmdmsg.TypeForgetChannel:       {Right: hsmdmsg.RightMaster, Do: with(forgetChannel)},
	hsmdmsg.TypeAllowShutdownScript: {Right: hsmdmsg.RightMaster, Do: with(allowShutdownScript)},
	hsmdmsg.TypeSignLocalCommitment: {Right: hsmdmsg.RightMaster, Do: with(signLocalCommitment)},
	hsmdmsg.TypeSignInvoice:         {Right: hsmdmsg.RightMaster, Do: withNode(signInvoice)},
	hsmdmsg.TypeSignMessage:         {Right: hsmdmsg.RightMaster, Do: withNode(signMessage)},
	hsmdmsg.TypeSignWalletMessage:   {Right: hsmdmsg.RightMaster, Do: withNode(signWalletMessage)},
	hsmdmsg.TypeDeriveSecret:        {Right: hsmdmsg.RightMaster, Do: withNode(deriveSecret)},

	hsmdmsg.TypeSignAnchor: {Right: hsmdmsg.RightWallet, Do: with(signAnchor)},
	hsmdmsg.TypeSignWallet: {Right: hsmdmsg.RightWallet, Do: withNode(signWallet)},

	hsmdmsg.TypeECDH: {Right: hsmdmsg.RightECDH, Do: withNode(ecdh)},

	hsmdmsg.TypeSignNodeAnnouncement: {Right: hsmdmsg.RightGossip, Do: withNode(signNodeAnnouncement)},
	hsmdmsg.TypeSignChannelUpdate:    {Right: hsmdmsg.RightGossip, Do: withNode(signChannelUpdate)},

	hsmdmsg.TypeGetBasepoints:           {Right: hsmdmsg.RightCommitment, Do: withChannel(getBasepoints)},
	hsmdmsg.TypeSetupChannel:            {Right: hsmdmsg.RightCommitment, Do: withChannel(setupChannel)},
	hsmdmsg.TypeSignRemoteCommitment:    {Right: hsmdmsg.RightCommitment, Do: withChannel(signRemoteCommitment)},
	hsmdmsg.TypeRevokeLocal:             {Right: hsmdmsg.RightCommitment, Do: withChannel(revokeLocal)},
	hsmdmsg.TypeGetPerCommitmentPoint:   {Right: hsmdmsg.RightCommitment, Do: withChannel(getPerCommitmentPoint)},
	hsmdmsg.TypeCheckFutureSecret:       {Right: hsmdmsg.RightCommitment, Do: withChannel(checkFutureSecret)},
	hsmdmsg.TypeSignMutualClose:         {Right: hsmdmsg.RightCommitment, Do: withChannel(signMutualClose)},
	hsmdmsg.TypeSignChannelAnnouncement: {Right: hsmdmsg.RightCommitment, Do: withChannel(signChannelAnnouncement)},

	hsmdmsg.TypeSignClaim:         {Right: hsmdmsg.RightOnchain, Do: withChannel(signClaim)},
	hsmdmsg.TypeGetPublishedPoint: {Right: hsmdmsg.RightOnchain, Do: withChannel(getPublishedPoint)},
}

// handler is what a table wants.
type handler = func(*client, *ipc.Frame) (ipc.Message, []*os.File, error)

// message is a pointer to a struct M that is a message.
type message[M any] interface {
	*M
	ipc.Message
}

// with decodes a request before do answers it.
func with[M any, P message[M]](do func(*hsm, P) (ipc.Message, error)) handler {
	return func(c *client, f *ipc.Frame) (ipc.Message, []*os.File, error) {
		m := P(new(M))
		if err := f.Decode(m); err != nil {
			return nil, nil, err
		}
		reply, err := do(c.hsm, m)
		return reply, nil, c.refusal(err)
	}
}

// withNode is for requests that need the node's keys.
func withNode[M any, P message[M]](do func(*signer.Node, P) (ipc.Message, error)) handler {
	return with(func(h *hsm, m P) (ipc.Message, error) {
		node, err := h.signer()
		if err != nil {
			return nil, err
		}
		return do(node, m)
	})
}

// withChannel is for requests about the client's own channel, one at a time.
func withChannel[M any, P message[M]](do func(*signer.Channel, P) (ipc.Message, error)) handler {
	return func(c *client, f *ipc.Frame) (ipc.Message, []*os.File, error) {
		c.channel.mu.Lock()
		defer c.channel.mu.Unlock()
		if c.channel.forgotten {
			return nil, nil, errForgotten
		}
		return with(func(_ *hsm, m P) (ipc.Message, error) { return do(c.channel.Channel, m) })(c, f)
	}
}
