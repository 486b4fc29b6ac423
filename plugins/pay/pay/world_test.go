package pay

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"

	"fulmen/internal/command"
	"fulmen/internal/features"
	"fulmen/internal/invoice"
	"fulmen/internal/keys"
	"fulmen/internal/rpc"
	"fulmen/internal/schema"
	"fulmen/plugins/plugin"
)

type object = map[string]any

func key(b byte) *btcec.PrivateKey {
	priv, _ := btcec.PrivKeyFromBytes([]byte{b})
	return priv
}

func idOf(k *btcec.PrivateKey) keys.PubKey { return keys.PubKey(k.PubKey().SerializeCompressed()) }

// invoiceOf is an invoice of the payee for 1,000 sat, as change would have it.
func invoiceOf(t *testing.T, change func(*invoice.Invoice)) string {
	t.Helper()
	description := "coffee"
	inv := &invoice.Invoice{
		Network: invoice.Regtest, Amount: 1e6, Timestamp: start, PaymentHash: hash, PaymentSecret: [32]byte{8},
		Description: &description, Expiry: time.Hour, MinFinalCLTVExpiryDelta: 18, Features: features.Ours(features.Invoice),
	}
	if change != nil {
		change(inv)
	}
	text, err := inv.Encode(func(hrp string, data []byte) ([65]byte, error) {
		digest := invoice.SigningHash(hrp, data)
		compact := ecdsa.SignCompact(payee, digest[:], true)
		return [65]byte(append(compact[1:], compact[0]-27-4)), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

var start = time.Unix(1_700_000_000, 0)

// node is a lightningd that answers by functions, and notes what it was asked.
type node struct {
	t       *testing.T
	mu      sync.Mutex
	answers map[string]func(params object) (any, error)
	calls   []string
	news    []string
}

func newNode(t *testing.T) *node {
	nothing := func(object) (any, error) { return object{}, nil }
	n := &node{t: t, answers: map[string]func(object) (any, error){
		"getinfo":      func(object) (any, error) { return object{"id": idOf(us).String(), "blockheight": 100}, nil },
		"listsendpays": func(object) (any, error) { return object{"payments": []object{}}, nil },
		"getroutes":    func(p object) (any, error) { return object{"routes": []object{route(p, "1x1x1/0", "2x2x2/1")}}, nil },
		"sendpay": func(p object) (any, error) {
			return object{"partid": p["partid"], "groupid": p["groupid"], "amount_sent_msat": 1_000_010, "status": pending}, nil
		},
		"waitsendpay": func(object) (any, error) { return object{"payment_preimage": hex.EncodeToString(preimage[:])}, nil },
	}}
	for _, method := range []string{
		"askrene-create-layer", "askrene-age", "askrene-reserve", "askrene-unreserve", "askrene-inform-channel",
		"askrene-update-channel", "askrene-disable-node", "askrene-create-channel", "askrene-remove-layer",
	} {
		n.answers[method] = nothing
	}
	return n
}

// route is what getroutes finds: all of the amount over the middle node.
func route(p object, first, second string) object {
	amt := uint64(p["amount_msat"].(float64))
	return object{"amount_msat": amt, "path": []object{
		{"short_channel_id_dir": first, "node_id_out": idOf(middle).String(), "amount_out_msat": amt + 10, "cltv_out": 60},
		{"short_channel_id_dir": second, "node_id_out": p["destination"], "amount_out_msat": amt, "cltv_out": p["final_cltv"]},
	}}
}

// Call implements Node.
func (n *node) Call(_ context.Context, method string, params, result any) error {
	raw, err := json.Marshal(params)
	if err != nil {
		return err
	}
	var p object
	if err := json.Unmarshal(raw, &p); err != nil {
		return err
	}
	n.mu.Lock()
	n.calls = append(n.calls, fmt.Sprintf("%s %s", method, raw))
	answer := n.answers[method]
	n.mu.Unlock()
	if answer == nil {
		return fmt.Errorf("lightningd has no answer to %s", method)
	}
	value, err := answer(p)
	if err != nil || result == nil {
		return err
	}
	if raw, err = json.Marshal(value); err != nil {
		return err
	}
	return json.Unmarshal(raw, result)
}

// Message, Notify and Log implement Node.
func (n *node) Message(_ context.Context, _, format string, args ...any) {
	n.tell("message " + fmt.Sprintf(format, args...))
}

func (n *node) Notify(topic string, params any) {
	raw, _ := json.Marshal(params)
	n.tell(topic + " " + string(raw))
}

func (n *node) Log(_, format string, args ...any) { n.tell("log " + fmt.Sprintf(format, args...)) }

func (n *node) tell(s string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.news = append(n.news, s)
}

func (n *node) called(prefix string) (list []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.calls {
		if strings.HasPrefix(c, prefix) {
			list = append(list, c)
		}
	}
	return list
}

func (n *node) payer() *Payer {
	p := New(Config{Node: n, Now: func() time.Time { return start }, Random: func() uint64 { return 4 }})
	if err := p.Open("regtest"); err != nil {
		n.t.Fatal(err)
	}
	return p
}

// call runs a command as lightningd passes it on.
func call(t *testing.T, p *Payer, name string, params any) (object, error) {
	t.Helper()
	table := command.NewTable()
	table.Add(p.Commands()...)
	raw, err := json.Marshal(params)
	if err != nil {
		t.Fatal(err)
	}
	result, err := table.Run(t.Context(), name, raw)
	if err != nil {
		return nil, err
	}
	if raw, err = json.Marshal(result); err != nil {
		t.Fatal(err)
	}
	if s, err := schema.Load(name); err == nil {
		if err := s.ValidateResponse(raw); err != nil {
			t.Errorf("%s: %v in %s", name, err, raw)
		}
	}
	var o object
	if err := json.Unmarshal(raw, &o); err != nil {
		t.Fatal(err)
	}
	return o, nil
}

func wantCode(t *testing.T, err error, code rpc.Code) *rpc.Error {
	t.Helper()
	var e *rpc.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("error %v, want code %d", err, code)
	}
	return e
}

func fails(code int) func(object) (any, error) {
	return func(object) (any, error) { return nil, &plugin.Error{Code: code, Message: "no"} }
}

func listed(parts ...part) func(object) (any, error) {
	return func(object) (any, error) { return object{"payments": parts}, nil }
}
