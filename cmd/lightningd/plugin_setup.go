package main

import (
	"encoding/hex"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"

	"fulmen/internal/features"
	"fulmen/internal/plugin"
)

// splitProxy parts the address of a SOCKS proxy; false where there is none.
func splitProxy(address string) (host string, port uint16, ok bool) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, false
	}
	number, err := strconv.ParseUint(text, 10, 16)
	return host, uint16(number), err == nil
}

// pluginSetup is what init tells a plugin.
func (n *node) pluginSetup(p *plugin.Plugin) (map[string]any, plugin.Configuration) {
	options := map[string]any{}
	for _, o := range p.Manifest().Options {
		if value := n.optionValue(o); value != nil {
			options[o.Name] = value
		}
	}
	hexOf := func(c features.Context) string { return hex.EncodeToString(n.ourFeatures(c)) }
	c := plugin.Configuration{
		LightningDir: n.cfg.NetworkDir(), RPCFile: filepath.Base(n.cfg.Path("rpc-file")), Network: n.network.Name,
		FeatureSet: plugin.FeatureSet{
			Init: hexOf(features.Init), Node: hexOf(features.NodeAnnouncement),
			Channel: hexOf(features.ChannelAnnouncement), Invoice: hexOf(features.Invoice),
		},
	}
	if host, port, ok := splitProxy(n.cfg.String("proxy")); ok {
		tor, always := true, n.cfg.Bool("always-use-proxy")
		c.Proxy = &plugin.Proxy{Type: "ipv4", Address: host, Port: port}
		if strings.Contains(host, ":") {
			c.Proxy.Type = "ipv6"
		}
		c.TorV3Enabled, c.AlwaysUseProxy = &tor, &always
	}
	return options, c
}

// optionValue is what init tells a plugin of an option of its own: nil for one that is not set.
func (n *node) optionValue(o plugin.Option) any {
	switch {
	case o.Multi && o.Type == plugin.Int:
		var list []int64
		for _, text := range n.cfg.Strings(o.Name) {
			number, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				panic(fmt.Sprintf("option %s: %v", o.Name, err)) // it was checked when it was read
			}
			list = append(list, number)
		}
		return orNil(list)
	case o.Multi:
		return orNil(n.cfg.Strings(o.Name))
	case !n.cfg.IsSet(o.Name) && o.Default == nil:
		return nil
	}
	switch o.Type {
	case plugin.Flag:
		if !n.cfg.Flag(o.Name) {
			return nil
		}
		return true
	case plugin.Bool:
		return n.cfg.Bool(o.Name)
	case plugin.Int:
		return n.cfg.Int(o.Name)
	}
	return n.cfg.String(o.Name)
}

func orNil[T any](list []T) any {
	if len(list) == 0 {
		return nil
	}
	return list
}

// featurePlaces are where a manifest may add bits, as we name the places.
var featurePlaces = map[string]features.Context{
	"init": features.Init, "node": features.NodeAnnouncement, "channel": features.ChannelAnnouncement, "invoice": features.Invoice,
}

// takePluginFeatures adds the bits of the plugins that start with the node to its own. Later there is no
// way: peers were told already.
func (n *node) takePluginFeatures() {
	n.pluginFeatures = map[features.Context]features.Vector{}
	for _, p := range n.plugins.Plugins() {
		for place, text := range p.Manifest().FeatureBits {
			bits, err := hex.DecodeString(text)
			if err != nil {
				panic(fmt.Sprintf("featurebits of plugin %s: %v", p.Name, err)) // its manifest was checked
			}
			in := featurePlaces[place]
			n.pluginFeatures[in] = n.pluginFeatures[in].Or(features.Vector(bits))
		}
	}
	n.initFeatures = n.ourFeatures(features.Init)
}

// ourFeatures are the node's feature bits, and those that its plugins add.
func (n *node) ourFeatures(in features.Context) features.Vector {
	return n.forced.Apply(in, features.Ours(in).Or(n.pluginFeatures[in]))
}
