package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Config is all settings. It may be read from many goroutines, while plugins bring options and take
// them away.
type Config struct {
	dir     string
	network Network
	changes sync.Mutex // held by who replaces now
	now     atomic.Pointer[table]
}

// table is what is declared and what is set. Once others read it, it does not change: another takes
// its place.
type table struct {
	options []*Option // in the order of their declaration
	byName  map[string]*Option
	given   []setting // from the weakest source to the strongest
}

// Load reads the command line (without the program's name) and the files, and checks the settings of
// the core options. home is the user's folder. With help, version or list-features-only on the
// command line, no file is read.
func Load(args []string, home string) (*Config, error) {
	c := new(Config)
	c.now.Store(&table{byName: make(map[string]*Option)})
	for _, o := range Core() {
		if err := c.add(o); err != nil {
			panic(err) // our table is wrong
		}
	}
	settings, err := parseArgs(args, func(name string) *Option { return c.now.Load().byName[name] })
	if err != nil {
		return nil, err
	}
	c.now.Load().given = settings
	if err := c.locate(home); err != nil {
		return nil, err
	}
	for _, o := range c.now.Load().options {
		if err := c.validate(o); err != nil {
			return nil, err
		}
	}
	return c, c.checkDeveloper()
}

// locate finds the folder and the network and reads the files.
func (c *Config) locate(home string) error {
	c.dir = filepath.Join(home, ".lightning")
	if s := c.last("lightning-dir"); s != nil {
		dir, err := filepath.Abs(s.value)
		if err != nil {
			return s.fault(err)
		}
		c.dir = dir
	}
	args, files := c.now.Load().given, []setting(nil)
	exits := c.Flag("help") || c.Flag("version") || c.Flag("list-features-only")
	if !exits {
		var err error
		if files, err = c.readGeneral(); err != nil {
			return err
		}
	}
	network, err := firstChoice(args, files)
	if err != nil {
		return err
	}
	c.network = network
	if !exits && c.last("conf") == nil {
		own, err := c.readOwn()
		if err != nil {
			return err
		}
		files = append(files, own...)
	}
	c.now.Load().given = append(files, args...)
	return nil
}

// readGeneral reads the file for all networks.
func (c *Config) readGeneral() ([]setting, error) {
	if s := c.last("conf"); s != nil {
		settings, err := readFile(s.value)
		if err != nil {
			return nil, s.fault(err)
		}
		return settings, checkEarly(settings)
	}
	settings, err := readOptional(filepath.Join(c.dir, "config"))
	if err != nil {
		return nil, err
	}
	return settings, checkEarly(settings)
}

// readOwn reads the file of the chosen network, which cannot choose another.
func (c *Config) readOwn() ([]setting, error) {
	settings, err := readOptional(filepath.Join(c.dir, c.network.Name, "config"))
	if err != nil {
		return nil, err
	}
	for _, s := range settings {
		if n, selects, _ := s.network(); selects && n.Name != c.network.Name {
			return nil, s.fault(fmt.Errorf("this file is only read for %s", c.network.Name))
		}
	}
	return settings, checkEarly(settings)
}

func readOptional(path string) ([]setting, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return readFile(path)
}

// checkEarly refuses in a file what decides which files are read.
func checkEarly(settings []setting) error {
	for _, s := range settings {
		for _, o := range Core() {
			if o.Early && s.name == o.Name {
				return s.fault(errors.New("only on the command line"))
			}
		}
	}
	return nil
}

// firstChoice is the network that the strongest source selects.
func firstChoice(sources ...[]setting) (Network, error) {
	for _, settings := range sources {
		n, err := chooseNetwork(settings)
		if err != nil {
			return Network{}, err
		}
		if n != nil {
			return *n, nil
		}
	}
	return Networks[0], nil
}

func (c *Config) add(o *Option) error {
	t := c.now.Load()
	if t.byName[o.Name] != nil {
		return fmt.Errorf("option %s is declared twice", o.Name)
	}
	t.options = append(t.options, o)
	t.byName[o.Name] = o
	return nil
}

// Declare adds the options of a plugin and checks what is set of them. A name that is taken is an
// error, and so is a value that the option does not allow; then none is added.
func (c *Config) Declare(options ...*Option) error {
	return c.change(func(next *Config) error { return next.declare(options) })
}

// pluginStart is the place of settings that are for one plugin alone, as listconfigs shows it.
const pluginStart = "pluginstart"

// SetPlugin declares the options of the plugin at a path, in place of those that it had; given are
// settings for it alone, as NAME=VALUE. An error changes nothing.
func (c *Config) SetPlugin(path string, options []*Option, given []string) error {
	return c.change(func(next *Config) error {
		next.withdraw(path)
		if err := next.declare(options); err != nil {
			return err
		}
		t := next.now.Load()
		for _, text := range given {
			s := setting{place: pluginStart}
			s.name, s.value, s.given = strings.Cut(text, "=")
			o := t.byName[s.name]
			if o == nil || o.Plugin != path {
				return fmt.Errorf("the plugin has no option %q", s.name)
			}
			if o.Kind == Flag && s.given {
				on, err := parseBool(s.value)
				if err != nil {
					return fmt.Errorf("option %s: %w", s.name, err)
				}
				if s.value, s.given = "", false; !on {
					continue
				}
			}
			t.given = append(t.given, s)
			if err := o.validate(s.value, s.given); err != nil {
				return next.badValue(s, err)
			}
		}
		return nil
	})
}

// change replaces the table by one that make has changed, unless that fails.
func (c *Config) change(make func(next *Config) error) error {
	c.changes.Lock()
	defer c.changes.Unlock()
	old := c.now.Load()
	next := &Config{dir: c.dir, network: c.network}
	next.now.Store(&table{options: slices.Clone(old.options), byName: maps.Clone(old.byName), given: slices.Clone(old.given)})
	if err := make(next); err != nil {
		return err
	}
	c.now.Store(next.now.Load())
	return nil
}

func (c *Config) declare(options []*Option) error {
	for _, o := range options {
		if o.Default != "" {
			if err := o.validate(o.Default, true); err != nil {
				return fmt.Errorf("default of option %s: %w", o.Name, err)
			}
		}
		if err := c.add(o); err != nil {
			return err
		}
		if err := c.validate(o); err != nil {
			return err
		}
	}
	return nil
}

// withdraw takes out a plugin's options, and what was set for it alone.
func (c *Config) withdraw(path string) {
	t := c.now.Load()
	t.given = slices.DeleteFunc(t.given, func(s setting) bool {
		o := t.byName[s.name]
		return s.place == pluginStart && o != nil && o.Plugin == path
	})
	t.options = slices.DeleteFunc(t.options, func(o *Option) bool {
		if o.Plugin == path {
			delete(t.byName, o.Name)
		}
		return o.Plugin == path
	})
}

// Finish refuses settings of options that nobody declared, and returns the lines of setconfig's own file among them: they
// are of plugins that were started at run time, hold once one is started again, and keep no node from starting.
func (c *Config) Finish() (idle []string, err error) {
	t := c.now.Load()
	for _, s := range t.given {
		switch {
		case t.byName[s.name] != nil:
		case strings.HasPrefix(s.place, c.managedFile()+":"):
			idle = append(idle, s.place+": "+s.name)
		default:
			return nil, s.fault(errors.New("unknown option"))
		}
	}
	return idle, nil
}

func (c *Config) validate(o *Option) error {
	for _, s := range c.settings(o.Name) {
		if err := o.validate(s.value, s.given); err != nil {
			return c.badValue(s, err)
		}
	}
	return nil
}

// badValue repeats what is set, unless that is a secret.
func (c *Config) badValue(s setting, err error) error {
	if o := c.now.Load().byName[s.name]; o != nil && o.Kind == Conceal {
		return s.fault(err)
	}
	return s.fault(fmt.Errorf("%w: %q", err, s.text()))
}

// settings are those of one option, the strongest last.
func (c *Config) settings(name string) []setting {
	var list []setting
	for _, s := range c.now.Load().given {
		if s.name == name {
			list = append(list, s)
		}
	}
	return list
}

func (c *Config) last(name string) *setting {
	list := c.settings(name)
	if len(list) == 0 {
		return nil
	}
	return &list[len(list)-1]
}

// Malformed is the error for a value that only its user can judge, with its name and place. For a
// multi option, value tells which one is meant.
func (c *Config) Malformed(name, value string, err error) error {
	for _, s := range c.settings(name) {
		if s.value == value {
			return c.badValue(s, err)
		}
	}
	return fmt.Errorf("default of %s: %w", name, err)
}
