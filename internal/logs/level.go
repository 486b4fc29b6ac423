package logs

import (
	"fmt"
	"log/slog"
	"strings"
)

// Levels, the finest first. Debug, Info, Unusual and Broken are slog's four.
const (
	LevelIOOut   slog.Level = -13
	LevelIOIn    slog.Level = -12
	LevelTrace   slog.Level = -8
	LevelDebug              = slog.LevelDebug
	LevelInfo               = slog.LevelInfo
	LevelUnusual            = slog.LevelWarn
	LevelBroken             = slog.LevelError
)

// ParseLevel reads the name of a level, as log-level and getlog take it.
func ParseLevel(name string) (slog.Level, error) {
	switch name {
	case "io":
		return LevelIOOut, nil
	case "trace":
		return LevelTrace, nil
	case "debug":
		return LevelDebug, nil
	case "info":
		return LevelInfo, nil
	case "unusual":
		return LevelUnusual, nil
	case "broken":
		return LevelBroken, nil
	}
	return 0, fmt.Errorf("level %q should be one of broken, unusual, info, debug, trace, io", name)
}

// levelName is the type of a getlog entry; a level between two has the finer one's name.
func levelName(l slog.Level) string {
	switch {
	case l >= LevelBroken:
		return "BROKEN"
	case l >= LevelUnusual:
		return "UNUSUAL"
	case l >= LevelInfo:
		return "INFO"
	case l >= LevelDebug:
		return "DEBUG"
	case l >= LevelTrace:
		return "TRACE"
	case l >= LevelIOIn:
		return "IO_IN"
	}
	return "IO_OUT"
}

// lineLevel is the level as it stands in a line: the worst catches the eye.
func lineLevel(l slog.Level) string {
	if l >= LevelBroken {
		return "**BROKEN**"
	}
	return levelName(l)
}

// LevelName is the name of a level as ParseLevel reads it; one between two has the finer one's.
func LevelName(l slog.Level) string {
	if l < LevelTrace {
		return "io"
	}
	return strings.ToLower(levelName(l))
}
