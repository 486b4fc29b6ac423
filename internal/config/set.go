package config

import (
	"fmt"
	"slices"
	"strings"
)

// transient is the place of settings that are gone with the process, as listconfigs shows it.
const transient = "setconfig transient"

// CheckDynamic returns an option if it may be given these values while lightningd runs: one, or of a multi
// option any number; of a flag, true or false.
func (c *Config) CheckDynamic(name string, values []string) (*Option, error) {
	o := c.now.Load().byName[name]
	switch {
	case o == nil:
		return nil, fmt.Errorf("there is no option %q", name)
	case !o.Dynamic:
		return nil, fmt.Errorf("%s may not change while the node runs", name)
	case !o.Multi && len(values) != 1:
		return nil, fmt.Errorf("%s needs one value", name)
	}
	for _, v := range values {
		if strings.ContainsAny(v, "\n\r\x00") || v != strings.TrimSpace(v) {
			return nil, fmt.Errorf("%s: a line of a file cannot have the value %q", name, v)
		}
	}
	for _, s := range o.settings(values) {
		if err := o.validate(s.value, s.given); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	if o.Kind == Flag {
		if _, err := parseBool(values[0]); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return o, nil
}

// settings are the lines that give an option these values: a flag that is off has none.
func (o *Option) settings(values []string) []setting {
	var list []setting
	for _, v := range values {
		if o.Kind != Flag {
			list = append(list, setting{name: o.Name, value: v, given: true, place: transient})
		} else if on, _ := parseBool(v); on {
			list = append(list, setting{name: o.Name, place: transient})
		}
	}
	return list
}

// Set gives an option values that CheckDynamic allows, in place of all others.
func (c *Config) Set(name string, values []string) error {
	return c.set(name, values, func(*Config, []setting) error { return nil })
}

// SetAndKeep does, and writes them to the file beside the configuration that setconfig has for its own, so
// that they hold after a restart too. Lines of other files that set the option are made comments.
func (c *Config) SetAndKeep(name string, values []string) error {
	return c.set(name, values, func(next *Config, list []setting) error {
		if err := next.keep(name, list); err != nil {
			return fmt.Errorf("write %s for the next start: %w", name, err)
		}
		return nil
	})
}

func (c *Config) set(name string, values []string, keep func(*Config, []setting) error) error {
	o, err := c.CheckDynamic(name, values)
	if err != nil {
		return err
	}
	return c.change(func(next *Config) error {
		list := o.settings(values)
		if err := keep(next, list); err != nil {
			return err
		}
		t := next.now.Load()
		t.given = append(slices.DeleteFunc(t.given, func(s setting) bool { return s.name == name }), list...)
		return nil
	})
}
