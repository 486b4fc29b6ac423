package main

import (
	"fmt"
	"log/slog"
	"time"

	"fulmen/internal/gossip"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/gossipdmsg"
	"fulmen/internal/ipc/gossipmsg"
	"fulmen/internal/ipc/hsmdmsg"
)

// shell carries the machine's actions out.
type shell struct {
	machine    *gossip.Machine
	lightningd *ipc.Conn
	hsmd       *ipc.Conn
	connectd   *ipc.Client
	log        *slog.Logger
}

// step applies an event and does all that follows from it.
func (sh *shell) step(ev gossip.Event) error {
	now := gossip.Timestamp(time.Now().Unix())
	actions, err := sh.machine.Step(now, ev)
	if err != nil {
		return err
	}
	for _, a := range actions {
		if err := sh.do(a); err != nil {
			return err
		}
	}
	return nil
}

func (sh *shell) do(a gossip.Action) error {
	switch a := a.(type) {
	case gossip.AskSigner:
		var reply hsmdmsg.SignChannelUpdateReply
		if _, err := sh.hsmd.Request(&hsmdmsg.SignChannelUpdate{Update: a.Update}, &reply); err != nil {
			return fmt.Errorf("sign channel_update of %s: %w", a.ChannelID, err)
		}
		return sh.step(gossip.Signed{ChannelID: a.ChannelID, Signature: reply.Signature})
	case gossip.SendPeer:
		return sh.connectd.Send(&gossipmsg.PeerGossip{ID: a.ID, Wire: [][]byte{a.Raw}})
	case gossip.Made:
		return sh.lightningd.Send(&gossipdmsg.OwnUpdate{ChannelID: a.ChannelID, Update: a.Raw})
	case gossip.Learned:
		sh.log.Debug("channel_update from the peer", "channel_id", a.ChannelID, "timestamp", a.Timestamp)
		return sh.lightningd.Send(&gossipdmsg.PeerUpdate{
			ChannelID: a.ChannelID, Policy: a.Policy, Timestamp: a.Timestamp, Update: a.Raw,
		})
	case gossip.Misbehaved:
		sh.log.Info("bad gossip", "peer_id", a.ID, "reason", a.Reason)
		return sh.lightningd.Send(&gossipdmsg.BadPeer{ID: a.ID, Reason: a.Reason})
	}
	panic(fmt.Sprintf("gossipd: unknown action %T", a))
}
