package schema

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"unicode/utf8"
)

// validation collects faults.
type validation struct {
	request bool // not a result
	faults  []error
}

func (v *validation) fault(path, format string, args ...any) {
	v.faults = append(v.faults, fmt.Errorf(path+": "+format, args...))
}

func (v *validation) err() error { return errors.Join(v.faults...) }

// fits reports whether value is valid for n.
func (v *validation) fits(n *node, value any) bool {
	trial := validation{request: v.request}
	trial.check(n, "", value)
	return len(trial.faults) == 0
}

func (v *validation) check(n *node, path string, value any) {
	if n.Type != "" && !v.checkType(n.Type, path, value) {
		return
	}
	if n.Enum != nil && !slices.ContainsFunc(n.Enum, func(e any) bool { return reflect.DeepEqual(e, value) }) {
		v.fault(path, "%v is none of %v", value, n.Enum)
	}
	switch value := value.(type) {
	case string:
		v.checkBounds(path, "characters", utf8.RuneCountInString(value), n.MinLength, n.MaxLength)
	case map[string]any:
		v.checkObject(n, path, value)
	case []any:
		v.checkBounds(path, "elements", len(value), n.MinItems, n.MaxItems)
		for i, element := range value {
			if n.Items != nil {
				v.check(n.Items, fmt.Sprintf("%s[%d]", path, i), element)
			}
		}
	}
	v.checkCombined(n, path, value)
}

func (v *validation) checkBounds(path, unit string, have int, least, most *int) {
	if least != nil && have < *least {
		v.fault(path, "%d %s, fewer than %d", have, unit, *least)
	}
	if most != nil && have > *most {
		v.fault(path, "%d %s, more than %d", have, unit, *most)
	}
}

func (v *validation) checkObject(n *node, path string, object map[string]any) {
	for _, name := range n.Required {
		if _, ok := object[name]; !ok {
			v.fault(path, "no %s", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		switch p, _ := n.Properties.Find(name); {
		case p != nil:
			v.check(p, path+"."+name, object[name])
		case n.AdditionalProperties != nil && !*n.AdditionalProperties:
			v.fault(path, "has %s, which is not in the schema", name)
		}
	}
	v.checkTogether(n, path, object)
}

// checkTogether checks what members demand of each other.
func (v *validation) checkTogether(n *node, path string, object map[string]any) {
	has := func(name string) bool { _, ok := object[name]; return ok }
	for _, needed := range slices.Sorted(maps.Keys(n.DependentUpon)) {
		for _, name := range n.DependentUpon[needed] {
			if has(name) && !has(needed) {
				v.fault(path, "has %s without %s", name, needed)
			}
		}
	}
	for _, group := range n.OneOfMany {
		if given := slices.DeleteFunc(slices.Clone(group), func(name string) bool { return !has(name) }); len(given) > 1 {
			v.fault(path, "has more than one of %v", given)
		}
	}
}

func (v *validation) checkCombined(n *node, path string, value any) {
	if n.If != nil {
		branch := n.Then
		if !v.fits(n.If, value) {
			branch = n.Else
		}
		if branch != nil {
			v.check(branch, path, value)
		}
	}
	for _, each := range n.AllOf {
		v.check(each, path, value)
	}
	valid := func(n *node) bool { return v.fits(n, value) }
	if n.AnyOf != nil && !slices.ContainsFunc(n.AnyOf, valid) {
		v.fault(path, "%v is valid for none of %d schemas", value, len(n.AnyOf))
	}
	// A value that several of oneOf allow is fine: a string is also hex, a number also a label.
	if n.OneOf != nil && !slices.ContainsFunc(n.OneOf, valid) {
		v.fault(path, "%v is valid for none of %d schemas", value, len(n.OneOf))
	}
}
