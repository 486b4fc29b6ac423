package command

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Param is one parameter, as people see it.
type Param struct {
	Name     string
	Kind     string // e.g. "msat"
	Required bool
	Default  string   // as written in the tag; empty if there is none
	Enum     []string // the only strings allowed, if any
	Doc      string
}

// field is a Param and where it goes in its struct.
type field struct {
	Param
	index  int
	kind   kind
	preset reflect.Value // the parsed default; invalid if there is none
}

// structFields reads the tags of t, a struct of parameters. owner is for the panic's message.
func structFields(owner string, t reflect.Type) []field {
	if t.Kind() != reflect.Struct {
		panic(fmt.Sprintf("command %s: parameters are a %s, not a struct", owner, t))
	}
	var fields []field
	for i := range t.NumField() {
		if t.Field(i).Tag.Get("param") == restTag || !t.Field(i).IsExported() && t.Field(i).Tag == "" {
			continue
		}
		f := newField(owner, t.Field(i), i)
		if slices.ContainsFunc(fields, func(o field) bool { return o.Name == f.Name }) {
			panic(fmt.Sprintf("command %s: parameter %s twice", owner, f.Name))
		}
		fields = append(fields, f)
	}
	return fields
}

// restTag is on the field that takes the parameters of other names, of a command that has none of its own.
const restTag = ",rest"

// restField finds that field, nil where there is none: then such parameters are refused.
func restField(owner string, t reflect.Type) []int {
	for sf := range t.Fields() {
		if sf.Tag.Get("param") != restTag {
			continue
		}
		if sf.Type != reflect.TypeFor[map[string]json.RawMessage]() {
			panic(fmt.Sprintf("command %s: field %s: the rest is a map[string]json.RawMessage", owner, sf.Name))
		}
		return sf.Index
	}
	return nil
}

func newField(owner string, sf reflect.StructField, index int) field {
	name, option, _ := strings.Cut(sf.Tag.Get("param"), ",")
	if name == "" || !sf.IsExported() || option != "" && option != "optional" {
		panic(fmt.Sprintf(`command %s: field %s: want it exported, with param:"name" or param:"name,optional"`, owner, sf.Name))
	}
	preset, hasDefault := sf.Tag.Lookup("default")
	f := field{index: index, kind: kindOf(owner, sf.Type)}
	f.Param = Param{
		Name:     name,
		Default:  preset,
		Doc:      sf.Tag.Get("doc"),
		Required: sf.Type.Kind() != reflect.Pointer && option == "" && !hasDefault,
	}
	if enum := sf.Tag.Get("enum"); enum != "" {
		f.Enum = strings.Split(enum, ",")
		f.kind = f.kind.oneOf(f.Enum)
	}
	f.Kind = f.kind.name
	if hasDefault {
		f.preset = reflect.New(sf.Type).Elem()
		if err := f.kind.parse(textToken(preset), f.preset); err != nil {
			panic(fmt.Sprintf("command %s: default of %s: %v", owner, name, err))
		}
	}
	return f
}

// oneOf narrows k to some strings.
func (k kind) oneOf(allowed []string) kind {
	return kind{name: "one of " + strings.Join(allowed, ", "), parse: func(t Token, v reflect.Value) error {
		if s, err := t.Text(); err != nil || !slices.Contains(allowed, s) {
			return fmt.Errorf("should be one of %s", strings.Join(allowed, ", "))
		}
		return k.parse(t, v)
	}}
}
