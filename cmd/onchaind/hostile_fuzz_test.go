package main

import (
	"log/slog"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/channel/channeltest"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/ipc/onchaindmsg"
	"fulmen/internal/tx"
	"fulmen/tests/hostile"
)

// spends are transactions that may end the channel: each side's newest commitment, a revoked one, and
// none of these.
func spends(h *history) []*wire.MsgTx {
	h.pay(h.alice, 1, 20_000, 30_000)
	h.pay(h.bob, 3, 40_000)
	revoked := h.bobsCommitment()
	h.settle(h.bob, 0, preimage(1))
	other := revoked.Copy()
	other.LockTime++
	return []*wire.MsgTx{h.alicesCommitment(), h.bobsCommitment(), revoked, other}
}

// FuzzHostileNeighbours plays lightningd, with any chain behind it, and hsmd: an error may end the
// process, nothing may make it panic, hang or grow.
func FuzzHostileNeighbours(f *testing.F) {
	for how := range byte(5) {
		for i := range hostile.ToOnchaind {
			for _, fill := range []byte{0, 1, 3, 255} {
				in := []byte{how}
				for range 60 {
					in = append(in, byte(i), fill)
				}
				f.Add(in)
			}
		}
	}
	h := newHistory(f, true)
	ends := spends(h)
	words := new(hostile.Words)
	words.Numbers(0, 1, 330, closingHeight, 500, 600, uint64(tx.ClaimAnchor))
	words.Texts(h.alice.Log.Snapshot, channeltest.Script("alice"))
	words.Values(preimage(2), preimage(3))
	for _, end := range ends {
		raw := serialize(f, end)
		words.Texts(raw)
		for i, out := range end.TxOut {
			words.Texts(out.PkScript)
			o := wire.OutPoint{Hash: end.TxHash(), Index: uint32(i)}
			words.Values(outpoint(o))
			words.Texts(serialize(f, spendOf(o)))
		}
	}
	for _, s := range h.alice.stubs {
		words.Values(s)
	}
	var growth hostile.Growth
	f.Fuzz(func(t *testing.T, in []byte) {
		t.Cleanup(func() { growth.Check(t) }) // when the links of this input are closed
		s := hostile.NewSource(in, words)
		init := &onchaindmsg.Init{
			Snapshot: h.alice.Log.Snapshot, Records: h.alice.Log.Records, SpendHeight: closingHeight,
		}
		if how := s.Below(len(ends) + 1); how < len(ends) {
			init.SpendTx = serialize(t, ends[how])
		} else {
			s.Fill(init)
		}
		says := []ipc.Message{init}
		for range 50 {
			if s.Done() {
				break
			}
			says = append(says, s.Message(hostile.ToOnchaind))
		}
		reply := new(hsmdmsg.SignClaimReply)
		s.Fill(reply)
		hostile.Within(t, "run", func() { runHostile(t, says, reply) })
	})
}

// spendOf spends an output with a witness that says nothing.
func spendOf(o wire.OutPoint) *wire.MsgTx {
	t := wire.NewMsgTx(2)
	t.AddTxIn(&wire.TxIn{PreviousOutPoint: o, Witness: wire.TxWitness{nil, {1}, make([]byte, 32), {2}}})
	t.AddTxOut(wire.NewTxOut(5000, []byte{0x51}))
	return t
}

// runHostile has a shell hear all that is said; its hsmd always answers the same.
func runHostile(t *testing.T, says []ipc.Message, reply *hsmdmsg.SignClaimReply) {
	conns := make([]*ipc.Conn, 4)
	for i := range 2 {
		a, b, err := ipc.Pair()
		if err != nil {
			t.Error(err)
			return
		}
		conns[2*i], conns[2*i+1] = ipc.NewConn(a), ipc.NewConn(b)
	}
	lightningd, hsmd := conns[0], conns[2]
	t.Cleanup(func() {
		for _, c := range conns {
			c.Close()
		}
	})
	go func() {
		for _, m := range says {
			if !say(lightningd, m) {
				return
			}
		}
		lightningd.CloseWrite()
	}()
	go drain(lightningd)
	go func() {
		for {
			f, err := hsmd.Recv()
			if err != nil || hsmd.Reply(f.ID, reply) != nil {
				return
			}
		}
	}()
	orders.Serve(conns[1], &shell{log: slog.New(slog.DiscardHandler), lightningd: conns[1], hsmd: conns[3]}, 0)
}

func drain(c *ipc.Conn) {
	for {
		if _, err := c.Recv(); err != nil {
			return
		}
	}
}
