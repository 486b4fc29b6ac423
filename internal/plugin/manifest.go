package plugin

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Manifest is what a plugin says about itself.
type Manifest struct {
	Options        []Option          `json:"options"`
	Methods        []Method          `json:"rpcmethods"`
	Subscriptions  []string          `json:"subscriptions"`
	Hooks          []Hook            `json:"hooks"`
	FeatureBits    map[string]string `json:"featurebits"` // hex, by one of Places
	Notifications  []Topic           `json:"notifications"`
	CustomMessages []uint16          `json:"custommessages"` // types of peers' messages that are to be let through
	NonNumericIDs  *bool             `json:"nonnumericids"`  // must be true where it is there: our ids are strings
	CanCheck       bool              `json:"cancheck"`       // takes `check` for its own commands
	Dynamic        bool              `json:"dynamic"`        // may be started and stopped while the node runs
	// Disable is why the plugin does not want to run; empty where it does.
	Disable string `json:"disable"`
}

// Option is a command line option that a plugin brings.
type Option struct {
	Name        string     `json:"name"`
	Type        OptionType `json:"type"`
	Default     any        `json:"default"` // nil, string, json number as float64, or bool
	Description string     `json:"description"`
	Multi       bool       `json:"multi"`
	Dynamic     bool       `json:"dynamic"`
	Deprecated  Deprecated `json:"deprecated"`
}

// OptionType says how an option's value is written and read.
type OptionType string

// The types of options. A flag has no value: it is there or not.
const (
	String        OptionType = "string"
	StringConceal OptionType = "string-conceal"
	Int           OptionType = "int"
	Bool          OptionType = "bool"
	Flag          OptionType = "flag"
)

// Method is a command that a plugin brings.
type Method struct {
	Name        string     `json:"name"`
	Usage       string     `json:"usage"`
	Category    string     `json:"category"`
	Description string     `json:"description"`
	Verbose     string     `json:"long_description"`
	Deprecated  Deprecated `json:"deprecated"`
}

// Places are where a plugin may add feature bits to ours.
var Places = []string{"init", "node", "channel", "invoice"}

// Hook is a hook that a plugin takes part in, and its place in the chain.
type Hook struct {
	Name   string
	Before []string
	After  []string
	// Filters are the values for which alone it wants to be asked, numbers as they are written; none: all.
	Filters []string
}

// UnmarshalJSON takes a hook's name alone, as older plugins write it, or an object.
func (h *Hook) UnmarshalJSON(raw []byte) error {
	if err := json.Unmarshal(raw, &h.Name); err == nil {
		return nil
	}
	var full struct {
		Name    string            `json:"name"`
		Before  []string          `json:"before"`
		After   []string          `json:"after"`
		Filters []json.RawMessage `json:"filters"`
	}
	if err := json.Unmarshal(raw, &full); err != nil {
		return err
	}
	*h = Hook{Name: full.Name, Before: full.Before, After: full.After}
	for _, f := range full.Filters {
		text := string(f)
		if json.Unmarshal(f, new(json.Number)) != nil && json.Unmarshal(f, &text) != nil {
			return fmt.Errorf("hook %q: filter %s: should be a string or a number", full.Name, excerpt(f))
		}
		h.Filters = append(h.Filters, text)
	}
	return nil
}

// wants reports whether the plugin is to be asked about a value; an empty one is not filtered.
func (h *Hook) wants(value string) bool {
	return len(h.Filters) == 0 || value == "" || slices.Contains(h.Filters, value)
}

// Topic is a notification that a plugin may emit.
type Topic struct {
	Method string `json:"method"`
}

// Deprecated says whether, or since which version (and until which), something is deprecated.
type Deprecated []string

// UnmarshalJSON takes true, false, or an array of one or two versions.
func (d *Deprecated) UnmarshalJSON(raw []byte) error {
	var is bool
	if err := json.Unmarshal(raw, &is); err == nil {
		*d = nil
		if is {
			*d = Deprecated{""}
		}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(d))
}

func decodeManifest(raw json.RawMessage) (*Manifest, error) {
	var m Manifest
	if !bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) {
		return nil, fmt.Errorf("getmanifest: %q is no object", excerpt(raw))
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, fmt.Errorf("getmanifest: %w", err)
	}
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("getmanifest: %w", err)
	}
	return &m, nil
}

func (m *Manifest) check() error {
	if m.NonNumericIDs != nil && !*m.NonNumericIDs {
		return errors.New("nonnumericids is false, but ids are strings")
	}
	for i := range m.Options {
		if err := m.Options[i].check(); err != nil {
			return fmt.Errorf("option %q: %w", m.Options[i].Name, err)
		}
	}
	for i, method := range m.Methods {
		if method.Name == "" {
			return fmt.Errorf("rpcmethods[%d] has no name", i)
		}
	}
	for i, topic := range m.Notifications {
		if topic.Method == "" {
			return fmt.Errorf("notifications[%d] has no method", i)
		}
	}
	var asked []string
	for _, h := range m.Hooks {
		if _, ok := hooks[h.Name]; !ok {
			return fmt.Errorf("there is no hook %q", h.Name)
		}
		if slices.Contains(asked, h.Name) {
			return fmt.Errorf("hook %q is there twice", h.Name)
		}
		asked = append(asked, h.Name)
	}
	for place, bits := range m.FeatureBits {
		if !slices.Contains(Places, place) {
			return fmt.Errorf("featurebits: %q is none of %s", place, strings.Join(Places, ", "))
		}
		if _, err := hex.DecodeString(bits); err != nil {
			return fmt.Errorf("featurebits of %s: %w", place, err)
		}
	}
	return nil
}

func (o *Option) check() error {
	if o.Name == "" {
		return errors.New("it has no name")
	}
	if strings.ContainsAny(o.Name, "= \t\n#") || strings.HasPrefix(o.Name, "-") {
		return errors.New("no file and no command line could name it so")
	}
	switch o.Type {
	case String, StringConceal, Int, Bool:
	case Flag:
		if o.Multi {
			return errors.New("a flag cannot be multi")
		}
	default:
		return fmt.Errorf("unknown type %q", o.Type)
	}
	return o.checkDefault()
}

func (o *Option) checkDefault() error {
	ok := false
	switch o.Default.(type) {
	case nil:
		ok = true
	case string:
		ok = o.Type == String || o.Type == StringConceal
	case float64:
		ok = o.Type == Int
	case bool:
		ok = o.Type == Bool || o.Type == Flag
	}
	if !ok {
		return fmt.Errorf("default %v is no %s", o.Default, o.Type)
	}
	return nil
}
