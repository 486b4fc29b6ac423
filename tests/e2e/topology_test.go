package e2e

import (
	"testing"

	"fulmen/tests/harness"
)

// checkTopology calls the commands of the plugin topology, over a channel that need not be announced yet.
func checkTopology(t *testing.T, alice, bob *harness.Node, call caller) {
	t.Helper()
	call(alice, "listchannels")
	call(alice, "listnodes")
	hops := call(alice, "getroute", bob.ID(), 10_000, 10)["route"].([]any)
	if len(hops) != 1 || hops[0].(object)["id"] != bob.ID() || hops[0].(object)["amount_msat"] != 10_000.0 {
		t.Errorf("route to the peer: %v", hops)
	}
	routes := call(alice, "getroutes", alice.ID(), bob.ID(), 10_000, []string{"auto.localchans", "auto.sourcefree"}, 0, 9)
	if routes["probability_ppm"] != 1_000_000.0 {
		t.Errorf("a channel of ours has the amount for sure: %v", routes)
	}
	path := routes["routes"].([]any)[0].(object)["path"].([]any)
	hop := object{"short_channel_id_dir": path[0].(object)["short_channel_id_dir"], "amount_msat": 10_000}
	call(alice, "askrene-reserve", []object{hop})
	call(alice, "askrene-listreservations")
	call(alice, "askrene-unreserve", []object{hop})

	call(alice, "askrene-create-layer", "kept", true)
	call(alice, "askrene-create-channel", "kept", alice.ID(), bob.ID(), "0x0x1", 1_000_000)
	call(alice, "askrene-update-channel", "kept", "0x0x1/0", true)
	call(alice, "askrene-remove-channel-update", "kept", "0x0x1/0")
	call(alice, "askrene-disable-node", "kept", bob.ID())
	call(alice, "askrene-inform-channel", "kept", "0x0x1/0", 1000, "constrained")
	call(alice, "askrene-bias-channel", "kept", "0x0x1/0", 5, "liked")
	call(alice, "askrene-bias-node", "kept", bob.ID(), "in", -5)
	call(alice, "askrene-age", "kept", 1)
	alice.Restart()
	layers := call(alice, "askrene-listlayers", "kept")["layers"].([]any)
	if len(layers) != 1 || len(layers[0].(object)["disabled_nodes"].([]any)) != 1 {
		t.Errorf("layers after a restart: %v", layers)
	}
	call(alice, "askrene-remove-layer", "kept")
	alice.WaitChannel("", "CHANNELD_NORMAL") // is connected again
}

func TestTopology(t *testing.T) {
	_, alice, bob := pair(t)
	checkTopology(t, alice, bob, func(n *harness.Node, method string, params ...any) object {
		t.Helper()
		var o object
		n.Call(method, params, &o)
		return o
	})
}
