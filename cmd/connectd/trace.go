package main

import (
	"context"
	"encoding/hex"
	"log/slog"

	"fulmen/internal/wire"
)

// The levels of log-level=io, as internal/logs has them: what goes over the wire, before encryption.
const (
	levelOut slog.Level = -13
	levelIn  slog.Level = -12
)

// trace logs a message as it is, if somebody wants to see that.
func trace(log *slog.Logger, level slog.Level, msg []byte) {
	ctx := context.Background()
	if !log.Enabled(ctx, level) {
		return
	}
	t, err := wire.TypeOf(msg)
	if err != nil {
		return // too short to be one
	}
	log.Log(ctx, level, t.String(), "data", hex.EncodeToString(msg))
}
