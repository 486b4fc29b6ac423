package rpc

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// filterWarning is added to a result that the filter does not fit.
const filterWarning = "warning_parameter_filter"

// A filter trims a result: an object keeps the fields that the filter names (true keeps a field
// whole), and an array filter of one element applies to each element of an array.
type filter struct {
	all    bool
	fields map[string]*filter // of an object
	each   *filter            // of an array
}

// parseFilter reads the top-level "filter" of a request.
func parseFilter(raw json.RawMessage) (*filter, error) {
	if len(raw) == 0 || raw[0] != '{' {
		return nil, Errorf(CodeInvalidParams, "filter: want an object such as {\"invoices\":[{\"label\":true}]}")
	}
	return parseFilterValue("filter", raw)
}

func parseFilterValue(path string, raw json.RawMessage) (*filter, error) {
	switch raw[0] {
	case '{':
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(raw, &fields); err != nil {
			return nil, Errorf(CodeInvalidParams, "%s: %w", path, err)
		}
		f := &filter{fields: make(map[string]*filter, len(fields))}
		for name, value := range fields {
			sub, err := parseFilterValue(path+"."+name, value)
			if err != nil {
				return nil, err
			}
			f.fields[name] = sub
		}
		return f, nil
	case '[':
		var elements []json.RawMessage
		if err := json.Unmarshal(raw, &elements); err != nil || len(elements) != 1 {
			return nil, Errorf(CodeInvalidParams, "%s: an array must have exactly one element", path)
		}
		each, err := parseFilterValue(path+"[]", elements[0])
		return &filter{each: each}, err
	}
	if string(raw) == "true" {
		return &filter{all: true}, nil
	}
	return nil, Errorf(CodeInvalidParams, "%s: want an object, an array or true, not %s", path, raw)
}

// apply trims an encoded result, which must be an object, and keeps the order of its keys.
func (f *filter) apply(result json.RawMessage) (json.RawMessage, error) {
	t := trimmer{}
	if err := t.trim("result", f, result); err != nil {
		return nil, err
	}
	b := t.out.Bytes()
	if t.misfit == "" || len(b) < 2 || b[0] != '{' {
		return b, nil
	}
	warning, err := marshal(t.misfit)
	if err != nil {
		return nil, err
	}
	if len(b) > 2 {
		warning = append(warning, ',')
	}
	return append(fmt.Appendf(nil, `{%q:%s`, filterWarning, warning), b[1:]...), nil
}

// trimmer copies what a filter keeps.
type trimmer struct {
	out    bytes.Buffer
	misfit string // the first place where filter and result differ in kind
}

func (t *trimmer) trim(path string, f *filter, value json.RawMessage) error {
	switch {
	case f.all:
		t.out.Write(value)
		return nil
	case f.fields != nil && value[0] == '{':
		return t.trimObject(path, f, value)
	case f.each != nil && value[0] == '[':
		return t.trimArray(path, f, value)
	}
	if t.misfit == "" {
		t.misfit = path + ": the filter is of another kind than the result"
	}
	t.out.Write(value)
	return nil
}

func (t *trimmer) trimObject(path string, f *filter, value json.RawMessage) error {
	dec := json.NewDecoder(bytes.NewReader(value))
	if _, err := dec.Token(); err != nil {
		return err
	}
	t.out.WriteByte('{')
	first := true
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return err
		}
		var field json.RawMessage
		if err := dec.Decode(&field); err != nil {
			return err
		}
		name := key.(string) // the decoder takes nothing else for a key
		sub := f.fields[name]
		if sub == nil {
			continue
		}
		t.separate(&first)
		quoted, err := marshal(name)
		if err != nil {
			return err
		}
		t.out.Write(quoted)
		t.out.WriteByte(':')
		if err := t.trim(path+"."+name, sub, field); err != nil {
			return err
		}
	}
	t.out.WriteByte('}')
	return nil
}

func (t *trimmer) trimArray(path string, f *filter, value json.RawMessage) error {
	var elements []json.RawMessage
	if err := json.Unmarshal(value, &elements); err != nil {
		return err
	}
	t.out.WriteByte('[')
	first := true
	for i, element := range elements {
		t.separate(&first)
		if err := t.trim(fmt.Sprintf("%s[%d]", path, i), f.each, element); err != nil {
			return err
		}
	}
	t.out.WriteByte(']')
	return nil
}

func (t *trimmer) separate(first *bool) {
	if !*first {
		t.out.WriteByte(',')
	}
	*first = false
}
