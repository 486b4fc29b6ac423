package command

import (
	"context"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"testing"

	"fulmen/internal/rpc"
)

// TestNotificationsOverTheSocket runs the table behind the server, as lightningd does.
func TestNotificationsOverTheSocket(t *testing.T) {
	table := NewTable()
	table.Add(New(Doc{Name: "slow", Category: Utility, Short: "Take two steps."},
		func(ctx context.Context, _ *None) (string, error) {
			rpc.FromContext(ctx).Progress(0, 2)
			return "done", nil
		}))
	s, err := rpc.Listen(rpc.Options{
		Path: filepath.Join(t.TempDir(), "lightning-rpc"), Mode: 0o600,
		Log: slog.New(slog.DiscardHandler), Dispatch: table.Dispatch,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(context.Background())
	c, err := rpc.Dial(s.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, enable := range []bool{true, false} {
		if err := c.Call(t.Context(), "notifications", map[string]bool{"enable": enable}, nil); err != nil {
			t.Fatal(err)
		}
		var notified int
		result, err := c.Do(t.Context(), rpc.Call{Method: "slow", Notify: func(string, json.RawMessage) { notified++ }})
		if err != nil || string(result) != `"done"` {
			t.Errorf("slow: %s, %v", result, err)
		}
		if enable != (notified == 1) {
			t.Errorf("enable %v: %d notifications", enable, notified)
		}
	}
}
