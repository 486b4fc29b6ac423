package main

import (
	"encoding/base32"
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"fulmen/internal/features"
	"fulmen/internal/gossip"
)

// announcedAddresses are those that others are told of: announce-addr, and of addr what can be reached
// from elsewhere.
func (n *node) announcedAddresses() []string {
	var all []string
	add := func(a string, reachable bool) {
		hostPort := withPort(a, n.network.Port)
		if d := descriptor(hostPort); d != nil && (!reachable || !isPrivate(hostPort)) && !slices.Contains(all, hostPort) {
			all = append(all, hostPort)
		}
	}
	for _, a := range n.cfg.Strings("announce-addr") {
		add(a, false)
	}
	for _, a := range n.cfg.Strings("addr") {
		add(a, !n.cfg.Flag("dev-allow-localhost"))
	}
	return all
}

// isPrivate reports whether an address is of a network that not everybody can reach.
func isPrivate(hostPort string) bool {
	addr, err := netip.ParseAddrPort(hostPort)
	ip := addr.Addr().Unmap()
	return err == nil && (!ip.IsGlobalUnicast() || ip.IsPrivate())
}

// announcedNode is what our node_announcement says.
func (n *node) announcedNode() gossip.Node {
	node := gossip.Node{RGBColor: [3]byte(n.color()), Features: n.ourFeatures(features.NodeAnnouncement)}
	copy(node.Alias[:], n.alias())
	var descriptors [][]byte
	names := 0
	for _, a := range n.announcedAddresses() {
		d := descriptor(a)
		if d[0] == addressName {
			if names++; names > 1 {
				continue // BOLT 7 allows one
			}
		}
		descriptors = append(descriptors, d)
	}
	slices.SortStableFunc(descriptors, func(a, b []byte) int { return int(a[0]) - int(b[0]) })
	node.Addresses = slices.Concat(descriptors...)
	return node
}

// The types of address descriptors (BOLT 7, The node_announcement Message).
const (
	addressIPv4  = 1
	addressIPv6  = 2
	addressTorV3 = 4
	addressName  = 5
)

var onionEncoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// descriptor is an address as node_announcement has it, or nil for one that cannot be announced: of
// all interfaces, or without a port.
func descriptor(hostPort string) []byte {
	host, portText, err := net.SplitHostPort(hostPort)
	port, portErr := strconv.ParseUint(portText, 10, 16)
	if err != nil || portErr != nil || port == 0 || host == "" {
		return nil
	}
	d := describeHost(host)
	if d == nil {
		return nil
	}
	return binary.BigEndian.AppendUint16(d, uint16(port))
}

func describeHost(host string) []byte {
	if ip, err := netip.ParseAddr(host); err == nil {
		ip = ip.Unmap()
		switch {
		case ip.IsUnspecified() || ip.Zone() != "":
			return nil
		case ip.Is4():
			return append([]byte{addressIPv4}, ip.AsSlice()...)
		}
		return append([]byte{addressIPv6}, ip.AsSlice()...)
	}
	if name, ok := strings.CutSuffix(host, ".onion"); ok {
		onion, err := onionEncoding.DecodeString(strings.ToUpper(name))
		if err != nil || len(onion) != 35 {
			return nil
		}
		return append([]byte{addressTorV3}, onion...)
	}
	if len(host) > 255 {
		return nil
	}
	return append([]byte{addressName, byte(len(host))}, host...)
}
