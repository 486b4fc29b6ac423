package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"fulmen/internal/command"
	"fulmen/internal/ipc/connectdmsg"
	"fulmen/internal/keys"
	"fulmen/internal/plugin"
	"fulmen/internal/rpc"
	"fulmen/internal/wire"
)

// maxCustom is how many messages of one peer may wait for plugins that are slow; more are dropped.
const maxCustom = 100

// customTypes are the types of messages that plugins want to see though no BOLT knows them.
func (n *node) customTypes() []uint16 {
	var types []uint16
	for _, p := range n.plugins.Plugins() {
		types = append(types, p.Manifest().CustomMessages...)
	}
	slices.Sort(types)
	return slices.Compact(types)
}

// isCustom reports whether a plugin asked for a type.
func (n *node) isCustom(t wire.MessageType) bool { return slices.Contains(n.customTypes(), uint16(t)) }

// tellCustomTypes tells connectd of them, whenever they may have changed.
func (n *node) tellCustomTypes() {
	if child := n.connectd.child(); child != nil {
		_ = child.Send(&connectdmsg.LetThrough{Types: n.customTypes()}) // a new connectd is told anew
	}
}

// takeCustom gives a message that no BOLT knows to the plugins: those of one peer one after the other, in
// their order.
func (n *node) takeCustom(p *peer, raw []byte) {
	if n.takeCommando(p, raw) {
		return
	}
	switch {
	case !n.plugins.Hooked("custommsg") && !n.plugins.Subscribed("custommsg"):
		n.log.Debug("peer sent a message that is ignored", "peer_id", p.id, "type", binary.BigEndian.Uint16(raw))
		return
	case len(p.custom) >= maxCustom:
		n.log.Warn("peer sends more messages than the plugins take, one is dropped", "peer_id", p.id, "waiting", len(p.custom))
		return
	}
	p.custom = append(p.custom, raw)
	if len(p.custom) == 1 {
		n.nextCustom(p)
	}
}

// nextCustom has the plugins see the first message of a peer's queue, then those after it.
func (n *node) nextCustom(p *peer) {
	raw := p.custom[0]
	m := customMessage{p.id.String(), raw}
	n.notify("custommsg", func() any { return m })
	n.ask(plugin.Question{
		Hook: "custommsg", About: fmt.Sprint(binary.BigEndian.Uint16(raw)),
		Payload: func() any { return m }, Answer: plugin.Continue,
	}, func() {
		p.custom = p.custom[1:]
		if len(p.custom) > 0 {
			n.nextCustom(p)
		}
	})
}

type sendCustomMsgParams struct {
	NodeID keys.PubKey `param:"node_id" doc:"The peer, which must be connected."`
	Msg    []byte      `param:"msg" doc:"The message, its type of two bytes first."`
}

// Validate implements the check after parsing.
func (p *sendCustomMsgParams) Validate() error {
	if len(p.Msg) < 2 || len(p.Msg) > wire.MaxMessage {
		return fmt.Errorf("msg: has %d bytes, should have 2 to %d, its type first", len(p.Msg), wire.MaxMessage)
	}
	var unknown *wire.UnknownMessageError
	if _, err := wire.Decode(p.Msg); !errors.As(err, &unknown) {
		return fmt.Errorf("msg: messages of type %d are this node's own to send", binary.BigEndian.Uint16(p.Msg))
	}
	return nil
}

type sendCustomMsgResult struct {
	Status string `json:"status" doc:"That it was handed over to be sent."`
}

func (n *node) sendCustomMsgCommand() *command.Command {
	return command.New(command.Doc{
		Name: "sendcustommsg", Category: command.Utility,
		Short: "Send a message of your own to a peer.",
		Long: "The message is sent as it is. Its type must be none that this node uses. A peer " +
			"that does not know it ignores a message whose type is odd, and disconnects after one whose type is even.",
		SeeAlso: []string{"connect", "plugin"},
	}, n.sendCustomMsg)
}

func (n *node) sendCustomMsg(_ context.Context, p *sendCustomMsgParams) (*sendCustomMsgResult, error) {
	err := n.onLoop(func() error {
		peer := n.peers[p.NodeID]
		if peer == nil || peer.conn == nil {
			return rpc.Errorf(rpc.CodeFailed, "node_id: peer %s is not connected", p.NodeID)
		}
		n.connectd.send(&connectdmsg.SendPeer{ID: p.NodeID, Conn: peer.conn.conn, Wire: [][]byte{p.Msg}})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &sendCustomMsgResult{Status: "Message sent to connectd for delivery"}, nil
}
