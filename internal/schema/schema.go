// Package schema holds commands and their results, hooks and notifications to the published contract, in
// tests: names, types and conditions. testdata/ has one file for each, made by tools/schemastrip.
//
//	s, err := schema.Load("listinvoices")
//	err = s.ValidateResponse(result) // every fault, each with its path
//	for _, p := range s.Params() { ... }
//	n, err := schema.LoadNotification("connect")
//	err = n.ValidateResponse(payload)
package schema

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
)

//go:embed testdata/*.json testdata/hook/*.json testdata/notification/*.json
var files embed.FS

// Schema is what the contract says of one command, hook or notification.
type Schema struct {
	Command  string
	request  *node
	response *node
}

// Param is one parameter of a command, in the order of positional parameters.
type Param struct {
	Name     string
	Types    []string // one, or those that it may choose from
	Enum     []string // the only strings allowed, if any
	Required bool
}

// Commands are the names of all commands with a schema, sorted.
func Commands() ([]string, error) { return list(".") }

// Hooks are the names of all hooks with a schema, sorted.
func Hooks() ([]string, error) { return list("hook") }

// Notifications are the names of all notifications with a schema, sorted.
func Notifications() ([]string, error) { return list("notification") }

func list(below string) ([]string, error) {
	entries, err := files.ReadDir(path.Join("testdata", below))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".json"); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// Load reads the schema of a command.
func Load(command string) (*Schema, error) { return readFacts(".", command) }

// LoadHook reads the schema of a hook: its request is what plugins are asked, its response what they answer.
func LoadHook(hook string) (*Schema, error) { return readFacts("hook", hook) }

// LoadNotification reads the schema of a notification, whose payload is the response.
func LoadNotification(topic string) (*Schema, error) { return readFacts("notification", topic) }

func readFacts(below, name string) (*Schema, error) {
	content, err := files.ReadFile(path.Join("testdata", below, name+".json"))
	if err != nil {
		return nil, fmt.Errorf("schema of %s: %w", name, err)
	}
	var file struct {
		RPC          string `json:"rpc"`
		Hook         string `json:"hook"`
		Notification string `json:"notification"`
		Closed       *bool  `json:"additionalProperties"`
		Request      *node  `json:"request"`
		Response     *node  `json:"response"`
	}
	dec := json.NewDecoder(bytes.NewReader(content))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&file); err != nil {
		return nil, fmt.Errorf("schema of %s: %w", name, err)
	}
	if file.Request == nil || file.Response == nil {
		return nil, fmt.Errorf("schema of %s: no request or no response", name)
	}
	if file.Response.AdditionalProperties == nil && file.Notification != "" {
		file.Response.AdditionalProperties = file.Closed
	}
	return &Schema{Command: file.RPC + file.Hook + file.Notification, request: file.Request, response: file.Response}, nil
}

// Params are the parameters that the command takes.
func (s *Schema) Params() []Param {
	var params []Param
	for _, p := range s.request.Properties {
		param := Param{Name: p.Name, Required: slices.Contains(s.request.Required, p.Name)}
		for _, n := range append([]*node{p.Value}, p.Value.OneOf...) {
			if n.Type != "" {
				param.Types = append(param.Types, n.Type)
			}
			for _, value := range n.Enum {
				param.Enum = append(param.Enum, fmt.Sprint(value))
			}
		}
		params = append(params, param)
	}
	return params
}

// ValidateResponse returns all that is wrong with a result, or nil.
func (s *Schema) ValidateResponse(result []byte) error {
	value, err := decode(result)
	if err != nil {
		return fmt.Errorf("%s: %w", s.Command, err)
	}
	// stop answers with a bare string, which its schema writes as the member "result".
	if _, isObject := value.(map[string]any); !isObject && len(s.response.Properties) == 1 && s.response.Properties[0].Name == "result" {
		value = map[string]any{"result": value}
	}
	return s.validate(&validation{}, s.response, value)
}

// ValidateRequest returns all that is wrong with params, given by name, or nil.
func (s *Schema) ValidateRequest(params []byte) error {
	value, err := decode(params)
	if err != nil {
		return fmt.Errorf("%s: %w", s.Command, err)
	}
	return s.validate(&validation{request: true}, s.request, value)
}

func (s *Schema) validate(v *validation, root *node, value any) error {
	if root.Type == "" {
		v.checkType("object", s.Command, value)
	}
	v.check(root, s.Command, value)
	return v.err()
}

// decode keeps numbers as they are written: an integer of 64 bits is no float.
func decode(text []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var value any
	if err := dec.Decode(&value); err != nil {
		return nil, err
	}
	if dec.More() {
		return nil, fmt.Errorf("more after the value, at byte %d", dec.InputOffset())
	}
	return value, nil
}
