package topology

import (
	"encoding/base32"
	"encoding/binary"
	"net/netip"
	"strings"
)

// addressSizes are the bytes of a descriptor of each type, type and port aside (BOLT 7, The node_announcement Message).
var addressSizes = map[byte]int{1: 4, 2: 16, 3: 10, 4: 35}

// showAddresses lists address descriptors, up to the first of an unknown type, whose length is not known either.
func showAddresses(raw []byte) []addressResult {
	list := []addressResult{}
	for len(raw) > 0 {
		kind, rest := raw[0], raw[1:]
		size, ok := addressSizes[kind]
		if kind == 5 && len(rest) > 0 {
			size, ok = 1+int(rest[0]), true
		}
		if !ok || len(rest) < size+2 {
			break
		}
		list = append(list, showAddress(kind, rest[:size], binary.BigEndian.Uint16(rest[size:])))
		raw = rest[size+2:]
	}
	return list
}

func showAddress(kind byte, b []byte, port uint16) addressResult {
	onion := func() string { return strings.ToLower(base32.StdEncoding.EncodeToString(b)) + ".onion" }
	switch kind {
	case 1:
		return addressResult{"ipv4", netip.AddrFrom4([4]byte(b)).String(), port}
	case 2:
		return addressResult{"ipv6", netip.AddrFrom16([16]byte(b)).String(), port}
	case 3:
		return addressResult{"torv2", onion(), port}
	case 4:
		return addressResult{"torv3", onion(), port}
	}
	return addressResult{"dns", strings.ToValidUTF8(string(b[1:]), "?"), port}
}
