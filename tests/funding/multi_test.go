package funding

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"fulmen/internal/rpc"
	"fulmen/tests/harness"
)

// TestMultiFundChannel opens channels with three peers by one transaction, after tries in which one is there twice, is
// away, refuses, or goes before it has signed.
func TestMultiFundChannel(t *testing.T) {
	btcd := harness.StartBtcd(t)
	alice := harness.StartNode(t, btcd, "alice")
	bob, carol := harness.StartNode(t, btcd, "bob"), harness.StartNode(t, btcd, "carol")
	picky := harness.StartNode(t, btcd, "picky", "--min-capacity-sat=5000000")
	fickle := harness.NewNode(t, btcd, "fickle", "--developer", "--dev-disconnect=disconnects")
	writeList(t, fickle, "-WIRE_FUNDING_SIGNED\n")
	fickle.Start()
	alice.FundWallet(10_000_000)
	for _, n := range []*harness.Node{bob, carol, picky, fickle} {
		n.Sync() // it refuses channels while it is behind
	}

	to := func(n *harness.Node, amount any) object {
		return object{"id": n.ID() + "@" + n.Address(), "amount": amount}
	}
	multi := func(params object, destinations ...object) object {
		params["destinations"] = destinations
		return params
	}
	nobody := object{"id": "02" + picky.ID()[2:] + "@127.0.0.1:1", "amount": 100_000}
	if picky.ID()[:2] == "02" {
		nobody["id"] = "03" + picky.ID()[2:] + "@127.0.0.1:1"
	}

	for name, c := range map[string]struct {
		code   rpc.Code
		params object
	}{
		"twice":        {rpc.CodeInvalidParams, multi(object{}, to(bob, 100_000), to(carol, 100_000), to(bob, 100_000))},
		"all, twice":   {rpc.CodeInvalidParams, multi(object{}, to(bob, "all"), to(carol, "all"))},
		"itself":       {rpc.CodeInvalidParams, multi(object{}, to(alice, 100_000))},
		"none":         {rpc.CodeInvalidParams, multi(object{})},
		"none needed":  {rpc.CodeInvalidParams, multi(object{"minchannels": 0}, to(bob, 100_000))},
		"more than is": {rpc.CodeFundCannotAfford, multi(object{}, to(bob, 9_000_000), to(carol, 2_000_000))},
		"dust":         {rpc.CodeFundOutputIsDust, multi(object{}, to(bob, 100_000), to(carol, 100))},
	} {
		refused(t, alice, c.code, "multifundchannel", c.params)
		t.Log(name)
		untouched(t, alice)
	}

	for _, c := range []struct {
		bad    object
		id     string
		method string
	}{
		{nobody, nobody["id"].(string)[:66], "connect"},
		{to(picky, 200_000), picky.ID(), "fundchannel_start"},
		{to(fickle, 300_000), fickle.ID(), "fundchannel_complete"},
	} {
		e := refusedAny(t, alice, "multifundchannel", multi(object{}, to(bob, 100_000), c.bad, to(carol, 100_000)))
		var about struct{ ID, Method string }
		raw, _ := json.Marshal(e.Data)
		if json.Unmarshal(raw, &about) != nil || about.ID != c.id || about.Method != c.method {
			t.Errorf("%s: %v, data %s", c.method, e, raw)
		}
		for _, n := range []*harness.Node{alice, bob, carol, picky} {
			untouchedBy(t, n, alice)
		}
		empty(t, btcd)
	}
	for _, n := range []*harness.Node{bob, carol} {
		waitStates(t, n, "AWAITING_UNILATERAL") // they had signed, and were told that it came to nothing
	}
	fickle.Stop()
	fickle.Start() // its list begins anew
	fickle.Sync()

	opened := call(alice, "multifundchannel", multi(object{"minchannels": 2, "commitment_feerate": "2000perkw"},
		to(bob, 1_000_000), to(picky, 200_000), to(carol, "all"), to(fickle, 300_000), nobody))
	failed := opened["failed"].([]any)
	if len(opened["channel_ids"].([]any)) != 2 || len(failed) != 3 {
		t.Fatalf("%v", opened)
	}
	for i, want := range []string{"connect", "fundchannel_start", "fundchannel_complete"} {
		if failed[i].(object)["method"] != want {
			t.Errorf("%d: %v, want %s", i, failed[i], want)
		}
	}
	mined(btcd, alice, bob, carol)
	waitStates(t, alice, "CHANNELD_NORMAL", "CHANNELD_NORMAL")
	rest := alice.Funds()
	if in := rest.InChannels(); in < 9_960_000_000 {
		t.Errorf("%s in channels, %s outside", in, rest.OnChain())
	}
	alice.WaitChannel("", "CHANNELD_NORMAL")
	for i, n := range []*harness.Node{bob, carol} {
		n.WaitChannel(opened["channel_ids"].([]any)[i].(object)["channel_id"].(string), "CHANNELD_NORMAL")
		alice.Pay(n.Invoice(50_000_000, "over one of the channels"))
	}

	alice.FundWallet(3_000_000)
	three := call(alice, "multifundchannel", multi(object{}, to(bob, 300_000), to(carol, 400_000), to(fickle, 500_000)))
	if ids := three["channel_ids"].([]any); len(ids) != 3 || three["failed"] != nil {
		t.Fatalf("%v", three)
	}
	alice.Restart() // the transaction is sent again, if need be
	if txs := btcd.WaitMempool(1); len(txs) != 1 || txs[0].String() != three["txid"] {
		t.Errorf("broadcast is %v", txs)
	}
	mined(btcd, alice, bob, carol, fickle)
	waitStates(t, alice, "CHANNELD_NORMAL", "CHANNELD_NORMAL", "CHANNELD_NORMAL", "CHANNELD_NORMAL", "CHANNELD_NORMAL")
}

// refusedAny calls what must fail, with whatever code.
func refusedAny(t *testing.T, n *harness.Node, method string, params any) *rpc.Error {
	t.Helper()
	err := n.Try(method, params, nil)
	e, ok := err.(*rpc.Error)
	if !ok {
		t.Fatalf("%s: %s %v: %v", n.Name, method, params, err)
	}
	return e
}

// untouchedBy is untouched, of a node that may have signed for a channel that was given up then.
func untouchedBy(t *testing.T, n, alice *harness.Node) {
	t.Helper()
	if n == alice {
		untouched(t, n)
		return
	}
	for _, state := range states(n) {
		if state == "CHANNELD_NORMAL" {
			t.Errorf("%s has a channel", n.Name)
		}
	}
}

// writeList writes what a node is to disconnect at.
func writeList(t *testing.T, n *harness.Node, text string) {
	t.Helper()
	dir := filepath.Join(n.Dir, "regtest")
	if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, "disconnects"), []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}
