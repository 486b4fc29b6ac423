package main

import (
	"testing"

	"fulmen/internal/ipc"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/keys"
	"fulmen/tests/hostile"
)

// FuzzHostileEveryone plays all of hsmd's clients at once, lightningd among them, with well-formed
// requests in any order. However it goes, what was revoked before is not signed, another channel's
// signer answers, and nothing panics, hangs or grows.
func FuzzHostileEveryone(f *testing.F) {
	for i := range hostile.ToHsmd {
		for _, fill := range []byte{0, 1, 2, 3, 255} {
			in := []byte{}
			for who := range byte(6) {
				in = append(in, who, 1, byte(i))
				for range 30 {
					in = append(in, fill, byte(i))
				}
			}
			f.Add(in)
		}
	}
	var growth hostile.Growth
	f.Fuzz(func(t *testing.T, in []byte) {
		defer growth.Check(t)
		master := newTestMaster(t)
		victim, setup := setUpChannel(t, master, 5)
		if err := serveOne(t, victim, &hsmdmsg.SignRemoteCommitment{PerCommitmentPoint: remotePoint(t, 5, 0), Commitment: testCommitment(0)}); err != nil {
			t.Fatal(err)
		}
		if err := serveOne(t, victim, &hsmdmsg.RevokeLocal{Number: 0}); err != nil {
			t.Fatal(err)
		}
		mallory, _ := setUpChannel(t, master, 6)
		clients := []*client{
			master, mallory, {hsm: master.hsm, rights: hsmdmsg.RightECDH}, {hsm: master.hsm, rights: hsmdmsg.RightGossip}, victim,
			newTestOnchain(t, master, 5),
		}
		words := new(hostile.Words)
		words.Numbers(0, 1, 5, 6, 1000)
		words.Texts([]byte("regtest"), []byte("lnbcrt"))
		words.Values(remoteNode(t).ID(), master.hsm.node.ID(), remotePoint(t, 5, 0), testCommitment(0), testCommitment(1), *setup,
			hsmdmsg.RightECDH, hsmdmsg.RightCommitment)
		s := hostile.NewSource(in, words)
		for range 30 {
			if s.Done() {
				break
			}
			c := clients[s.Below(len(clients))]
			from := hostile.ToHsmd
			if s.Byte() == 0 {
				from = hostile.Everything
			}
			m := s.Message(from)
			hostile.Within(t, "answer", func() { serveAny(t, c, m) })
		}
		hostile.Within(t, "answer afterwards", func() { revokedStays(t, master, victim, setup) })
	})
}

// serveAny is serveOne for a message of any size, which a socket does not take before it is served.
func serveAny(t *testing.T, c *client, m ipc.Message) {
	ours, theirs, err := ipc.Pair()
	if err != nil {
		t.Error(err)
		return
	}
	go func() {
		other := ipc.NewConn(theirs)
		defer other.Close()
		if other.Reply(1, m) != nil || other.CloseWrite() != nil {
			return // it was refused before it was read
		}
		for {
			if _, err := other.Recv(); err != nil {
				return
			}
		}
	}()
	c.serve(ipc.NewConn(ours))
}

func revokedStays(t *testing.T, master, victim *client, setup *hsmdmsg.ChannelSetup) {
	local := &hsmdmsg.SignLocalCommitment{PeerID: remoteNode(t).ID(), ChannelDBID: 5, Setup: *setup, Commitment: testCommitment(0)}
	if _, err := signLocalCommitment(master.hsm, local); err == nil {
		t.Error("our commitment 0 was signed after it was revoked")
	}
	var reply ipc.Message
	reply, err := getBasepoints(victim.channel.Channel, new(hsmdmsg.GetBasepoints))
	if err != nil || reply.(*hsmdmsg.GetBasepointsReply).FundingPubKey == (keys.PubKey{}) {
		t.Errorf("the channel: %v", err)
	}
}
