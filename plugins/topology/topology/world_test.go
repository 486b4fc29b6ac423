package topology

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"fulmen/internal/command"
	"fulmen/internal/graph/graphtest"
	"fulmen/internal/rpc"
	"fulmen/internal/schema"
	"fulmen/internal/wire"
)

// world is a Topology over a generated network, with a lightningd that answers what it is told to.
type world struct {
	t        *testing.T
	net      *graphtest.Network
	dir      string
	now      time.Time
	topology *Topology
	table    *command.Table
	answers  map[string]any
	warnings []string
}

// Call implements Caller.
func (w *world) Call(_ context.Context, method string, _, result any) error {
	answer, ok := w.answers[method]
	if !ok {
		return errors.New("lightningd has no answer to " + method)
	}
	raw, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, result)
}

type object = map[string]any

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		t: t, dir: t.TempDir(), now: time.Unix(1_700_000_000, 0),
		net: graphtest.Generate(graphtest.Config{Seed: 5, Nodes: 40, Channels: 120, Now: 1_700_000_000}),
	}
	for i := range w.net.Channels { // terms under which routes are as a test expects
		for direction := range 2 {
			w.net.Channels[i].Policies[direction].ChannelFlags &^= wire.ChannelFlagDisable
		}
	}
	f, err := os.Create(filepath.Join(w.dir, "gossip_store"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := w.net.WriteStore(f); err != nil {
		t.Fatal(err)
	}
	w.answers = map[string]any{"getinfo": object{"id": w.id(0)}, "listpeerchannels": object{"channels": []object{}}}
	w.open()
	return w
}

// open starts the plugin, anew if it was started before.
func (w *world) open() {
	w.t.Helper()
	w.topology = New()
	err := w.topology.Open(Config{
		Store: filepath.Join(w.dir, "gossip_store"), Layers: filepath.Join(w.dir, "askrene-layers.json"), Node: w,
		Now: func() time.Time { return w.now }, CallID: func(context.Context) string { return "test#1" },
		Warn: func(format string, _ ...any) { w.warnings = append(w.warnings, format) },
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { w.topology.file.Close() })
	w.table = command.NewTable()
	w.table.Add(w.topology.Commands()...)
}

func (w *world) id(n int) string { return w.net.IDs[n].String() }

// try calls a command; both what is sent and what comes are held to the published contract.
func (w *world) try(method string, params any) (object, *rpc.Error) {
	w.t.Helper()
	contract, err := schema.Load(method)
	if err != nil {
		w.t.Fatal(err)
	}
	raw, err := json.Marshal(params)
	if err != nil {
		w.t.Fatal(err)
	}
	result, err := w.table.Run(w.t.Context(), method, raw)
	var failed *rpc.Error
	if errors.As(err, &failed) {
		return nil, failed
	}
	if err != nil {
		return nil, rpc.Errorf(rpc.CodeFailed, "%w", err)
	}
	if err := contract.ValidateRequest(raw); err != nil && raw[0] == '{' {
		w.t.Errorf("%s took what the contract does not allow: %v", method, err)
	}
	got, err := json.Marshal(result)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := contract.ValidateResponse(got); err != nil {
		w.t.Fatalf("%s breaks the contract: %v\n%s", method, err, got)
	}
	var o object
	if err := json.Unmarshal(got, &o); err != nil {
		w.t.Fatal(err)
	}
	return o, nil
}

func (w *world) call(method string, params any) object {
	w.t.Helper()
	o, err := w.try(method, params)
	if err != nil {
		w.t.Fatalf("%s %v: %d %v", method, params, err.Code, err)
	}
	return o
}

// fails wants an error with a code.
func (w *world) fails(code rpc.Code, method string, params any) {
	w.t.Helper()
	if o, err := w.try(method, params); err == nil || err.Code != code {
		w.t.Errorf("%s %v: %v %v, want code %d", method, params, o, err, code)
	}
}
