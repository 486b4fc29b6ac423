package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	"fulmen/internal/amount"
)

// concealed stands for a value that is never shown.
const concealed = "..."

// Listing is the options and their values in the form of listconfigs' "configs": a JSON object whose
// keys are in the order of declaration.
type Listing []Entry

// Entry is one option. Which of its values is there depends on the option's kind.
type Entry struct {
	Name      string       `json:"-"`
	ValueStr  *string      `json:"value_str,omitempty"`
	ValueInt  *int64       `json:"value_int,omitempty"`
	ValueBool *bool        `json:"value_bool,omitempty"`
	ValueMsat *amount.Msat `json:"value_msat,omitempty"`
	ValuesStr []string     `json:"values_str,omitempty"`
	ValuesInt []int64      `json:"values_int,omitempty"`
	Set       *bool        `json:"set,omitempty"`
	Source    string       `json:"source,omitempty"`
	Sources   []string     `json:"sources,omitempty"`
	Plugin    string       `json:"plugin,omitempty"`
	Dynamic   bool         `json:"dynamic,omitempty"`
}

// MarshalJSON writes an object, which a map would put in another order.
func (l Listing) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, e := range l {
		if i > 0 {
			b.WriteByte(',')
		}
		value, err := json.Marshal(e)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "%q:%s", e.Name, value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// List returns all options that have a value, or with name that one alone; nil if it is unknown.
func (c *Config) List(name string) Listing {
	var list Listing
	for _, o := range c.now.Load().options {
		if name != "" && o.Name != name {
			continue
		}
		if e, ok := c.entry(o); ok {
			list = append(list, e)
		} else if name != "" {
			return Listing{}
		}
	}
	return list
}

// entry is false for an option that has no value, not even a default.
func (c *Config) entry(o *Option) (Entry, bool) {
	e := Entry{Name: o.Name, Plugin: o.Plugin, Dynamic: o.Dynamic}
	set := c.settings(o.Name)
	if o.Multi && !o.ListLast {
		return e, e.setMany(o, set)
	}
	text, source := c.defaultOf(o), "default"
	if len(set) > 0 {
		last := set[len(set)-1]
		text, source = last.value, last.place
	}
	text, source = c.derived(o, text, source)
	e.Source = source
	if o.Kind == Flag {
		on := len(set) > 0
		e.Set = &on
		return e, true
	}
	return e, e.setOne(o.Kind, text) && (len(set) > 0 || text != "")
}

// derived replaces what was said by what it means: one network may be chosen by several options.
func (c *Config) derived(o *Option, text, source string) (string, string) {
	switch o.Name {
	case "lightning-dir":
		text = c.dir
	case "network":
		text = c.network.Name
		if s := c.last(c.network.networkFlag()); s != nil {
			source = s.place
		}
	}
	return text, source
}

// AsStrings shows several numbers as strings, as setconfig does.
func (e Entry) AsStrings() Entry {
	for _, n := range e.ValuesInt {
		e.ValuesStr = append(e.ValuesStr, strconv.FormatInt(n, 10))
	}
	e.ValuesInt = nil
	return e
}

func (e *Entry) setOne(kind Kind, text string) bool {
	switch kind {
	case Conceal:
		text = concealed
		fallthrough
	case String:
		e.ValueStr = &text
		return true
	}
	if text == "" {
		return false
	}
	switch kind {
	case Int:
		n := must(parseInt(text))
		e.ValueInt = &n
	case Bool:
		b := must(parseBool(text))
		e.ValueBool = &b
	case Msat:
		m := must(parseMsat(text))
		e.ValueMsat = &m
	}
	return true
}

func (e *Entry) setMany(o *Option, set []setting) bool {
	for _, s := range set {
		e.Sources = append(e.Sources, s.place)
		switch o.Kind {
		case Int:
			e.ValuesInt = append(e.ValuesInt, must(parseInt(s.value)))
		case Conceal:
			e.ValuesStr = append(e.ValuesStr, concealed)
		default:
			e.ValuesStr = append(e.ValuesStr, s.value)
		}
	}
	return len(set) > 0
}
