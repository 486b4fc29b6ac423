package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/channel/channeltest"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/onchaindmsg"
	"fulmen/internal/tx"
)

func serialize(t testing.TB, m *wire.MsgTx) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := m.Serialize(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func decodeReport(f *ipc.Frame) (ipc.Message, error) {
	for _, m := range reportTypes {
		if m.IPCType() == f.Type {
			m := reflect.New(reflect.TypeOf(m).Elem()).Interface().(ipc.Message)
			return m, f.Decode(m)
		}
	}
	return nil, fmt.Errorf("message type %d", f.Type)
}

func kinds(list []*onchaindmsg.Claim) (names []string) {
	for _, c := range list {
		names = append(names, c.Kind.String())
	}
	slices.Sort(names)
	return names
}

func (c *chain) wantKinds(list []*onchaindmsg.Claim, want ...string) {
	c.t.Helper()
	slices.Sort(want)
	if got := kinds(list); !slices.Equal(got, want) {
		c.t.Fatalf("claims %v, want %v", got, want)
	}
}

// closingHeight is of the block that has the funding output's spend.
const closingHeight = 450

// eachType runs a test for both types of channels.
func eachType(t *testing.T, f func(t *testing.T, anchors bool)) {
	for _, anchors := range []bool{true, false} {
		t.Run(fmt.Sprintf("anchors=%t", anchors), func(t *testing.T) { f(t, anchors) })
	}
}

// anchorKind is what anchors add to the claims.
func anchorKind(anchors bool, list ...string) []string {
	if anchors {
		list = append(list, "anchor")
	}
	return list
}

// TestRevoked: the peer publishes a state of long ago, with HTLCs that are gone, and loses all of it.
func TestRevoked(t *testing.T) {
	eachType(t, func(t *testing.T, anchors bool) {
		h := newHistory(t, anchors)
		h.pay(h.alice, 1, 20_000, 30_000)
		h.pay(h.bob, 3, 40_000)
		cheat := h.bobsCommitment()
		h.settle(h.bob, 0, preimage(1))
		h.settle(h.bob, 1, preimage(2))
		h.settle(h.alice, 0, preimage(3))
		c := newChain(h)
		c.start(cheat, closingHeight)
		asks := func(want onchaindmsg.NeedHTLCs) {
			t.Helper()
			c.until(func(m ipc.Message) bool { ask, ok := m.(*onchaindmsg.NeedHTLCs); return ok && *ask == want })
		}
		others := make([]onchaindmsg.HTLCStub, 3000) // of a long life
		for i := range others {
			others[i] = onchaindmsg.HTLCStub{ID: uint64(100 + i), PaymentHash: sha256.Sum256([]byte{byte(i), byte(i >> 8)}), CLTVExpiry: 500}
		}
		asks(onchaindmsg.NeedHTLCs{})
		c.order(&onchaindmsg.HTLCs{Stubs: others})
		asks(onchaindmsg.NeedHTLCs{FromID: 3100})
		c.order(&onchaindmsg.HTLCs{Stubs: append(others, h.alice.stubs[0])})
		first := h.alice.stubs[0]
		asks(onchaindmsg.NeedHTLCs{Offered: first.Offered, FromID: first.ID + 1})
		c.order(&onchaindmsg.HTLCs{Stubs: h.alice.stubs[1:], Last: true})
		said := c.height(closingHeight)
		if s := of[*onchaindmsg.Started](said); len(s) != 1 || s[0].Kind != onchaindmsg.TheirRevoked {
			t.Fatalf("started %+v", s)
		}
		list := claims(said)
		c.wantKinds(list, anchorKind(anchors, "to_remote", "penalty_delayed", "penalty_htlc", "penalty_htlc", "penalty_htlc")...)
		c.sign(newSpend(t, list...))
	})
}

// TestTheirs: the peer publishes its newest commitment; HTLCs are claimed by timeout and by preimage.
func TestTheirs(t *testing.T) {
	eachType(t, func(t *testing.T, anchors bool) {
		h := newHistory(t, anchors)
		h.pay(h.alice, 1, 20_000, 30_000)
		h.pay(h.bob, 3, 40_000)
		c := newChain(h)
		c.start(h.bobsCommitment(), closingHeight)
		c.order(&onchaindmsg.Preimages{Preimages: []onchaindmsg.Preimage{{HTLCID: 0, Preimage: preimage(3)}}})
		list := claims(c.height(closingHeight))
		c.wantKinds(list, anchorKind(anchors, "to_remote", "remote_htlc_timeout", "remote_htlc_timeout", "remote_htlc_success")...)
		c.sign(newSpend(t, list...))
	})
}

// TestOursLost: our state is an old one, and the chain has a commitment of ours that came later.
func TestOursLost(t *testing.T) {
	eachType(t, func(t *testing.T, anchors bool) {
		h := newHistory(t, anchors)
		h.pay(h.alice, 1, 20_000)
		old := h.alice.Log
		old.Records = slices.Clone(old.Records)
		h.pay(h.alice, 2, 30_000)
		published := h.alicesCommitment()
		h.alice.restore(t, old)
		c := newChain(h)
		c.start(published, closingHeight)
		said := c.height(closingHeight)
		if s := of[*onchaindmsg.Started](said); len(s) != 1 || s[0].Kind != onchaindmsg.OurUnknown {
			t.Fatalf("started %+v", s)
		}
		list := claims(said)
		c.wantKinds(list, anchorKind(anchors, "delayed")...)
		for _, claim := range list {
			c.sign(newSpend(t, claim))
		}
	})
}

// TestOurs: our own commitment, its HTLC transactions, and what they leave.
func TestOurs(t *testing.T) {
	eachType(t, func(t *testing.T, anchors bool) {
		h := newHistory(t, anchors)
		h.pay(h.alice, 1, 20_000)
		h.pay(h.bob, 3, 40_000)
		c := newChain(h)
		c.start(h.alicesCommitment(), closingHeight)
		c.order(&onchaindmsg.Preimages{Preimages: []onchaindmsg.Preimage{{HTLCID: 0, Preimage: preimage(3)}}})
		list := claims(c.height(closingHeight))
		c.wantKinds(list, anchorKind(anchors, "delayed", "htlc_timeout", "htlc_success")...)
		for _, claim := range list {
			s := newSpend(t, claim)
			c.sign(s)
			if !claim.Kind.Fixed() {
				continue
			}
			if claim.Final == anchors || claim.Fixed == nil {
				t.Errorf("%s: final %t, fixed %v", claim.Kind, claim.Final, claim.Fixed)
			}
			c.order(&onchaindmsg.OutputSpent{Tx: serialize(t, s.tx), Height: 505})
			second := claims(c.height(505))
			c.wantKinds(second, "delayed")
			c.sign(newSpend(t, second...))
		}
	})
}

// TestMutualClose: nothing is to be claimed, and in the end all is resolved.
func TestMutualClose(t *testing.T) {
	h := newHistory(t, true)
	p := h.alice.Channel.Params()
	closing, err := tx.BuildLegacyClosing(&tx.Funding{
		Outpoint: wire.OutPoint{Hash: p.FundingTxid}, Amount: p.FundingSats, KeyA: p.Local.FundingPubKey, KeyB: p.Remote.FundingPubKey,
	}, tx.ClosingOutput{Amount: 590_000, PkScript: channeltest.Script("alice")}, tx.ClosingOutput{Amount: 400_000, PkScript: channeltest.Script("bob")})
	if err != nil {
		t.Fatal(err)
	}
	c := newChain(h)
	c.start(closing.Tx, closingHeight)
	said := c.height(closingHeight + 99)
	if s := of[*onchaindmsg.Started](said); len(s) != 1 || s[0].Kind != onchaindmsg.MutualClose {
		t.Fatalf("started %+v", s)
	}
	c.wantKinds(claims(said))
	if len(of[*onchaindmsg.Resolved](said)) != 1 {
		t.Errorf("not resolved after 100 blocks: %v", said)
	}
}

// TestRestart: another onchaind that is told the same history says the same.
func TestRestart(t *testing.T) {
	h := newHistory(t, true)
	h.pay(h.alice, 1, 20_000)
	h.pay(h.bob, 3, 40_000)
	c := newChain(h)
	tell := func() []ipc.Message {
		c.start(h.alicesCommitment(), closingHeight)
		c.order(&onchaindmsg.Preimages{Preimages: []onchaindmsg.Preimage{{HTLCID: 0, Preimage: preimage(3)}}})
		return c.height(closingHeight + 7)
	}
	first := tell()
	if again := tell(); !reflect.DeepEqual(first, again) {
		t.Errorf("said %v, then %v", first, again)
	}
}

// TestClaimThatEnded: a request that does not fit, as its claim may have ended meanwhile, is answered, and the
// next one too.
func TestClaimThatEnded(t *testing.T) {
	h := newHistory(t, true)
	c := newChain(h)
	c.start(h.bobsCommitment(), closingHeight)
	list := claims(c.height(closingHeight))
	for name, change := range map[string]func(*spend){
		"no claim":            func(s *spend) { s.request.Inputs[0].Outpoint.Index = 55 },
		"another input":       func(s *spend) { s.request.Inputs[0].Index = 9 },
		"another output":      func(s *spend) { s.tx.TxIn[0].PreviousOutPoint.Index++; s.serialize(t) },
		"another amount":      func(s *spend) { s.request.Prevouts[0].Amount++ },
		"another script":      func(s *spend) { s.request.Prevouts[0].Script = nil },
		"no spent outputs":    func(s *spend) { s.request.Prevouts = nil },
		"not a transaction":   func(s *spend) { s.request.Tx = []byte{1} },
		"more than one there": func(s *spend) { s.request.Inputs = append(s.request.Inputs, onchaindmsg.ClaimInput{Index: 99}) },
	} {
		s := newSpend(t, list[0])
		change(s)
		_, err := c.onchaind.Request(t.Context(), s.request, new(onchaindmsg.SignClaimsReply))
		var fail *ipc.Fail
		if !errors.As(err, &fail) || fail.Code != onchaindmsg.CodeNoClaim {
			t.Errorf("%s: %v", name, err)
		}
	}
	c.sign(newSpend(t, list...))
}

// TestClaimForAStranger: hsmd refuses it, logs who asked, and onchaind ends.
func TestClaimForAStranger(t *testing.T) {
	h := newHistory(t, true)
	c := newChain(h)
	c.start(h.bobsCommitment(), closingHeight)
	s := newSpend(t, claims(c.height(closingHeight))...)
	s.tx.TxOut[0].PkScript = tx.P2WSH(nil)
	s.serialize(t)
	if _, err := c.onchaind.Request(t.Context(), s.request, new(onchaindmsg.SignClaimsReply)); err == nil {
		t.Error("signed")
	}
	if text := <-c.logged; !strings.Contains(text, "onchain") || !strings.Contains(text, "neither prescribed nor our wallet's") {
		t.Errorf("hsmd logged %q", text)
	}
	if e := <-c.exits; e.Clean || !strings.Contains(e.Reason+e.Detail, "hsmd") {
		t.Errorf("exit %+v", e)
	}
}
