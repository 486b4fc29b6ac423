package pay

import (
	"context"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"fulmen/internal/amount"
	"fulmen/internal/invoice"
	"fulmen/internal/keys"
	"fulmen/internal/multipart"
	"fulmen/internal/wire"
)

const (
	// learnedLayer is topology's layer of what payments showed. It is kept over restarts.
	learnedLayer = "xpay"
	// learnedAge is how long what was learned counts: balances of channels move on.
	learnedAge = time.Hour
	// ageEvery bounds how often topology is asked to forget.
	ageEvery = 10 * time.Minute
	// hintCapacity is what a channel of a route hint may hold, as nobody says: 10 BTC.
	hintCapacity = amount.Msat(1_000_000_000_000)
	// mostHints is how many channels of route hints are looked at. Invoices have a few; one of a megabyte could have
	// thousands, and each costs two commands before the first part is sent.
	mostHints = 100
)

// layers keeps the layer of what was learned.
type layers struct {
	mu    sync.Mutex
	there bool
	aged  time.Time
}

// prepare makes the layer of what was learned, once, and has topology forget what is old.
func (l *layers) prepare(ctx context.Context, p *Payer) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.there {
		err := p.Node.Call(ctx, "askrene-create-layer", map[string]any{"layer": learnedLayer, "persistent": true}, nil)
		if err != nil {
			return fmt.Errorf("layer %s: %w", learnedLayer, err)
		}
		l.there = true
	}
	now := p.Now()
	if now.Sub(l.aged) < ageEvery {
		return nil
	}
	l.aged = now
	err := p.Node.Call(ctx, "askrene-age", map[string]any{"layer": learnedLayer, "cutoff": now.Add(-learnedAge).Unix()}, nil)
	if err != nil {
		return fmt.Errorf("layer %s: %w", learnedLayer, err)
	}
	return nil
}

// inform passes on what a part showed.
func (p *Payer) inform(ctx context.Context, i multipart.Inform) {
	p.try(ctx, "askrene-inform-channel", map[string]any{
		"layer": learnedLayer, "short_channel_id_dir": i.Channel.String(), "amount_msat": i.Amount, "inform": i.What.String(),
	})
}

// try calls a command whose failure costs no more than a worse route.
func (p *Payer) try(ctx context.Context, method string, params any) {
	if err := p.Node.Call(ctx, method, params, nil); err != nil {
		p.Node.Log("debug", "%s: %v", method, err)
	}
}

// private is the layer of one payment: channels of its hints, and what is left out. It is made when there is
// something to put into it.
type private struct {
	p    *Payer
	name string
	made bool
}

func (p *Payer) newPrivate(hash [32]byte) *private {
	return &private{p: p, name: fmt.Sprintf("pay-%s-%x", hex.EncodeToString(hash[:4]), uint32(p.Random()))}
}

func (l *private) set(ctx context.Context, method string, params map[string]any) {
	if !l.made {
		l.p.try(ctx, "askrene-create-layer", map[string]any{"layer": l.name})
		l.made = true
	}
	params["layer"] = l.name
	l.p.try(ctx, method, params)
}

func (l *private) remove(ctx context.Context) {
	if l.made {
		l.p.try(ctx, "askrene-remove-layer", map[string]any{"layer": l.name})
	}
}

func (l *private) avoid(ctx context.Context, c multipart.Channel) {
	l.set(ctx, "askrene-update-channel", map[string]any{"short_channel_id_dir": c.String(), "enabled": false})
}

func (l *private) avoidNode(ctx context.Context, id keys.PubKey) {
	l.set(ctx, "askrene-disable-node", map[string]any{"node": id.String()})
}

func (l *private) exclude(ctx context.Context, list []excluded) {
	for _, e := range list {
		if e.node != nil {
			l.avoidNode(ctx, *e.node)
		} else {
			l.avoid(ctx, multipart.Channel{ID: e.channel.ID, Direction: int(e.channel.Direction)})
		}
	}
}

// hints adds the channels of an invoice's route hints; those of this node itself are known better.
func (l *private) hints(ctx context.Context, hints [][]invoice.HopHint, payee, self keys.PubKey) {
	seen := 0
	for _, chain := range hints {
		if seen += len(chain); seen > mostHints {
			return
		}
		for i, h := range chain {
			to := payee
			if i+1 < len(chain) {
				to = chain[i+1].NodeID
			}
			if h.NodeID == self || h.NodeID == to {
				continue
			}
			l.set(ctx, "askrene-create-channel", map[string]any{
				"source": h.NodeID.String(), "destination": to.String(), "short_channel_id": h.ShortChannelID.String(), "capacity_msat": hintCapacity,
			})
			l.set(ctx, "askrene-update-channel", map[string]any{
				"short_channel_id_dir": multipart.Channel{ID: h.ShortChannelID, Direction: int(wire.Direction(h.NodeID, to))}.String(), "enabled": true,
				"htlc_minimum_msat": 0, "htlc_maximum_msat": hintCapacity, "fee_base_msat": h.FeeBaseMsat,
				"fee_proportional_millionths": h.FeeProportionalMillionths, "cltv_expiry_delta": h.CLTVExpiryDelta,
			})
		}
	}
}

// update takes the terms that came with a failure, for this payment alone: nobody signed for the failure, and
// a node that lies about its own channel harms itself.
func (l *private) update(ctx context.Context, u multipart.UseUpdate) {
	msg, err := wire.Decode(withType(u.Update))
	update, ok := msg.(*wire.ChannelUpdate)
	if err != nil || !ok || update.ShortChannelID != u.Channel.ID || int(update.ChannelFlags&wire.ChannelFlagDirection) != u.Channel.Direction {
		l.avoid(ctx, u.Channel)
		return
	}
	l.set(ctx, "askrene-update-channel", map[string]any{
		"short_channel_id_dir": u.Channel.String(),
		"enabled":              update.ChannelFlags&wire.ChannelFlagDisable == 0, "htlc_minimum_msat": update.HTLCMinimumMsat, "htlc_maximum_msat": update.HTLCMaximumMsat,
		"fee_base_msat": update.FeeBaseMsat, "fee_proportional_millionths": update.FeeProportionalMillionths,
		"cltv_expiry_delta": update.CLTVExpiryDelta,
	})
}

// withType is a channel_update with its message type, which some nodes leave out of failures (BOLT 4).
func withType(update []byte) []byte {
	if len(update) > 2 && update[0] == 0x01 && update[1] == 0x02 {
		return update
	}
	return append([]byte{0x01, 0x02}, update...)
}
