// Package onion is the packet of BOLT 4 that carries an HTLC along its route: building and peeling
// it, the payload for each hop, and the failure that travels back. It is pure: the session key is
// given, and the Diffie-Hellman with the node's key is done elsewhere, so that a batch of packets
// costs one request. No payment policy is here.
package onion
