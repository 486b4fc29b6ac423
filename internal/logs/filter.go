package logs

import (
	"errors"
	"log/slog"
	"strings"
)

// Filter is one log-level option: what to log of the sources that contain Subsystem.
type Filter struct {
	Level     slog.Level
	Subsystem string // part of a source; empty for all
	File      string // where it goes instead of the log files; empty for there
}

// ParseFilter reads LEVEL, LEVEL:SUBSYSTEM or LEVEL:SUBSYSTEM:FILE.
func ParseFilter(text string) (Filter, error) {
	parts := strings.SplitN(text, ":", 3)
	level, err := ParseLevel(parts[0])
	if err != nil {
		return Filter{}, err
	}
	f := Filter{Level: level}
	if len(parts) > 1 {
		f.Subsystem = parts[1]
		if f.Subsystem == "" {
			return Filter{}, errors.New("no subsystem after the level and its colon")
		}
	}
	if len(parts) > 2 {
		f.File = parts[2]
		if f.File == "" {
			return Filter{}, errors.New("no file after the subsystem and its colon")
		}
	}
	return f, nil
}

// choose returns the filter for a source: the last that matches.
func choose(filters []Filter, source string) Filter {
	chosen := Filter{Level: LevelInfo}
	for _, f := range filters {
		if strings.Contains(source, f.Subsystem) {
			chosen = f
		}
	}
	return chosen
}

// finest is the lowest level that any source may log at.
func finest(filters []Filter) slog.Level {
	all, some := LevelInfo, LevelBroken
	for _, f := range filters {
		if f.Subsystem == "" {
			all = f.Level
		} else {
			some = min(some, f.Level)
		}
	}
	return min(all, some)
}
