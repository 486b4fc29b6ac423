package main

import (
	"context"

	"fulmen/internal/plugin"
)

// topics are the notifications of the node's own, which no plugin may emit.
var topics = []string{
	"balance_snapshot", "block_added", "channel_open_failed", "channel_opened", "channel_state_changed", "coin_movement", "connect",
	"custommsg", "deprecated_oneshot", "disconnect", "forward_event", "invoice_creation", "invoice_payment", "log",
	"onionmessage_forward_fail", "openchannel_peer_sigs", "plugin_started", "plugin_stopped", "sendpay_failure", "sendpay_success",
	"shutdown", "warning",
}

// notify tells the plugins that subscribed to a topic. payload is called only if there are some. It never
// waits; what happens in one goroutine is told in its order.
func (n *node) notify(topic string, payload func() any) {
	if n.plugins.Subscribed(topic) {
		n.plugins.Notify(topic, payload())
	}
}

// ask asks the plugins of a hook outside of the loop, then runs then in the loop: at once where no plugin
// wants to be asked. then is not called once the node stops.
func (n *node) ask(q plugin.Question, then func()) { n.askUntil(n.ctx, q, then) }

// askUntil is ask for as long as ctx lasts: then is not called once it has ended.
func (n *node) askUntil(ctx context.Context, q plugin.Question, then func()) {
	if !n.plugins.Hooked(q.Hook) {
		then()
		return
	}
	go func() {
		if n.plugins.Ask(ctx, q) == nil {
			n.loop.post(then)
		}
	}()
}
