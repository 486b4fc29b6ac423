package main

import (
	"context"
	"encoding/json"
	"fmt"

	"fulmen/internal/plugin"
	"fulmen/internal/store"
)

// writeHook is the payload of the hook db_write.
type writeHook struct {
	DataVersion uint32   `json:"data_version"`
	Writes      []string `json:"writes"`
}

// databaseFollower is who has to hear of a transaction before it is committed: the plugins that back up the
// database, if there are any.
func (n *node) databaseFollower() store.Follower {
	if name, lost := n.plugins.Lost("db_write"); lost { // the node ends; nothing is stored any more that its copy lacks
		return func(version uint32, _ []string) error {
			return fmt.Errorf("important plugin %s has ended, and cannot be told of version %d", name, version)
		}
	}
	if n.plugins.Hooked("db_write") {
		return n.tellWrites
	}
	return nil
}

// tellWrites has all plugins that follow the database answer. One that says no, or fails at it, keeps the
// transaction from being committed, and ends the node: that is what it is for. Where one is lost, only an
// important one does.
func (n *node) tellWrites(version uint32, writes []string) error {
	var refused error
	err := n.plugins.AskAll(context.Background(), plugin.Question{
		Hook:    "db_write",
		Payload: func() any { return writeHook{version, writes} },
		Answer: func(raw json.RawMessage) (bool, error) {
			result, err := plugin.Result(raw)
			if err == nil && result != "continue" {
				refused = fmt.Errorf("a plugin answers db_write of version %d with %.100q", version, result)
			}
			return false, err
		},
		Refused: func(name string, err *plugin.Error) {
			refused = fmt.Errorf("plugin %s fails at db_write of version %d: %w", name, version, err)
		},
		Lost: func(name string) bool {
			if p, ok := n.plugins.Find(name); ok && p.Important {
				refused = fmt.Errorf("important plugin %s ended before it answered db_write of version %d", name, version)
			}
			return false
		},
	})
	if err == nil {
		err = refused
	}
	if err != nil {
		n.die("write the database", err)
	}
	return err
}
