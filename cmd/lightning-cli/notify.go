package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"fulmen/internal/rpc"
)

// levels are those of --notifications, from all to nothing.
var levels = []string{"debug", "info", "unusual", "broken", "none"}

// notifier prints what lightningd says while a command runs.
type notifier struct {
	w     io.Writer
	level string
}

// enable asks for notifications; a lightningd that has none is fine.
func (n *notifier) enable(ctx context.Context, client *rpc.Client) error {
	if n.level == "none" {
		return nil
	}
	err := client.Call(ctx, "notifications", map[string]bool{"enable": true}, nil)
	var refused *rpc.Error
	if errors.As(err, &refused) {
		return nil
	}
	return err
}

func (n *notifier) notify(method string, params json.RawMessage) {
	var p struct {
		Level   string `json:"level"`
		Message string `json:"message"`
		Num     int    `json:"num"`
		Total   int    `json:"total"`
		Stage   *struct {
			Num   int `json:"num"`
			Total int `json:"total"`
		} `json:"stage"`
	}
	if json.Unmarshal(params, &p) != nil {
		return // not in a form that we know
	}
	switch {
	case method == "message" && slices.Index(levels, p.Level) >= slices.Index(levels, n.level):
		fmt.Fprintf(n.w, "# %s\n", printable(p.Message))
	case method == "progress" && n.level != "unusual" && n.level != "broken":
		stage := ""
		if p.Stage != nil {
			stage = fmt.Sprintf(" of stage %d/%d", p.Stage.Num+1, p.Stage.Total)
		}
		fmt.Fprintf(n.w, "# %d/%d%s\n", p.Num+1, p.Total, stage)
	}
}
