package command

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"fulmen/internal/rpc"
)

// bind parses raw, an array or an object or nothing, into the struct v, whose field rest, if there is one,
// takes the parameters that no field is for.
func (c *Command) bind(raw json.RawMessage, fields []field, rest []int, v reflect.Value) error {
	values, more, err := c.arrange(raw, fields)
	if err != nil {
		return err
	}
	if rest != nil {
		v.FieldByIndex(rest).Set(reflect.ValueOf(more))
	} else if len(more) > 0 {
		return rpc.Errorf(rpc.CodeInvalidParams, "unknown parameter: %s; usage: %s", slices.Min(slices.Collect(maps.Keys(more))), c.Usage())
	}
	for i, f := range fields {
		if f.Required && omitted(values[i]) {
			return rpc.Errorf(rpc.CodeInvalidParams, "missing required parameter: %s; usage: %s", f.Name, c.Usage())
		}
		if err := f.set(values[i], v.Field(f.index)); err != nil {
			return rpc.Errorf(rpc.CodeInvalidParams, "%w", err)
		}
	}
	return nil
}

// arrange returns one value a field, nil where it is omitted, and what is for no field.
func (c *Command) arrange(raw json.RawMessage, fields []field) (values []json.RawMessage, more map[string]json.RawMessage, err error) {
	values = make([]json.RawMessage, len(fields))
	if len(raw) == 0 || string(raw) == "null" {
		return values, nil, nil
	}
	if raw[0] == '[' {
		var given []json.RawMessage
		if err := json.Unmarshal(raw, &given); err != nil {
			return nil, nil, rpc.Errorf(rpc.CodeInvalidParams, "params: %w", err)
		}
		if len(given) > len(fields) {
			return nil, nil, rpc.Errorf(rpc.CodeInvalidParams, "too many parameters: got %d, expected at most %d; usage: %s",
				len(given), len(fields), c.Usage())
		}
		copy(values, given)
		return values, nil, nil
	}
	var given map[string]json.RawMessage
	if err := json.Unmarshal(raw, &given); err != nil {
		return nil, nil, rpc.Errorf(rpc.CodeInvalidParams, "params: %w", err)
	}
	for i, f := range fields {
		values[i] = given[f.Name]
		delete(given, f.Name)
	}
	return values, given, nil
}

// set parses one value into v, or the default where it is omitted.
func (f *field) set(value json.RawMessage, v reflect.Value) error {
	switch {
	case !omitted(value):
		if err := f.kind.parse(Token{value}, v); err != nil {
			return atParam(f.Name, Token{value}, err)
		}
	case f.Required:
		return fmt.Errorf("missing required parameter: %s", f.Name)
	case f.preset.IsValid():
		v.Set(f.preset)
	}
	return nil
}

// omitted reports whether a parameter was not given: null is as good as nothing.
func omitted(value json.RawMessage) bool { return len(value) == 0 || string(value) == "null" }

// paramError has the place of the fault within the parameters, e.g. route[1].id.
type paramError struct {
	path  string
	token Token
	err   error
}

func (e *paramError) Error() string {
	return fmt.Sprintf("%s: %v: invalid token %s", e.path, e.err, e.token)
}

func (e *paramError) Unwrap() error { return e.err }

// atParam puts name before the path of an error from within, or makes a paramError of any other.
func atParam(name string, t Token, err error) error {
	if within, ok := err.(*paramError); ok {
		path := within.path
		if !strings.HasPrefix(path, "[") {
			path = "." + path
		}
		return &paramError{path: name + path, token: within.token, err: within.err}
	}
	return &paramError{path: name, token: t, err: err}
}
