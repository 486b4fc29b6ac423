package plugin

import (
	"encoding/json"
	"slices"
)

// everything is the subscription to all topics.
const everything = "*"

// subscribes reports whether the plugin wants a topic, and is ready for it.
func (p *Plugin) subscribes(topic string) bool {
	return p.active.Load() && slices.ContainsFunc(p.manifest.Subscriptions, func(s string) bool { return s == topic || s == everything })
}

// Subscribed reports whether any plugin wants a topic, so that what nobody reads need not be made.
func (h *Host) Subscribed(topic string) bool {
	x := h.index.Load()
	return x.topics[topic] || x.topics[everything]
}

// Notify tells the plugins that subscribed to a topic. It never waits for them, and is safe in any order
// of calls: each plugin gets the notifications in the order in which they were made.
func (h *Host) Notify(topic string, payload any) { h.NotifyBut("", topic, payload) }

// NotifyBut is Notify that passes over the plugin of a name: it must not hear its own log lines, which
// would make new ones.
func (h *Host) NotifyBut(name, topic string, payload any) {
	if h.Subscribed(topic) {
		h.tell(name, topic, notification{"2.0", topic, map[string]any{topic: payload}})
	}
}

func (h *Host) tell(but, topic string, message any) {
	var raw []byte
	for _, p := range h.index.Load().plugins {
		if p.Name == but || !p.subscribes(topic) {
			continue
		}
		if raw == nil {
			var err error
			if raw, err = encode(message); err != nil {
				p.log.Error("a notification cannot be encoded", "topic", topic, "error", err)
				return
			}
		}
		_ = p.sendRaw(raw) // a plugin that does not read is ended, and says so itself
	}
}

// customNotification is one that a plugin makes for others.
type customNotification struct {
	JSONRPC string          `json:"jsonrpc"`
	Method  string          `json:"method"`
	Params  json.RawMessage `json:"params"`
	Origin  string          `json:"origin"`
}

// maxNotification is how long a plugin's own notification may be: those who hear it keep it until they have read it, and
// are ended if they have too much.
const maxNotification = maxUnread / 16

// publish passes a plugin's own notification to those who subscribed to it.
func (h *Host) publish(from *Plugin, topic string, params json.RawMessage) {
	if !slices.ContainsFunc(from.manifest.Notifications, func(t Topic) bool { return t.Method == topic }) {
		from.log.Warn("plugin sent a notification that its manifest does not name", "topic", string(excerpt([]byte(topic))))
		return
	}
	if len(params) > maxNotification {
		from.log.Warn("plugin sent a notification that is too long to be passed on", "topic", topic, "bytes", len(params), "limit", maxNotification)
		return
	}
	if params == nil {
		params = json.RawMessage("{}")
	}
	if h.config.Published != nil {
		h.config.Published(from, topic, params)
	}
	if !h.Subscribed(topic) {
		return
	}
	h.tell("", topic, customNotification{"2.0", topic, params, from.Name})
}
