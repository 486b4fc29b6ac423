package main

import (
	"encoding/json"
	"errors"
	"time"

	"fulmen/internal/plugin"
)

// isPermanent tells the backend's errors that retrying does not cure: the plugin says so in their data.
func isPermanent(err error) bool {
	var failed *plugin.Error
	if !errors.As(err, &failed) {
		return false
	}
	var data struct {
		Permanent bool `json:"permanent"`
	}
	return json.Unmarshal(failed.Data, &data) == nil && data.Permanent
}

// retryTimeout is how long the backend may be away when the node starts.
func (n *node) retryTimeout() time.Duration {
	return time.Duration(n.cfg.Int("bitcoin-retry-timeout")) * time.Second
}
