package plugins

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fulmen/internal/rpc"
	"fulmen/internal/schema"
	"fulmen/tests/harness"
)

// object is a JSON object, given or got.
type object = map[string]any

// script is the path of a plugin.
func script(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// record is a line of every.jsonl.
type record struct {
	Kind   string          `json:"kind"`
	Name   string          `json:"name"`
	Params json.RawMessage `json:"params"`
}

// records is what every.py saw so far.
func records(n *harness.Node) []record {
	raw, err := os.ReadFile(filepath.Join(n.Dir, "regtest", "every.jsonl"))
	if err != nil {
		return nil
	}
	var list []record
	for line := range strings.Lines(string(raw)) {
		var r record
		if json.Unmarshal([]byte(line), &r) == nil { // the last may be half there
			list = append(list, r)
		}
	}
	return list
}

// waitSeen waits until every.py saw something for the count-th time, and returns its params.
func waitSeen(t *testing.T, n *harness.Node, kind, name string, count int) (params object) {
	t.Helper()
	harness.Eventually(t, fmt.Sprintf("%s %s, %d times", kind, name, count), func() error {
		seen := 0
		for _, r := range records(n) {
			if r.Kind != kind || r.Name != name {
				continue
			}
			if seen++; seen == count {
				params = nil
				return json.Unmarshal(r.Params, &params)
			}
		}
		return fmt.Errorf("seen %d times", seen)
	})
	return params
}

// checkSchemas holds all that every.py saw to the published schemas, and returns the names.
func checkSchemas(t *testing.T, n *harness.Node) (names []string) {
	t.Helper()
	for _, r := range records(n) {
		names = append(names, r.Kind+" "+r.Name)
		switch {
		case r.Kind == "hook":
			s, err := schema.LoadHook(r.Name)
			if err == nil {
				err = s.ValidateRequest(r.Params)
			}
			if err != nil {
				t.Errorf("%v\n%s", err, r.Params)
			}
		case !strings.Contains(string(r.Params), `"origin"`) || strings.HasPrefix(r.Name, "pay_part_"):
			checkNotification(t, r) // else it is another plugin's own, and nowhere published
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func checkNotification(t *testing.T, r record) {
	t.Helper()
	var m struct {
		Params map[string]json.RawMessage `json:"params"`
	}
	if err := json.Unmarshal(r.Params, &m); err != nil || len(m.Params) != 1 {
		t.Errorf("notification %s: %v in %s", r.Name, err, r.Params)
		return
	}
	s, err := schema.LoadNotification(r.Name)
	if err == nil {
		err = s.ValidateResponse(m.Params[r.Name])
	}
	if err != nil {
		t.Errorf("%v\n%s", err, r.Params)
	}
}

// call runs a command whose result is no published one: a plugin's own, or one that a plugin answers.
func call(t *testing.T, n *harness.Node, method string, params any) (object, error) {
	t.Helper()
	client, err := rpc.Dial(n.RPCFile())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var result object
	err = client.Call(t.Context(), method, params, &result)
	return result, err
}

// set has every.py answer a hook in a way from now on.
func set(t *testing.T, n *harness.Node, hook string, answer any) {
	t.Helper()
	if _, err := call(t, n, "every-set", []any{hook, answer}); err != nil {
		t.Fatal(err)
	}
}

// TestEveryHookAndNotification has two nodes do all that plugins hear of.
func TestEveryHookAndNotification(t *testing.T) {
	btcd := harness.StartBtcd(t)
	alice := harness.StartNode(t, btcd, "alice", "--plugin="+script(t, "every.py"), "--every-list=a", "--every-list=b", "--every-flag")
	bob := harness.StartNode(t, btcd, "bob")
	options, err := call(t, alice, "every-options", nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := `map[every-bool:true every-flag:true every-list:[a b] every-number:7 every-text:text]`; fmt.Sprint(options) != want {
		t.Errorf("options %v, want %s", options, want)
	}
	bob.FundWallet(1_000_000)
	bob.Connect(alice)
	bob.OpenChannel(alice, 500_000)
	bob.Pay(alice.Invoice(100_000_000, "first"))
	alice.Pay(bob.Invoice(1_000_000, "back"))
	checkVerdicts(t, alice, bob)
	deleted := bob.Invoice(1000, "deleted")
	var list struct {
		Invoices []struct{ Label, Bolt11 string }
	}
	bob.Call("listinvoices", object{"invstring": deleted}, &list)
	bob.Call("delinvoice", []any{list.Invoices[0].Label, "unpaid"}, nil)
	if err := alice.Try("pay", object{"bolt11": deleted, "retry_for": 1}, nil); err == nil {
		t.Error("an invoice that is gone was paid")
	}
	alice.Call("sendcustommsg", []any{bob.ID(), "a3e7"}, nil)
	bob.Call("sendcustommsg", []any{alice.ID(), "a3e701"}, nil)
	waitSeen(t, alice, "hook", "custommsg", 1)
	bob.Call("sendcustommsg", []any{alice.ID(), "9c4002"}, nil) // 40000, an even type that its manifest names
	waitSeen(t, alice, "notification", "custommsg", 2)
	checkCommands(t, alice)
	alice.Call("plugin", object{"subcommand": "start", "plugin": script(t, "other.py")}, nil)
	alice.Call("plugin", []any{"stop", "other"}, nil)
	waitSeen(t, alice, "notification", "plugin_stopped", 1)
	alice.CloseChannel(bob)
	bob.Stop()
	waitSeen(t, alice, "notification", "disconnect", 1)
	alice.Stop()
	waitSeen(t, alice, "notification", "shutdown", 1)
	seen := checkSchemas(t, alice)
	for _, want := range strings.Fields(`balance_snapshot block_added channel_opened channel_state_changed coin_movement connect custommsg deprecated_oneshot disconnect
		invoice_creation invoice_payment log pay_part_end pay_part_start plugin_started plugin_stopped sendpay_failure sendpay_success shutdown warning every-topic`) {
		if !slices.Contains(seen, "notification "+want) {
			t.Errorf("notification %s did not come", want)
		}
	}
	for _, want := range strings.Fields(`custommsg htlc_accepted invoice_payment openchannel peer_connected rpc_command`) {
		if !slices.Contains(seen, "hook "+want) {
			t.Errorf("hook %s did not come", want)
		}
	}
}

// checkVerdicts has the plugin decide about payments.
func checkVerdicts(t *testing.T, alice, bob *harness.Node) {
	t.Helper()
	pay := func(what string, msat int) error {
		var inv struct{ Bolt11 string }
		alice.Call("invoice", object{"amount_msat": msat, "label": what, "description": what}, &inv)
		return bob.Try("pay", object{"bolt11": inv.Bolt11, "retry_for": 1}, nil)
	}
	set(t, alice, "htlc_accepted", object{"result": "fail", "failure_message": "2002"})
	if err := pay("failed by its message", 1000); err == nil || !strings.Contains(err.Error(), "TEMPORARY_NODE_FAILURE") {
		t.Errorf("failed by a plugin: %v", err)
	}
	set(t, alice, "htlc_accepted", object{"result": "resolve", "payment_key": strings.Repeat("00", 32)})
	if err := pay("a preimage that is none", 1000); err == nil {
		t.Error("paid with a preimage that does not fit")
	}
	for i, invalid := range []any{object{}, object{"result": "perhaps"}, object{"result": "fail"}, object{"result": "resolve"}, "text", 7, []any{}} {
		set(t, alice, "htlc_accepted", invalid)
		if err := pay(fmt.Sprintf("not valid %d", i), 1000); err != nil {
			t.Errorf("answer %v is not valid, and should count as none: %v", invalid, err)
		}
	}
	set(t, alice, "htlc_accepted", object{"result": "continue", "invoice_msat": 500})
	if err := pay("more than asked for by a plugin", 1001); err == nil {
		t.Error("a payment of more than twice what the plugin says was taken")
	}
	set(t, alice, "htlc_accepted", object{"result": "continue"})
	set(t, alice, "invoice_payment", object{"result": "reject"})
	if err := pay("rejected", 1000); err == nil {
		t.Error("a payment that a plugin rejects was taken")
	}
	set(t, alice, "invoice_payment", object{"result": "continue"})
	if err := pay("rejected no more", 1000); err != nil {
		t.Error(err)
	}
	checkResolve(t, alice, bob)
}

// checkResolve has the plugin claim a payment for no invoice of the node's.
func checkResolve(t *testing.T, alice, bob *harness.Node) {
	t.Helper()
	preimage := strings.Repeat("42", 32)
	var inv struct{ Bolt11 string }
	alice.Call("invoice", object{"amount_msat": 2000, "label": "resolved", "description": "d", "preimage": preimage}, &inv)
	alice.Call("delinvoice", []any{"resolved", "unpaid"}, nil)
	set(t, alice, "htlc_accepted", object{"result": "resolve", "payment_key": preimage})
	var paid object
	bob.Call("pay", []any{inv.Bolt11}, &paid)
	if paid["payment_preimage"] != preimage {
		t.Errorf("paid with %v", paid["payment_preimage"])
	}
	set(t, alice, "htlc_accepted", object{"result": "continue"})
}

// checkCommands has the plugin stand before commands, and one of its own tell how far it is.
func checkCommands(t *testing.T, alice *harness.Node) {
	t.Helper()
	set(t, alice, "rpc_command", object{"return": object{"result": object{"mine": true}}})
	if got, err := call(t, alice, "parsefeerate", []any{"slow"}); err != nil || got["mine"] != true {
		t.Errorf("a plugin's answer: %v, %v", got, err)
	}
	set(t, alice, "rpc_command", object{"return": object{"error": object{"code": 4711, "message": "no"}}})
	if _, err := call(t, alice, "parsefeerate", []any{"slow"}); err == nil || err.Error() != "no" {
		t.Errorf("a plugin's error: %v", err)
	}
	set(t, alice, "rpc_command", object{"replace": object{"jsonrpc": "2.0", "id": 1, "method": "getinfo", "params": object{}}})
	if got, err := call(t, alice, "decode", []any{"nothing"}); err != nil || got["id"] != alice.ID() {
		t.Errorf("a command in place of another: %v, %v", got, err)
	}
	set(t, alice, "rpc_command", object{"result": "continue", "replace": object{"method": "stop"}})
	alice.Call("parsefeerate", []any{"slow"}, nil)
	if _, err := call(t, alice, "every-emit", nil); err != nil {
		t.Error(err)
	}
	waitSeen(t, alice, "notification", "every-topic", 1)
	checkNews(t, alice)
	checkDeprecations(t, alice)
	if out, err := alice.CLI("help"); err != nil || !strings.Contains(out, "every-work") {
		t.Errorf("help does not name a plugin's command: %v", err)
	}
	if err := alice.Try("check", []any{"every-work"}, nil); err != nil {
		t.Errorf("check of a plugin's command: %v", err)
	}
}

// checkNews has a plugin tell its caller how far it is.
func checkNews(t *testing.T, n *harness.Node) {
	t.Helper()
	client, err := rpc.Dial(n.RPCFile())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.Call(t.Context(), "notifications", []any{true}, nil); err != nil {
		t.Fatal(err)
	}
	var news []string
	raw, err := client.Do(t.Context(), rpc.Call{Method: "every-work", Notify: func(method string, params json.RawMessage) {
		news = append(news, method+" "+string(params))
	}})
	if err != nil || !strings.Contains(string(raw), `"2/cln:every-work#`) {
		t.Errorf("the plugin saw the id %s, %v, which should begin with ours", raw, err)
	}
	want := []string{`message {"id":2,"level":"info","message":"begins"}`, `progress {"id":2,"num":0,"total":2}`}
	if !slices.Equal(news, want) {
		t.Errorf("news %q, want %q", news, want)
	}
}

// checkDeprecations has a caller choose for its connection whether what is deprecated works.
func checkDeprecations(t *testing.T, n *harness.Node) {
	t.Helper()
	client, err := rpc.Dial(n.RPCFile())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	do := func(method string, params ...any) error { return client.Call(t.Context(), method, params, nil) }
	if err := errors.Join(do("every-old"), do("deprecations", true), do("every-old"), do("deprecations", false), do("every-options")); err != nil {
		t.Fatal(err)
	}
	told := waitSeen(t, n, "notification", "deprecated_oneshot", 1)["params"].(object)["deprecated_oneshot"].(object)
	if told["deprecated_ok"] != false {
		t.Errorf("the plugin is told %v", told)
	}
	var refused *rpc.Error
	if err := do("every-old"); !errors.As(err, &refused) || refused.Code != rpc.CodeUnknownMethod {
		t.Errorf("a deprecated command without deprecations: %v", err)
	}
}
