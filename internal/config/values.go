package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"fulmen/internal/amount"
)

// value is the text of a single option: what is set, or its default.
func (c *Config) value(name string, kinds ...Kind) string {
	o := c.now.Load().byName[name]
	if o == nil || !slices.Contains(kinds, o.Kind) {
		panic(fmt.Sprintf("config: no option %s of kind %v", name, kinds))
	}
	if s := c.last(name); s != nil {
		return s.value
	}
	return c.defaultOf(o)
}

func (c *Config) defaultOf(o *Option) string {
	if c.network.Test && o.TestDefault != "" {
		return o.TestDefault
	}
	return o.Default
}

// String is the value of a string option; empty if it has none.
func (c *Config) String(name string) string { return c.value(name, String, Conceal) }

// Strings are the values of a multi option.
func (c *Config) Strings(name string) []string {
	def := c.value(name, String, Conceal, Int)
	var values []string
	for _, s := range c.settings(name) {
		values = append(values, s.value)
	}
	if values == nil && def != "" {
		values = []string{def}
	}
	return values
}

// Int is the value of an Int option, which must have a default.
func (c *Config) Int(name string) int64 { return must(strconv.ParseInt(c.value(name, Int), 10, 64)) }

// Bool is the value of a Bool option, which must have a default.
func (c *Config) Bool(name string) bool { return must(parseBool(c.value(name, Bool))) }

// Msat is the value of a Msat option, which must have a default.
func (c *Config) Msat(name string) amount.Msat { return must(parseMsat(c.value(name, Msat))) }

// must is for values that were checked when they were read.
func must[T any](v T, err error) T {
	if err != nil {
		panic(fmt.Sprintf("config: %v", err))
	}
	return v
}

// Flag reports whether a Flag is set.
func (c *Config) Flag(name string) bool {
	if o := c.now.Load().byName[name]; o == nil || o.Kind != Flag {
		panic(fmt.Sprintf("config: no flag %s", name))
	}
	return c.last(name) != nil
}

// IsSet reports whether the option is set, be it to its default.
func (c *Config) IsSet(name string) bool { return c.last(name) != nil }

// Dir is lightning-dir, an absolute path.
func (c *Config) Dir() string { return c.dir }

// Network is the chosen one.
func (c *Config) Network() Network { return c.network }

// NetworkDir is the folder where all state of the network is.
func (c *Config) NetworkDir() string { return filepath.Join(c.dir, c.network.Name) }

// Path is the value of an option that is a file, a relative one starting at NetworkDir.
func (c *Config) Path(name string) string {
	path := c.String(name)
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(c.NetworkDir(), path)
}

// RPCFileMode is the mode of the RPC socket.
func (c *Config) RPCFileMode() os.FileMode {
	return os.FileMode(must(strconv.ParseUint(c.String("rpc-file-mode"), 8, 32)))
}

// DatabaseFile is the file that wallet names; a relative one starts at NetworkDir.
func (c *Config) DatabaseFile() string {
	path := strings.TrimPrefix(c.String("wallet"), walletScheme)
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(c.NetworkDir(), path)
}

// PIDFile is where the process id goes; a relative pid-file starts at Dir.
func (c *Config) PIDFile() string {
	path := c.String("pid-file")
	switch {
	case path == "":
		path = "lightningd-" + c.network.Name + ".pid"
	case filepath.IsAbs(path):
		return path
	}
	return filepath.Join(c.dir, path)
}
