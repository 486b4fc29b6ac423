package main

import (
	"encoding/binary"
	"net"
	"net/netip"
)

// The address descriptors of BOLT 7, The node_announcement Message, that an init may carry.
const (
	descriptorIPv4 = 1
	descriptorIPv6 = 2
)

// describeAddr is the peer's address for our init, nil if the peer should not be told (BOLT 1, The
// init Message: no private ones).
func describeAddr(addr net.Addr, private bool) []byte {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return nil
	}
	ip := tcp.AddrPort().Addr().Unmap()
	if !private && (!ip.IsGlobalUnicast() || ip.IsPrivate()) {
		return nil
	}
	d := []byte{descriptorIPv6}
	if ip.Is4() {
		d[0] = descriptorIPv4
	}
	d = append(d, ip.AsSlice()...)
	return binary.BigEndian.AppendUint16(d, tcp.AddrPort().Port())
}

// parseDescriptor is the reverse; empty if it is no IP address.
func parseDescriptor(d []byte) string {
	switch {
	case len(d) == 1+4+2 && d[0] == descriptorIPv4, len(d) == 1+16+2 && d[0] == descriptorIPv6:
		ip, _ := netip.AddrFromSlice(d[1 : len(d)-2])
		return netip.AddrPortFrom(ip, binary.BigEndian.Uint16(d[len(d)-2:])).String()
	}
	return ""
}
