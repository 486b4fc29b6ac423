package main

import (
	"crypto/sha256"
	"encoding/binary"
	"testing"

	"fulmen/internal/block"
	core "fulmen/internal/channel"
	"fulmen/internal/htlcswitch"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/onion"
	"fulmen/internal/wire"
)

// TestToldAgainTooLate: a peer comes back when its HTLCs have too few blocks left to be safe. What was taken or forwarded
// before stays so: to fail it would be our loss. All else is failed.
func TestToldAgainTooLate(t *testing.T) {
	w := surround(t)
	defer w.end()
	w.connect()
	taken := incoming(8, 0)
	w.send(w.mallory, taken)
	w.stored(w.mallory, &channeldmsg.Store{Status: testStatus})
	w.n.loop.call(func() {
		c := w.n.channels[malloryChannel]
		onward := func(id uint64) *channeldmsg.IncomingHTLC {
			return &channeldmsg.IncomingHTLC{
				ID: id, AmountMsat: 2000, PaymentHash: sha256.Sum256([]byte{byte(id)}), CLTVExpiry: testHeight + 100,
				Forward: &channeldmsg.Forward{
					ShortChannelID: wire.NewShortChannelID(103, bobChannel, 0), AmtToForward: 1000,
					OutgoingCLTV: testHeight + 98, NextOnion: make([]byte, core.OnionSize),
				},
			}
		}
		forwarded := onward(1)
		w.n.forwards.Restore(&htlcswitch.Forward{
			HTLC:   htlcswitch.HTLC{Key: htlcswitch.Key{Channel: malloryChannel, HTLC: 1}, PaymentHash: forwarded.PaymentHash},
			Status: htlcswitch.Offered, Out: htlcswitch.Key{Channel: bobChannel, HTLC: 9},
		})
		w.n.blockHeight = testHeight + 100 - block.Height(w.n.policy.fulfillBefore()) + 1
		for _, tt := range []struct {
			what string
			h    *channeldmsg.IncomingHTLC
			code onion.FailureCode // 0: not failed
		}{
			{"taken", &taken.HTLCs[0], 0}, {"forwarded", forwarded, 0},
			{"to forward", onward(2), onion.ExpiryTooSoon}, {"to take", &testKeysend(3, 3).HTLCs[0], onion.IncorrectOrUnknownPaymentDetails},
		} {
			var code onion.FailureCode
			for _, s := range c.settledBy(func() { c.receive(tt.h) }) {
				if s.Failure != nil {
					code = onion.FailureCode(binary.BigEndian.Uint16(s.Failure))
				}
			}
			if code != tt.code {
				t.Errorf("%s: failed with %s, want %s", tt.what, code, tt.code)
			}
		}
		w.n.blockHeight = testHeight
	})
	w.alive()
}
