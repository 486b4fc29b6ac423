package main

import (
	"fmt"

	"fulmen/internal/gossip"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/gossipdmsg"
	"fulmen/internal/ipc/gossipmsg"
)

// eventsAhead is how many events may wait. Beyond it their senders wait.
const eventsAhead = 256

// readLightningd returns why there are no more orders.
func readLightningd(lightningd *ipc.Conn, events chan<- gossip.Event) error {
	for {
		f, err := lightningd.Recv()
		if err != nil {
			return err
		}
		ev, err := decodeLightningd(&f)
		if err != nil {
			return err
		}
		events <- ev
	}
}

func decodeLightningd(f *ipc.Frame) (gossip.Event, error) {
	defer f.CloseFds()
	switch f.Type {
	case gossipdmsg.TypeSetChannel:
		var m gossipdmsg.SetChannel
		err := f.Decode(&m)
		return gossip.ChannelSet{Channel: m.Channel}, err
	case gossipdmsg.TypeForgetChannel:
		var m gossipdmsg.ForgetChannel
		err := f.Decode(&m)
		return gossip.ChannelGone{ChannelID: m.ChannelID}, err
	}
	return nil, fmt.Errorf("message type %d from lightningd is not an order to gossipd", f.Type)
}

func decodeConnectd(f *ipc.Frame, events chan<- gossip.Event) error {
	switch f.Type {
	case gossipmsg.TypePeerUp:
		var m gossipmsg.PeerUp
		if err := f.Decode(&m); err != nil {
			return err
		}
		events <- gossip.PeerUp{ID: m.ID}
	case gossipmsg.TypePeerDown:
		var m gossipmsg.PeerDown
		if err := f.Decode(&m); err != nil {
			return err
		}
		events <- gossip.PeerDown{ID: m.ID}
	case gossipmsg.TypePeerGossip:
		var m gossipmsg.PeerGossip
		if err := f.Decode(&m); err != nil {
			return err
		}
		for _, raw := range m.Wire {
			events <- gossip.PeerSent{ID: m.ID, Raw: raw}
		}
	default:
		return fmt.Errorf("message type %d from connectd is not for gossipd", f.Type)
	}
	return nil
}
