package main

import (
	"crypto/sha256"
	"testing"

	"fulmen/internal/htlcswitch"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/onchaindmsg"
	"fulmen/internal/store"
	"fulmen/tests/hostile"
)

// TestPreimageOfBothOnChain: the channels of an HTLC and of its twin are both on chain. When the twin cannot wait any
// longer, nothing is given up: a preimage that comes later claims the HTLC; and when the twin's channel is resolved for
// good without one, the forward has failed.
func TestPreimageOfBothOnChain(t *testing.T) {
	for name, tt := range map[string]struct {
		says ipc.Message
		want htlcswitch.Status
	}{
		"it comes":  {&onchaindmsg.Learned{HTLCs: []onchaindmsg.LearnedHTLC{{HTLCID: 4, Preimage: testPreimage}}}, htlcswitch.Settled},
		"it is not": {nil, htlcswitch.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			w := surround(t)
			defer w.end()
			w.connect()
			f := &htlcswitch.Forward{
				HTLC: htlcswitch.HTLC{
					Key: htlcswitch.Key{Channel: bobChannel, HTLC: 7}, PaymentHash: sha256.Sum256(testPreimage[:]), Amount: 1001,
					CLTVExpiry: testHeight + 40, AmtToForward: 1000, OutgoingCLTV: testHeight + 6,
				},
				Status: htlcswitch.Offered, Out: htlcswitch.Key{Channel: malloryChannel, HTLC: 4}, ReceivedAt: w.n.now(),
			}
			if err := w.n.db.Update(func(tx *storeTx) error { return tx.OfferForward(f) }); err != nil {
				t.Fatal(err)
			}
			w.n.loop.call(func() {
				w.n.forwards.Restore(f)
				w.n.channels[malloryChannel].outs[4] = &forwardOrigin{w.n, f, malloryChannel}
				w.n.channels[bobChannel].row.State = store.OnChain
			})
			p := w.closed()
			w.send(p, &onchaindmsg.Started{Kind: onchaindmsg.TheirUnilateral})
			w.send(p, &onchaindmsg.FailedUpstream{HTLCs: []onchaindmsg.FailedHTLC{{HTLCID: 4, Reason: "the incoming htlc expires"}}})
			w.handled(p)
			w.n.loop.call(func() {
				if f.Status != htlcswitch.Offered {
					t.Errorf("it was given up: %s", f.Status)
				}
				if tt.says == nil {
					w.n.channels[malloryChannel].failRest()
				}
			})
			if tt.says != nil {
				w.send(p, tt.says)
			}
			hostile.Within(t, "end the forward", func() {
				for status := htlcswitch.Offered; status != tt.want; {
					w.n.loop.call(func() { status = f.Status })
				}
			})
			w.alive()
		})
	}
}
