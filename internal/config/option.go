package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"fulmen/internal/amount"
	"fulmen/internal/command"
)

// Kind is what an option's value may be.
type Kind int

// The kinds.
const (
	String  Kind = iota
	Conceal      // a string that is never shown
	Int
	Bool
	Flag // set by being there; takes no value
	Msat
)

// Group orders options in --help.
type Group string

// The groups.
const (
	General   Group = "General"
	Logging   Group = "Logging"
	Policy    Group = "Fees and channels"
	Net       Group = "Network connections"
	Plugin    Group = "Plugins"
	Developer Group = "For tests, with developer"
)

// Option declares one option.
type Option struct {
	Name        string
	Kind        Kind
	Group       Group
	Default     string // in the form of a file; empty for none
	TestDefault string // instead of Default on a network without real money, unless empty
	Doc         string
	Multi       bool                     // may be given several times, all of which count
	ListLast    bool                     // a multi option that listconfigs shows as one value, the last
	Dynamic     bool                     // may change while lightningd runs
	Early       bool                     // decides which files are read: only on the command line
	Plugin      string                   // path of the plugin that declared it; empty for lightningd's own
	Check       func(value string) error // refuses what Kind alone allows; may be nil
}

// validate checks one value in text form. given is false for a bare name.
func (o *Option) validate(value string, given bool) error {
	switch {
	case o.Kind == Flag && given:
		return errors.New("takes no value")
	case o.Kind == Flag:
		return nil
	case !given:
		return fmt.Errorf("needs a value: %s=%s", o.Name, o.placeholder())
	}
	if err := o.Kind.check(value); err != nil {
		return err
	}
	if o.Check != nil {
		return o.Check(value)
	}
	return nil
}

func (k Kind) check(value string) error {
	var err error
	switch k {
	case Int:
		_, err = parseInt(value)
	case Bool:
		_, err = parseBool(value)
	case Msat:
		_, err = parseMsat(value)
	}
	return err
}

func (o *Option) placeholder() string {
	switch o.Kind {
	case Int:
		return "<number>"
	case Bool:
		return "<true|false>"
	case Msat:
		return "<amount>"
	}
	return "<text>"
}

func parseInt(value string) (int64, error) {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return 0, errors.New("should be a whole number")
	}
	return n, nil
}

func parseBool(value string) (bool, error) {
	switch strings.ToLower(value) {
	case "true", "yes", "1":
		return true, nil
	case "false", "no", "0":
		return false, nil
	}
	return false, errors.New("should be true or false")
}

func parseMsat(value string) (amount.Msat, error) { return command.ParseMsat(value) }
