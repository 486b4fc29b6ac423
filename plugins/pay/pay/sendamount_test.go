package pay

import (
	"encoding/hex"
	"strings"
	"sync/atomic"
	"testing"

	"fulmen/internal/amount"
	"fulmen/internal/invoice"
	"fulmen/internal/rpc"
	"fulmen/plugins/plugin"
)

// priced has getroutes ask for base and ppm, unless that is more than the caller allows.
func priced(n *node, base, ppm uint64) {
	n.answers["getroutes"] = func(p object) (any, error) {
		amt := uint64(p["amount_msat"].(float64))
		fee := base + amt*ppm/1_000_000
		if float64(fee) > p["maxfee_msat"].(float64) {
			return fails(206)(p)
		}
		r := route(p, "1x1x1/0", "2x2x2/1")
		r["path"].([]object)[0]["amount_out_msat"] = amt + fee
		return object{"routes": []object{r}}, nil
	}
	n.answers["sendpay"] = func(p object) (any, error) {
		first := p["route"].([]any)[0].(object)
		return object{"partid": p["partid"], "groupid": p["groupid"], "amount_sent_msat": first["amount_out_msat"], "status": pending}, nil
	}
}

func open(i *invoice.Invoice) { i.Amount = 0 }

// TestSendAmountSpendsAll: whatever the fees, what is spent comes within a few millisatoshi of the amount, and never above.
func TestSendAmountSpendsAll(t *testing.T) {
	for _, c := range []struct{ spend, base, ppm uint64 }{
		{1_000_000, 10, 0}, {1_000_000, 0, 0}, {1_000_000, 1000, 100}, {1_000_000, 1000, 9000}, {1_000_000, 10_000, 0},
		{1, 0, 0}, {9_999, 4_999, 0}, {500_000, 1000, 8000}, {100_000_000_000, 1000, 5000},
	} {
		n := newNode(t)
		priced(n, c.base, c.ppm)
		paid, err := call(t, n.payer(), "sendamount", []any{invoiceOf(t, open), c.spend, nil, []string{"mine"}, 30, 500, nil, "a label"})
		if err != nil {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		got, sent := uint64(paid["amount_msat"].(float64)), uint64(paid["amount_sent_msat"].(float64))
		if sent > c.spend || sent+5 < c.spend || got+c.base+got*c.ppm/1_000_000 != sent {
			t.Errorf("%+v: the payee gets %d, and %d are spent", c, got, sent)
		}
		asked := n.called("getroutes")
		if len(asked) > mostProbes+2 || !strings.Contains(asked[0], `"mine"`) || !strings.Contains(asked[0], `"maxdelay":500`) {
			t.Errorf("%+v: asked %v", c, asked)
		}
		if sent := n.called("sendpay"); len(sent) != 1 || !strings.Contains(sent[0], `"label":"a label"`) {
			t.Errorf("%+v: sent %v", c, sent)
		}
	}
}

// TestSendAmountGivesLess: when the routes that are left cost more, the payee gets less.
func TestSendAmountGivesLess(t *testing.T) {
	// dearer fails the first part; from then on routes are as change makes them.
	dearer := func(change func(*node)) *node {
		n, then := newNode(t), newNode(t)
		priced(n, 100, 0)
		change(then)
		var late atomic.Bool
		first := n.answers["getroutes"]
		n.answers["getroutes"] = func(p object) (any, error) {
			if late.Load() {
				return then.answers["getroutes"](p)
			}
			return first(p)
		}
		n.answers["waitsendpay"] = func(object) (any, error) {
			if late.CompareAndSwap(false, true) {
				return nil, &plugin.Error{Code: 204, Message: "failed", Data: object{"erring_index": 1, "failcode": 0x1007}}
			}
			return object{"payment_preimage": hex.EncodeToString(preimage[:])}, nil
		}
		return n
	}
	n := dearer(func(n *node) { priced(n, 2000, 0) })
	paid, err := call(t, n.payer(), "sendamount", object{"invstring": invoiceOf(t, open), "amount_msat": 1_000_000})
	if err != nil || paid["amount_msat"].(float64)+2000 != paid["amount_sent_msat"] || paid["amount_msat"].(float64) < 997_998 {
		t.Fatalf("%v, %v", paid, err)
	}
	if made, removed := n.called("askrene-create-layer"), n.called("askrene-remove-layer"); len(made) != len(removed)+1 {
		t.Errorf("layers made %v, removed %v", made, removed)
	}

	n = dearer(func(n *node) { n.answers["getroutes"] = fails(205) })
	_, err = call(t, n.payer(), "sendamount", object{"invstring": invoiceOf(t, open), "amount_msat": 1_000_000})
	wantCode(t, err, rpc.CodePayRouteNotFound)
}

func TestSendAmountFails(t *testing.T) {
	half := amount.Msat(500_000)
	for name, c := range map[string]struct {
		change func(*node)
		params object
		want   rpc.Code
	}{
		"an amount":       {params: object{"invstring": invoiceOf(t, nil)}, want: rpc.CodeInvalidParams},
		"an offer":        {params: object{"invstring": "lno1pg"}, want: rpc.CodeInvalidParams},
		"a name":          {params: object{"invstring": "satoshi@example.com"}, want: rpc.CodeInvalidParams},
		"a note":          {params: object{"payer_note": "hi"}, want: rpc.CodeInvalidParams},
		"nothing":         {params: object{"amount_msat": 0}, want: rpc.CodeInvalidParams},
		"all of it a fee": {params: object{"maxfee": 1_000_000}, want: rpc.CodeInvalidParams},
		"too dear":        {params: object{"maxfee": 9}, want: rpc.CodePayRouteNotFound},
		"expired": {params: object{"invstring": invoiceOf(t, func(i *invoice.Invoice) { i.Amount, i.Timestamp = 0, start.Add(-2*i.Expiry) })},
			want: rpc.CodePayInvoiceExpired},
		"paid": {change: func(n *node) {
			n.answers["listsendpays"] = listed(part{Status: complete, Amount: half, Destination: idOf(payee).String()})
		}, want: rpc.CodePayAlreadyPaid},
	} {
		n := newNode(t)
		priced(n, 10, 0)
		if c.change != nil {
			c.change(n)
		}
		params := object{"invstring": invoiceOf(t, open), "amount_msat": 1_000_000}
		for k, v := range c.params {
			params[k] = v
		}
		_, err := call(t, n.payer(), "sendamount", params)
		wantCode(t, err, c.want)
		if sent := n.called("sendpay"); len(sent) != 0 {
			t.Errorf("%s: sent %v", name, sent)
		}
	}
}

func TestFeeOfSpent(t *testing.T) {
	for spend, want := range map[amount.Msat]amount.Msat{1: 0, 9_999: 4_999, 10_000: 5000, 500_000: 5000, 500_100: 5001, 1e9: 1e7} {
		if got := feeOfSpent(spend); got != want {
			t.Errorf("of %s: %s, want %s", spend, got, want)
		}
	}
}
