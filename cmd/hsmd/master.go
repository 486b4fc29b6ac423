package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"fulmen/internal/hsmsecret"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/signer"
)

// errInitTwice refuses a second secret.
var errInitTwice = errors.New("the secret is here already")

// init takes the secret.
func (c *client) init(f *ipc.Frame) (ipc.Message, []*os.File, error) {
	var m hsmdmsg.Init
	if err := f.Decode(&m); err != nil {
		return nil, nil, err
	}
	if len(m.Passphrase) > hsmdmsg.MaxPassphrase {
		return nil, nil, fmt.Errorf("passphrase of %d bytes, at most %d", len(m.Passphrase), hsmdmsg.MaxPassphrase)
	}
	c.hsm.mu.Lock()
	defer c.hsm.mu.Unlock()
	if c.hsm.node != nil {
		return nil, nil, errInitTwice
	}
	secret, err := takeSecret(f.Fds[0], &m)
	if err != nil {
		return nil, nil, initFail(err)
	}
	defer secret.Clear()
	node, err := signer.NewForced(secret.Seed(), m.Network, forcedOf(m.Forced))
	if errors.Is(err, signer.ErrForced) {
		return nil, nil, initFail(err)
	}
	if err != nil {
		return nil, nil, err
	}
	c.hsm.node, c.hsm.network = node, m.Network
	reply := &hsmdmsg.InitReply{NodeID: node.ID()}
	reply.BIP84XPub, reply.BIP86XPub = node.XPubs()
	if m.Create {
		reply.Mnemonic = secret.Mnemonic()
	}
	if m.Create && m.Words != "" {
		if reply.Codex32, err = secret.Codex32(); err != nil {
			return nil, nil, err
		}
	}
	return reply, nil, nil
}

// forcedOf are the keys that a test of the protocol wants; signer refuses them where coins have a worth.
func forcedOf(m *hsmdmsg.ForcedKeys) signer.Forced {
	if m == nil {
		return signer.Forced{}
	}
	return signer.Forced{NodeKey: m.NodeKey, BIP32Seed: m.BIP32Seed, Channel: (*signer.ChannelSecrets)(m.Channel)}
}

// takeSecret reads the file, or fills a new one.
func takeSecret(file *os.File, m *hsmdmsg.Init) (*hsmsecret.Secret, error) {
	if !m.Create {
		content, err := io.ReadAll(io.LimitReader(file, hsmsecret.MaxLen+1))
		if err != nil {
			return nil, err
		}
		defer clear(content)
		return hsmsecret.Parse(content, string(m.Passphrase))
	}
	secret, err := newSecret(m)
	if err != nil {
		return nil, err
	}
	content := secret.Encode()
	defer clear(content)
	_, err = file.Write(content)
	return secret, err
}

// newSecret makes the secret of a new file.
func newSecret(m *hsmdmsg.Init) (*hsmsecret.Secret, error) {
	if m.Words != "" {
		return hsmsecret.Restore(m.Words, string(m.Passphrase))
	}
	return hsmsecret.Generate(rand.Reader, string(m.Passphrase))
}

// initFail is the answer to what the operator has to mend; lightningd adds the file's name.
func initFail(err error) error {
	code := hsmdmsg.CodeDamaged
	switch {
	case errors.Is(err, hsmsecret.ErrPassphraseNeeded):
		code = hsmdmsg.CodePassphraseNeeded
	case errors.Is(err, hsmsecret.ErrPassphraseNotNeeded):
		code = hsmdmsg.CodePassphraseNotNeeded
	case errors.Is(err, hsmsecret.ErrPassphraseWrong):
		code = hsmdmsg.CodePassphraseWrong
	}
	return ipc.Failf(code, "%v", err)
}

// grantable are the rights that a new client may get: never the master's.
const grantable = hsmdmsg.RightECDH | hsmdmsg.RightGossip | hsmdmsg.RightCommitment | hsmdmsg.RightOnchain

// aboutChannel are the rights that are bound to one channel.
const aboutChannel = hsmdmsg.RightCommitment | hsmdmsg.RightOnchain

// newClient makes a socket.
func (c *client) newClient(f *ipc.Frame) (ipc.Message, []*os.File, error) {
	var m hsmdmsg.NewClient
	if err := f.Decode(&m); err != nil {
		return nil, nil, err
	}
	made, err := c.hsm.newClient(&m)
	if err != nil {
		return nil, nil, c.refusal(err)
	}
	socket, err := connect(made)
	if err != nil {
		return nil, nil, err
	}
	return new(hsmdmsg.NewClientReply), []*os.File{socket}, nil
}

// newClient checks what is asked for a new client.
func (h *hsm) newClient(m *hsmdmsg.NewClient) (*client, error) {
	if m.Rights == 0 || m.Rights&^grantable != 0 {
		return nil, fmt.Errorf("rights %#b cannot be given", m.Rights)
	}
	if m.Rights.Has(hsmdmsg.RightOnchain) && (m.Rights != hsmdmsg.RightOnchain || m.Setup == nil) {
		return nil, fmt.Errorf("rights %#b cannot be given: onchaind has no other right, and a channel with a setup", m.Rights)
	}
	if _, err := h.signer(); err != nil {
		return nil, err
	}
	c := &client{hsm: h, rights: m.Rights, name: clientName(m)}
	if m.Rights&aboutChannel != 0 {
		ch, err := h.resume(m)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		c.channel = ch
	}
	return c, nil
}

// clientName says who a client is by what it may do.
func clientName(m *hsmdmsg.NewClient) string {
	if m.Rights.Has(hsmdmsg.RightOnchain) {
		return fmt.Sprintf("onchain %s-%d", m.PeerID, m.ChannelDBID)
	}
	if m.Rights.Has(hsmdmsg.RightCommitment) {
		return fmt.Sprintf("channel %s-%d", m.PeerID, m.ChannelDBID)
	}
	var names []string
	if m.Rights.Has(hsmdmsg.RightECDH) {
		names = append(names, "ecdh")
	}
	if m.Rights.Has(hsmdmsg.RightGossip) {
		names = append(names, "gossip")
	}
	return strings.Join(names, "+")
}

// resume finds a channel and tells it what the database knows.
func (h *hsm) resume(m *hsmdmsg.NewClient) (*channel, error) {
	ch, err := h.find(channelID{m.PeerID, m.ChannelDBID})
	if err != nil {
		return nil, err
	}
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if m.Setup != nil {
		if err := ch.SetUp(setupOf(m.Setup)); err != nil {
			return nil, err
		}
	}
	if err := ch.Resume(m.LocalRevoked, m.RemoteSigned); err != nil {
		return nil, err
	}
	for _, script := range m.ShutdownScripts {
		if err := allow(ch, script); err != nil {
			return nil, err
		}
	}
	return ch, nil
}

// allow lets a mutual close pay to script; ch is locked.
func allow(ch *channel, script []byte) error {
	if len(script) == 0 || len(script) > hsmdmsg.MaxScript {
		return fmt.Errorf("shutdown script of %d bytes, want 1 to %d", len(script), hsmdmsg.MaxScript)
	}
	ch.AllowShutdownScript(script)
	return nil
}

// forgetChannel frees memory.
func forgetChannel(h *hsm, m *hsmdmsg.ForgetChannel) (ipc.Message, error) {
	h.forget(channelID{m.PeerID, m.ChannelDBID})
	return new(hsmdmsg.ForgetChannelReply), nil
}

// allowShutdownScript lets a channel close to a script.
func allowShutdownScript(h *hsm, m *hsmdmsg.AllowShutdownScript) (ipc.Message, error) {
	ch, err := h.find(channelID{m.PeerID, m.ChannelDBID})
	if err != nil {
		return nil, err
	}
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if err := allow(ch, m.Script); err != nil {
		return nil, err
	}
	return new(hsmdmsg.AllowShutdownScriptReply), nil
}

// signLocalCommitment signs our commitment, to broadcast it.
func signLocalCommitment(h *hsm, m *hsmdmsg.SignLocalCommitment) (ipc.Message, error) {
	ch, err := h.resume(&hsmdmsg.NewClient{
		PeerID: m.PeerID, ChannelDBID: m.ChannelDBID, Setup: &m.Setup, LocalRevoked: m.LocalRevoked,
	})
	if err != nil {
		return nil, err
	}
	ch.mu.Lock()
	defer ch.mu.Unlock()
	sig, err := ch.SignLocalCommitment(commitmentOf(&m.Commitment, local))
	if err != nil {
		return nil, err
	}
	return &hsmdmsg.SignLocalCommitmentReply{Signature: sig}, nil
}
