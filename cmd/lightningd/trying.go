package main

import (
	"encoding/json"
	"maps"

	"fulmen/internal/command"
	"fulmen/internal/payments"
	"fulmen/internal/plugin"
)

// topicTrying is the notification by which the plugin pay tells that a payment is being tried, or no more. While
// it is, a payment whose parts have all failed has not: listpays says so, and never takes a failure back.
const topicTrying = "payment_trying"

// pluginPublished takes what a plugin tells all others.
func (n *node) pluginPublished(p *plugin.Plugin, topic string, params json.RawMessage) {
	if _, ours := n.plugins.Method("pay"); topic != topicTrying || !ours {
		return
	}
	var m struct {
		PaymentHash command.Hex `json:"payment_hash"`
		Trying      bool        `json:"trying"`
	}
	if err := json.Unmarshal(params, &m); err != nil || len(m.PaymentHash) != len(payments.Hash{}) {
		n.log.Warn("plugin sent a notification that cannot be read", "plugin", p.Name, "topic", topic, "error", err)
		return
	}
	hash := payments.Hash(m.PaymentHash)
	n.loop.post(func() {
		if m.Trying {
			n.trying[hash] = true
		} else {
			delete(n.trying, hash)
		}
	})
}

// payMayBeGone forgets what was tried by a plugin that is not there any more.
func (n *node) payMayBeGone() {
	if _, there := n.plugins.Method("pay"); !there {
		n.loop.post(func() { clear(n.trying) })
	}
}

// paymentsTried are the payments that are being tried.
func (n *node) paymentsTried() (tried map[payments.Hash]bool, err error) {
	err = n.onLoop(func() error {
		tried = maps.Clone(n.trying)
		return nil
	})
	return tried, err
}
