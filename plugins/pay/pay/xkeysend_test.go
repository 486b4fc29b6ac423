package pay

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"testing"

	"fulmen/internal/features"
	"fulmen/internal/onion"
	"fulmen/internal/rpc"
)

// finalPayloads notes the destination's payloads, and answers createonion and sendonion.
func finalPayloads(t *testing.T, n *node) func() []*onion.Payload {
	var mu sync.Mutex
	var list []*onion.Payload
	n.answers["createonion"] = func(p object) (any, error) {
		hops := p["hops"].([]any)
		final, err := hex.DecodeString(hops[len(hops)-1].(object)["payload"].(string))
		if err != nil {
			return nil, err
		}
		stream, err := onion.CutLength(final)
		if err != nil {
			return nil, err
		}
		payload, err := onion.DecodePayload(stream, true)
		if err != nil {
			return nil, err
		}
		if payload.Keysend == nil {
			return nil, fmt.Errorf("payload %+v", payload)
		}
		if digest := sha256.Sum256(payload.Keysend[:]); p["assocdata"] != hex.EncodeToString(digest[:]) {
			return nil, fmt.Errorf("the onion is bound to %v", p["assocdata"])
		}
		mu.Lock()
		defer mu.Unlock()
		list = append(list, payload)
		return object{"onion": "00", "shared_secrets": []string{"01", "02"}}, nil
	}
	n.answers["sendonion"] = func(object) (any, error) { return object{"amount_sent_msat": 2510, "status": pending}, nil }
	return func() []*onion.Payload {
		mu.Lock()
		defer mu.Unlock()
		return list
	}
}

// announced is listnodes' answer about a node with these features.
func announced(raw features.Vector) func(object) (any, error) {
	return func(object) (any, error) {
		return object{"nodes": []object{{"features": hex.EncodeToString(raw)}}}, nil
	}
}

// TestXkeysendInOnePart: a part that carries all of it needs no payment_secret, whatever the node takes.
func TestXkeysendInOnePart(t *testing.T) {
	n := newNode(t)
	n.answers["listnodes"] = announced(features.Ours(features.Invoice))
	payloads := finalPayloads(t, n)
	params := []any{idOf(payee).String(), 5000, "a label", 100, []string{"mine"}, 30, 500, object{"7629169": "68656c6c6f"}}
	paid, err := call(t, n.payer(), "xkeysend", params)
	if err != nil || paid["successful_parts"] != 1.0 || paid["failed_parts"] != 0.0 || paid["amount_msat"] != 5000.0 {
		t.Fatalf("%v, %v", paid, err)
	}
	if got := payloads(); len(got) != 1 || got[0].PaymentData != nil || got[0].AmtToForward != 5000 || len(got[0].Custom) != 1 {
		t.Errorf("payloads %+v", got)
	}
	asked := n.called("getroutes")
	if len(asked) != 1 || !strings.Contains(asked[0], `"maxparts":1`) || !strings.Contains(asked[0], `"maxfee_msat":100`) ||
		!strings.Contains(asked[0], `"maxdelay":500`) || !strings.Contains(asked[0], `"mine"`) {
		t.Errorf("asked %v", asked)
	}
	if sent := n.called("sendonion"); len(sent) != 1 || !strings.Contains(sent[0], `"label":"a label"`) {
		t.Errorf("sent %v", sent)
	}
}

// TestXkeysendInParts: where no route carries all of it, parts with one payment_secret do, if the node takes parts.
func TestXkeysendInParts(t *testing.T) {
	halves := func(p object) (any, error) {
		if p["maxparts"] == 1.0 {
			return fails(205)(p)
		}
		half := object{"amount_msat": 2500.0, "destination": p["destination"], "final_cltv": p["final_cltv"]}
		return object{"routes": []object{route(half, "1x1x1/0", "2x2x2/1"), route(half, "3x3x3/0", "4x4x4/1")}}, nil
	}
	n := newNode(t)
	n.answers["listnodes"], n.answers["getroutes"] = announced(features.Ours(features.Invoice)), halves
	payloads := finalPayloads(t, n)
	var both sync.WaitGroup // the payee has both before it takes any
	both.Add(2)
	n.answers["waitsendpay"] = func(object) (any, error) {
		both.Done()
		both.Wait()
		return object{"payment_preimage": hex.EncodeToString(preimage[:])}, nil
	}
	p := n.payer()
	paid, err := call(t, p, "xkeysend", object{"destination": idOf(payee).String(), "amount_msat": 5000})
	if err != nil || paid["successful_parts"] != 2.0 || paid["amount_msat"] != 5000.0 {
		t.Fatalf("%v, %v", paid, err)
	}
	got := payloads()
	if len(got) != 2 || got[0].PaymentData == nil || got[1].PaymentData == nil || *got[0].PaymentData != *got[1].PaymentData ||
		got[0].PaymentData.TotalMsat != 5000 ||
		got[0].PaymentData.PaymentSecret == ([32]byte{}) || got[0].AmtToForward != 2500 {
		t.Errorf("payloads %+v", got)
	}

	for _, sent := range n.called("sendonion") {
		if !strings.Contains(sent, `"amount_msat":2500`) || !strings.Contains(sent, `"total_amount_msat":5000`) {
			t.Errorf("sent %v", sent)
		}
	}

	for name, known := range map[string]func(object) (any, error){
		"no parts": announced(nil),
		"unknown":  func(object) (any, error) { return object{"nodes": []object{}}, nil },
	} {
		n := newNode(t)
		n.answers["listnodes"], n.answers["getroutes"] = known, halves
		_, err := call(t, n.payer(), "xkeysend", object{"destination": idOf(payee).String(), "amount_msat": 5000})
		wantCode(t, err, rpc.CodePayRouteNotFound)
		if asked := n.called("getroutes"); len(asked) != 1 {
			t.Errorf("%s: asked %v", name, asked)
		}
	}
}

func TestXkeysendRefuses(t *testing.T) {
	to := idOf(payee).String()
	for _, bad := range []object{
		{}, {"destination": to}, {"destination": to, "amount_msat": 0}, {"destination": "02", "amount_msat": 1},
		{"destination": to, "amount_msat": 1, "extratlvs": object{"1": "00"}}, {"destination": to, "amount_msat": 1, "maxfeepercent": 1},
	} {
		_, err := call(t, newNode(t).payer(), "xkeysend", bad)
		wantCode(t, err, rpc.CodeInvalidParams)
	}
}
