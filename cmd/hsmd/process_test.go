package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fulmen/internal/hsmsecret"
	"fulmen/internal/hsmsecret/secretfile"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/keys"
	"fulmen/internal/signer"
	"fulmen/internal/subd"
	"fulmen/internal/tx"
)

// TestMain is hsmd itself when the test starts it as lightningd does.
func TestMain(m *testing.M) {
	if os.Args[0] == "hsmd" {
		main()
	}
	slog.SetDefault(slog.New(slog.DiscardHandler)) // refusals are what most tests are about
	os.Exit(m.Run())
}

// child is a running hsmd.
type child struct {
	*subd.Child
	logs  chan *ipc.Log
	exits chan subd.Exit
}

func spawn(t *testing.T) *child {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &child{logs: make(chan *ipc.Log, 100), exits: make(chan subd.Exit, 1)}
	c.Child, err = subd.Spawn(subd.Spec{
		Name: "hsmd", Path: self, LogLevel: slog.LevelWarn,
		OnLog:  func(m *ipc.Log) { c.logs <- m },
		OnExit: func(e subd.Exit) { c.exits <- e },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Kill)
	return c
}

func (c *child) ask(t *testing.T, m, reply ipc.Message, fds ...*os.File) []*os.File {
	t.Helper()
	got, err := c.Request(context.Background(), m, reply, fds...)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// initialised is a hsmd with a new secret at path.
func initialised(t *testing.T, path string) (*child, *hsmdmsg.InitReply) {
	t.Helper()
	c := spawn(t)
	file, err := secretfile.Begin(path)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := file.Dup()
	if err != nil {
		t.Fatal(err)
	}
	var reply hsmdmsg.InitReply
	c.ask(t, &hsmdmsg.Init{Network: "regtest", Create: true}, &reply, theirs)
	if err := file.Commit(); err != nil {
		t.Fatal(err)
	}
	return c, &reply
}

// newClient asks for a socket with these rights.
func (c *child) newClient(t *testing.T, m *hsmdmsg.NewClient) *ipc.Conn {
	t.Helper()
	fds := c.ask(t, m, new(hsmdmsg.NewClientReply))
	conn := ipc.NewConn(fds[0])
	t.Cleanup(func() { conn.Close() })
	return conn
}

func open(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := secretfile.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestNewSecretAndTheSameAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hsm_secret")
	first, made := initialised(t, path)
	if words := strings.Fields(made.Mnemonic); len(words) != 12 {
		t.Errorf("%d words", len(words))
	}
	if err := first.Stop(context.Background()); err != nil {
		t.Error(err)
	}
	if e := <-first.exits; !e.Clean {
		t.Errorf("exit %+v", e)
	}

	var again hsmdmsg.InitReply
	spawn(t).ask(t, &hsmdmsg.Init{Network: "regtest"}, &again, open(t, path))
	made.Mnemonic = "" // shown once
	if again != *made {
		t.Errorf("second start %+v, first %+v", again, *made)
	}
}

func TestUnreadableSecretIsExplained(t *testing.T) {
	locked, err := hsmsecret.FromMnemonic(strings.Repeat("abandon ", 11)+"about", "right")
	if err != nil {
		t.Fatal(err)
	}
	c := spawn(t)
	for _, tt := range []struct {
		name, passphrase string
		content          []byte
		code             int32
		text             string
	}{
		{"damaged", "", []byte("what is this"), hsmdmsg.CodeDamaged, "12 bytes"},
		{"no passphrase", "", locked.Encode(), hsmdmsg.CodePassphraseNeeded, "passphrase"},
		{"wrong passphrase", "left", locked.Encode(), hsmdmsg.CodePassphraseWrong, "wrong passphrase"},
		{"needless passphrase", "x", bytes.Repeat([]byte{1}, 32), hsmdmsg.CodePassphraseNotNeeded, "no passphrase"},
	} {
		path := filepath.Join(t.TempDir(), "hsm_secret")
		if err := secretfile.Create(path, tt.content); err != nil {
			t.Fatal(err)
		}
		m := &hsmdmsg.Init{Network: "regtest", Passphrase: []byte(tt.passphrase)}
		_, err := c.Request(context.Background(), m, new(hsmdmsg.InitReply), open(t, path))
		var fail *ipc.Fail
		if !errors.As(err, &fail) || fail.Code != tt.code || !strings.Contains(fail.Message, tt.text) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if content, err := os.ReadFile(path); err != nil || !bytes.Equal(content, tt.content) {
			t.Errorf("%s: the file has changed: %v", tt.name, err)
		}
	}
	path := filepath.Join(t.TempDir(), "hsm_secret")
	if err := secretfile.Create(path, locked.Encode()); err != nil {
		t.Fatal(err)
	}
	c.ask(t, &hsmdmsg.Init{Network: "regtest", Passphrase: []byte("right")}, new(hsmdmsg.InitReply), open(t, path))
}

// A channel's life as its channeld asks for it, against a second signer as the peer.
func TestChannelClient(t *testing.T) {
	c, node := initialised(t, filepath.Join(t.TempDir(), "hsm_secret"))
	peerNode, err := signer.New(bytes.Repeat([]byte{9}, 32), "regtest")
	if err != nil {
		t.Fatal(err)
	}
	peer := peerNode.Channel(node.NodeID, 1)
	conn := c.newClient(t, &hsmdmsg.NewClient{
		Rights: hsmdmsg.RightCommitment | hsmdmsg.RightECDH, PeerID: peerNode.ID(), ChannelDBID: 5,
	})
	var mine hsmdmsg.GetBasepointsReply
	request(t, conn, &hsmdmsg.GetBasepoints{}, &mine)
	setup := hsmdmsg.ChannelSetup{
		FundingTxid: [32]byte{1}, FundingSats: 1_000_000, Opener: true, Anchors: true,
		RemoteFundingPubKey: peer.FundingPubKey(), RemoteBasepoints: peer.Basepoints(),
		LocalToSelfDelay: 144, RemoteToSelfDelay: 144, LocalDustLimit: 354, RemoteDustLimit: 354,
	}
	request(t, conn, &hsmdmsg.SetupChannel{Setup: setup}, new(hsmdmsg.SetupChannelReply))

	point, err := peer.PerCommitmentPoint(0)
	if err != nil {
		t.Fatal(err)
	}
	commitment := hsmdmsg.Commitment{
		FeeratePerKw: 1000, LocalMsat: 890_000_000, RemoteMsat: 100_000_000,
		HTLCs: []hsmdmsg.HTLC{{Offered: true, AmountMsat: 10_000_000, PaymentHash: [32]byte{4}, CLTVExpiry: 600}},
	}
	var signed hsmdmsg.SignRemoteCommitmentReply
	request(t, conn, &hsmdmsg.SignRemoteCommitment{PerCommitmentPoint: point, Commitment: commitment}, &signed)
	checkAsPeer(t, peer, &mine, &setup, &signed)

	var revoked hsmdmsg.RevokeLocalReply
	request(t, conn, &hsmdmsg.RevokeLocal{Number: 0}, &revoked)
	if got, err := keys.PerCommitmentPoint(revoked.PerCommitmentSecret); err != nil || got != mine.FirstPoint {
		t.Errorf("secret 0 gives point %s, %v", got, err)
	}

	var ecdh hsmdmsg.ECDHReply
	request(t, conn, &hsmdmsg.ECDH{Points: []keys.PubKey{peerNode.ID(), {}}}, &ecdh)
	if want := peerNode.ECDH([]keys.PubKey{node.NodeID})[0].Secret; len(ecdh.Results) != 2 || ecdh.Results[0].SharedSecret != want || !ecdh.Results[1].BadPoint {
		t.Errorf("ecdh %+v", ecdh)
	}

	// Beyond the policy: the socket ends, the log names the channel, the other sockets go on.
	if _, err := conn.Request(&hsmdmsg.RevokeLocal{Number: 7}, new(hsmdmsg.RevokeLocalReply)); !errors.Is(err, io.EOF) {
		t.Errorf("refused: %v", err)
	}
	log := <-c.logs
	if text := logText(log); log.Level != int32(slog.LevelError) || !strings.Contains(text, peerNode.ID().String()+"-5") || !strings.Contains(text, "out of order") {
		t.Errorf("log %d %s", log.Level, text)
	}

	// The channel's memory outlives the socket: lightningd's stale figures do not reopen it.
	local := hsmdmsg.SignLocalCommitment{PeerID: peerNode.ID(), ChannelDBID: 5, Setup: setup, Commitment: commitment}
	local.Commitment.Number = 1
	c.ask(t, &local, new(hsmdmsg.SignLocalCommitmentReply))
	local.Commitment.Number = 0
	_, err = c.Request(context.Background(), &local, new(hsmdmsg.SignLocalCommitmentReply))
	var fail *ipc.Fail
	if !errors.As(err, &fail) || fail.Code != hsmdmsg.CodeRefused || !strings.Contains(fail.Message, "revoked") {
		t.Errorf("a revoked commitment: %v", err)
	}
	c.ask(t, &hsmdmsg.SignMessage{}, new(hsmdmsg.SignMessageReply))
}

// checkAsPeer verifies the signatures on the peer's commitment 0.
func checkAsPeer(t *testing.T, peer *signer.Channel, mine *hsmdmsg.GetBasepointsReply, setup *hsmdmsg.ChannelSetup, signed *hsmdmsg.SignRemoteCommitmentReply) {
	t.Helper()
	point, err := peer.PerCommitmentPoint(0)
	if err != nil {
		t.Fatal(err)
	}
	basepoints := peer.Basepoints()
	k, err := keys.DeriveCommitmentKeys(&basepoints, &mine.Basepoints, point)
	if err != nil {
		t.Fatal(err)
	}
	funding := &tx.Funding{Amount: setup.FundingSats, KeyA: mine.FundingPubKey, KeyB: peer.FundingPubKey()}
	funding.Outpoint.Hash = setup.FundingTxid
	commitment, err := tx.BuildCommitment(&tx.CommitmentParams{
		Funding: funding, OwnerFundingKey: peer.FundingPubKey(), OtherFundingKey: mine.FundingPubKey,
		ObscuringFactor: tx.ObscuringFactor(mine.Basepoints.Payment, basepoints.Payment),
		Anchors:         true, DustLimit: 354, ToSelfDelay: 144, Keys: k,
	}, 0, 1000, 100_000_000, 890_000_000, []tx.HTLC{{Amount: 10_000_000, PaymentHash: [32]byte{4}, CLTVExpiry: 600}})
	if err != nil {
		t.Fatal(err)
	}
	if err := keys.Verify(mine.FundingPubKey, commitment.SigHash(), signed.Signature); err != nil {
		t.Errorf("commitment: %v", err)
	}
	if len(signed.HTLCSignatures) != 1 {
		t.Fatalf("%d htlc signatures", len(signed.HTLCSignatures))
	}
	if err := keys.Verify(k.OtherHTLC, commitment.OtherHTLCSigHashes()[0], signed.HTLCSignatures[0]); err != nil {
		t.Errorf("htlc: %v", err)
	}
}

func request(t *testing.T, conn *ipc.Conn, m, reply ipc.Message) {
	t.Helper()
	if _, err := conn.Request(m, reply); err != nil {
		t.Fatal(err)
	}
}

func logText(m *ipc.Log) string {
	text := m.Message
	for _, a := range m.Attrs {
		text += " " + a.Key + "=" + a.Value
	}
	return text
}
