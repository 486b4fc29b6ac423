package plugin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// Args is the parameters of a call, by name; those omitted or null are not there.
type Args map[string]json.RawMessage

// Get decodes a parameter; one that is not there leaves v as it is.
func (a Args) Get(name string, v any) error {
	raw, ok := a[name]
	if !ok {
		return nil
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return &Error{Code: codeInvalidParams, Message: fmt.Sprintf("parameter %s: %v", name, err)}
	}
	return nil
}

func usage(params []string) string { return strings.Join(params, " ") }

func bareName(param string) (name string, optional bool) {
	name = strings.Trim(param, "[]")
	return name, name != param
}

// parse takes an array, or an object, as lightningd passes it on from whoever called.
func (m *Method) parse(raw json.RawMessage) (Args, error) {
	args, err := parseArgs(m.Params, raw)
	if err != nil {
		return nil, fmt.Errorf("%w; usage: %s %s", err, m.Name, usage(m.Params))
	}
	return args, nil
}

func parseArgs(params []string, raw json.RawMessage) (Args, error) {
	args, err := nameArgs(params, raw)
	if err != nil {
		return nil, err
	}
	known := make(map[string]bool)
	for _, param := range params {
		name, optional := bareName(param)
		known[name] = true
		if _, ok := args[name]; !ok && !optional {
			return nil, fmt.Errorf("missing required parameter: %s", name)
		}
	}
	for name := range args {
		if !known[name] {
			return nil, fmt.Errorf("unknown parameter: %s", name)
		}
	}
	return args, nil
}

func nameArgs(params []string, raw json.RawMessage) (Args, error) {
	args := make(Args)
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || isNull(raw) {
		return args, nil
	}
	if raw[0] == '{' {
		if err := json.Unmarshal(raw, &args); err != nil {
			return nil, err
		}
	} else {
		var list []json.RawMessage
		if err := json.Unmarshal(raw, &list); err != nil {
			return nil, err
		}
		if len(list) > len(params) {
			return nil, fmt.Errorf("too many parameters: got %d, expected %d", len(list), len(params))
		}
		for i, value := range list {
			name, _ := bareName(params[i])
			args[name] = value
		}
	}
	for name, value := range args {
		if isNull(value) {
			delete(args, name)
		}
	}
	return args, nil
}

func isNull(raw json.RawMessage) bool { return string(raw) == "null" }
