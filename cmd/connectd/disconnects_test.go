package main

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"fulmen/internal/ipc/connectdmsg"
	"fulmen/internal/ipc/peermsg"
	"fulmen/internal/wire"
)

func TestParseDisconnects(t *testing.T) {
	d, err := parseDisconnects([]string{"-WIRE_INIT", "", "=WIRE_UPDATE_ADD_HTLC*66", "+WIRE_REVOKE_AND_ACK", "$WIRE_ERROR", "0WIRE_PING", "xWIRE_PONG", "@WIRE_SHUTDOWN"})
	if err != nil || len(d.lines) != 7 || d.lines[1] != (disconnectLine{deedNothing, wire.MsgUpdateAddHTLC, 66}) {
		t.Errorf("%+v, %v", d, err)
	}
	for _, none := range [][]string{nil, {""}} {
		if d, err := parseDisconnects(none); d != nil || err != nil {
			t.Errorf("%q: %+v, %v", none, d, err)
		}
	}
	for text, want := range map[string]string{
		"WIRE_INIT": "begin with one of", "-INIT": "no message's name", "-WIRE_NONE": "no message's name",
		"-WIRE_INIT*0": "counted from 1", "-WIRE_INIT*": "counted from 1", "-": "no message's name",
	} {
		if _, err := parseDisconnects([]string{"", text}); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestDisconnects sends channel_ready after channel_ready under each order, and looks what arrives.
func TestDisconnects(t *testing.T) {
	for _, test := range []struct {
		lines  string
		arrive []byte // tags of what arrives
		ends   bool   // and then the connection ends
	}{
		{"-WIRE_CHANNEL_READY*3", []byte{1, 2}, true},
		{"@WIRE_CHANNEL_READY*3", []byte{1, 2}, true},
		{"+WIRE_CHANNEL_READY*3", []byte{1, 2, 3}, true},
		{"$WIRE_CHANNEL_READY*3", []byte{1, 2, 4, 5}, false},
		{"0WIRE_CHANNEL_READY*3", []byte{1, 2}, false},
		{"xWIRE_CHANNEL_READY*3", []byte{1, 2, 3}, false},
		{"=WIRE_CHANNEL_READY*3", []byte{1, 2, 3, 4, 5}, false},
		{"=WIRE_CHANNEL_READY*2\n-WIRE_SHUTDOWN", []byte{1, 2, 3, 4, 5}, false},
		{"=WIRE_CHANNEL_READY*2\n$WIRE_CHANNEL_READY\n+WIRE_CHANNEL_READY", []byte{1, 2, 4}, true},
	} {
		t.Run(strings.ReplaceAll(test.lines, "\n", " "), func(t *testing.T) {
			alice, bob := startNode(t, "alice", strings.Split(test.lines, "\n")...), startNode(t, "bob")
			atAlice, atBob := link(alice, bob)
			a, b := alice.attach(atAlice, chanA), bob.attach(atBob, chanA)
			bob.serve(atBob)
			alice.serve(atAlice)
			for tag := byte(1); tag <= 5; tag++ {
				// It fails where the connection has ended.
				_ = a.link.Send(&peermsg.Messages{Wire: [][]byte{channelReady(chanA, tag)}})
			}
			var want [][]byte
			for _, tag := range test.arrive {
				want = append(want, channelReady(chanA, tag))
			}
			b.want(want...)
			if test.ends {
				if _, err := b.recv(); err != io.EOF {
					t.Errorf("bob's channel: %v, want its end", err)
				}
				if m := next[*connectdmsg.PeerDisconnected](t, alice.reports); m.Reason != errDisconnect.Error() {
					t.Errorf("alice: %+v", m)
				}
				return
			}
			// What the peer sends arrives, unless the connection is as dead.
			bob.order(&connectdmsg.SendPeer{ID: alice.id, Conn: atBob.Conn, Wire: [][]byte{channelReady(chanA, 9)}})
			if dead := strings.ContainsAny(test.lines[:1], "0x"); !dead {
				a.want(channelReady(chanA, 9))
			}
		})
	}
}

// TestDisconnectAtInit counts init too, which is before there is a connection to speak of.
func TestDisconnectAtInit(t *testing.T) {
	for _, sign := range []string{"-", "+", "@"} {
		alice, bob := startNode(t, "alice", sign+"WIRE_INIT"), startNode(t, "bob")
		err := alice.tryRequest(&connectdmsg.Connect{ID: bob.id, Addrs: []string{bob.addr}}, new(connectdmsg.ConnectReply))
		if err == nil || !strings.Contains(err.Error(), errDisconnect.Error()) {
			t.Errorf("%s: %v", sign, err)
		}
		// The order is used up.
		alice.request(&connectdmsg.Connect{ID: bob.id, Addrs: []string{bob.addr}}, new(connectdmsg.ConnectReply))
	}
}

func TestDisconnectsLeaveOthersAlone(t *testing.T) {
	d, err := parseDisconnects([]string{"-WIRE_CHANNEL_READY"})
	if err != nil {
		t.Fatal(err)
	}
	for _, msg := range [][]byte{nil, {1}, wire.Encode(&wire.Ping{}), bytes.Repeat([]byte{0xff}, 40)} {
		if do := d.sending(msg); do != deedNothing {
			t.Errorf("%x: %c", msg, do)
		}
	}
	if do := (*disconnects)(nil).sending(channelReady(chanA, 1)); do != deedNothing {
		t.Errorf("without a list: %c", do)
	}
}
