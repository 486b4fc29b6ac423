package schema

import "fulmen/internal/jsonobject"

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

// properties keep their order, which is that of positional parameters.
type properties = jsonobject.Object[*node]
