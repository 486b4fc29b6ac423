package topology

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"unicode/utf8"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/command"
	"fulmen/internal/graph"
	"fulmen/internal/keys"
	"fulmen/internal/rpc"
	"fulmen/internal/wire"
)

type listChannelsParams struct {
	ShortChannelID *wire.ShortChannelID `param:"short_channel_id" doc:"Only this channel."`
	Source         *keys.PubKey         `param:"source" doc:"Only channels that lead away from this node."`
	Destination    *keys.PubKey         `param:"destination" doc:"Only channels that lead to this node."`
}

// Validate implements the check after parsing.
func (p *listChannelsParams) Validate() error {
	given := 0
	for _, is := range []bool{p.ShortChannelID != nil, p.Source != nil, p.Destination != nil} {
		if is {
			given++
		}
	}
	if given > 1 {
		return errors.New("only one of short_channel_id, source and destination can be given")
	}
	return nil
}

type listChannelsResult struct {
	Channels []channelResult `json:"channels" doc:"One entry for each direction that has an update."`
}

type channelResult struct {
	Source              node        `json:"source" doc:"The node that it leads away from."`
	Destination         node        `json:"destination" doc:"The node that it leads to."`
	ShortChannelID      scid        `json:"short_channel_id" doc:"The channel."`
	Direction           uint8       `json:"direction" doc:"0 if source is the lesser id, else 1."`
	Public              bool        `json:"public" doc:"Always true: only announced channels are listed."`
	AmountMsat          amount.Msat `json:"amount_msat" doc:"The capacity."`
	MessageFlags        byte        `json:"message_flags" doc:"As in BOLT 7."`
	ChannelFlags        byte        `json:"channel_flags" doc:"As in BOLT 7."`
	Active              bool        `json:"active" doc:"Whether source has it enabled."`
	LastUpdate          uint32      `json:"last_update" doc:"When source last updated it, unix seconds."`
	BaseFeeMillisatoshi uint32      `json:"base_fee_millisatoshi" doc:"What source asks for each payment."`
	FeePerMillionth     uint32      `json:"fee_per_millionth" doc:"What source asks of the amount, in millionths."`
	Delay               block.Delta `json:"delay" doc:"The blocks that source wants between the two HTLCs."`
	HTLCMinimumMsat     amount.Msat `json:"htlc_minimum_msat" doc:"The least HTLC."`
	HTLCMaximumMsat     amount.Msat `json:"htlc_maximum_msat" doc:"The greatest HTLC."`
	Features            command.Hex `json:"features" doc:"The channel's feature bits."`
}

func (t *Topology) listChannelsCommand() *command.Command {
	return command.New(command.Doc{
		Name: "listchannels", Category: command.Network,
		Short:   "List the channels of the public network.",
		Long:    "Both directions of a channel are listed, each if its node has announced terms for it. Channels of this node that are not announced are in listpeerchannels.",
		Errors:  []command.Failure{{Code: rpc.CodeInvalidParams, When: "A parameter is wrong, or there is more than one."}},
		SeeAlso: []string{"listnodes", "getroutes", "listpeerchannels"},
	}, t.listChannels)
}

func (t *Topology) listChannels(_ context.Context, p *listChannelsParams) (*listChannelsResult, error) {
	r := &listChannelsResult{Channels: []channelResult{}}
	t.view(func(g *graph.Graph) {
		l := channelLister{t: t, g: g, r: r}
		switch {
		case p.ShortChannelID != nil:
			if c, ok := g.Channel(*p.ShortChannelID); ok {
				l.add(c.Half(0), c.Half(1))
			}
		case p.Source != nil:
			if n, ok := g.Node(*p.Source); ok {
				l.add(g.Away(n)...)
			}
		case p.Destination != nil:
			if n, ok := g.Node(*p.Destination); ok {
				for _, h := range g.Away(n) {
					l.add(h.Reverse())
				}
			}
		default:
			r.Channels = make([]channelResult, 0, 2*g.NumChannels())
			for c := range graph.Channel(g.ChannelLimit()) {
				if g.Exists(c) {
					l.add(c.Half(0), c.Half(1))
				}
			}
		}
	})
	return r, nil
}

// channelLister makes entries. Two in a row are often of one channel, whose announcement is read once.
type channelLister struct {
	t        *Topology
	g        *graph.Graph
	r        *listChannelsResult
	of       int64 // whose features these are: the announcement's offset
	features command.Hex
}

func (l *channelLister) add(halves ...graph.Half) {
	for _, h := range halves {
		p := l.g.Policy(h)
		if !p.Known() {
			continue
		}
		c := h.Channel()
		if at := l.g.Announcement(c); at != l.of {
			l.of, l.features = at, l.t.channelFeatures(at)
		}
		l.r.Channels = append(l.r.Channels, channelResult{
			Source: node(l.g.ID(l.g.From(h))), Destination: node(l.g.ID(l.g.To(h))), ShortChannelID: scid(l.g.ShortChannelID(c)),
			Direction: h.Direction(), Public: true, AmountMsat: l.g.Capacity(c).Msat(), MessageFlags: p.MessageFlags,
			ChannelFlags: p.ChannelFlags, Active: p.Enabled(), LastUpdate: p.LastUpdate, BaseFeeMillisatoshi: p.FeeBase,
			FeePerMillionth: p.FeePPM, Delay: p.CLTVDelta, HTLCMinimumMsat: p.HTLCMinimum, HTLCMaximumMsat: p.HTLCMaximum,
			Features: l.features,
		})
	}
}

func (t *Topology) channelFeatures(offset int64) command.Hex {
	if raw, ok := t.file.Announcement(offset); ok {
		if m, err := wire.Decode(raw); err == nil {
			if ann, ok := m.(*wire.ChannelAnnouncement); ok {
				return ann.Features
			}
		}
	}
	return nil
}

type listNodesParams struct {
	ID *keys.PubKey `param:"id" doc:"Only this node."`
}

type listNodesResult struct {
	Nodes []nodeResult `json:"nodes" doc:"One entry a node."`
}

type nodeResult struct {
	NodeID        node             `json:"nodeid" doc:"Its public key."`
	LastTimestamp *uint32          `json:"last_timestamp,omitempty" doc:"When it announced itself, unix seconds. Without it there is no announcement, and nothing of what follows."`
	Alias         *string          `json:"alias,omitempty" doc:"The name it gave itself."`
	Color         string           `json:"color,omitempty" doc:"The colour it gave itself."`
	Features      *command.Hex     `json:"features,omitempty" doc:"Its feature bits."`
	Addresses     *[]addressResult `json:"addresses,omitempty" doc:"Where it can be reached."`
}

type addressResult struct {
	Type    string `json:"type" doc:"ipv4, ipv6, torv2, torv3 or dns."`
	Address string `json:"address" doc:"The address."`
	Port    uint16 `json:"port" doc:"The TCP port."`
}

func (t *Topology) listNodesCommand() *command.Command {
	return command.New(command.Doc{
		Name: "listnodes", Category: command.Network,
		Short:   "List the nodes of the public network.",
		Long:    "A node is known by its channels; what it says of itself is there if it has announced that.",
		Errors:  []command.Failure{{Code: rpc.CodeInvalidParams, When: "A parameter is wrong."}},
		SeeAlso: []string{"listchannels", "listpeers"},
	}, t.listNodes)
}

func (t *Topology) listNodes(_ context.Context, p *listNodesParams) (*listNodesResult, error) {
	r := &listNodesResult{Nodes: []nodeResult{}}
	t.view(func(g *graph.Graph) {
		add := func(n graph.Node) {
			if len(g.Away(n)) > 0 { // the others had channels once
				r.Nodes = append(r.Nodes, t.showNode(g, n))
			}
		}
		if p.ID != nil {
			if n, ok := g.Node(*p.ID); ok {
				add(n)
			}
			return
		}
		for n := range graph.Node(g.NumNodes()) {
			add(n)
		}
	})
	return r, nil
}

func (t *Topology) showNode(g *graph.Graph, n graph.Node) nodeResult {
	r := nodeResult{NodeID: node(g.ID(n))}
	raw, ok := t.file.Announcement(g.NodeAnnouncement(n))
	if !ok {
		return r
	}
	m, err := wire.Decode(raw)
	ann, ok := m.(*wire.NodeAnnouncement)
	if err != nil || !ok {
		return r
	}
	alias, features, addresses := aliasText(ann.Alias), command.Hex(ann.Features), showAddresses(ann.Addresses)
	r.LastTimestamp, r.Alias, r.Color = &ann.Timestamp, &alias, hex.EncodeToString(ann.RGBColor[:])
	r.Features, r.Addresses = &features, &addresses
	return r
}

// aliasText is a name that a stranger chose, as text that can be shown: other bytes than UTF-8's, and those that steer a
// terminal, become question marks.
func aliasText(alias [32]byte) string {
	raw := bytes.TrimRight(alias[:], "\x00")
	var b []rune
	for len(raw) > 0 {
		r, n := utf8.DecodeRune(raw)
		if r == utf8.RuneError || r < ' ' || r >= 0x7f && r < 0xa0 {
			r = '?'
		}
		b, raw = append(b, r), raw[n:]
	}
	return string(b)
}
