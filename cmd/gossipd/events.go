package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"

	"fulmen/internal/features"
	"fulmen/internal/gossip"
	"fulmen/internal/gossipstore"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/gossipdmsg"
	"fulmen/internal/ipc/gossipmsg"
)

// request is an event that lightningd waits for an answer to.
type request struct {
	gossip.Event
	id        uint64
	findNode  *gossipdmsg.FindNode
	pickNodes *gossipdmsg.PickNodes
}

// storeFile is lightningd's answer to NewStore; file is nil if it has none.
type storeFile struct {
	file *os.File
	id   gossipstore.UUID
}

// readLightningd takes orders until there are no more, and returns why.
func (sh *shell) readLightningd() error {
	for {
		f, err := sh.lightningd.Recv()
		if err != nil {
			return err
		}
		err = sh.fromLightningd(&f)
		f.CloseFds()
		if err != nil {
			return err
		}
	}
}

// fromLightningd takes one order, or the answer that compact waits for.
func (sh *shell) fromLightningd(f *ipc.Frame) error {
	switch f.Type {
	case gossipdmsg.TypeStoreFile:
		var m gossipdmsg.StoreFile
		if err := f.Decode(&m); err != nil {
			return err
		}
		answer := storeFile{id: m.StoreID}
		if len(f.Fds) == 1 {
			answer.file, f.Fds = f.Fds[0], nil
		}
		return give(sh.storeFiles, answer)
	case gossipdmsg.TypeStoreUsed:
		var m gossipdmsg.StoreUsed
		if err := f.Decode(&m); err != nil {
			return err
		}
		return give(sh.storeUsed, m.Done)
	}
	ev, err := decodeLightningd(f)
	if err == nil {
		sh.in.put(ev)
	}
	return err
}

var errUnasked = errors.New("lightningd answers what was not asked")

// give passes an answer to compact, which asks one thing at a time.
func give[T any](to chan<- T, answer T) error {
	select {
	case to <- answer:
		return nil
	default:
		return errUnasked
	}
}

// decoded reads the frame as an M, and makes the event of it.
func decoded[M any, P ipc.Of[M]](f *ipc.Frame, event func(P) gossip.Event) (gossip.Event, error) {
	m, err := ipc.Read[M, P](f)
	if err != nil {
		return nil, err
	}
	return event(m), nil
}

func decodeLightningd(f *ipc.Frame) (gossip.Event, error) {
	switch f.Type {
	case gossipdmsg.TypeSetChannel:
		return decoded(f, func(m *gossipdmsg.SetChannel) gossip.Event { return gossip.ChannelSet{Channel: m.Channel} })
	case gossipdmsg.TypeForgetChannel:
		return decoded(f, func(m *gossipdmsg.ForgetChannel) gossip.Event { return gossip.ChannelGone{ChannelID: m.ChannelID} })
	case gossipdmsg.TypeAnnounce:
		return decoded(f, func(m *gossipdmsg.Announce) gossip.Event {
			return gossip.Announced{ChannelID: m.ChannelID, Announcement: m.Announcement}
		})
	case gossipdmsg.TypeSetNode:
		return decoded(f, func(m *gossipdmsg.SetNode) gossip.Event { return gossip.NodeSet{Node: m.Node} })
	case gossipdmsg.TypeNewBlock:
		return decoded(f, func(m *gossipdmsg.NewBlock) gossip.Event { return gossip.BlockSeen{Height: m.Height, Spent: m.Spent} })
	case gossipdmsg.TypeFundingChecked:
		return decoded(f, func(m *gossipdmsg.FundingChecked) gossip.Event { return gossip.FundingChecked{Results: m.Results} })
	case gossipdmsg.TypeAddGossip:
		return decoded(f, func(m *gossipdmsg.AddGossip) gossip.Event {
			return request{Event: gossip.Injected{Raw: m.Message}, id: f.ID}
		})
	case gossipdmsg.TypeFindNode:
		return decoded(f, func(m *gossipdmsg.FindNode) gossip.Event { return request{findNode: m, id: f.ID} })
	case gossipdmsg.TypePickNodes:
		m := new(gossipdmsg.PickNodes)
		err := f.Decode(m)
		if err == nil && m.Max > gossipdmsg.MaxPick {
			err = fmt.Errorf("PickNodes of %d, at most %d", m.Max, gossipdmsg.MaxPick)
		}
		return request{pickNodes: m, id: f.ID}, err
	}
	return nil, fmt.Errorf("message type %d from lightningd is not an order to gossipd", f.Type)
}

// fromConnectd takes what connectd tells of a peer.
func fromConnectd(f *ipc.Frame, in *inbox) error {
	switch f.Type {
	case gossipmsg.TypePeerUp:
		var m gossipmsg.PeerUp
		if err := f.Decode(&m); err != nil {
			return err
		}
		queries := m.Features.Has(features.GossipQueries) || m.Features.Has(features.GossipQueries.Optional())
		in.arrived(gossip.PeerUp{ID: m.ID, Queries: queries})
	case gossipmsg.TypePeerDown:
		var m gossipmsg.PeerDown
		if err := f.Decode(&m); err != nil {
			return err
		}
		in.left(gossip.PeerDown{ID: m.ID})
	case gossipmsg.TypePeerGossip:
		var m gossipmsg.PeerGossip
		if err := f.Decode(&m); err != nil {
			return err
		}
		if in.sent(m.ID, m.Wire) {
			slog.Debug("more gossip than can be checked: some is dropped", "peer_id", m.ID)
		}
	default:
		return fmt.Errorf("message type %d from connectd is not for gossipd", f.Type)
	}
	return nil
}
