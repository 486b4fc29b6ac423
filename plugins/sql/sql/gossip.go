package sql

import (
	"context"
	"encoding/hex"
	"errors"
	"io"

	"fulmen/internal/gossipstore"
	"fulmen/internal/keys"
	"fulmen/internal/rpc"
	"fulmen/internal/wire"
)

// maxNews is how many changes of the public network are asked for one by one; where there are more, all is.
const maxNews = 1000

// news are what changed in the public network, as far as a table does not have it.
type news struct {
	all      bool // too much, or nobody knows what
	channels map[wire.ShortChannelID]bool
	nodes    map[keys.PubKey]bool
}

func (n *news) forget() { *n = news{} }

func (n *news) channel(id wire.ShortChannelID) {
	if n.channels == nil {
		n.channels = map[wire.ShortChannelID]bool{}
	}
	n.channels[id] = true
	n.all = n.all || len(n.channels) > maxNews
}

func (n *news) node(ids ...keys.PubKey) {
	if n.nodes == nil {
		n.nodes = map[keys.PubKey]bool{}
	}
	for _, id := range ids {
		n.nodes[id] = true
	}
	n.all = n.all || len(n.nodes) > maxNews
}

// follower reads gossip_store for what changed. It takes no entry from there: the list commands have them.
type follower struct {
	path   string
	reader *gossipstore.Reader
	last   wire.ShortChannelID // whose announcement came last: its amount follows

	channels, nodes news // for the two tables
}

func (f *follower) close() {
	if f.reader != nil {
		f.reader.Close() // it was only read
		f.reader = nil
	}
}

// follow reads to the end of the store. Where it cannot be read, everything may have changed.
func (f *follower) follow() {
	if f.reader == nil {
		f.channels.all, f.nodes.all = true, true
		var err error
		if f.reader, err = gossipstore.Open(f.path); err != nil {
			f.reader = nil
			return
		}
	}
	for {
		rec, err := f.reader.Next()
		switch {
		case err == nil:
			f.take(&rec)
		case errors.Is(err, gossipstore.ErrReplaced):
			if !f.reader.Resume() {
				f.channels.all, f.nodes.all = true, true
			}
		case err == io.EOF:
			return
		default: // damaged, or away: topology says so
			f.channels.all, f.nodes.all = true, true
			f.close()
			return
		}
	}
}

// take notes what a record changes. One that cannot be read is passed over, as topology does.
func (f *follower) take(rec *gossipstore.Record) {
	if f.channels.all && f.nodes.all {
		f.last = 0
		return
	}
	switch rec.Type() {
	case gossipstore.MsgChannelAmount:
		f.channels.channel(f.last)
		f.channels.all = f.channels.all || f.last == 0 // nobody looked at the announcement
		return
	case gossipstore.MsgDeleteChannel:
		if id, err := gossipstore.ParseDeleteChannel(rec.Msg); err == nil {
			f.channels.channel(id)
			f.nodes.all = true // its nodes may be gone too
		}
		return
	case wire.MsgChannelAnnouncement, wire.MsgChannelUpdate, wire.MsgNodeAnnouncement:
	default:
		return
	}
	m, err := wire.Decode(rec.Msg)
	if err != nil {
		return
	}
	switch m := m.(type) {
	case *wire.ChannelAnnouncement:
		f.last = m.ShortChannelID
		f.channels.channel(m.ShortChannelID)
		f.nodes.node(m.NodeID1, m.NodeID2)
	case *wire.ChannelUpdate:
		f.channels.channel(m.ShortChannelID)
	case *wire.NodeAnnouncement:
		f.nodes.node(m.NodeID)
	}
}

// refreshPublic reads what has changed of the public network's channels or nodes.
func (s *SQL) refreshPublic(ctx context.Context, t *Table, st *state) error {
	s.gossip.follow() // before the list is read, so that nothing is missed in between
	if t.Name == "nodes" {
		return s.refreshNews(ctx, t, st, &s.gossip.nodes, s.changedNodes)
	}
	return s.refreshNews(ctx, t, st, &s.gossip.channels, s.changedChannels)
}

// change is an entry to read anew: the column and value that it is found by, and the command's parameter.
type change struct {
	column string
	value  any // as the column has it
	params object
}

func (s *SQL) changedChannels() (list []change) {
	for id := range s.gossip.channels.channels {
		list = append(list, change{"short_channel_id", id.String(), object{"short_channel_id": id.String()}})
	}
	return list
}

func (s *SQL) changedNodes() (list []change) {
	for id := range s.gossip.nodes.nodes {
		list = append(list, change{"nodeid", id[:], object{"id": hex.EncodeToString(id[:])}})
	}
	return list
}

func (s *SQL) refreshNews(ctx context.Context, t *Table, st *state, n *news, changed func() []change) error {
	if !st.loaded || n.all {
		if err := s.load(ctx, t, object{}); err != nil {
			return err
		}
		st.loaded = true
		n.forget()
		return nil
	}
	for _, c := range changed() {
		raw, err := s.config.Node.Do(ctx, rpc.Call{Method: t.Command, Params: c.params})
		if err != nil {
			return err
		}
		if err := s.db.update(func() error { return s.db.replace(t, c, raw) }); err != nil {
			return err
		}
	}
	n.forget()
	return nil
}
