package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// node is one schema: what a value must be. The words are JSON Schema's, draft 7; the types are more.
type node struct {
	Type                 string              `json:"type"`
	Properties           properties          `json:"properties"`
	Required             []string            `json:"required"`
	AdditionalProperties *bool               `json:"additionalProperties"`
	Items                *node               `json:"items"`
	Enum                 []any               `json:"enum"`
	MinLength            *int                `json:"minLength"`
	MaxLength            *int                `json:"maxLength"`
	MinItems             *int                `json:"minItems"`
	MaxItems             *int                `json:"maxItems"`
	If                   *node               `json:"if"`
	Then                 *node               `json:"then"`
	Else                 *node               `json:"else"`
	AllOf                []*node             `json:"allOf"`
	AnyOf                []*node             `json:"anyOf"`
	OneOf                []*node             `json:"oneOf"`
	DependentUpon        map[string][]string `json:"dependentUpon"` // each of the list needs the name
	OneOfMany            [][]string          `json:"oneOfMany"`     // at most one of each list
}

// property is a member that an object may have.
type property struct {
	name string
	node *node
}

// properties keep their order, which is that of positional parameters.
type properties []property

func (p *properties) UnmarshalJSON(raw []byte) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if _, err := dec.Token(); err != nil {
		return err
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return err
		}
		n := new(node)
		if err := dec.Decode(n); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		*p = append(*p, property{name: fmt.Sprint(name), node: n})
	}
	return nil
}

func (p properties) find(name string) *node {
	for _, property := range p {
		if property.name == name {
			return property.node
		}
	}
	return nil
}
