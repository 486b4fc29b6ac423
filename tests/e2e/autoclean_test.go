package e2e

import (
	"fmt"
	"strings"
	"testing"

	"fulmen/tests/harness"
)

// checkAutoclean calls the commands of the plugin autoclean.
func checkAutoclean(alice *harness.Node, call caller) {
	call(alice, "autoclean-status")
	call(alice, "autoclean-status", "failedforwards")
	call(alice, "autoclean-once", "expiredinvoices", 1_000_000)
}

// TestAutoclean has bob forget an invoice that was paid and alice its payment: options change while the nodes run, and
// the count outlives them.
func TestAutoclean(t *testing.T) {
	_, alice, bob := pair(t)
	status := func(n *harness.Node, subsystem string) object {
		t.Helper()
		var r struct{ Autoclean map[string]object }
		n.Call("autoclean-status", []any{subsystem}, &r)
		return r.Autoclean[subsystem]
	}
	bob.Call("invoice", []any{1000, "stays", "d"}, nil)
	alice.Pay(bob.Invoice(5000, "goes"))
	alice.Call("autoclean-once", []any{"succeededpays", 1_000_000}, nil)
	if s := status(alice, "succeededpays"); s["enabled"] != false || s["cleaned"] != 0.0 {
		t.Errorf("nothing was old enough: %v", s)
	}

	for i, name := range []string{"succeededforwards", "failedforwards", "failedpays", "expiredinvoices", "networkevents"} {
		var set struct{ Config object }
		bob.Call("setconfig", []any{"autoclean-" + name + "-age", 1000 + i}, &set)
		if s := status(bob, name); s["enabled"] != true || s["age"] != float64(1000+i) || set.Config["value_int"] != float64(1000+i) {
			t.Errorf("%s after setconfig: %v, %v", name, s, set.Config)
		}
	}
	for option, wrong := range map[string]any{"autoclean-cycle": 0, "autoclean-failedpays-age": -1} {
		err := bob.Try("setconfig", []any{option, wrong}, nil)
		if err == nil || !strings.Contains(err.Error(), option) {
			t.Errorf("%s %v: %v", option, wrong, err)
		}
	}
	for _, n := range []*harness.Node{alice, bob} {
		n.Call("setconfig", []any{"autoclean-paidinvoices-age", 1}, nil)
		n.Call("setconfig", []any{"autoclean-succeededpays-age", 1}, nil)
		n.Call("setconfig", []any{"autoclean-cycle", 1}, nil)
	}
	bob.Call("wait", []any{"invoices", "deleted", 1}, nil)
	alice.Call("wait", []any{"sendpays", "deleted", 1}, nil)
	var left struct{ Invoices, Payments []object }
	bob.Call("listinvoices", nil, &left)
	alice.Call("listsendpays", nil, &left)
	if len(left.Invoices) != 1 || left.Invoices[0]["label"] != "stays" || len(left.Payments) != 0 {
		t.Errorf("left are %v", left)
	}

	alice.WaitLog("cleaned 1 of succeededpays") // and counted them
	alice.Call("setconfig", []any{"autoclean-succeededpays-age", 0}, nil)
	alice.Restart()
	if s := status(alice, "succeededpays"); fmt.Sprint(s["enabled"], s["cleaned"]) != "false 1" {
		t.Errorf("after a restart: %v", s)
	}
	if s := status(alice, "paidinvoices"); s["age"] != 1.0 {
		t.Errorf("setconfig is forgotten after a restart: %v", s)
	}
}
