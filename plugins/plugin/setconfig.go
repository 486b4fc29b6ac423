package plugin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Value is what a dynamic option is changed to: one text, or of an option that may be given several times any number.
type Value []string

// String is the value of a string option.
func (v Value) String() string {
	if len(v) == 0 {
		return ""
	}
	return v[0]
}

// Int is the value of an int option.
func (v Value) Int() (int64, error) {
	n, err := strconv.ParseInt(v.String(), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is not a whole number", v.String())
	}
	return n, nil
}

// Bool is the value of a bool option, or whether a flag is set.
func (v Value) Bool() (bool, error) {
	switch strings.ToLower(v.String()) { // as lightningd reads options
	case "true", "yes", "1":
		return true, nil
	case "false", "no", "0":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither true nor false", v.String())
}

// UnmarshalJSON takes what setconfig has: a text, a number, a boolean, or an array of them.
func (v *Value) UnmarshalJSON(raw []byte) error {
	list := []json.RawMessage{raw}
	if raw[0] == '[' {
		list = nil
		if err := json.Unmarshal(raw, &list); err != nil {
			return err
		}
	}
	*v = make(Value, len(list))
	for i, one := range list {
		switch one = bytes.TrimSpace(one); one[0] {
		case '{', '[', 'n':
			return fmt.Errorf("%s is no value of an option", one)
		case '"':
			if err := json.Unmarshal(one, &(*v)[i]); err != nil {
				return err
			}
		default:
			(*v)[i] = string(one)
		}
	}
	return nil
}

// setConfig serves the change of a dynamic option, one after the other. An error refuses it.
func (p *Plugin) setConfig(params json.RawMessage) (any, error) {
	var change struct {
		Config string `json:"config"`
		Val    Value  `json:"val"`
	}
	change.Val = Value{"true"} // a flag that is named alone
	if err := json.Unmarshal(params, &change); err != nil {
		return nil, &Error{Code: codeInvalidParams, Message: fmt.Sprintf("setconfig: %v", err)}
	}
	for _, o := range p.options {
		if o.Name != change.Config || o.Change == nil {
			continue
		}
		p.changeMu.Lock()
		defer p.changeMu.Unlock()
		if err := o.Change(change.Val); err != nil {
			return nil, &Error{Code: codeInvalidParams, Message: fmt.Sprintf("%s: %v", o.Name, err)}
		}
		return struct{}{}, nil
	}
	return nil, &Error{Code: codeInvalidParams, Message: fmt.Sprintf("%s is no option that may change", change.Config)}
}
