package network

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"fulmen/internal/amount"
	"fulmen/internal/rpc"
	"fulmen/tests/harness"
)

type object = map[string]any

// line is three nodes: alice has a channel with bob, bob one with carol.
type line struct {
	t                 *testing.T
	btcd              *harness.Btcd
	alice, bob, carol *harness.Node
	first, second     string // short_channel_id
}

// channelSats is the capacity of each channel of a line; all of it is with the side to the left.
const channelSats = 2_000_000

func newLine(t *testing.T, bobs ...string) *line {
	t.Helper()
	l := &line{t: t, btcd: harness.StartBtcd(t)}
	l.alice, l.bob = harness.StartNode(t, l.btcd, "alice"), harness.StartNode(t, l.btcd, "bob", bobs...)
	l.carol = harness.StartNode(t, l.btcd, "carol")
	for _, n := range []*harness.Node{l.alice, l.bob} {
		n.FundWallet(20_000_000)
	}
	l.first = l.open(l.alice, l.bob, object{})
	l.second = l.open(l.bob, l.carol, object{})
	return l
}

// open opens a channel and returns its short_channel_id.
func (l *line) open(from, to *harness.Node, params object) string {
	l.t.Helper()
	from.Connect(to)
	params["id"] = to.ID()
	if params["amount"] == nil {
		params["amount"] = channelSats
	}
	var opened struct {
		ChannelID string `json:"channel_id"`
	}
	from.Call("fundchannel", params, &opened)
	l.btcd.WaitMempool(1)
	l.btcd.Mine(6)
	for _, n := range []*harness.Node{l.alice, l.bob, l.carol} {
		n.Sync()
	}
	from.WaitChannel(opened.ChannelID, "CHANNELD_NORMAL")
	to.WaitChannel(opened.ChannelID, "CHANNELD_NORMAL")
	for _, c := range from.Channels() {
		if c.ChannelID == opened.ChannelID {
			return c.SCID
		}
	}
	l.t.Fatalf("channel %s is not listed", opened.ChannelID)
	return ""
}

// What the nodes of a line ask for by default, on regtest.
const (
	feeBase    = 1000
	feePPM     = 10
	cltvDelta  = 6
	finalDelta = 30 // more than any invoice of a test asks for
)

// feeOf is what bob asks for forwarding.
func feeOf(amt amount.Msat) amount.Msat { return feeBase + amt*feePPM/1_000_000 }

// payment is one that alice makes to carol by a route of her own.
type payment struct {
	hash, secret string
	amt          amount.Msat
	fee          amount.Msat
	delta        int
	second       string
}

// invoiced is a payment of a new invoice of carol's.
func (l *line) invoiced(amt amount.Msat) *payment {
	l.t.Helper()
	var d struct {
		Hash   string `json:"payment_hash"`
		Secret string `json:"payment_secret"`
	}
	l.carol.Call("decode", []string{l.carol.Invoice(amt, "a forward")}, &d)
	return &payment{hash: d.Hash, secret: d.Secret, amt: amt, fee: feeOf(amt), delta: cltvDelta, second: l.second}
}

// send has alice send it.
func (l *line) send(p *payment) error {
	return l.alice.Try("sendpay", object{
		"route": []object{
			{"id": l.bob.ID(), "channel": l.first, "amount_msat": uint64(p.amt + p.fee), "delay": finalDelta + p.delta},
			{"id": l.carol.ID(), "channel": p.second, "amount_msat": uint64(p.amt), "delay": finalDelta},
		}, "payment_hash": p.hash, "payment_secret": p.secret,
	}, nil)
}

// result waits for the end of a payment.
func (l *line) result(p *payment) error {
	return l.alice.Try("waitsendpay", object{"payment_hash": p.hash, "timeout": 60}, nil)
}

func (l *line) pay(p *payment) error {
	l.t.Helper()
	if err := l.send(p); err != nil {
		return err
	}
	return l.result(p)
}

// failure is the data of an error of waitsendpay.
type failure struct {
	Code    int    `json:"failcode"`
	Name    string `json:"failcodename"`
	Index   int    `json:"erring_index"`
	Node    string `json:"erring_node"`
	Channel string `json:"erring_channel"`
	Raw     string `json:"raw_message"`
}

func failureOf(t *testing.T, err error) (f failure) {
	t.Helper()
	var answered *rpc.Error
	if !errors.As(err, &answered) {
		t.Fatalf("not an answer: %v", err)
	}
	raw, err := json.Marshal(answered.Data)
	if err == nil {
		err = json.Unmarshal(raw, &f)
	}
	if err != nil {
		t.Fatalf("%v: %v", answered, err)
	}
	return f
}

// forward is an entry of listforwards.
type forward struct {
	CreatedIndex uint64      `json:"created_index"`
	UpdatedIndex uint64      `json:"updated_index"`
	InChannel    string      `json:"in_channel"`
	InID         uint64      `json:"in_htlc_id"`
	InMsat       amount.Msat `json:"in_msat"`
	OutChannel   string      `json:"out_channel"`
	OutMsat      amount.Msat `json:"out_msat"`
	FeeMsat      amount.Msat `json:"fee_msat"`
	Status       string      `json:"status"`
	FailCode     int         `json:"failcode"`
	FailReason   string      `json:"failreason"`
}

func forwards(n *harness.Node, params object) []forward {
	var list struct {
		Forwards []forward `json:"forwards"`
	}
	n.Call("listforwards", params, &list)
	return list.Forwards
}

// balanced waits until nothing is under way, and checks that no msat is lost: carol has got paid, bob
// earned, alice the rest.
func (l *line) balanced(paid, earned amount.Msat) {
	l.t.Helper()
	const all = channelSats * 1000
	harness.Eventually(l.t, "all nodes agree about the balances", func() error {
		got := [3]amount.Msat{l.alice.Settled(), l.bob.Settled(), l.carol.Settled()}
		if want := [3]amount.Msat{all - paid - earned, all + earned, paid}; got != want {
			return fmt.Errorf("alice, bob and carol have %v, want %v", got, want)
		}
		return nil
	})
	var info struct {
		Fees amount.Msat `json:"fees_collected_msat"`
	}
	if l.bob.Call("getinfo", nil, &info); info.Fees != earned {
		l.t.Errorf("fees_collected_msat is %s, want %s", info.Fees, earned)
	}
}
