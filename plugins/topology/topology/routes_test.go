package topology

import (
	"testing"

	"fulmen/internal/amount"
	"fulmen/internal/rpc"
)

// policyOf is what the network announces for a hop, by its names in a result.
func (w *world) policyOf(name string, direction int) (base, ppm amount.Msat, delta int) {
	w.t.Helper()
	for _, c := range w.net.Channels {
		if c.SCID.String() == name {
			p := c.Policies[direction]
			return amount.Msat(p.FeeBase), amount.Msat(p.FeePPM), int(p.CLTVDelta)
		}
	}
	w.t.Fatalf("no channel %s", name)
	return 0, 0, 0
}

func number(v any) amount.Msat { return amount.Msat(v.(float64)) }

// TestGetRoute adds up a route's fees and delays from the payee.
func TestGetRoute(t *testing.T) {
	w := newWorld(t)
	checked := 0
	for dest := 1; dest < len(w.net.IDs); dest++ {
		hops := w.call("getroute", []any{w.id(dest), "100sat", "10.5", 20, w.id(0)})["route"].([]any)
		amt, delay := amount.Msat(100_000), 20
		for i := len(hops) - 1; i >= 0; i-- {
			h := hops[i].(object)
			if number(h["amount_msat"]) != amt || int(h["delay"].(float64)) != delay {
				t.Fatalf("hop %d of %v: want %s and %d", i, hops, amt, delay)
			}
			base, ppm, delta := w.policyOf(h["channel"].(string), int(h["direction"].(float64)))
			amt += base + amt*ppm/1_000_000
			delay += delta
			checked++
		}
		if last := hops[len(hops)-1].(object); last["id"] != w.id(dest) {
			t.Errorf("the route to %s ends at %s", w.id(dest), last["id"])
		}
	}
	if checked < 50 {
		t.Errorf("only %d hops", checked)
	}
}

func TestGetRouteLimits(t *testing.T) {
	w := newWorld(t)
	hops := w.call("getroute", object{"id": w.id(7), "amount_msat": 0, "riskfactor": 1, "fromid": w.id(2)})["route"].([]any)
	if first := hops[0].(object); first["amount_msat"] != 0.0 && len(hops) == 1 {
		t.Errorf("a route for nothing: %v", hops)
	}
	for i := range 30 { // whatever is excluded is not used, until nothing is left
		var exclude []string
		for _, h := range hops {
			h := h.(object)
			exclude = append(exclude, h["channel"].(string)+"/"+[]string{"0", "1"}[int(h["direction"].(float64))])
		}
		o, err := w.try("getroute", object{"id": w.id(7), "amount_msat": 1000, "riskfactor": 1, "fromid": w.id(2), "exclude": exclude})
		if err != nil {
			if err.Code != rpc.CodePayRouteNotFound {
				t.Errorf("try %d: %d %v", i, err.Code, err)
			}
			break
		}
		for _, h := range o["route"].([]any) {
			h := h.(object)
			for _, e := range exclude {
				if h["channel"].(string)+"/"+[]string{"0", "1"}[int(h["direction"].(float64))] == e {
					t.Errorf("%s is excluded, and used", e)
				}
			}
		}
		hops = append(hops, o["route"].([]any)...)
	}
	stranger := "02" + w.id(3)[2:60] + "000000"
	for _, params := range []object{
		{"id": stranger, "amount_msat": 1000, "riskfactor": 1, "fromid": w.id(2)},
		{"id": w.id(2), "amount_msat": 1000, "riskfactor": 1, "fromid": w.id(2)},
		{"id": w.id(7), "amount_msat": "20000000btc", "riskfactor": 1, "fromid": w.id(2)},
		{"id": w.id(7), "amount_msat": 1000, "riskfactor": 1, "fromid": w.id(2), "exclude": []string{w.id(7)}},
	} {
		w.fails(rpc.CodePayRouteNotFound, "getroute", params)
	}
}

func (w *world) routes(source, dest int, amt amount.Msat, layers ...string) object {
	return object{"source": w.id(source), "destination": w.id(dest), "amount_msat": amt, "layers": append([]string{}, layers...),
		"maxfee_msat": 1_000_000_000, "final_cltv": 18}
}

// checkRoutes adds up all parts, and wants them to deliver the amount.
func (w *world) checkRoutes(o object, want amount.Msat, sourceFree bool) (fee amount.Msat) {
	w.t.Helper()
	var sum amount.Msat
	for _, r := range o["routes"].([]any) {
		r := r.(object)
		path := r["path"].([]any)
		amt, delay := number(r["amount_msat"]), 18
		sum += amt
		for i := len(path) - 1; i >= 0; i-- {
			h := path[i].(object)
			if number(h["amount_out_msat"]) != amt || int(h["cltv_out"].(float64)) != delay {
				w.t.Fatalf("hop %d of %v: want %s and %d", i, path, amt, delay)
			}
			name := h["short_channel_id_dir"].(string)
			base, ppm, delta := w.policyOf(name[:len(name)-2], int(name[len(name)-1]-'0'))
			if sourceFree && i == 0 {
				base, ppm, delta = 0, 0, 0
			}
			amt += base + amt*ppm/1_000_000
			delay += delta
			if number(h["amount_in_msat"]) != amt || h["amount_msat"] != h["amount_in_msat"] || int(h["cltv_in"].(float64)) != delay {
				w.t.Fatalf("hop %d of %v: %s and %d go in", i, path, amt, delay)
			}
		}
		fee += amt - number(r["amount_msat"])
	}
	if sum != want {
		w.t.Fatalf("%s are delivered, want %s", sum, want)
	}
	return fee
}

func TestGetRoutes(t *testing.T) {
	w := newWorld(t)
	fee := w.checkRoutes(w.call("getroutes", w.routes(0, 8, 1_000_000)), 1_000_000, false)
	free := w.checkRoutes(w.call("getroutes", w.routes(0, 8, 1_000_000, "auto.sourcefree")), 1_000_000, true)
	if free > fee {
		t.Errorf("fee %s with a source that is free, else %s", free, fee)
	}
	included := w.call("getroutes", w.routes(0, 8, 1_000_000, "auto.include_fees"))
	var sent, got amount.Msat
	for _, r := range included["routes"].([]any) {
		sent += number(r.(object)["path"].([]any)[0].(object)["amount_in_msat"])
		got += number(r.(object)["amount_msat"])
	}
	if sent > 1_000_000 || sent < 999_000 || got >= sent && fee > 0 {
		t.Errorf("with fees included %s are sent, %s arrive", sent, got)
	}

	dear := w.routes(0, 8, 1_000_000)
	dear["maxfee_msat"] = 0
	if fee > 0 {
		w.fails(rpc.CodePayRouteTooExpensive, "getroutes", dear)
	}
	slow := w.routes(0, 8, 1_000_000)
	slow["maxdelay"] = 17
	w.fails(rpc.CodePayRouteNotFound, "getroutes", slow)
	slow["maxdelay"] = 2017
	w.fails(rpc.CodeInvalidParams, "getroutes", slow)
	w.fails(rpc.CodeInvalidParams, "getroutes", w.routes(0, 8, 1000, "nobody's"))
	w.fails(rpc.CodePayInsufficientFunds, "getroutes", w.routes(0, 8, 100_000_000_000_000))
	w.fails(rpc.CodePayRouteNotFound, "getroutes", w.routes(0, 0, 1000))
	if len(w.warnings) > 0 {
		t.Errorf("warnings %q", w.warnings)
	}
}

// TestLayersChangeRoutes wants a layer's knowledge to count, of each kind.
func TestLayersChangeRoutes(t *testing.T) {
	w := newWorld(t)
	const amt = amount.Msat(50_000_000)
	used := func(layers ...string) string {
		t.Helper()
		params := w.routes(0, 8, amt, layers...)
		params["maxparts"] = 1
		o, err := w.try("getroutes", params)
		if err != nil {
			return err.Error()
		}
		return o["routes"].([]any)[0].(object)["path"].([]any)[0].(object)["short_channel_id_dir"].(string)
	}
	best := used()
	for name, params := range map[string]struct {
		method string
		params []any
	}{
		"disabled": {"askrene-update-channel", []any{"disabled", best, false}},
		"dear":     {"askrene-update-channel", []any{"dear", best, nil, nil, nil, 4_000_000_000}},
		"small":    {"askrene-update-channel", []any{"small", best, nil, nil, amt - 1}},
		"known":    {"askrene-inform-channel", []any{"known", best, amt, "constrained"}},
		"disliked": {"askrene-bias-channel", []any{"disliked", best, -100}},
	} {
		w.call("askrene-create-layer", []any{name})
		if got := used(name); got != best {
			t.Errorf("%s: with an empty layer the route begins with %s, not %s", name, got, best)
		}
		w.call(params.method, params.params)
		if got := used(name); got == best {
			t.Errorf("%s: the route still begins with %s", name, best)
		}
	}
	w.call("askrene-create-layer", []any{"off"})
	w.call("askrene-disable-node", []any{"off", w.id(8)})
	w.fails(rpc.CodePayRouteNotFound, "getroutes", w.routes(0, 8, 1000, "off"))

	hop := []object{{"short_channel_id_dir": best, "amount_msat": 10_000_000_000_000}}
	w.call("askrene-reserve", object{"path": hop})
	if got := used(); got == best {
		t.Errorf("all of %s is reserved, and it is used", best)
	}
	w.call("askrene-unreserve", object{"path": hop})
	if got := used(); got != best {
		t.Errorf("after askrene-unreserve the route begins with %s, not %s", got, best)
	}
}

// TestLayersOwnChannel goes to a node that nobody announced, over a channel that a layer has.
func TestLayersOwnChannel(t *testing.T) {
	w := newWorld(t)
	hidden := w.id(3)[:60] + "123456"
	w.call("askrene-create-layer", []any{"hint"})
	w.call("askrene-create-channel", []any{"hint", w.id(8), hidden, "0x1x2", "1000sat"})
	params := w.routes(0, 8, 100_000, "hint")
	params["destination"] = hidden
	w.fails(rpc.CodePayRouteNotFound, "getroutes", params)
	direction := "/0"
	if w.id(8) > hidden {
		direction = "/1"
	}
	w.call("askrene-update-channel", object{"layer": "hint", "short_channel_id_dir": "0x1x2" + direction, "fee_base_msat": 3, "cltv_expiry_delta": 5})
	o := w.call("getroutes", params)
	path := o["routes"].([]any)[0].(object)["path"].([]any)
	last := path[len(path)-1].(object)
	if last["short_channel_id_dir"] != "0x1x2"+direction || last["amount_in_msat"] != 100_003.0 || last["cltv_in"] != 23.0 {
		t.Errorf("last hop %v", last)
	}
	w.call("askrene-inform-channel", []any{"hint", "0x1x2" + direction, 950_000, "succeeded"})
	if _, err := w.try("getroutes", params); err == nil || err.Code == rpc.CodeInvalidParams {
		t.Errorf("950,000 of 1,000,000msat have moved, and 100,000 are sent: %v", err)
	}
}

// TestLocalChannels uses our channels as lightningd has them: one that nobody announced, one that the public network
// knows.
func TestLocalChannels(t *testing.T) {
	w := newWorld(t)
	update := object{"htlc_minimum_msat": 1, "htlc_maximum_msat": 90_000_000, "cltv_expiry_delta": 34, "fee_base_msat": 1, "fee_proportional_millionths": 10}
	channel := object{
		"peer_id": w.id(8), "peer_connected": true, "state": "CHANNELD_NORMAL", "alias": object{"local": "9x9x9"}, "total_msat": 100_000_000,
		"spendable_msat": 40_000_000, "receivable_msat": 50_000_000, "updates": object{"local": update, "remote": update},
	}
	w.answers["listpeerchannels"] = object{"channels": []object{channel}}
	first := func(amt amount.Msat) any {
		t.Helper()
		o := w.call("getroutes", w.routes(0, 8, amt, "auto.localchans", "auto.sourcefree", "auto.no_mpp_support"))
		return o["routes"].([]any)[0].(object)["path"].([]any)[0].(object)["short_channel_id_dir"]
	}
	direction := "9x9x9/0"
	if w.id(0) > w.id(8) {
		direction = "9x9x9/1"
	}
	if got := first(40_000_000); got != direction {
		t.Errorf("the payment goes over %s, want %s", got, direction)
	}
	if got := first(40_000_001); got == direction {
		t.Error("more than the channel has goes over it")
	}
	hops := w.call("getroute", []any{w.id(8), 1000, 1})["route"].([]any)
	if len(hops) != 1 || hops[0].(object)["channel"] != "9x9x9" {
		t.Errorf("getroute: %v", hops)
	}
	channel["peer_connected"] = false
	if got := first(40_000_000); got == direction {
		t.Error("the peer is away, and its channel is used")
	}
}
