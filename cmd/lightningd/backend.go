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

// defaultRetryTimeout stands in where the backend's plugin has no option of that name.
const defaultRetryTimeout = time.Minute

// retryTimeout is how long the backend may be away when the node starts.
func (n *node) retryTimeout() time.Duration {
	if n.cfg.List("bitcoin-retry-timeout") == nil {
		return defaultRetryTimeout
	}
	return time.Duration(n.cfg.Int("bitcoin-retry-timeout")) * time.Second
}
