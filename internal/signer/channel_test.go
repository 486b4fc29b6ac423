package signer

import (
	"errors"
	"testing"

	"fulmen/internal/amount"
	"fulmen/internal/keys"
	"fulmen/internal/tx"
)

func TestSetupIsFixed(t *testing.T) {
	alice, bob := newPair(t, true)
	fresh := func() *Setup { return setupFor(alice, bob, true, true) }
	if err := alice.SetUp(fresh()); err != nil {
		t.Errorf("the same again: %v", err)
	}
	for name, change := range map[string]func(*Setup){
		"funding txid":    func(s *Setup) { s.FundingTxid[31]++ },
		"funding output":  func(s *Setup) { s.FundingOutput++ },
		"funding amount":  func(s *Setup) { s.FundingSats-- },
		"opener":          func(s *Setup) { s.Opener = false },
		"anchors":         func(s *Setup) { s.Anchors = false },
		"funding key":     func(s *Setup) { s.RemoteFundingPubKey = s.RemoteBasepoints.HTLC },
		"basepoint":       func(s *Setup) { s.RemoteBasepoints.Payment = s.RemoteBasepoints.HTLC },
		"local delay":     func(s *Setup) { s.LocalToSelfDelay++ },
		"remote delay":    func(s *Setup) { s.RemoteToSelfDelay++ },
		"local dust":      func(s *Setup) { s.LocalDustLimit++ },
		"remote dust":     func(s *Setup) { s.RemoteDustLimit++ },
		"shutdown script": func(s *Setup) { s.RemoteShutdownScript = []byte{1} },
	} {
		s := fresh()
		change(s)
		if err := alice.SetUp(s); !errors.Is(err, ErrSetupChanged) {
			t.Errorf("%s changed: %v", name, err)
		}
	}
}

func TestBadSetup(t *testing.T) {
	offCurve := keys.PubKey{2, 0xff}
	for name, change := range map[string]func(*Setup, *Channel){
		"no funds":            func(s *Setup, _ *Channel) { s.FundingSats = 0 },
		"more than exists":    func(s *Setup, _ *Channel) { s.FundingSats = amount.MaxSat + 1 },
		"our own funding key": func(s *Setup, c *Channel) { s.RemoteFundingPubKey = c.FundingPubKey() },
		"funding key":         func(s *Setup, _ *Channel) { s.RemoteFundingPubKey = offCurve },
		"revocation":          func(s *Setup, _ *Channel) { s.RemoteBasepoints.Revocation = offCurve },
		"payment":             func(s *Setup, _ *Channel) { s.RemoteBasepoints.Payment = offCurve },
		"delayed payment":     func(s *Setup, _ *Channel) { s.RemoteBasepoints.DelayedPayment = offCurve },
		"htlc":                func(s *Setup, _ *Channel) { s.RemoteBasepoints.HTLC = offCurve },
	} {
		_, bob := newPair(t, true)
		c := newTestNode(t, 1).Channel(newTestNode(t, 2).ID(), 1)
		s := setupFor(c, bob, true, true)
		change(s, c)
		if err := c.SetUp(s); !errors.Is(err, ErrSetup) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestChannelKeysDiffer(t *testing.T) {
	n, m := newTestNode(t, 1), newTestNode(t, 2)
	seen := map[keys.PubKey]string{}
	for name, c := range map[string]*Channel{
		"first":        n.Channel(m.ID(), 1),
		"second":       n.Channel(m.ID(), 2),
		"another peer": n.Channel(n.ID(), 1),
		"another node": m.Channel(m.ID(), 1),
	} {
		b := c.Basepoints()
		for _, key := range []keys.PubKey{c.FundingPubKey(), b.Revocation, b.Payment, b.DelayedPayment, b.HTLC, pointOf(t, c, 0)} {
			if other, ok := seen[key]; ok {
				t.Errorf("%s shares a key with %s", name, other)
			}
			seen[key] = name
		}
	}
	if first, again := n.Channel(m.ID(), 1), n.Channel(m.ID(), 1); first.Basepoints() != again.Basepoints() {
		t.Error("the same channel has other keys the second time")
	}
}

// The scripts of a mutual close: ours must be allowed, the remote's is its upfront one if any.
func TestMutualClose(t *testing.T) {
	alice, bob := newPair(t, true)
	ours, theirs, strange := tx.P2WPKH(alice.FundingPubKey()), tx.P2WPKH(bob.FundingPubKey()), tx.P2WSH(nil)
	alice.AllowShutdownScript(ours)
	out := func(sat amount.Sat, script []byte) tx.ClosingOutput {
		return tx.ClosingOutput{Amount: sat, PkScript: script}
	}
	for _, c := range []struct {
		name    string
		upfront []byte
		close   MutualClose
		want    error
	}{
		{"legacy", nil, MutualClose{Local: out(500_000, ours), Remote: out(400_000, theirs)}, nil},
		{"simple", nil, MutualClose{Local: out(500_000, ours), Remote: out(400_000, theirs), Simple: true, LockTime: 100}, nil},
		{"only theirs", nil, MutualClose{Remote: out(400_000, theirs)}, nil},
		{"ours to a stranger", nil, MutualClose{Local: out(500_000, strange), Remote: out(400_000, theirs)}, ErrScript},
		{"theirs as announced", theirs, MutualClose{Local: out(500_000, ours), Remote: out(400_000, theirs)}, nil},
		{"theirs to another", theirs, MutualClose{Local: out(500_000, ours), Remote: out(400_000, strange)}, ErrScript},
		{"more than there is", nil, MutualClose{Local: out(500_001, ours), Remote: out(500_000, theirs)}, tx.ErrOverspent},
		{"nobody", nil, MutualClose{}, tx.ErrNoOutputs},
	} {
		t.Run(c.name, func(t *testing.T) {
			alice.setup.RemoteShutdownScript = c.upfront
			sig, err := alice.SignMutualClose(&c.close)
			if !errors.Is(err, c.want) {
				t.Fatalf("%v, want %v", err, c.want)
			}
			if err != nil {
				return
			}
			var outputs []tx.ClosingOutput
			for _, o := range []tx.ClosingOutput{c.close.Local, c.close.Remote} {
				if len(o.PkScript) > 0 {
					outputs = append(outputs, o)
				}
			}
			closing, err := alice.buildClosing(&c.close, outputs)
			if err != nil {
				t.Fatal(err)
			}
			if err := keys.Verify(alice.FundingPubKey(), closing.SigHash(), sig); err != nil {
				t.Error(err)
			}
		})
	}
}
