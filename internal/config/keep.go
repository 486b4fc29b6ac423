package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// mainFile is the file that an operator has for this network: what setconfig writes is included from it.
func (c *Config) mainFile() string {
	if s := c.last("conf"); s != nil {
		return s.value
	}
	return filepath.Join(c.NetworkDir(), "config")
}

// managedFile is the one that setconfig has for its own.
func (c *Config) managedFile() string { return c.mainFile() + ".setconfig" }

// keep writes the settings of one option to the file of setconfig, and sets their places.
func (c *Config) keep(name string, list []setting) error {
	main, managed := c.mainFile(), c.managedFile()
	var others []string
	for _, s := range c.settings(name) {
		if s.place == cmdline {
			return errors.New("the command line sets it, which comes before all files; a transient change is possible")
		}
		colon := strings.LastIndexByte(s.place, ':') // file:line
		if colon > 0 && s.place[:colon] != managed && !slices.Contains(others, s.place[:colon]) {
			others = append(others, s.place[:colon])
		}
	}
	if err := edit(managed, func(lines []string) []string { return replaceLines(lines, managed, list, name) }); err != nil {
		return err
	}
	err := edit(main, func(lines []string) []string {
		line := include + " " + filepath.Base(managed)
		if slices.ContainsFunc(lines, func(l string) bool { return strings.TrimSpace(l) == line }) {
			return lines
		}
		return append(lines, line)
	})
	if err != nil {
		return err
	}
	for _, file := range others {
		if err := edit(file, func(lines []string) []string { return comment(lines, name) }); err != nil {
			return err
		}
	}
	return nil
}

// sets reports whether a line sets an option.
func sets(line, name string) bool {
	text := strings.TrimSpace(line)
	if text == "" || text[0] == '#' {
		return false
	}
	s, err := parseLine(text)
	return err == nil && s.name == name
}

// replaceLines puts an option's settings where its lines were, and what is more at the end. No other line
// moves: listconfigs says where each stands.
func replaceLines(lines []string, file string, list []setting, name string) []string {
	next := 0
	place := func(line int) string {
		list[next].place = fmt.Sprintf("%s:%d", file, line)
		next++
		return list[next-1].text()
	}
	for i, line := range lines {
		switch {
		case !sets(line, name):
		case next < len(list):
			lines[i] = place(i + 1)
		default:
			lines[i] = "#"
		}
	}
	if len(lines) == 0 {
		lines = append(lines, "# Written by setconfig. A line here may be changed while the node does not run.")
	}
	for next < len(list) {
		lines = append(lines, place(len(lines)+1))
	}
	return lines
}

// comment makes comments of the lines that set an option.
func comment(lines []string, name string) []string {
	for i, line := range lines {
		if sets(line, name) {
			lines[i] = "# set by setconfig since: " + line
		}
	}
	return lines
}

// edit replaces a file's lines, all or none; a file that is not there has none.
func edit(path string, change func([]string) []string) error {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	mode := fs.FileMode(0o600)
	old, err := readLimited(path)
	if err == nil {
		var info fs.FileInfo
		if info, err = os.Stat(path); err == nil {
			mode = info.Mode().Perm()
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var lines []string
	if len(old) > 0 {
		lines = strings.Split(strings.TrimSuffix(string(old), "\n"), "\n")
	}
	text := []byte(strings.Join(change(lines), "\n") + "\n")
	if bytes.Equal(text, old) {
		return nil
	}
	return replaceFile(path, mode, text)
}

// replaceFile puts a file in another's place when it is on disk.
func replaceFile(path string, mode fs.FileMode, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new")
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
