package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxFile is the largest configuration file.
const maxFile = 1 << 20

// maxInclude is how deep files may include each other.
const maxInclude = 10

// setting is one name, perhaps with a value, and where it stands.
type setting struct {
	name  string
	value string
	given bool   // there is a value, be it empty
	place string // "cmdline", or file:line
}

// text is s as it was written.
func (s setting) text() string {
	if s.given {
		return s.name + "=" + s.value
	}
	return s.name
}

// fault says what is wrong with s and where it stands.
func (s setting) fault(err error) error { return fmt.Errorf("%s: %s: %w", s.place, s.name, err) }

// readFile reads a file and all that it includes.
func readFile(path string) ([]setting, error) { return readIncluded(path, nil) }

func readIncluded(path string, from []string) ([]setting, error) {
	if slices.Contains(from, path) {
		return nil, fmt.Errorf("%s: includes itself", path)
	}
	if len(from) > maxInclude {
		return nil, fmt.Errorf("%s: included through more than %d files", path, maxInclude)
	}
	content, err := readLimited(path)
	if err != nil {
		return nil, err
	}
	lines, err := parseFile(path, content)
	if err != nil {
		return nil, err
	}
	var all []setting
	for _, s := range lines {
		if s.name != include {
			all = append(all, s)
			continue
		}
		if !filepath.IsAbs(s.value) {
			s.value = filepath.Join(filepath.Dir(path), s.value)
		}
		included, err := readIncluded(s.value, append(slices.Clip(from), path))
		if err != nil {
			return nil, s.fault(err)
		}
		all = append(all, included...)
	}
	return all, nil
}

func readLimited(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s: has %d bytes, more than the %d that a configuration may", path, info.Size(), maxFile)
	}
	return os.ReadFile(path)
}

// include is the name of a setting whose value is a file to read in its place.
const include = "include"

// parseFile splits a file into its settings; path is for their places.
func parseFile(path string, content []byte) ([]setting, error) {
	var settings []setting
	for i, line := range bytes.Split(content, []byte("\n")) {
		place := fmt.Sprintf("%s:%d", path, i+1)
		if !utf8.Valid(line) || bytes.IndexByte(line, 0) >= 0 {
			return nil, fmt.Errorf("%s: not text: the line has bytes that are not UTF-8", place)
		}
		text := strings.TrimSpace(string(line))
		if text == "" || text[0] == '#' {
			continue
		}
		s, err := parseLine(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", place, err)
		}
		s.place = place
		settings = append(settings, s)
	}
	return settings, nil
}

func parseLine(text string) (setting, error) {
	if path, ok := strings.CutPrefix(text, include+" "); ok {
		return setting{name: include, value: strings.TrimSpace(path), given: true}, nil
	}
	name, value, given := strings.Cut(text, "=")
	name = strings.TrimSpace(name)
	switch {
	case strings.HasPrefix(name, "-"):
		return setting{}, fmt.Errorf("%s: in a file, an option has no dashes before its name", name)
	case name == include:
		return setting{}, errors.New(`include: want "include PATH"`)
	case name == "":
		return setting{}, errors.New("no option before =")
	case strings.ContainsAny(name, " \t"):
		return setting{}, fmt.Errorf("%q: an option's name has no spaces; want name=value", name)
	}
	return setting{name: name, value: strings.TrimSpace(value), given: given}, nil
}
