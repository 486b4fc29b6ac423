package signer

import (
	"errors"
	"fmt"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/keys"
	"fulmen/internal/tx"
)

// TestClaimRefusals has what somebody who owns an onchaind could ask for, each one step from a request that is
// right.
func TestClaimRefusals(t *testing.T) {
	stranger := tx.P2WSH([]byte{1})
	for _, c := range []struct {
		name   string
		kind   tx.ClaimKind
		change func(*published, *request)
		want   error
	}{
		{"to a stranger", tx.ClaimDelayed, func(_ *published, r *request) { r.tx.TxOut[0].PkScript = stranger }, ErrDestination},
		{"to a stranger, not named", tx.ClaimDelayed, func(_ *published, r *request) {
			r.tx.TxOut[0].PkScript, r.outputs = stranger, nil
		}, ErrDestination},
		{"to a wallet key that is not named", tx.ClaimToRemote, func(_ *published, r *request) { r.outputs = nil }, ErrDestination},
		{"to another wallet key than named", tx.ClaimToRemote, func(_ *published, r *request) { r.outputs[0].KeyIndex++ }, ErrDestination},
		{"to another kind of address than named", tx.ClaimToRemote, func(_ *published, r *request) { r.outputs[0].Taproot = false }, ErrDestination},
		{"to a key of the hardened range", tx.ClaimToRemote, func(_ *published, r *request) { r.outputs[0].KeyIndex = 1 << 31 }, ErrKeyIndex},
		{"an output that is not there", tx.ClaimToRemote, func(_ *published, r *request) { r.outputs[0].Index = 7 }, ErrDestination},
		{"a second output to a stranger", tx.ClaimPenaltyDelayed, func(_ *published, r *request) {
			r.tx.AddTxOut(wire.NewTxOut(1, stranger))
		}, ErrDestination},
		{"beside an HTLC transaction to a stranger", tx.ClaimHTLCSuccess, func(_ *published, r *request) {
			r.tx.TxOut[1].PkScript, r.outputs = stranger, nil
		}, ErrDestination},

		{"our own commitment, revoked", tx.ClaimDelayed, func(p *published, _ *request) { p.revoke() }, ErrRevoked},
		{"our own revoked HTLC", tx.ClaimHTLCTimeout, func(p *published, _ *request) { p.revoke() }, ErrRevoked},
		{"our own commitment of the future", tx.ClaimHTLCSuccess, func(_ *published, r *request) { r.claims[0].Number = 2 }, ErrOrder},
		{"our other commitment's output", tx.ClaimDelayed, func(_ *published, r *request) { r.claims[0].Number = 1 }, ErrNotAnOutput},

		{"a preimage in a revoked commitment", tx.ClaimRemoteSuccess, func(p *published, r *request) {
			r.claims[0].Number, r.claims[0].Point = 1, pointOf(p.t, p.bob, 1)
		}, ErrRevoked},
		{"a commitment that we never signed", tx.ClaimRemoteTimeout, func(_ *published, r *request) { r.claims[0].Number = 4 }, ErrUnknownNumber},
		{"another point than signed", tx.ClaimRemoteTimeout, func(p *published, r *request) { r.claims[0].Point = pointOf(p.t, p.bob, 2) }, ErrOtherPoint},
		{"a point off the curve", tx.ClaimRemoteTimeout, func(p *published, r *request) {
			p.forgetPoints()
			r.claims[0].Point = keys.PubKey{2, 0xff}
		}, keys.ErrNotOnCurve},

		{"a penalty for a commitment that is not revoked", tx.ClaimPenaltyDelayed, func(p *published, r *request) {
			r.claims[0].Number, r.claims[0].Secret = 3, p.secret(3)
		}, ErrNotRevoked},
		{"a penalty for a commitment that we never signed", tx.ClaimPenaltyHTLC, func(p *published, r *request) {
			r.claims[0].Number, r.claims[0].Secret = 9, p.secret(9)
		}, ErrUnknownNumber},
		{"a penalty of a number beyond 64 bits", tx.ClaimPenaltyHTLC, func(_ *published, r *request) { r.claims[0].Number = 1<<64 - 1 }, ErrUnknownNumber},
		{"another commitment's secret", tx.ClaimPenaltyDelayed, func(p *published, r *request) { r.claims[0].Secret = p.secret(0) }, ErrNotAnOutput},
		{"a secret that does not fit the number", tx.ClaimPenaltyDelayed, func(p *published, r *request) { r.claims[0].Number = 2 }, ErrOtherPoint},
		{"our own secret", tx.ClaimPenaltyDelayed, func(p *published, r *request) {
			r.claims[0].Secret, _ = p.alice.perCommitmentSecret(0)
		}, ErrNotAnOutput},
		{"no secret", tx.ClaimPenaltyDelayed, func(_ *published, r *request) { r.claims[0].Secret = keys.Secret{} }, keys.ErrScalarRange},

		{"another HTLC", tx.ClaimRemoteSuccess, func(_ *published, r *request) { r.claims[0].HTLC.PaymentHash[0]++ }, ErrNotAnOutput},
		{"an HTLC that goes the other way", tx.ClaimRemoteSuccess, func(_ *published, r *request) { r.claims[0].HTLC.Offered = false }, ErrNotAnOutput},
		{"another expiry", tx.ClaimRemoteTimeout, func(_ *published, r *request) { r.claims[0].HTLC.CLTVExpiry++ }, ErrNotAnOutput},

		{"an HTLC transaction with less", tx.ClaimHTLCSuccess, func(_ *published, r *request) { r.tx.TxOut[0].Value-- }, ErrPrescribed},
		{"an HTLC transaction to a stranger", tx.ClaimHTLCSuccess, func(_ *published, r *request) { r.tx.TxOut[0].PkScript = stranger }, ErrPrescribed},
		{"an HTLC transaction to our wallet", tx.ClaimHTLCSuccess, func(p *published, r *request) {
			r.tx.TxOut[0] = p.walletOut(r.tx.TxOut[0].Value)
		}, ErrPrescribed},
		{"an HTLC transaction before its time", tx.ClaimHTLCTimeout, func(_ *published, r *request) { r.tx.LockTime-- }, ErrPrescribed},
		{"an HTLC transaction of another version", tx.ClaimHTLCTimeout, func(_ *published, r *request) { r.tx.Version = 1 }, ErrPrescribed},
		{"an HTLC transaction of another sequence", tx.ClaimHTLCTimeout, func(_ *published, r *request) { r.tx.TxIn[0].Sequence = 0 }, ErrPrescribed},
		{"an HTLC transaction without output", tx.ClaimHTLCTimeout, func(_ *published, r *request) { r.tx.TxOut, r.outputs = nil, nil }, ErrPrescribed},
		{"an HTLC transaction's output at another index", tx.ClaimHTLCSuccess, func(_ *published, r *request) {
			o := r.tx.TxOut
			o[0], o[1] = o[1], o[0]
			r.outputs[0].Index = 0
		}, ErrPrescribed},

		{"an input that is not there", tx.ClaimToRemote, func(_ *published, r *request) { r.claims[0].Index = 1 }, ErrInput},
		{"an input before the first", tx.ClaimToRemote, func(_ *published, r *request) { r.claims[0].Index = -1 }, ErrInput},
		{"one input twice", tx.ClaimToRemote, func(_ *published, r *request) { r.claims = append(r.claims, r.claims[0]) }, ErrInput},
		{"spent outputs left out", tx.ClaimToRemote, func(_ *published, r *request) { r.prevouts = nil }, ErrPrevouts},
		{"no kind", tx.ClaimToRemote, func(_ *published, r *request) { r.claims[0].Kind = 0 }, ErrNotAnOutput},
		{"a kind that is not known", tx.ClaimToRemote, func(_ *published, r *request) { r.claims[0].Kind = 200 }, ErrNotAnOutput},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := publish(t, true)
			r := p.request(p.target(c.kind))
			c.change(p, r)
			sigs, err := r.sign(p.alice)
			if !errors.Is(err, c.want) || sigs != nil {
				t.Errorf("%d signatures, %v; want %v", len(sigs), err, c.want)
			}
		})
	}
}

// revoke gives up alice's commitment 0.
func (p *published) revoke() {
	if _, _, err := p.alice.RevokeLocal(0); err != nil {
		p.t.Fatal(err)
	}
}

// forgetPoints makes alice's signer one that was told by the database what it had signed.
func (p *published) forgetPoints() {
	p.alice.lastRemote, p.alice.beforeRemote = signedRemote{}, signedRemote{}
}

func (p *published) secret(n keys.CommitmentNumber) keys.Secret {
	s, err := p.bob.perCommitmentSecret(n)
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

// TestNoClaimSignsAnythingElse: a claim of any kind on an output that is not of its kind is refused: the
// funding output, our wallet's, any other output of the commitments, and those of another channel.
func TestNoClaimSignsAnythingElse(t *testing.T) {
	for _, anchors := range []bool{true, false} {
		p := publish(t, anchors)
		other := p.alice.node.Channel(p.alice.peer, 99)
		if err := other.SetUp(setupFor(other, p.bob, true, anchors)); err != nil {
			t.Fatal(err)
		}
		if err := other.Resume(0, 4); err != nil {
			t.Fatal(err)
		}
		scripts := map[string][]byte{"the funding output": p.alice.out.PkScript(), "the wallet's": p.walletOut(1).PkScript, "empty": nil}
		for _, kind := range allKinds {
			if kind != tx.ClaimAnchor || anchors {
				scripts[kind.String()] = p.target(kind).spent.PkScript
			}
		}
		for _, kind := range allKinds {
			if kind == tx.ClaimAnchor && !anchors {
				continue
			}
			own := p.target(kind)
			for name, script := range scripts {
				if string(script) == string(own.spent.PkScript) {
					continue
				}
				tt := *own
				tt.spent = wire.NewTxOut(own.spent.Value, script)
				if _, err := p.request(&tt).sign(p.alice); !errors.Is(err, ErrNotAnOutput) {
					t.Errorf("anchors %t: %s as %s: %v", anchors, name, kind, err)
				}
			}
			if _, err := p.request(own).sign(other); !errors.Is(err, ErrNotAnOutput) {
				t.Errorf("anchors %t: %s by another channel's signer: %v", anchors, kind, err)
			}
		}
	}
}

// TestHTLCTransactionWithoutAnchors: the peer's signature covers all of it, so nothing may join it; its
// fee is that of the commitment.
func TestHTLCTransactionWithoutAnchors(t *testing.T) {
	for name, change := range map[string]func(*published, *request){
		"another input": func(p *published, r *request) {
			r.tx.AddTxIn(&wire.TxIn{})
			r.prevouts = append(r.prevouts, p.walletOut(1))
		},
		"another output":          func(p *published, r *request) { r.tx.AddTxOut(p.walletOut(1)) },
		"another feerate":         func(_ *published, r *request) { r.claims[0].FeeratePerKw++ },
		"a fee beyond the amount": func(_ *published, r *request) { r.claims[0].FeeratePerKw = 1<<32 - 1 },
	} {
		p := publish(t, false)
		r := p.request(p.target(tx.ClaimHTLCTimeout))
		change(p, r)
		if _, err := r.sign(p.alice); !errors.Is(err, ErrPrescribed) && !errors.Is(err, tx.ErrOverspent) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestClaimedIsNeverRevoked: a commitment of ours whose outputs we claim is in the chain.
func TestClaimedIsNeverRevoked(t *testing.T) {
	for _, kind := range []tx.ClaimKind{tx.ClaimDelayed, tx.ClaimHTLCTimeout} {
		p := publish(t, true)
		if _, err := p.request(p.target(kind)).sign(p.alice); err != nil {
			t.Fatal(err)
		}
		if _, _, err := p.alice.RevokeLocal(0); !errors.Is(err, ErrBroadcast) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestClaimsBeforeSetup(t *testing.T) {
	c := newTestNode(t, 1).Channel(newTestNode(t, 2).ID(), 1)
	if _, err := c.SignClaims(wire.NewMsgTx(2), nil, nil, nil); !errors.Is(err, ErrNoSetup) {
		t.Errorf("claims: %v", err)
	}
	if _, err := c.SignAnchor(wire.NewMsgTx(2), nil, 0); !errors.Is(err, ErrNoSetup) {
		t.Errorf("anchor: %v", err)
	}
}

// TestSignAnchor: lightningd pays with its own coins for a commitment, and no key but the anchor's signs.
func TestSignAnchor(t *testing.T) {
	for _, local := range []bool{true, false} {
		t.Run(fmt.Sprintf("ours=%t", local), func(t *testing.T) {
			p := publish(t, true)
			tt := p.target(tx.ClaimAnchor)
			c := p.commitment(0, local)
			index := c.OtherAnchor
			if local {
				index = c.OwnerAnchor
			}
			tt.outpoint, tt.spent = wire.OutPoint{Hash: c.Tx.TxHash(), Index: uint32(index)}, c.Tx.TxOut[index]
			p.checkSpends(p.request(tt), []*target{tt})
		})
	}
	p := publish(t, true)
	r := p.request(p.target(tx.ClaimAnchor))
	r.tx.TxOut[0].PkScript = []byte{0x51, 2, 0x4e, 0x73}
	sig, err := p.alice.SignAnchor(r.tx, r.prevouts, 0)
	if err != nil || sig == (keys.Signature{}) {
		t.Errorf("to any output: %v", err)
	}
	if _, err := p.alice.SignAnchor(r.tx, r.prevouts, 1); !errors.Is(err, ErrInput) {
		t.Errorf("input 1 of 1: %v", err)
	}
	if _, err := p.alice.SignAnchor(r.tx, nil, 0); !errors.Is(err, ErrPrevouts) {
		t.Errorf("no spent output: %v", err)
	}
	r.prevouts[0] = wire.NewTxOut(330, p.alice.out.PkScript())
	if _, err := p.alice.SignAnchor(r.tx, r.prevouts, 0); !errors.Is(err, ErrNotAnOutput) {
		t.Errorf("the funding output: %v", err)
	}
	p = publish(t, false)
	if _, err := p.alice.SignAnchor(r.tx, r.prevouts, 0); !errors.Is(err, ErrNotAnOutput) {
		t.Errorf("a channel without anchors: %v", err)
	}
}
