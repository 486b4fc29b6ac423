package sql

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fulmen/internal/command"
	"fulmen/internal/gossipstore"
	"fulmen/internal/graph/graphtest"
	"fulmen/internal/rpc"
	"fulmen/internal/wire"
	"fulmen/plugins/topology/topology"
)

// public is a gossip_store that grows, the plugin topology over it, and ours over that.
type public struct {
	*world
	net   *graphtest.Network
	path  string
	store *gossipstore.Writer
	table *command.Table
}

// Do implements Caller: topology answers.
func (p *public) Do(ctx context.Context, c rpc.Call) (json.RawMessage, error) {
	raw, err := json.Marshal(c.Params)
	if err != nil {
		return nil, err
	}
	p.calls = append(p.calls, fmt.Sprint(c.Method, " ", string(raw)))
	result, err := p.table.Run(ctx, c.Method, raw)
	if err != nil {
		return nil, err
	}
	return json.Marshal(result)
}

func newPublic(t *testing.T) *public {
	p := &public{world: newWorld(t), net: graphtest.Generate(graphtest.Config{Seed: 5, Nodes: 20, Channels: 60, Now: start}), table: command.NewTable()}
	p.path = filepath.Join(t.TempDir(), "gossip_store")
	f, err := os.Create(p.path)
	if err == nil {
		err = p.net.WriteStore(f)
	}
	if err == nil {
		p.store, _, err = gossipstore.Load(f, gossipstore.UUID{1}, func(*gossipstore.Record) error { return nil })
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.store.Close() })
	top := topology.New()
	if err := top.Open(topology.Config{Store: p.path, Layers: p.path + ".layers", Now: func() time.Time { return p.now }}); err != nil {
		t.Fatal(err)
	}
	p.table.Add(top.Commands()...)
	p.s.config.Store, p.s.config.Node = p.path, p
	return p
}

// append adds a message to the store.
func (p *public) append(msg []byte) {
	p.t.Helper()
	_, err := p.store.Append(0, start, msg)
	if err == nil {
		err = p.store.Flush()
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// check compares both tables with all that topology lists.
func (p *public) check() {
	p.t.Helper()
	calls := len(p.calls)
	var list struct {
		Channels []struct {
			SCID string `json:"short_channel_id"`
		}
		Nodes []struct{ NodeID, Alias string }
	}
	for _, name := range []string{"listchannels", "listnodes"} {
		raw, err := p.Do(context.Background(), rpc.Call{Method: name, Params: object{}})
		if err == nil {
			err = json.Unmarshal(raw, &list)
		}
		if err != nil {
			p.t.Fatal(err)
		}
	}
	p.calls = p.calls[:calls]
	p.ask("SELECT count(*), count(DISTINCT short_channel_id || direction) FROM channels", fmt.Sprintf("[[%d,%d]]", len(list.Channels), len(list.Channels)))
	p.ask("SELECT count(*), count(DISTINCT nodeid), count(alias) FROM nodes", fmt.Sprintf("[[%d,%d,%d]]", len(list.Nodes), len(list.Nodes), len(list.Nodes)))
	p.ask("SELECT count(*), count(DISTINCT row) FROM nodes_addresses", fmt.Sprintf("[[%d,%d]]", len(list.Nodes), len(list.Nodes)))
}

func TestPublicNetworkIsReadByItsNews(t *testing.T) {
	p := newPublic(t)
	p.check()
	p.called("listchannels {}", "listnodes {}")
	p.check()
	p.called()

	// New terms for a channel, a new name for a node.
	scid := p.net.Channels[7].SCID
	p.net.Channels[7].Policies[1].FeePPM, p.net.Channels[7].Policies[1].LastUpdate = 123456, start+5
	p.append(p.net.ChannelUpdate(7, 1))
	p.check()
	p.called(fmt.Sprintf(`listchannels {"short_channel_id":"%s"}`, scid))
	p.ask(fmt.Sprintf("SELECT fee_per_millionth FROM channels WHERE short_channel_id = '%s' AND direction = 1", scid), "[[123456]]")
	m, err := wire.Decode(p.net.NodeAnnouncement(3))
	if err != nil {
		t.Fatal(err)
	}
	renamed := m.(*wire.NodeAnnouncement)
	renamed.Timestamp = start + 5
	copy(renamed.Alias[:], "another name")
	p.append(wire.Encode(renamed))
	id := hex.EncodeToString(renamed.NodeID[:])
	p.ask(fmt.Sprintf("SELECT alias, type, port FROM nodes JOIN nodes_addresses a ON a.row = nodes.rowid WHERE nodeid = x'%s'", id), `[["another name","ipv4",9735]]`)
	p.called(fmt.Sprintf(`listnodes {"id":"%s"}`, id))

	// A channel goes, and its nodes may.
	p.append(gossipstore.AppendDeleteChannel(nil, scid))
	p.ask(fmt.Sprintf("SELECT count(*) FROM channels WHERE short_channel_id = '%s'", scid), "[[0]]")
	p.check()
	p.called(fmt.Sprintf(`listchannels {"short_channel_id":"%s"}`, scid), "listnodes {}")

	// It comes again, its amount a moment after its announcement.
	p.append(p.net.ChannelAnnouncement(7))
	p.append(p.net.ChannelUpdate(7, 1))
	p.check()
	p.append(gossipstore.AppendChannelAmount(nil, 777))
	p.ask(fmt.Sprintf("SELECT amount_msat FROM channels WHERE short_channel_id = '%s'", scid), "[[777000]]")
	p.check()
}

func TestCompactedStoreIsFollowed(t *testing.T) {
	p := newPublic(t)
	p.check()
	p.calls = nil
	next, err := os.Create(p.path + ".new")
	if err != nil {
		t.Fatal(err)
	}
	w, _, err := p.store.Compact(next, gossipstore.UUID{2})
	if err == nil {
		err = os.Rename(p.path+".new", p.path)
	}
	if err == nil {
		err = p.store.End(w)
	}
	if err != nil {
		t.Fatal(err)
	}
	p.store.Close()
	p.store = w
	p.net.Channels[2].Policies[0].LastUpdate = start + 9
	p.append(p.net.ChannelUpdate(2, 0))
	p.check()
	p.called(fmt.Sprintf(`listchannels {"short_channel_id":"%s"}`, p.net.Channels[2].SCID))
}

func TestMuchNewsIsReadAtOnce(t *testing.T) {
	p := newPublic(t)
	p.check()
	p.calls = nil
	for i := range maxNews + 1 {
		p.net.Channels[0].SCID = wire.ShortChannelID(1<<40 | i)
		p.append(p.net.ChannelUpdate(0, 0))
	}
	p.check()
	p.called("listchannels {}")
}

func TestStoreThatCannotBeFollowed(t *testing.T) {
	p := newPublic(t)
	const count = "SELECT count(*) > 0 FROM channels"
	p.ask(count, "[[1]]")
	p.calls = nil
	for _, spoil := range []func() error{
		func() error { return os.Truncate(p.path, 50) },
		func() error { return os.WriteFile(p.path, []byte(strings.Repeat("\xff", 200)), 0o600) },
		func() error { return os.Remove(p.path) },
	} {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := p.run("sql", []string{count}); err != nil {
				t.Error(err)
			}
		}
	}
	if len(p.calls) < 2 {
		t.Errorf("only %q", p.calls)
	}
}
