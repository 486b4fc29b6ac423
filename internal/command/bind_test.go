package command

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/keys"
	"fulmen/internal/rpc"
	"fulmen/internal/wire"
)

type hop struct {
	ID     keys.PubKey `param:"id"`
	Amount amount.Msat `param:"amount_msat"`
	Delay  block.Delta `param:"delay" default:"9"`
}

type everything struct {
	Amount    MsatOrAny                      `param:"amount_msat" doc:"What to ask for."`
	Label     Label                          `param:"label"`
	Kind      string                         `param:"kind" enum:"p2tr,bech32,all" default:"p2tr"`
	Count     *uint32                        `param:"count"`
	Expiry    uint64                         `param:"expiry" default:"604800"`
	On        bool                           `param:"on,optional"`
	Route     []hop                          `param:"route,optional"`
	Outputs   []Output                       `param:"outputs,optional"`
	Feerate   Feerate                        `param:"feerate" default:"normal"`
	Channels  OneOrMany[wire.ShortChannelID] `param:"channels,optional"`
	Outpoints []btcwire.OutPoint             `param:"utxos,optional"`
	Raw       json.RawMessage                `param:"raw,optional"`
	Percent   *Millionths                    `param:"maxfeepercent"`
}

func (e *everything) Validate() error {
	switch e.Label {
	case "invalid":
		return errors.New("label: is not valid")
	case "taken":
		return rpc.Errorf(rpc.CodeInvoiceLabelExists, "label: exists")
	}
	return nil
}

// testCommand records what it was called with.
func testCommand(got *everything) *Command {
	return New(Doc{Name: "try", Category: Utility, Short: "Try all kinds."},
		func(_ context.Context, p *everything) (struct{}, error) {
			*got = *p
			return struct{}{}, nil
		})
}

func run(t *testing.T, params string) (everything, error) {
	t.Helper()
	var got everything
	table := NewTable()
	table.Add(testCommand(&got))
	_, err := table.Run(context.Background(), "try", json.RawMessage(params))
	return got, err
}

const (
	nodeID = "02aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	txid   = "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"
)

func TestPositionalAndNamedAreTheSame(t *testing.T) {
	positional := `["any", 1, "all", null, "7", true, [{"id":"` + nodeID + `","amount_msat":"2sat","style":"tlv"}],
		[{"bc1q":"all"}], "4001perkb", "1x2x3", ["` + txid + `:1"], {"a": [1]}, 0.5]`
	named := `{"amount_msat":"any","label":1,"kind":"all","count":null,"expiry":7,"on":"true",
		"route":[{"id":"` + nodeID + `","amount_msat":2000}],"outputs":[{"bc1q":"all"}],"feerate":4001,
		"channels":["1x2x3"],"utxos":["` + txid + `:1"],"raw":{"a": [1]},"maxfeepercent":"0.5"}`
	for _, params := range []string{positional, named} {
		p, err := run(t, params)
		if err != nil {
			t.Fatal(err)
		}
		if !p.Amount.Any || p.Label != "1" || p.Kind != "all" || p.Count != nil || p.Expiry != 7 || !p.On {
			t.Errorf("scalars: %+v", p)
		}
		if len(p.Route) != 1 || p.Route[0].ID.String() != nodeID || p.Route[0].Amount != 2000 || p.Route[0].Delay != 9 {
			t.Errorf("route: %+v", p.Route)
		}
		if len(p.Outputs) != 1 || p.Outputs[0].Address != "bc1q" || !p.Outputs[0].Amount.All {
			t.Errorf("outputs: %+v", p.Outputs)
		}
		if p.Feerate.PerKw != 1001 {
			t.Errorf("feerate: %+v", p.Feerate)
		}
		if len(p.Channels) != 1 || p.Channels[0].String() != "1x2x3" {
			t.Errorf("channels: %v", p.Channels)
		}
		if len(p.Outpoints) != 1 || p.Outpoints[0].String() != txid+":1" {
			t.Errorf("utxos: %v", p.Outpoints)
		}
		if string(p.Raw) != `{"a": [1]}` || *p.Percent != 500_000 {
			t.Errorf("raw %s, maxfeepercent %d", p.Raw, *p.Percent)
		}
	}
}

func TestDefaults(t *testing.T) {
	p, err := run(t, `["1btc","x"]`)
	if err != nil {
		t.Fatal(err)
	}
	if p.Kind != "p2tr" || p.Expiry != 604800 || p.Feerate.Name != "normal" || p.Route != nil || p.Amount.Msat != 100_000_000_000 {
		t.Errorf("got %+v", p)
	}
}

func TestBadParameters(t *testing.T) {
	for _, tt := range []struct{ params, want string }{
		{`[1]`, "missing required parameter: label; usage: try amount_msat label [kind]"},
		{`{"label":"x","amount_msat":null}`, "missing required parameter: amount_msat"},
		{`[1,2,"all",4,5,true,[],[],"slow",[],[],7,8,9]`, "too many parameters: got 14, expected at most 13; usage: try amount_msat label [kind]"},
		{`{"amount_msat":1,"label":2,"zz":1,"aa":1}`, "unknown parameter: aa; usage: try"},
		{`["1.5sats","x"]`, `amount_msat: should be a millisatoshi amount: a whole number, or a string such as "1000msat", "1sat", "0.00000001btc", or "any": invalid token '"1.5sats"'`},
		{`[99999999999999999999,"x"]`, "amount_msat: should be at most 21 million bitcoin: invalid token '99999999999999999999'"},
		{`[1,true]`, "label: should be a string or a number: invalid token 'true'"},
		{`[1,"x","p2sh"]`, `kind: should be one of p2tr, bech32, all: invalid token '"p2sh"'`},
		{`[1,"x",null,4294967296]`, "count: should be a whole number from 0 to 4294967295: invalid token '4294967296'"},
		{`{"amount_msat":1,"label":"x","route":{}}`, "route: should be an array: invalid token '{}'"},
		{`{"amount_msat":1,"label":"x","route":[{"id":"` + nodeID + `","amount_msat":1},{"id":"04"}]}`,
			`route[1].id: should be a public key: 66 hex digits, the first two 02 or 03: invalid token '"04"'`},
		{`{"amount_msat":1,"label":"x","route":[{}]}`, "route[0]: should have id: invalid token '{}'"},
		{`{"amount_msat":1,"label":"x","outputs":[{"a":1,"b":2}]}`, `outputs[0]: should be an object of one member, {"address": amount}: invalid token '{"a":1,"b":2}'`},
		{`{"amount_msat":1,"label":"x","outputs":[{"":"-1"}]}`, `outputs[0].: should be a satoshi amount`},
		{`{"amount_msat":1,"label":"x","channels":["1x2"]}`, `channels[0]: should be a short_channel_id such as 539268x845x1: invalid token '"1x2"'`},
		{`{"amount_msat":1,"label":"x","utxos":["` + txid + `"]}`, "utxos[0]: should be an outpoint"},
		{`[1,"invalid"]`, "label: is not valid"},
	} {
		_, err := run(t, tt.params)
		var e *rpc.Error
		if !errors.As(err, &e) || e.Code != rpc.CodeInvalidParams || !strings.HasPrefix(e.Message, tt.want) {
			t.Errorf("%s:\n got %v\nwant %s", tt.params, err, tt.want)
		}
	}
}

func TestValidateMayChooseTheCode(t *testing.T) {
	_, err := run(t, `[1,"taken"]`)
	var e *rpc.Error
	if !errors.As(err, &e) || e.Code != rpc.CodeInvoiceLabelExists || e.Message != "label: exists" {
		t.Errorf("got %v", err)
	}
}

func TestBadDefinitionsPanic(t *testing.T) {
	type noTag struct{ A string }
	type badDefault struct {
		A uint16 `param:"a" default:"65536"`
	}
	type twice struct {
		A string `param:"a"`
		B string `param:"a"`
	}
	type unknown struct {
		A chan int `param:"a"`
	}
	doc := Doc{Name: "x", Category: Utility, Short: "X."}
	for name, define := range map[string]func(){
		"no tag":  func() { New(doc, func(context.Context, *noTag) (any, error) { return nil, nil }) },
		"default": func() { New(doc, func(context.Context, *badDefault) (any, error) { return nil, nil }) },
		"twice":   func() { New(doc, func(context.Context, *twice) (any, error) { return nil, nil }) },
		"type":    func() { New(doc, func(context.Context, *unknown) (any, error) { return nil, nil }) },
		"no category": func() {
			New(Doc{Name: "x", Short: "X."}, func(context.Context, *None) (any, error) { return nil, nil })
		},
	} {
		if !panics(define) {
			t.Errorf("%s: no panic", name)
		}
	}
}

func panics(f func()) (yes bool) {
	defer func() { yes = recover() != nil }()
	f()
	return false
}

func FuzzBind(f *testing.F) {
	f.Add([]byte(`["any",1,"all",null,"7",true,[{"id":"02","amount_msat":"2sat"}],[{"bc1q":"all"}],"1perkb"]`))
	f.Add([]byte(`{"amount_msat":"0.00000000001btc","label":"x","outputs":[{"":-1}],"channels":"1x1x1","maxfeepercent":1.000001}`))
	c := testCommand(new(everything))
	f.Fuzz(func(t *testing.T, params []byte) {
		if !json.Valid(params) {
			return // the server refuses it before
		}
		_, err := c.parse(params)
		var e *rpc.Error
		if err != nil && (!errors.As(err, &e) || e.Code != rpc.CodeInvalidParams) {
			t.Fatalf("%q: %v is not CodeInvalidParams", params, err)
		}
	})
}
