package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"fulmen/internal/ipc"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/signer"
)

// newTestMaster is a master whose node has a fixed secret, without process or file.
func newTestMaster(t testing.TB) *client {
	t.Helper()
	master := newMaster()
	node, err := signer.New(bytes.Repeat([]byte{1}, 32), "regtest")
	if err != nil {
		t.Fatal(err)
	}
	master.hsm.node = node
	return master
}

// newTestChannel is a channeld's client of that node.
func newTestChannel(t testing.TB, master *client) *client {
	t.Helper()
	m := &hsmdmsg.NewClient{Rights: hsmdmsg.RightCommitment, PeerID: master.hsm.node.ID(), ChannelDBID: 1}
	ch, err := master.hsm.resume(m)
	if err != nil {
		t.Fatal(err)
	}
	return &client{hsm: master.hsm, rights: m.Rights, name: clientName(m), channel: ch}
}

// refused is the Fail with which c answers m.
func refused(t *testing.T, c *client, m ipc.Message) string {
	t.Helper()
	ours, theirs, err := ipc.Pair()
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- c.serve(ipc.NewConn(ours)) }()
	other := ipc.NewConn(theirs)
	_, err = other.Request(m, new(hsmdmsg.InitReply)) // decoding any other reply fails too, not with a Fail
	other.Close()
	if err := <-served; err != nil {
		t.Errorf("%T ended the socket: %v", m, err)
	}
	var fail *ipc.Fail
	if !errors.As(err, &fail) || fail.Code != hsmdmsg.CodeRefused {
		t.Errorf("%T: %v", m, err)
		return ""
	}
	return fail.Message
}

// serveOne has c serve a socket on which the other side sends m, and returns how that ended.
func serveOne(t *testing.T, c *client, m ipc.Message) error {
	t.Helper()
	ours, theirs, err := ipc.Pair()
	if err != nil {
		t.Fatal(err)
	}
	other := ipc.NewConn(theirs)
	defer other.Close()
	if err := other.Reply(1, m); err != nil { // a request's id, but nobody waits for the answer
		t.Fatal(err)
	}
	if err := other.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	return c.serve(ipc.NewConn(ours))
}

// Each kind of client may ask what its rights say and nothing else.
func TestRights(t *testing.T) {
	all := map[ipc.Type]ipc.Message{
		hsmdmsg.TypeInit:                    &hsmdmsg.Init{},
		hsmdmsg.TypeNewClient:               &hsmdmsg.NewClient{},
		hsmdmsg.TypeForgetChannel:           &hsmdmsg.ForgetChannel{},
		hsmdmsg.TypeAllowShutdownScript:     &hsmdmsg.AllowShutdownScript{},
		hsmdmsg.TypeSignInvoice:             &hsmdmsg.SignInvoice{},
		hsmdmsg.TypeSignMessage:             &hsmdmsg.SignMessage{},
		hsmdmsg.TypeSignWalletMessage:       &hsmdmsg.SignWalletMessage{},
		hsmdmsg.TypeDeriveSecret:            &hsmdmsg.DeriveSecret{},
		hsmdmsg.TypeSignLocalCommitment:     &hsmdmsg.SignLocalCommitment{},
		hsmdmsg.TypeSignWallet:              &hsmdmsg.SignWallet{},
		hsmdmsg.TypeECDH:                    &hsmdmsg.ECDH{},
		hsmdmsg.TypeSignNodeAnnouncement:    &hsmdmsg.SignNodeAnnouncement{},
		hsmdmsg.TypeSignChannelUpdate:       &hsmdmsg.SignChannelUpdate{},
		hsmdmsg.TypeGetBasepoints:           &hsmdmsg.GetBasepoints{},
		hsmdmsg.TypeSetupChannel:            &hsmdmsg.SetupChannel{},
		hsmdmsg.TypeSignRemoteCommitment:    &hsmdmsg.SignRemoteCommitment{},
		hsmdmsg.TypeRevokeLocal:             &hsmdmsg.RevokeLocal{},
		hsmdmsg.TypeGetPerCommitmentPoint:   &hsmdmsg.GetPerCommitmentPoint{},
		hsmdmsg.TypeCheckFutureSecret:       &hsmdmsg.CheckFutureSecret{},
		hsmdmsg.TypeSignMutualClose:         &hsmdmsg.SignMutualClose{},
		hsmdmsg.TypeSignChannelAnnouncement: &hsmdmsg.SignChannelAnnouncement{},
		hsmdmsg.TypeSignClaim:               &hsmdmsg.SignClaim{},
		hsmdmsg.TypeGetPublishedPoint:       &hsmdmsg.GetPublishedPoint{},
		hsmdmsg.TypeSignAnchor:              &hsmdmsg.SignAnchor{},
	}
	for number := range requests {
		if all[number] == nil {
			t.Fatalf("message type %d is not in this test", number)
		}
	}
	master := newTestMaster(t)
	may := map[string][]ipc.Type{
		"ecdh":   {hsmdmsg.TypeECDH},
		"gossip": {hsmdmsg.TypeSignNodeAnnouncement, hsmdmsg.TypeSignChannelUpdate},
		"channel": {
			hsmdmsg.TypeGetBasepoints, hsmdmsg.TypeSetupChannel, hsmdmsg.TypeSignRemoteCommitment,
			hsmdmsg.TypeRevokeLocal, hsmdmsg.TypeGetPerCommitmentPoint, hsmdmsg.TypeCheckFutureSecret,
			hsmdmsg.TypeSignMutualClose, hsmdmsg.TypeSignChannelAnnouncement,
		},
		"onchain": {hsmdmsg.TypeSignClaim, hsmdmsg.TypeGetPublishedPoint},
	}
	clients := map[string]*client{
		"ecdh":    {hsm: master.hsm, rights: hsmdmsg.RightECDH},
		"gossip":  {hsm: master.hsm, rights: hsmdmsg.RightGossip},
		"channel": newTestChannel(t, master),
		"onchain": newTestOnchain(t, master, 1),
	}
	for name, c := range clients {
		allowed := map[ipc.Type]bool{}
		for _, number := range may[name] {
			allowed[number] = true
		}
		for number, m := range all {
			err := serveOne(t, c, m)
			refused := err != nil && strings.Contains(err.Error(), "needs right")
			if refused == allowed[number] {
				t.Errorf("%s asks %T: %v", name, m, err)
			}
		}
	}
}

func TestMasterRefusals(t *testing.T) {
	master := newTestMaster(t)
	peer := master.hsm.node.ID()
	long := make([]byte, hsmdmsg.MaxMessage+1)
	for _, c := range []struct {
		m    ipc.Message
		want string
	}{
		{&hsmdmsg.NewClient{}, "cannot be given"},
		{&hsmdmsg.NewClient{Rights: hsmdmsg.RightMaster}, "cannot be given"},
		{&hsmdmsg.NewClient{Rights: hsmdmsg.RightWallet | hsmdmsg.RightECDH}, "cannot be given"},
		{&hsmdmsg.NewClient{Rights: hsmdmsg.RightOnchain}, "cannot be given"},
		{&hsmdmsg.NewClient{Rights: hsmdmsg.RightOnchain | hsmdmsg.RightCommitment, Setup: &hsmdmsg.ChannelSetup{}}, "cannot be given"},
		{&hsmdmsg.NewClient{Rights: hsmdmsg.RightOnchain, PeerID: peer, Setup: &hsmdmsg.ChannelSetup{}}, "bad channel setup"},
		{&hsmdmsg.NewClient{Rights: hsmdmsg.RightCommitment}, "peer: public key"},
		{&hsmdmsg.NewClient{Rights: hsmdmsg.RightCommitment, PeerID: peer, Setup: &hsmdmsg.ChannelSetup{}}, "bad channel setup"},
		{&hsmdmsg.NewClient{Rights: hsmdmsg.RightCommitment, PeerID: peer, LocalRevoked: 1 << 48}, "48 bits"},
		{&hsmdmsg.NewClient{Rights: hsmdmsg.RightCommitment, PeerID: peer, ShutdownScripts: [][]byte{{}}}, "shutdown script of 0 bytes"},
		{&hsmdmsg.AllowShutdownScript{PeerID: peer, Script: long}, "shutdown script of 65536 bytes"},
		{&hsmdmsg.SignMessage{Message: long}, "at most 65535"},
		{&hsmdmsg.SignWalletMessage{Message: long}, "at most 65535"},
		{&hsmdmsg.SignWalletMessage{KeyIndex: 1 << 31}, "out of range"},
		{&hsmdmsg.DeriveSecret{Info: long}, "at most 1024"},
		{&hsmdmsg.SignInvoice{HRP: "bc"}, "no invoice"},
		{&hsmdmsg.SignWallet{Tx: []byte{1}}, "transaction"},
		{&hsmdmsg.SignWallet{Tx: make([]byte, 11)}, "1 bytes after its end"},
		{&hsmdmsg.SignWallet{Tx: make([]byte, 10), Inputs: []hsmdmsg.WalletInput{{Kind: 3}}}, "unknown kind 3"},
		{&hsmdmsg.SignWallet{Tx: make([]byte, 10), Prevouts: []hsmdmsg.Prevout{{Amount: 1 << 63}}}, "more than exists"},
		{&hsmdmsg.SignAnchor{PeerID: peer, Tx: []byte{1}}, "transaction"},
		{&hsmdmsg.SignAnchor{PeerID: peer, Tx: make([]byte, 10)}, "bad channel setup"},
	} {
		if text := refused(t, master, c.m); !strings.Contains(text, c.want) {
			t.Errorf("%T: %s, want %q", c.m, text, c.want)
		}
	}
	if err := serveOne(t, master, &hsmdmsg.GetBasepoints{}); err == nil || !strings.Contains(err.Error(), "needs right") {
		t.Errorf("a channel's request: %v", err)
	}
}

func TestNothingBeforeTheSecret(t *testing.T) {
	master := newMaster()
	for _, m := range []ipc.Message{
		&hsmdmsg.NewClient{Rights: hsmdmsg.RightECDH},
		&hsmdmsg.AllowShutdownScript{},
		&hsmdmsg.SignInvoice{}, &hsmdmsg.SignMessage{}, &hsmdmsg.SignWalletMessage{}, &hsmdmsg.DeriveSecret{}, &hsmdmsg.SignWallet{}, &hsmdmsg.ECDH{},
		&hsmdmsg.SignLocalCommitment{}, &hsmdmsg.SignAnchor{Tx: make([]byte, 10)}, &hsmdmsg.SignNodeAnnouncement{}, &hsmdmsg.SignChannelUpdate{},
	} {
		if text := refused(t, master, m); !strings.Contains(text, errNoSecret.Error()) {
			t.Errorf("%T: %s", m, text)
		}
	}
}

// A channel that was forgotten is nobody's: its old socket cannot lead a second life beside a new one.
func TestForgetChannel(t *testing.T) {
	master := newTestMaster(t)
	c := newTestChannel(t, master)
	if err := serveOne(t, master, &hsmdmsg.ForgetChannel{PeerID: master.hsm.node.ID(), ChannelDBID: 1}); err != nil {
		t.Fatal(err)
	}
	if len(master.hsm.channels) != 0 {
		t.Error("the channel is still there")
	}
	if err := serveOne(t, c, &hsmdmsg.GetBasepoints{}); !errors.Is(err, errForgotten) {
		t.Errorf("the channel's client: %v", err)
	}
}
