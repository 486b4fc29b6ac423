package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"fulmen/internal/rpc"
	"fulmen/tests/harness"
)

// A mainnet invoice (BOLT 11's first example), and one with a character changed.
const (
	mainnetInvoice = "lnbc1pvjluezsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygspp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdpl2pkx2ctnv5sxxmmwwd5kgetjypeh2ursdae8g6twvus8g6rfwvs8qun0dfjkxaq9qrsgq357wnc5r2ueh7ck6q93dj32dlqnls087fxdwk8qakdyafkq3yap9us6v52vjjsrvywa6rt52cm9r9zqt8r2t7mlcwspyetp5h2tztugp9lfyql"
	regtestAddress = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
	brokenInvoice  = "lnbcrt1pvjluezsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygs"
)

type badInput struct {
	method string
	params any
	code   int
	want   string // in the message
}

func badInputs(bob *harness.Node) []badInput {
	return []badInput{
		{"nosuch", nil, -32601, "nosuch"},
		{"invoice", []any{1000, "label"}, -32602, "description"},
		{"invoice", []any{1000, "label", "d", 1, 2, 3, 4, 5, 6, 7, 8}, -32602, "too many"},
		{"invoice", object{"amount_msat": 1, "label": "l", "description": "d", "nosuch": 1}, -32602, "nosuch"},
		{"invoice", []any{"many", "label", "d"}, -32602, "amount_msat"},
		{"invoice", []any{-1, "label", "d"}, -32602, "amount_msat"},
		{"invoice", []any{"18446744073709551616", "label", "d"}, -32602, "amount_msat"},
		{"invoice", []any{"99999999999999999btc", "label", "d"}, -32602, "amount_msat"},
		{"pay", []any{mainnetInvoice, 1000}, -32602, "bolt11"},
		{"pay", []any{brokenInvoice}, -32602, "bolt11"},
		{"pay", []any{""}, -32602, "bolt11"},
		{"connect", []any{"02"}, -32602, "id"},
		{"fundchannel", []any{bob.ID(), "all", "fast!"}, -32602, "feerate"},
		{"fundchannel", []any{bob.ID(), "1000btc"}, 301, ""},
		{"withdraw", []any{"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", 1000}, -32602, "destination"},
		{"withdraw", []any{"nonsense", 1000}, -32602, "destination"},
		{"withdraw", object{"destination": regtestAddress, "satoshi": 1000, "utxos": []string{strings.Repeat("00", 32) + ":0"}}, -32602, "utxos"},
		{"txprepare", []any{[]object{{"nonsense": 1000}}}, -32602, "outputs"},
		{"txprepare", []any{[]object{{regtestAddress: 1000}, {regtestAddress: "all"}}}, -32602, "outputs"},
		{"txprepare", []any{[]object{}}, -32602, "outputs"},
		{"fundpsbt", []any{1000, "253perkw", 4_000_001}, -32602, "startweight"},
		{"close", []any{"1x1x1"}, -32602, "id"},
		{"listpeerchannels", object{"id": bob.ID(), "short_channel_id": "1x1x1"}, -32602, ""},
		{"delinvoice", []any{"no such label", "unpaid"}, 905, ""},
		{"waitsendpay", []any{strings.Repeat("00", 32), 1}, 208, ""},
		{"sendpsbt", []any{"nonsense"}, -32602, "psbt"},
		{"signpsbt", []any{"cHNidP8BAA=="}, -32602, "psbt"},
	}
}

// TestBadInputNamesTheParameter sends what nobody should, and looks that nothing came of it.
func TestBadInputNamesTheParameter(t *testing.T) {
	_, alice, bob := pair(t)
	alice.Pay(bob.Invoice(1000, "so that there is a payment"))
	agree(t, alice, bob, 1000)
	before := state(alice)
	for _, test := range badInputs(bob) {
		err := alice.Try(test.method, test.params, nil)
		var answered *rpc.Error
		if !errors.As(err, &answered) || int(answered.Code) != test.code || !strings.Contains(answered.Message, test.want) {
			t.Errorf("%s %v: %v; want code %d and %q", test.method, test.params, err, test.code, test.want)
		}
	}
	for method, after := range state(alice) {
		if before[method] != after {
			t.Errorf("refused commands changed %s:\n%s\n%s", method, before[method], after)
		}
	}
	bob.Call("invoice", []any{1000, "taken", "d"}, nil)
	err := bob.Try("invoice", []any{1000, "taken", "d"}, nil)
	if answered := new(rpc.Error); !errors.As(err, &answered) || answered.Code != 900 {
		t.Errorf("a label that is taken: %v", err)
	}
}

// state is all that a command could have changed.
func state(n *harness.Node) map[string]string {
	all := make(map[string]string)
	for _, method := range []string{"listinvoices", "listsendpays", "listfunds", "listpays"} {
		var raw json.RawMessage
		n.Call(method, nil, &raw)
		all[method] = string(raw)
	}
	var list struct{ Channels []object }
	n.Call("listpeerchannels", nil, &list)
	for _, c := range list.Channels {
		for _, name := range []string{"updates", "status", "last_stable_connection"} {
			delete(c, name) // which change by themselves
		}
	}
	all["listpeerchannels"] = fmt.Sprint(list.Channels)
	return all
}

// A paid invoice is paid no second time, and an expired one not at all.
func TestInvoicesThatCannotBePaid(t *testing.T) {
	_, alice, bob := pair(t)
	paid := bob.Invoice(50_000, "once")
	first := alice.Pay(paid)
	if again := alice.Pay(paid); again.Preimage != first.Preimage {
		t.Errorf("paying again gave another preimage")
	}
	agree(t, alice, bob, 50_000)

	var inv struct {
		Bolt11 string `json:"bolt11"`
	}
	bob.Call("invoice", []any{1000, "soon over", "d", 1}, &inv)
	err := bob.Try("waitinvoice", []any{"soon over"}, nil)
	if answered := new(rpc.Error); !errors.As(err, &answered) || answered.Code != 903 {
		t.Errorf("waitinvoice: %v", err)
	}
	err = alice.Try("pay", []any{inv.Bolt11}, nil)
	if answered := new(rpc.Error); !errors.As(err, &answered) || answered.Code != 207 {
		t.Errorf("paying what has expired: %v", err)
	}
	agree(t, alice, bob, 50_000)
}
