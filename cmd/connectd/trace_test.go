package main

import (
	"context"
	"log/slog"
	"testing"

	"fulmen/internal/logs"
	"fulmen/internal/wire"
)

// records keeps what is logged from a level on.
type records struct {
	level slog.Level
	list  []slog.Record
}

func (r *records) Enabled(_ context.Context, l slog.Level) bool { return l >= r.level }
func (r *records) Handle(_ context.Context, rec slog.Record) error {
	r.list = append(r.list, rec)
	return nil
}
func (r *records) WithAttrs([]slog.Attr) slog.Handler { return r }
func (r *records) WithGroup(string) slog.Handler      { return r }

func TestTraceIsLevelIO(t *testing.T) {
	msg := wire.Encode(&wire.Ping{NumPongBytes: 7})
	all, fine := &records{level: logs.LevelIOOut}, &records{level: logs.LevelTrace}
	for _, r := range []*records{all, fine} {
		trace(slog.New(r), levelOut, msg)
		trace(slog.New(r), levelIn, msg)
		trace(slog.New(r), levelIn, msg[:1])
	}
	if len(fine.list) != 0 {
		t.Errorf("level trace has %v", fine.list)
	}
	if len(all.list) != 2 || all.list[0].Level != logs.LevelIOOut || all.list[1].Level != logs.LevelIOIn {
		t.Fatalf("level io has %v", all.list)
	}
	all.list[0].Attrs(func(a slog.Attr) bool {
		if a.Key != logs.KeyData || a.Value.String() != "001200070000" || all.list[0].Message != "ping" {
			t.Errorf("%s has %s", all.list[0].Message, a)
		}
		return true
	})
}
