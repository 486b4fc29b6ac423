package command

import (
	"encoding/json"
	"reflect"
	"strings"

	"fulmen/internal/amount"
)

// Result is one member of what a command returns, as people see it.
type Result struct {
	Name     string
	Kind     string
	Optional bool
	Doc      string
	Members  []Result // of an object, or of each object of an array
}

// results lists the members of t; a type that is no struct has none.
func results(t reflect.Type) []Result {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || marshalsItself(t) {
		return nil
	}
	var list []Result
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			list = append(list, results(f.Type)...)
		case f.IsExported() && name != "-" && name != "":
			list = append(list, Result{
				Name:     name,
				Kind:     resultKind(f.Type),
				Optional: strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero"),
				Doc:      f.Tag.Get("doc"),
				Members:  results(f.Type),
			})
		}
	}
	return list
}

func resultKind(t reflect.Type) string {
	switch {
	case t.Kind() == reflect.Pointer:
		return resultKind(t.Elem())
	case t == reflect.TypeFor[amount.Msat]():
		return "msat"
	case t == reflect.TypeFor[amount.Sat]():
		return "sat"
	case t == reflect.TypeFor[Hex]():
		return "hex"
	case t == reflect.TypeFor[json.RawMessage]():
		return "any"
	case marshalsItself(t):
		return "string"
	}
	switch t.Kind() {
	case reflect.Slice:
		return "array of " + resultKind(t.Elem())
	case reflect.Struct, reflect.Map:
		return "object"
	case reflect.Bool:
		return "boolean"
	case reflect.String:
		return "string"
	case reflect.Interface:
		return "any"
	}
	return strings.Replace(t.Kind().String(), "uint", "u", 1)
}

func marshalsItself(t reflect.Type) bool {
	return t.Implements(reflect.TypeFor[json.Marshaler]()) ||
		t.Implements(reflect.TypeFor[interface{ MarshalText() ([]byte, error) }]())
}
