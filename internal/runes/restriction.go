package runes

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Alternative is a field, how it must compare, and with what.
type Alternative struct {
	Field     string
	Condition byte // one of conditions
	Value     string
}

// Restriction is met if one of its alternatives is.
type Restriction []Alternative

// conditions are all ways to compare, in words.
var conditions = map[byte]string{
	'=': "equal to", '/': "unequal to", '^': "starts with", '$': "ends with", '~': "contains", '<': "<", '>': ">",
	'{': "sorts before", '}': "sorts after", '#': "comment", '!': "is missing",
}

var (
	escape = strings.NewReplacer(`\`, `\\`, "|", `\|`, "&", `\&`)

	errEmpty = errors.New("a restriction has no alternative")
)

// String is the form that is hashed.
func (a Alternative) String() string { return a.Field + string(a.Condition) + escape.Replace(a.Value) }

// English is the alternative for people.
func (a Alternative) English() string {
	switch a.Condition {
	case '!':
		return a.Field + " " + conditions['!']
	case '#':
		return conditions['#'] + ": " + a.Field + a.Value
	}
	return a.Field + " " + conditions[a.Condition] + " " + a.Value
}

// String is the form that is hashed.
func (r Restriction) String() string { return r.join("|", Alternative.String) }

// English is the restriction for people.
func (r Restriction) English() string { return r.join(" OR ", Alternative.English) }

func (r Restriction) join(between string, show func(Alternative) string) string {
	parts := make([]string, len(r))
	for i, a := range r {
		parts[i] = show(a)
	}
	return strings.Join(parts, between)
}

// Parse reads a restriction from its alternatives, each in the form that is hashed.
func Parse(alternatives []string) (Restriction, error) {
	var r Restriction
	for _, text := range alternatives {
		a, rest, err := parseAlternative(text)
		if err == nil && a.Field == "" {
			err = fmt.Errorf("restriction %q: no field's name before the condition", text)
		}
		if err == nil && rest != "" {
			err = fmt.Errorf("restriction %q: %q ends it, and needs a backslash before it", text, rest[:1])
		}
		if err != nil {
			return nil, err
		}
		r = append(r, a)
	}
	if len(r) == 0 {
		return nil, errEmpty
	}
	return r, nil
}

// parseAll reads restrictions with & between them, and | between alternatives.
func parseAll(text string) ([]Restriction, error) {
	var list []Restriction
	var r Restriction
	for first := text != ""; first || text != ""; first = false {
		a, rest, err := parseAlternative(text)
		if err != nil {
			return nil, err
		}
		r = append(r, a)
		// Without a field's name it is the rune's own id: the first restriction, and nothing beside it.
		if a.Field == "" && (a.Condition != '=' || len(list) > 0 || len(r) > 1 || rest != "" && rest[0] == '|') {
			return nil, fmt.Errorf("restriction %q: only a rune's unique_id has no field's name", text)
		}
		if rest == "" || rest[0] == '&' {
			list, r = append(list, r), nil
		}
		if rest == "" {
			break
		}
		if text = rest[1:]; text == "" {
			return nil, errEmpty
		}
	}
	return list, nil
}

// parseAlternative reads one alternative; rest begins with what ends it.
func parseAlternative(text string) (a Alternative, rest string, err error) {
	i := strings.IndexFunc(text, func(c rune) bool {
		return c != '_' && (c >= '!' && c <= '/' || c >= ':' && c <= '@' || c >= '[' && c <= '`' || c >= '{' && c <= '~')
	})
	if i < 0 || conditions[text[i]] == "" {
		return a, "", fmt.Errorf("restriction %q: no condition after the field's name", text)
	}
	a.Field, a.Condition = text[:i], text[i]
	var value strings.Builder
	for i++; i < len(text) && text[i] != '|' && text[i] != '&'; i++ {
		if text[i] == '\\' {
			if i++; i == len(text) {
				return a, "", fmt.Errorf("restriction %q: nothing after the last backslash", text)
			}
		}
		value.WriteByte(text[i])
	}
	a.Value = value.String()
	return a, text[i:], nil
}

// Check tells whether the conditions are met. field gives a field's value, and false if it does not exist; for
// one that cannot be compared as the others it decides itself (see ErrDecided).
func (r Rune) Check(field func(Alternative) (string, bool, error)) error {
	for _, m := range r.Conditions() {
		if err := m.check(field); err != nil {
			return err
		}
	}
	return nil
}

// ErrDecided is returned by the function of Check for a field that it has compared itself, and that is right.
var ErrDecided = errors.New("decided")

func (r Restriction) check(field func(Alternative) (string, bool, error)) error {
	var reasons []string
	for _, a := range r {
		value, exists, err := "", false, error(nil)
		if a.Condition != '#' {
			value, exists, err = field(a)
		}
		switch {
		case errors.Is(err, ErrDecided):
			return nil
		case err == nil:
			err = a.check(value, exists)
		}
		if err == nil {
			return nil
		}
		reasons = append(reasons, err.Error())
	}
	return errors.New(strings.Join(reasons, " AND "))
}

func (a Alternative) check(value string, exists bool) error {
	switch {
	case a.Condition == '#':
		return nil
	case a.Condition == '!' && exists:
		return fmt.Errorf("%s is present", a.Field)
	case a.Condition == '!':
		return nil
	case !exists:
		return fmt.Errorf("%s is missing", a.Field)
	}
	ok := false
	switch a.Condition {
	case '=':
		ok = value == a.Value
	case '/':
		ok = value != a.Value
	case '^':
		ok = strings.HasPrefix(value, a.Value)
	case '$':
		ok = strings.HasSuffix(value, a.Value)
	case '~':
		ok = strings.Contains(value, a.Value)
	case '{':
		ok = value < a.Value
	case '}':
		ok = value > a.Value
	case '<', '>':
		have, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return fmt.Errorf("%s is not an integer", a.Field)
		}
		want, err := strconv.ParseInt(a.Value, 10, 64)
		if err != nil {
			return fmt.Errorf("the limit of %s is not an integer", a.Field)
		}
		ok = have < want && a.Condition == '<' || have > want && a.Condition == '>'
	}
	if !ok {
		return fmt.Errorf("%s is not %s %s", a.Field, conditions[a.Condition], a.Value)
	}
	return nil
}
