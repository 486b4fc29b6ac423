package main

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/ipc"
	"fulmen/internal/ipc/onchaindmsg"
)

// serve has a shell without process hear what lightningd says, and returns how that ended.
func serve(t *testing.T, says ...ipc.Message) error {
	t.Helper()
	ours, theirs, err := ipc.Pair()
	if err != nil {
		t.Fatal(err)
	}
	lightningd, conn := ipc.NewConn(theirs), ipc.NewConn(ours)
	defer lightningd.Close()
	defer conn.Close()
	go drain(lightningd)
	go func() {
		for _, m := range says {
			if !say(lightningd, m) {
				return // it ended before it had heard all
			}
		}
		lightningd.CloseWrite()
	}()
	return orders.Serve(conn, &shell{log: slog.New(slog.DiscardHandler), lightningd: conn}, 0)
}

// say sends an order, or a request with an id whose answer nobody waits for.
func say(c *ipc.Conn, m ipc.Message) bool {
	if _, request := m.(*onchaindmsg.SignClaims); request {
		return c.Reply(1, m) == nil
	}
	return c.Send(m) == nil
}

// TestOrdersOutOfTurn: what lightningd never says ends the process, with a reason.
func TestOrdersOutOfTurn(t *testing.T) {
	h := newHistory(t, true)
	ends := spends(h)
	init := func(i int) *onchaindmsg.Init {
		return &onchaindmsg.Init{Snapshot: h.alice.Log.Snapshot, Records: h.alice.Log.Records, SpendTx: serialize(t, ends[i]), SpendHeight: closingHeight}
	}
	foreign := init(0)
	foreign.SpendTx = serialize(t, spendOf(wire.OutPoint{Index: 9}))
	long := init(0)
	long.SpendTx = append(long.SpendTx, 0)
	for _, tt := range []struct {
		name string
		says []ipc.Message
		want string
	}{
		{"in turn", []ipc.Message{init(0), &onchaindmsg.NewHeight{Height: closingHeight}}, ""},
		{"in turn, revoked", []ipc.Message{init(2), &onchaindmsg.HTLCs{Stubs: h.alice.stubs}, &onchaindmsg.HTLCs{Last: true}, &onchaindmsg.NewHeight{Height: closingHeight}}, ""},
		{"HTLCs that do not end", []ipc.Message{init(2), &onchaindmsg.HTLCs{}}, errNoHTLCs.Error()},
		{"a block first", []ipc.Message{&onchaindmsg.NewHeight{}}, errNotStarted.Error()},
		{"claims first", []ipc.Message{&onchaindmsg.SignClaims{}}, errNotStarted.Error()},
		{"HTLCs first", []ipc.Message{&onchaindmsg.HTLCs{Last: true}}, errNotAsked.Error()},
		{"HTLCs unasked", []ipc.Message{init(0), &onchaindmsg.HTLCs{Last: true}}, errNotAsked.Error()},
		{"a block before the HTLCs", []ipc.Message{init(2), &onchaindmsg.NewHeight{}}, errNotStarted.Error()},
		{"HTLCs after the last", []ipc.Message{init(2), &onchaindmsg.HTLCs{Last: true}, &onchaindmsg.HTLCs{Last: true}}, errNotAsked.Error()},
		{"init twice", []ipc.Message{init(0), init(0)}, errInitTwice.Error()},
		{"no log", []ipc.Message{&onchaindmsg.Init{}}, "restore channel"},
		{"no spend", []ipc.Message{&onchaindmsg.Init{Snapshot: h.alice.Log.Snapshot, Records: h.alice.Log.Records}}, "spend of the funding output"},
		{"a spend of something else", []ipc.Message{foreign}, "does not spend the funding output"},
		{"a spend with a byte too many", []ipc.Message{long}, "1 bytes after its end"},
		{"a spend of an output that is no transaction", []ipc.Message{init(0), &onchaindmsg.OutputSpent{Tx: []byte{1}}}, "spend of an output"},
		{"a preimage of something else", []ipc.Message{init(0), &onchaindmsg.Preimages{Preimages: []onchaindmsg.Preimage{{HTLCID: 0}}}}, "preimage"},
		{"its own message", []ipc.Message{init(0), &onchaindmsg.Watch{}}, "not accepted"},
	} {
		err := serve(t, tt.says...)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}
