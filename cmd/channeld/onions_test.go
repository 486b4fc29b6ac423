package main

import (
	"crypto/sha256"
	"errors"
	"testing"

	"fulmen/internal/channel"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/keys"
	"fulmen/internal/onion"
)

// TestBOLT4PathKeyIsRefused: option_route_blinding is not among our features. An HTLC with a path_key is inside of a blinded
// path all the same, where nothing but invalid_onion_blinding may be said, whatever its onion is like.
func TestBOLT4PathKeyIsRefused(t *testing.T) {
	for name, packet := range map[string][channel.OnionSize]byte{"an onion": {0, 2, 1}, "no onion": {7}} {
		_, err := peel(&channel.ReceivedHTLC{Onion: packet, BlindedPath: &keys.PubKey{2, 1}}, hsmdmsg.ECDHResult{BadPoint: true})
		var bad *onion.BadOnionError
		if !errors.As(err, &bad) || bad.Code != onion.InvalidOnionBlinding || bad.SHA256OfOnion != sha256.Sum256(packet[:]) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
