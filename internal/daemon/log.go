package daemon

import (
	"context"
	"log/slog"
	"slices"

	"fulmen/internal/ipc"
)

// logHandler sends records to lightningd, which filters them further and writes them.
type logHandler struct {
	out   *ipc.Conn
	level slog.Level
	attrs []ipc.Attr
	group string // with a dot at its end, or empty
}

// Enabled implements slog.Handler.
func (h *logHandler) Enabled(_ context.Context, level slog.Level) bool { return level >= h.level }

// Handle implements slog.Handler. lightningd stamps the time: records arrive at once.
func (h *logHandler) Handle(_ context.Context, r slog.Record) error {
	m := &ipc.Log{Level: int32(r.Level), Message: r.Message, Attrs: slices.Clip(h.attrs)}
	r.Attrs(func(a slog.Attr) bool {
		m.Attrs = appendAttr(m.Attrs, h.group, a)
		return true
	})
	return h.out.Send(m)
}

// WithAttrs implements slog.Handler.
func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *h
	with.attrs = slices.Clip(h.attrs)
	for _, a := range attrs {
		with.attrs = appendAttr(with.attrs, h.group, a)
	}
	return &with
}

// WithGroup implements slog.Handler.
func (h *logHandler) WithGroup(name string) slog.Handler {
	with := *h
	if name != "" {
		with.group += name + "."
	}
	return &with
}

func appendAttr(to []ipc.Attr, group string, a slog.Attr) []ipc.Attr {
	v := a.Value.Resolve()
	if v.Kind() != slog.KindGroup {
		if a.Equal(slog.Attr{}) {
			return to
		}
		return append(to, ipc.Attr{Key: group + a.Key, Value: v.String()})
	}
	if a.Key != "" {
		group += a.Key + "."
	}
	for _, inner := range v.Group() {
		to = appendAttr(to, group, inner)
	}
	return to
}
