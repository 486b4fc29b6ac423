package network

import (
	"errors"
	"strings"
	"testing"

	"fulmen/internal/amount"
	"fulmen/tests/harness"
)

// peerChannel is what listpeerchannels says of a channel's names.
type peerChannel struct {
	SCID    string `json:"short_channel_id"`
	Private bool   `json:"private"`
	Alias   struct {
		Local  string `json:"local"`
		Remote string `json:"remote"`
	} `json:"alias"`
	Updates struct {
		Remote *struct{} `json:"remote"`
	} `json:"updates"`
}

func channelNamed(t *testing.T, n *harness.Node, scid string) peerChannel {
	t.Helper()
	var list struct {
		Channels []peerChannel `json:"channels"`
	}
	n.Call("listpeerchannels", nil, &list)
	for _, c := range list.Channels {
		if c.SCID == scid {
			return c
		}
	}
	t.Fatalf("%s has no channel %s", n.Name, scid)
	return peerChannel{}
}

// TestForwardByAlias: carol's channels are not announced; her invoices name one by bob's alias, and bob knows
// it by that name.
func TestForwardByAlias(t *testing.T) {
	l := &line{t: t, btcd: harness.StartBtcd(t)}
	l.alice, l.bob = harness.StartNode(t, l.btcd, "alice"), harness.StartNode(t, l.btcd, "bob")
	l.carol = harness.StartNode(t, l.btcd, "carol")
	l.alice.FundWallet(20_000_000)
	l.bob.FundWallet(20_000_000)
	l.first = l.open(l.alice, l.bob, object{})
	l.second = l.open(l.bob, l.carol, object{"announce": false})
	alias := channelNamed(t, l.bob, l.second).Alias.Local
	var paid, earned amount.Msat
	for _, name := range []string{alias, l.second} {
		p := l.invoiced(2_000_000)
		p.second = name
		if err := l.pay(p); err != nil {
			t.Errorf("by %s: %v", name, err)
			continue
		}
		paid, earned = paid+p.amt, earned+p.fee
	}
	// The invoice's hint names the channel by the same alias, and pay finds the way by it.
	l.joined()
	harness.Eventually(t, "carol knows bob's terms", func() error {
		if channelNamed(t, l.carol, l.second).Updates.Remote == nil {
			return errors.New("no channel_update came")
		}
		return nil
	})
	invoice := l.carol.Invoice(3_000_000, "by a hint")
	var d struct {
		Routes [][]struct {
			Pubkey string `json:"pubkey"`
			SCID   string `json:"short_channel_id"`
		} `json:"routes"`
	}
	l.carol.Call("decode", []string{invoice}, &d)
	if len(d.Routes) != 1 || d.Routes[0][0].SCID != alias || d.Routes[0][0].Pubkey != l.bob.ID() {
		t.Fatalf("hints %+v, want one by alias %s", d.Routes, alias)
	}
	sent := l.alice.Pay(invoice)
	l.balanced(paid+3_000_000, earned+sent.AmountSentMsat-3_000_000)
}

// TestSetChannelIsEnforced: new terms bind at once, or after enforcedelay.
func TestSetChannelIsEnforced(t *testing.T) {
	l := newLine(t)
	l.bob.Call("setchannel", object{"id": l.second, "feebase": 5000, "feeppm": 100, "enforcedelay": 600}, nil)
	old := l.invoiced(1_000_000)
	if err := l.pay(old); err != nil {
		t.Fatalf("the old fee, within enforcedelay: %v", err)
	}
	l.bob.Call("setchannel", object{"id": l.carol.ID(), "feebase": 6000, "feeppm": 100, "htlcmin": 1000, "htlcmax": 500_000_000, "enforcedelay": 0}, nil)
	for _, tt := range []struct {
		name   string
		change func(*payment)
		code   string
	}{
		{"the fee of before", func(p *payment) { p.fee = 5100 }, "100c"},
		{"less than htlcmin", func(p *payment) { p.amt = 999 }, "100b00000000000003e7"},
		{"more than htlcmax", func(p *payment) { p.amt, p.fee = 500_000_001, 60_000 }, "1007"},
	} {
		p := l.invoiced(1_000_000)
		p.fee = 6100
		tt.change(p)
		if err := l.pay(p); err == nil {
			t.Errorf("%s: it was paid", tt.name)
		} else if f := failureOf(t, err); f.Index != 1 || !strings.HasPrefix(f.Raw, tt.code) {
			t.Errorf("%s: %+v", tt.name, f)
		}
	}
	last := l.invoiced(1_000_000)
	last.fee = 6100
	if err := l.pay(last); err != nil {
		t.Fatal(err)
	}
	l.balanced(2_000_000, old.fee+last.fee)
}

// TestForwardNonStrict: the channel that is named has not enough; another one with carol does.
func TestForwardNonStrict(t *testing.T) {
	l := newLine(t)
	small := l.open(l.bob, l.carol, object{"amount": 200_000})
	p := l.invoiced(199_000_000) // with the reserve, more than the small one can send
	p.second = small
	if err := l.pay(p); err != nil {
		t.Fatal(err)
	}
	list := forwards(l.bob, nil)
	if len(list) != 1 || list[0].OutChannel != l.second || list[0].FeeMsat != p.fee {
		t.Errorf("%+v, want one forward through %s", list, l.second)
	}
	l.bob.Call("setchannel", object{"id": l.second, "htlcmax": 100_000_000, "enforcedelay": 0}, nil)
	p = l.invoiced(199_000_000) // now the other one may not
	p.second = small
	if f := failureOf(t, l.pay(p)); f.Code != 0x1007 || f.Index != 1 {
		t.Errorf("%+v, want temporary_channel_failure", f)
	}
}
