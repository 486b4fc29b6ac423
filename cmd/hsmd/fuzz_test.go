package main

import (
	"io"
	"os"
	"testing"

	"fulmen/internal/ipc"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/tx"
)

// rawFrames is what a process would put onto its socket, with its Hello.
func rawFrames(tb testing.TB, ms ...ipc.Message) []byte {
	tb.Helper()
	ours, theirs, err := ipc.Pair()
	if err != nil {
		tb.Fatal(err)
	}
	conn := ipc.NewConn(theirs)
	for i, m := range ms {
		if err := conn.Reply(uint64(i+1), m); err != nil {
			tb.Fatal(err)
		}
	}
	conn.Close()
	defer ours.Close()
	raw, err := io.ReadAll(ours)
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

// FuzzHostileClient plays a process that was taken over, with every set of rights: whatever it
// sends, hsmd goes on, and no lock stays held.
func FuzzHostileClient(f *testing.F) {
	// The second of two equal frames is as long as the first; what remains is the Hello.
	m := &hsmdmsg.GetBasepoints{}
	one, two := rawFrames(f, m), rawFrames(f, m, m)
	hello := 2*len(one) - len(two)
	for role := range byte(5) {
		for _, m := range []ipc.Message{
			&hsmdmsg.Init{Network: "regtest"}, &hsmdmsg.NewClient{Rights: hsmdmsg.RightECDH},
			&hsmdmsg.NewClient{Rights: hsmdmsg.RightCommitment, Setup: &hsmdmsg.ChannelSetup{}, ShutdownScripts: [][]byte{{1}}},
			&hsmdmsg.ForgetChannel{}, &hsmdmsg.AllowShutdownScript{Script: []byte{1}},
			&hsmdmsg.SignInvoice{HRP: "lnbcrt", Data: []byte{1, 2}}, &hsmdmsg.SignMessage{Message: []byte{1}},
			&hsmdmsg.SignWalletMessage{Message: []byte{1}},
			&hsmdmsg.DeriveSecret{Info: []byte{1}}, &hsmdmsg.SignLocalCommitment{},
			&hsmdmsg.SignWallet{Tx: make([]byte, 10), Prevouts: make([]hsmdmsg.Prevout, 1), Inputs: []hsmdmsg.WalletInput{{Kind: 1}}},
			&hsmdmsg.ECDH{}, &hsmdmsg.SignNodeAnnouncement{Announcement: []byte{1, 1}},
			&hsmdmsg.SignChannelUpdate{Update: []byte{1, 2}}, &hsmdmsg.GetBasepoints{}, &hsmdmsg.SetupChannel{},
			&hsmdmsg.SignRemoteCommitment{Commitment: hsmdmsg.Commitment{HTLCs: make([]hsmdmsg.HTLC, 2)}},
			&hsmdmsg.RevokeLocal{}, &hsmdmsg.GetPerCommitmentPoint{}, &hsmdmsg.GetPublishedPoint{}, &hsmdmsg.CheckFutureSecret{},
			&hsmdmsg.SignClaim{Tx: make([]byte, 10), Inputs: []hsmdmsg.ClaimInput{{Kind: uint8(tx.ClaimToRemote)}}}, &hsmdmsg.SignAnchor{Tx: make([]byte, 10)},
			&hsmdmsg.SignMutualClose{LocalScript: []byte{1}}, &hsmdmsg.SignChannelAnnouncement{Announcement: []byte{1, 0}},
		} {
			f.Add(role, rawFrames(f, m)[hello:])
		}
	}
	greeting := one[:hello]
	f.Fuzz(func(t *testing.T, role byte, frames []byte) {
		if len(frames) > 1<<16 { // what a socket takes at once
			return // longer than a socket's buffer
		}
		master := newTestMaster(t)
		channel := newTestChannel(t, master)
		c := [...]*client{
			master, channel,
			{hsm: master.hsm, rights: hsmdmsg.RightECDH}, {hsm: master.hsm, rights: hsmdmsg.RightGossip},
			newTestOnchain(t, master, 2),
		}[role%5]
		ours, theirs, err := ipc.Pair()
		if err != nil {
			t.Fatal(err)
		}
		writeAndClose(t, theirs, append(greeting[:hello:hello], frames...))
		c.serve(ipc.NewConn(ours))
		if err := serveOne(t, channel, &hsmdmsg.GetBasepoints{}); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

func writeAndClose(t *testing.T, f *os.File, b []byte) {
	t.Helper()
	if _, err := f.Write(b); err != nil {
		t.Fatal(err)
	}
	f.Close()
}
