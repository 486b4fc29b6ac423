package logs

import (
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// handler is what loggers write to; each With makes another.
type handler struct {
	book   *Book
	source source
	attrs  []string // as key=value
	blocks []string // attributes of several lines
	group  string   // with a dot at its end, or empty
}

// source says who a record is from.
type source struct{ peer, daemon, channel string }

func (s source) String() string {
	parts := make([]string, 0, 3)
	if s.peer != "" {
		parts = append(parts, s.peer)
	}
	if s.daemon != "" {
		parts = append(parts, s.daemon)
	}
	if s.channel != "" {
		parts = append(parts, "chan#"+s.channel)
	}
	if len(parts) == 0 {
		return "lightningd"
	}
	return strings.Join(parts, "-")
}

// Enabled implements slog.Handler.
func (h *handler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.book.finest
}

// Handle implements slog.Handler.
func (h *handler) Handle(_ context.Context, r slog.Record) error {
	own := h.clone()
	var data string
	r.Attrs(func(a slog.Attr) bool {
		if r.Level < LevelTrace && a.Key == KeyData {
			data = valueText(a.Value.Resolve())
			return true
		}
		own.add(h.group, a)
		return true
	})
	text := strings.Join(append([]string{printable(r.Message)}, own.attrs...), " ")
	for _, block := range own.blocks {
		text += "\n" + block
	}
	h.book.write(entry{time: r.Time, level: r.Level, source: own.source.String(), nodeID: own.source.peer, text: text, data: data})
	return nil
}

// WithAttrs implements slog.Handler.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := h.clone()
	for _, a := range attrs {
		with.add(h.group, a)
	}
	return &with
}

// WithGroup implements slog.Handler.
func (h *handler) WithGroup(name string) slog.Handler {
	with := h.clone()
	if name != "" {
		with.group += name + "."
	}
	return &with
}

func (h *handler) clone() handler {
	c := *h
	c.attrs, c.blocks = slices.Clip(h.attrs), slices.Clip(h.blocks)
	return c
}

func (h *handler) add(group string, a slog.Attr) {
	v := a.Value.Resolve()
	switch {
	case v.Kind() == slog.KindGroup:
		if a.Key != "" {
			group += a.Key + "."
		}
		for _, inner := range v.Group() {
			h.add(group, inner)
		}
	case a.Equal(slog.Attr{}), h.source.take(group+a.Key, v):
	default:
		h.addText(printable(group+a.Key), valueText(v))
	}
}

func (h *handler) addText(key, value string) {
	switch {
	case strings.Contains(strings.TrimSpace(value), "\n"):
		h.blocks = append(h.blocks, key+":\n"+printable(strings.TrimSpace(value)))
	case value == "" || strings.ContainsFunc(value, needsQuotes):
		h.attrs = append(h.attrs, key+"="+strconv.Quote(value))
	default:
		h.attrs = append(h.attrs, key+"="+value)
	}
}

// take uses an attribute for the source, if it is one and the first of its name.
func (s *source) take(key string, v slog.Value) bool {
	var part *string
	switch key {
	case KeyDaemon:
		part = &s.daemon
	case KeyPeer:
		part = &s.peer
	case KeyChannel:
		part = &s.channel
	default:
		return false
	}
	if *part != "" {
		return false
	}
	*part = printable(strings.ReplaceAll(valueText(v), "\n", " "))
	return true
}

func valueText(v slog.Value) string {
	if b, ok := v.Any().([]byte); ok {
		return hex.EncodeToString(b)
	}
	if v.Kind() == slog.KindAny {
		return fmt.Sprint(v.Any()) // a Stringer prints itself, and a secret as "(secret)"
	}
	return v.String()
}

func needsQuotes(r rune) bool {
	return r == ' ' || r == '"' || r == '=' || r == utf8.RuneError || !unicode.IsPrint(r)
}

// printable escapes what could move a terminal's cursor; newlines stay, the writer indents after them.
func printable(s string) string {
	s = strings.ToValidUTF8(s, string(utf8.RuneError))
	if !strings.ContainsFunc(s, isControl) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if isControl(r) {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func isControl(r rune) bool {
	return r != '\n' && r != '\t' && !unicode.IsPrint(r)
}
