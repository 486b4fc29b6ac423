package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/btcutil/v2/hdkeychain"
	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/ipc"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/keys"
	"fulmen/internal/signer"
	"fulmen/internal/tx"
)

// remoteNode is the peer of all channels here.
func remoteNode(t testing.TB) *signer.Node {
	t.Helper()
	node, err := signer.New(bytes.Repeat([]byte{9}, 32), "regtest")
	if err != nil {
		t.Fatal(err)
	}
	return node
}

// setUpChannel is a client whose channel with remoteNode has a funding output.
func setUpChannel(t testing.TB, master *client, dbid uint64) (*client, *hsmdmsg.ChannelSetup) {
	t.Helper()
	peer := remoteNode(t)
	theirs := peer.Channel(master.hsm.node.ID(), dbid)
	setup := &hsmdmsg.ChannelSetup{
		FundingTxid: [32]byte{byte(dbid)}, FundingSats: 1_000_000, Opener: true, Anchors: true,
		RemoteFundingPubKey: theirs.FundingPubKey(), RemoteBasepoints: theirs.Basepoints(),
		LocalToSelfDelay: 144, RemoteToSelfDelay: 144, LocalDustLimit: 354, RemoteDustLimit: 354,
	}
	c, err := master.hsm.newClient(&hsmdmsg.NewClient{Rights: hsmdmsg.RightCommitment, PeerID: peer.ID(), ChannelDBID: dbid, Setup: setup})
	if err != nil {
		t.Fatal(err)
	}
	return c, setup
}

// newTestOnchain is an onchaind's client of a channel with remoteNode.
func newTestOnchain(t testing.TB, master *client, dbid uint64) *client {
	t.Helper()
	_, setup := setUpChannel(t, master, dbid)
	c, err := master.hsm.newClient(&hsmdmsg.NewClient{Rights: hsmdmsg.RightOnchain, PeerID: remoteNode(t).ID(), ChannelDBID: dbid, Setup: setup})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// testCommitment is the content of commitment number n.
func testCommitment(n keys.CommitmentNumber) hsmdmsg.Commitment {
	return hsmdmsg.Commitment{Number: n, FeeratePerKw: 1000, LocalMsat: 900_000_000, RemoteMsat: 100_000_000}
}

func remotePoint(t testing.TB, dbid uint64, n keys.CommitmentNumber) keys.PubKey {
	t.Helper()
	point, err := remoteNode(t).Channel(remoteNode(t).ID(), dbid).PerCommitmentPoint(n)
	if err != nil {
		t.Fatal(err)
	}
	return point
}

// TestRefusalIsLoggedAndEndsTheSocket: who asked is in the log, and the socket is served no more.
func TestRefusalIsLoggedAndEndsTheSocket(t *testing.T) {
	master := newTestMaster(t)
	channel, _ := setUpChannel(t, master, 5)
	ecdh, err := master.hsm.newClient(&hsmdmsg.NewClient{Rights: hsmdmsg.RightECDH})
	if err != nil {
		t.Fatal(err)
	}
	gossip, err := master.hsm.newClient(&hsmdmsg.NewClient{Rights: hsmdmsg.RightGossip})
	if err != nil {
		t.Fatal(err)
	}
	onchain := newTestOnchain(t, master, 7)
	onchainName := fmt.Sprintf("onchain %s-7", remoteNode(t).ID())
	for _, tt := range []struct {
		c    *client
		m    ipc.Message
		name string
	}{
		{onchain, &hsmdmsg.SignClaim{Tx: []byte{1}}, onchainName},
		{onchain, claimOfToRemote(t, onchain, tx.P2WSH(nil)), onchainName},
		{onchain, &hsmdmsg.SignClaim{Tx: make([]byte, 10), WalletOutputs: []hsmdmsg.WalletOutput{{Kind: 9}}}, onchainName},
		{onchain, &hsmdmsg.SignRemoteCommitment{}, onchainName},
		{onchain, &hsmdmsg.SignLocalCommitment{}, onchainName},
		{onchain, &hsmdmsg.SignMutualClose{}, onchainName},
		{onchain, &hsmdmsg.SignAnchor{}, onchainName},
		{onchain, &hsmdmsg.SignWallet{}, onchainName},
		{onchain, &hsmdmsg.RevokeLocal{}, onchainName},
		{onchain, &hsmdmsg.GetPerCommitmentPoint{}, onchainName},
		{onchain, &hsmdmsg.ECDH{}, onchainName},
		{onchain, &hsmdmsg.NewClient{}, onchainName},
		{ecdh, &hsmdmsg.SignRemoteCommitment{}, "ecdh"},
		{ecdh, &hsmdmsg.SignChannelUpdate{}, "ecdh"},
		{ecdh, &hsmdmsg.SignMessage{Message: []byte("x")}, "ecdh"},
		{gossip, &hsmdmsg.ECDH{}, "gossip"},
		{gossip, &hsmdmsg.SignInvoice{}, "gossip"},
		{channel, &hsmdmsg.SignWallet{}, fmt.Sprintf("channel %s-5", remoteNode(t).ID())},
		{channel, &hsmdmsg.SignLocalCommitment{}, "-5"},
		{channel, &hsmdmsg.NewClient{Rights: hsmdmsg.RightECDH}, "-5"},
		{channel, &hsmdmsg.RevokeLocal{Number: 7}, "-5"},
		{channel, &hsmdmsg.SignMutualClose{LocalSat: 900_000, LocalScript: bytes.Repeat([]byte{1}, 22)}, "-5"},
	} {
		var log bytes.Buffer
		old := slog.Default()
		slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
		err := serveOne(t, tt.c, tt.m)
		slog.SetDefault(old)
		if err == nil {
			t.Errorf("%s asks %T, and its socket goes on", tt.c.name, tt.m)
		}
		if text := log.String(); !strings.Contains(text, "refused") || !strings.Contains(text, tt.name) {
			t.Errorf("%T: log %q, want %q", tt.m, text, tt.name)
		}
	}
}

// claimOfToRemote claims to_remote of a commitment of the peer's, to a script.
func claimOfToRemote(t testing.TB, c *client, to []byte) *hsmdmsg.SignClaim {
	t.Helper()
	spend := wire.NewMsgTx(2)
	spend.AddTxIn(&wire.TxIn{Sequence: 1})
	spend.AddTxOut(wire.NewTxOut(900, to))
	var raw bytes.Buffer
	if err := spend.SerializeNoWitness(&raw); err != nil {
		t.Fatal(err)
	}
	script := tx.P2WSH(tx.ToRemoteAnchorsScript(c.channel.Basepoints().Payment))
	return &hsmdmsg.SignClaim{
		Tx: raw.Bytes(), Prevouts: []hsmdmsg.Prevout{{Amount: 1000, Script: script}},
		Inputs:        []hsmdmsg.ClaimInput{{Kind: uint8(tx.ClaimToRemote)}},
		WalletOutputs: []hsmdmsg.WalletOutput{{Kind: hsmdmsg.P2WPKH, KeyIndex: 3}},
	}
}

// TestClaimToOurWallet: what is refused above is signed when it pays to the key of our wallet that it names.
func TestClaimToOurWallet(t *testing.T) {
	master := newTestMaster(t)
	c := newTestOnchain(t, master, 7)
	bip84, _ := master.hsm.node.XPubs()
	key, err := hdkeychain.NewKeyFromString(bip84)
	for _, i := range []uint32{0, 3} {
		if err == nil {
			key, err = key.Derive(i)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	pub, err := key.ECPubKey()
	if err != nil {
		t.Fatal(err)
	}
	m := claimOfToRemote(t, c, tx.P2WPKH(keys.PubKey(pub.SerializeCompressed())))
	reply, err := signClaim(c.channel.Channel, m)
	if err != nil {
		t.Fatal(err)
	}
	if sigs := reply.(*hsmdmsg.SignClaimReply).Signatures; len(sigs) != 1 || sigs[0] == (keys.Signature{}) {
		t.Errorf("signatures %x", sigs)
	}
}

// TestChannelsAreApart: what one channel's socket gets is worth nothing in another channel, even where
// its process names the other's funding output.
func TestChannelsAreApart(t *testing.T) {
	master := newTestMaster(t)
	first, setup := setUpChannel(t, master, 5)
	second, err := master.hsm.newClient(&hsmdmsg.NewClient{Rights: hsmdmsg.RightCommitment, PeerID: remoteNode(t).ID(), ChannelDBID: 6})
	if err != nil {
		t.Fatal(err)
	}
	if err := serveOne(t, second, &hsmdmsg.SetupChannel{Setup: *setup}); err != nil {
		t.Fatalf("hsmd cannot know whose output it is: %v", err)
	}
	if first.channel.FundingPubKey() == second.channel.FundingPubKey() {
		t.Error("two channels have one funding key: the signature of one is good for the other")
	}
	for _, name := range []string{"revocation", "payment", "delayed_payment", "htlc"} {
		a, b := basepoint(first, name), basepoint(second, name)
		if a == b {
			t.Errorf("two channels have one %s_basepoint", name)
		}
	}
	other := *setup
	other.FundingTxid[31] = 7
	if err := serveOne(t, first, &hsmdmsg.SetupChannel{Setup: other}); err == nil {
		t.Error("a channel moved to another funding output")
	}
}

func basepoint(c *client, name string) keys.PubKey {
	b := c.channel.Basepoints()
	return map[string]keys.PubKey{"revocation": b.Revocation, "payment": b.Payment, "delayed_payment": b.DelayedPayment, "htlc": b.HTLC}[name]
}

// TestRevokedIsNeverSigned: neither the peer's commitments nor our own, whatever lightningd says, even
// that the channel is to be forgotten and starts anew.
func TestRevokedIsNeverSigned(t *testing.T) {
	master := newTestMaster(t)
	c, setup := setUpChannel(t, master, 5)
	for n := range keys.CommitmentNumber(3) {
		m := &hsmdmsg.SignRemoteCommitment{PerCommitmentPoint: remotePoint(t, 5, n), Commitment: testCommitment(n)}
		if err := serveOne(t, c, m); err != nil {
			t.Fatal(err)
		}
		if err := serveOne(t, c, &hsmdmsg.RevokeLocal{Number: n}); err != nil {
			t.Fatal(err)
		}
	}
	if err := serveOne(t, c, &hsmdmsg.SignRemoteCommitment{PerCommitmentPoint: remotePoint(t, 5, 0), Commitment: testCommitment(0)}); err == nil {
		t.Error("the peer's commitment 0 was signed again after it was revoked")
	}
	local := &hsmdmsg.SignLocalCommitment{PeerID: remoteNode(t).ID(), ChannelDBID: 5, Setup: *setup, Commitment: testCommitment(2)}
	if text := refused(t, master, local); !strings.Contains(text, "revoked") {
		t.Errorf("our commitment 2: %q", text)
	}
	if err := serveOne(t, master, &hsmdmsg.ForgetChannel{PeerID: remoteNode(t).ID(), ChannelDBID: 5}); err != nil {
		t.Fatal(err)
	}
	if text := refused(t, master, local); !strings.Contains(text, "revoked") {
		t.Errorf("our commitment 2, after the channel was forgotten: %q", text)
	}
	local.Commitment = testCommitment(3)
	if err := serveOne(t, master, local); err != nil {
		t.Fatal(err)
	}
	if err := serveOne(t, c, &hsmdmsg.RevokeLocal{Number: 3}); err == nil {
		t.Error("a commitment that may be in the chain was revoked")
	}
}
