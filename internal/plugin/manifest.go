package plugin

import (
	"encoding/json"
	"fmt"
)

// Manifest is what a plugin says about itself.
type Manifest struct {
	Options        []Option          `json:"options"`
	Methods        []Method          `json:"rpcmethods"`
	Subscriptions  []string          `json:"subscriptions"`
	Hooks          []Hook            `json:"hooks"`
	FeatureBits    map[string]string `json:"featurebits"`
	Notifications  []Topic           `json:"notifications"`
	CustomMessages []uint16          `json:"custommessages"`
	CanCheck       bool              `json:"cancheck"`
	Dynamic        bool              `json:"dynamic"`
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
	Description string     `json:"description"`
	Deprecated  Deprecated `json:"deprecated"`
}

// Hook is a hook that a plugin takes part in, and its place in the chain.
type Hook struct {
	Name   string
	Before []string
	After  []string
}

// UnmarshalJSON takes a hook's name alone, as older plugins write it, or an object.
func (h *Hook) UnmarshalJSON(raw []byte) error {
	if err := json.Unmarshal(raw, &h.Name); err == nil {
		return nil
	}
	var full struct {
		Name   string   `json:"name"`
		Before []string `json:"before"`
		After  []string `json:"after"`
	}
	if err := json.Unmarshal(raw, &full); err != nil {
		return err
	}
	*h = Hook(full)
	return nil
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
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, fmt.Errorf("getmanifest: %w", err)
	}
	for i := range m.Options {
		if err := m.Options[i].check(); err != nil {
			return nil, fmt.Errorf("getmanifest: option %q: %w", m.Options[i].Name, err)
		}
	}
	for i, method := range m.Methods {
		if method.Name == "" {
			return nil, fmt.Errorf("getmanifest: rpcmethods[%d] has no name", i)
		}
	}
	return &m, nil
}

func (o *Option) check() error {
	if o.Name == "" {
		return fmt.Errorf("it has no name")
	}
	switch o.Type {
	case String, StringConceal, Int, Bool:
	case Flag:
		if o.Multi {
			return fmt.Errorf("a flag cannot be multi")
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
