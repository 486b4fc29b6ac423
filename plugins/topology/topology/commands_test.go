package topology

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"fulmen/internal/command"
	"fulmen/internal/rpc"
	"fulmen/internal/schema"
)

// TestParametersAreAsPublished holds names, positions and requiredness of parameters to the schemas.
func TestParametersAreAsPublished(t *testing.T) {
	for _, c := range New().Commands() {
		s, err := schema.Load(c.Name)
		if err != nil {
			t.Error(err)
			continue
		}
		type param struct {
			Name     string
			Required bool
		}
		var got, want []param
		for _, p := range c.Params {
			got = append(got, param{p.Name, p.Required})
			if p.Doc == "" {
				t.Errorf("%s: %s: not explained", c.Name, p.Name)
			}
		}
		for _, p := range s.Params() {
			if !strings.HasPrefix(p.Name, "dev_") {
				want = append(want, param{p.Name, p.Required})
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: parameters %v, published are %v", c.Name, got, want)
		}
	}
}

func TestEveryPublishedCommandIsThere(t *testing.T) {
	var names []string
	for _, c := range New().Commands() {
		names = append(names, c.Name)
	}
	all, err := schema.Commands()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range all {
		if strings.HasPrefix(name, "askrene-") && !slices.Contains(names, name) {
			t.Errorf("%s is missing", name)
		}
	}
}

func TestListChannels(t *testing.T) {
	w := newWorld(t)
	all := w.call("listchannels", object{})["channels"].([]any)
	if len(all) != 2*len(w.net.Channels) {
		t.Fatalf("%d entries, want %d", len(all), 2*len(w.net.Channels))
	}
	c := w.net.Channels[7]
	one := w.call("listchannels", []any{c.SCID.String()})["channels"].([]any)
	if len(one) != 2 {
		t.Fatalf("%d entries for one channel", len(one))
	}
	p := c.Policies[1]
	want := object{
		"source": w.id(c.Nodes[1]), "destination": w.id(c.Nodes[0]), "short_channel_id": c.SCID.String(), "direction": 1.0,
		"public": true, "amount_msat": float64(c.Capacity.Msat()), "message_flags": 1.0, "channel_flags": float64(p.ChannelFlags),
		"active": true, "last_update": float64(p.LastUpdate), "base_fee_millisatoshi": float64(p.FeeBase),
		"fee_per_millionth": float64(p.FeePPM), "delay": float64(p.CLTVDelta), "htlc_minimum_msat": float64(p.HTLCMinimum),
		"htlc_maximum_msat": float64(p.HTLCMaximum), "features": "",
	}
	if got := one[1].(object); !reflect.DeepEqual(got, want) {
		t.Errorf("entry %v, want %v", got, want)
	}
	out := w.call("listchannels", object{"source": w.id(3)})["channels"].([]any)
	in := w.call("listchannels", object{"destination": w.id(3)})["channels"].([]any)
	if len(out) == 0 || len(in) != len(out) || out[0].(object)["source"] != w.id(3) || in[0].(object)["destination"] != w.id(3) {
		t.Errorf("%d channels away, %d to a node", len(out), len(in))
	}
	if none := w.call("listchannels", []any{"1x1x1"})["channels"].([]any); len(none) != 0 {
		t.Errorf("an unknown channel: %v", none)
	}
	w.fails(rpc.CodeInvalidParams, "listchannels", object{"source": w.id(1), "destination": w.id(2)})
	w.fails(rpc.CodeInvalidParams, "listchannels", object{"short_channel_id": "1x"})
}

func TestListNodes(t *testing.T) {
	w := newWorld(t)
	if all := w.call("listnodes", object{})["nodes"].([]any); len(all) != len(w.net.IDs) {
		t.Fatalf("%d nodes, want %d", len(all), len(w.net.IDs))
	}
	one := w.call("listnodes", []any{w.id(6)})["nodes"].([]any)[0].(object)
	want := object{
		"nodeid": w.id(6), "last_timestamp": 1_700_000_000.0 - 6, "alias": "node-6", "color": "060077", "features": "08a0880282024100",
		"addresses": []any{object{"type": "ipv4", "address": "10.0.0.6", "port": 9735.0}},
	}
	if !reflect.DeepEqual(one, want) {
		t.Errorf("node %v, want %v", one, want)
	}
}

func TestShowAddresses(t *testing.T) {
	raw := []byte{2, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 80}
	raw = append(raw, 5, 5)
	raw = append(raw, "a.b.c"...)
	raw = append(raw, 0x26, 7)
	raw = append(append(append(raw, 4), make([]byte, 35)...), 1, 1)
	got := fmt.Sprint(showAddresses(append(raw, 9, 9, 9)))
	want := fmt.Sprint([]addressResult{{"ipv6", "2001:db8::1", 80}, {"dns", "a.b.c", 9735}, {"torv3", strings.Repeat("a", 56) + ".onion", 257}})
	if got != want {
		t.Errorf("addresses %s, want %s", got, want)
	}
}

// FuzzShowAddresses feeds a node_announcement's addresses, and its alias.
func FuzzShowAddresses(f *testing.F) {
	f.Add([]byte{1, 127, 0, 0, 1, 0x26, 7, 5, 1, 'a', 0, 1})
	f.Fuzz(func(t *testing.T, raw []byte) {
		if n := len(showAddresses(raw)); n > len(raw)/4 {
			t.Errorf("%d addresses of %d bytes", n, len(raw))
		}
		var alias [32]byte
		copy(alias[:], raw)
		if text := aliasText(alias); strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Errorf("alias %q", text)
		}
	})
}

// TestLayers changes a layer in every way, and finds it again after a restart.
func TestLayers(t *testing.T) {
	w := newWorld(t)
	c := w.net.Channels[0].SCID.String()
	w.call("askrene-create-layer", object{"layer": "kept", "persistent": true})
	w.call("askrene-create-layer", []any{"lost"})
	w.fails(rpc.CodeInvalidParams, "askrene-create-layer", object{"layer": "lost"})
	w.fails(rpc.CodeInvalidParams, "askrene-create-layer", object{"layer": "auto.mine"})
	w.call("askrene-create-channel", []any{"kept", w.id(0), w.id(1), "0x0x1", "1000000sat"})
	w.call("askrene-create-channel", []any{"kept", w.id(0), w.id(1), "0x0x1", "1000000sat"})
	w.fails(rpc.CodeInvalidParams, "askrene-create-channel", []any{"kept", w.id(0), w.id(2), "0x0x1", "1000000sat"})
	w.fails(rpc.CodeInvalidParams, "askrene-create-channel", []any{"kept", w.id(0), w.id(0), "0x0x2", 5})
	w.call("askrene-disable-node", []any{"kept", w.id(9)})
	w.call("askrene-inform-channel", []any{"kept", c + "/1", 100_000, "unconstrained"})
	w.call("askrene-inform-channel", []any{"kept", c + "/1", 90_000, "unconstrained"})
	informed := w.call("askrene-inform-channel", []any{"kept", c + "/0", 100_000, "constrained"})
	if m := informed["constraints"].([]any)[0].(object)["maximum_msat"]; m != 99_999.0 {
		t.Errorf("maximum_msat %v", m)
	}
	w.call("askrene-inform-channel", []any{"kept", c + "/0", 7, "succeeded"})
	w.call("askrene-bias-channel", []any{"kept", c + "/0", 5, "liked"})
	biased := w.call("askrene-bias-channel", object{"layer": "kept", "short_channel_id_dir": c + "/0", "bias": -8, "relative": true})
	if b := biased["biases"].([]any)[0].(object); b["bias"] != -3.0 || b["description"] != "liked" {
		t.Errorf("bias %v", b)
	}
	w.fails(rpc.CodeInvalidParams, "askrene-bias-channel", []any{"kept", c + "/0", 101})
	w.call("askrene-bias-node", []any{"kept", w.id(4), "in", 3})
	w.call("askrene-bias-node", []any{"kept", w.id(4), "out", -5, "slow"})
	// What an existing layer looks like to who makes it again. The contract has no valid form for updates there.
	w.call("askrene-create-layer", object{"layer": "kept", "persistent": true})
	w.call("askrene-update-channel", []any{"kept", "0x0x1/0"})
	w.call("askrene-update-channel", object{"layer": "kept", "short_channel_id_dir": "0x0x1/0", "htlc_minimum_msat": 100, "fee_base_msat": 1,
		"fee_proportional_millionths": 2, "cltv_expiry_delta": 18, "enabled": true})
	w.call("askrene-update-channel", []any{"kept", c + "/1", false})
	w.call("askrene-remove-channel-update", []any{"kept", c + "/1"})
	before := w.call("askrene-listlayers", []any{"kept"})

	if err := w.topology.Close(); err != nil {
		t.Fatal(err)
	}
	w.open()
	if after := w.call("askrene-listlayers", object{}); !reflect.DeepEqual(after, before) {
		t.Errorf("after a restart %v, before %v", after, before)
	}
	w.now = w.now.Add(time.Hour)
	aged := w.call("askrene-age", []any{"kept", w.now.Unix()})
	if aged["num_removed"] != 6.0 { // 3 constraints, 1 impression, 2 biases
		t.Errorf("aged %v", aged)
	}
	w.call("askrene-remove-layer", []any{"kept"})
	w.open()
	if after := w.call("askrene-listlayers", object{})["layers"].([]any); len(after) != 0 {
		t.Errorf("removed, and still there: %v", after)
	}
	for _, method := range []string{"askrene-remove-layer", "askrene-listlayers"} {
		w.fails(rpc.CodeInvalidParams, method, []any{"kept"})
	}
}

// TestLayersFile wants a damaged file to be named, and left alone.
func TestLayersFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "askrene-layers.json")
	for _, text := range []string{"{", `{"layers":[null]}`, `{"layers":[{"disabled_nodes":["xx"]}]}`} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := New().Open(Config{Layers: path}); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestReservations(t *testing.T) {
	w := newWorld(t)
	c := w.net.Channels[0].SCID.String() + "/0"
	path := []object{{"short_channel_id_dir": c, "amount_msat": 500}}
	surplus := fmt.Sprintf(`{"path":[{"short_channel_id_dir":%q,"amount_msat":500,"node_id_in":"02"}]}`, c)
	if _, err := w.table.Run(t.Context(), "askrene-reserve", []byte(surplus)); err != nil {
		t.Errorf("a hop as getroutes gives it: %v", err)
	}
	w.call("askrene-reserve", object{"path": path})
	w.now = w.now.Add(90 * time.Second)
	list := w.call("askrene-listreservations", object{})["reservations"].([]any)
	want := object{"short_channel_id_dir": c, "amount_msat": 500.0, "age_in_seconds": 90.0, "command_id": "test#1"}
	if len(list) != 2 || !reflect.DeepEqual(list[0], want) {
		t.Errorf("reservations %v", list)
	}
	w.call("askrene-create-layer", []any{"l"})
	informed := w.call("askrene-inform-channel", []any{"l", c, 100, "constrained"})
	if m := informed["constraints"].([]any)[0].(object)["maximum_msat"]; m != 1099.0 {
		t.Errorf("with 1000msat reserved, 100msat that did not pass leave a maximum of %v", m)
	}
	w.fails(rpc.CodeInvalidParams, "askrene-unreserve", object{"path": append(path, object{"short_channel_id_dir": c, "amount_msat": 501})})
	w.call("askrene-unreserve", object{"path": append(path, path...)})
	if list := w.call("askrene-listreservations", object{})["reservations"].([]any); len(list) != 0 {
		t.Errorf("still reserved: %v", list)
	}
	w.fails(rpc.CodeInvalidParams, "askrene-unreserve", object{"path": path})
}

func TestHelpSaysEnough(t *testing.T) {
	names := map[string]bool{}
	for _, c := range New().Commands() {
		names[c.Name] = true
	}
	for _, c := range New().Commands() {
		if !strings.HasSuffix(c.Short, ".") || len(c.Short) > 100 || c.Category == command.Category("") {
			t.Errorf("%s: want a category and one short sentence, have %q", c.Name, c.Short)
		}
		for _, other := range c.SeeAlso {
			if !names[other] && !slices.Contains([]string{"listpeerchannels", "listpeers", "sendpay", "pay"}, other) || other == c.Name {
				t.Errorf("%s: see also %s: no other command", c.Name, other)
			}
		}
	}
}
