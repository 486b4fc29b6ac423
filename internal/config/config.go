package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Config is all settings.
type Config struct {
	dir     string
	network Network
	options []*Option // in the order of their declaration
	byName  map[string]*Option
	given   []setting // from the weakest source to the strongest
}

// Load reads the command line (without the program's name) and the files, and checks the settings of
// the core options. home is the user's folder. With help, version or list-features-only on the
// command line, no file is read.
func Load(args []string, home string) (*Config, error) {
	c := &Config{byName: make(map[string]*Option)}
	for _, o := range Core() {
		if err := c.add(o); err != nil {
			panic(err) // our table is wrong
		}
	}
	settings, err := parseArgs(args, func(name string) *Option { return c.byName[name] })
	if err != nil {
		return nil, err
	}
	c.given = settings
	if err := c.locate(home); err != nil {
		return nil, err
	}
	for _, o := range c.options {
		if err := c.validate(o); err != nil {
			return nil, err
		}
	}
	return c, nil
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
	args, files := c.given, []setting(nil)
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
	c.given = append(files, args...)
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
	if c.byName[o.Name] != nil {
		return fmt.Errorf("option %s is declared twice", o.Name)
	}
	c.options = append(c.options, o)
	c.byName[o.Name] = o
	return nil
}

// Declare adds the options of a plugin and checks what is set of them. A name that is taken is an
// error, and so is a value that the option does not allow.
func (c *Config) Declare(options ...*Option) error {
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

// Finish refuses settings of options that nobody declared.
func (c *Config) Finish() error {
	for _, s := range c.given {
		if c.byName[s.name] == nil {
			return s.fault(errors.New("unknown option"))
		}
	}
	return nil
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
	if o := c.byName[s.name]; o != nil && o.Kind == Conceal {
		return s.fault(err)
	}
	return s.fault(fmt.Errorf("%w: %q", err, s.text()))
}

// settings are those of one option, the strongest last.
func (c *Config) settings(name string) []setting {
	var list []setting
	for _, s := range c.given {
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
