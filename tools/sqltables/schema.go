package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"fulmen/internal/jsonobject"
)

// node is what a schema says of a value.
type node struct {
	Type       string                   `json:"type"`
	Properties jsonobject.Object[*node] `json:"properties"`
	Items      *node                    `json:"items"`
	AllOf      []*node                  `json:"allOf"`
	Then       *node                    `json:"then"`
	Else       *node                    `json:"else"`
}

// property is a member that an object may have.
type property = jsonobject.Member[*node]

// kinds are the columns' types of the schemas' types.
var kinds = map[string]string{
	"hex": "Blob", "hash": "Blob", "secret": "Blob", "pubkey": "Blob", "txid": "Blob", "signature": "Blob", "point32": "Blob",
	"msat": "Integer", "integer": "Integer", "u64": "Integer", "u32": "Integer", "u16": "Integer", "u8": "Integer", "boolean": "Integer",
	"number": "Real",
	"string": "Text", "short_channel_id": "Text", "outpoint": "Text",
}

// renamed are members whose names SQL has for itself.
var renamed = map[string]string{"index": "idx"}

// readTable makes a table from the schema of a command.
func readTable(path string, src source) (*table, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var file struct {
		Response *node `json:"response"`
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		return nil, err
	}
	if len(file.Response.Properties) == 0 || file.Response.Properties[0].Value.Items == nil {
		return nil, errors.New("the result is no list")
	}
	list := file.Response.Properties[0]
	t := &table{
		name: cmp.Or(src.name, strings.TrimPrefix(src.command, "list")), command: src.command, member: list.Name, indexes: src.indexes,
	}
	if err := t.addMembers(list.Value.Items, "", "", t.name, src.ignored); err != nil {
		return nil, err
	}
	for _, columns := range t.indexes {
		for _, name := range strings.Fields(columns) {
			if !t.has(name) {
				return nil, fmt.Errorf("an index over %s, which is no column", name)
			}
		}
	}
	return t, nil
}

func (t *table) has(name string) bool {
	return slices.ContainsFunc(t.columns, func(c column) bool { return c.name == name })
}

// addMembers adds what an object has, also under conditions. prefix goes before the names of columns, path before
// those of members; tableName before the names of related tables.
func (t *table) addMembers(n *node, prefix, path, tableName string, ignored []string) error {
	for _, p := range n.Properties {
		if slices.Contains(ignored, p.Name) {
			continue
		}
		if err := t.addMember(p, prefix, path+p.Name, tableName); err != nil {
			return fmt.Errorf("%s: %w", path+p.Name, err)
		}
	}
	for _, more := range append([]*node{n.Then, n.Else}, n.AllOf...) {
		if more == nil {
			continue
		}
		if err := t.addMembers(more, prefix, path, tableName, ignored); err != nil {
			return err
		}
	}
	return nil
}

func (t *table) addMember(p property, prefix, path, tableName string) error {
	name := prefix + p.Name
	if other, ok := renamed[p.Name]; ok {
		name = prefix + other
	}
	switch p.Value.Type {
	case "": // named by a condition alone
		return nil
	case "object": // the names of objects around this one do not go before the column's
		return t.addMembers(p.Value, p.Name+"_", path+".", tableName+"_"+p.Name, nil)
	case "array":
		return t.addRelated(p, path, tableName+"_"+p.Name)
	}
	kind, ok := kinds[p.Value.Type]
	if !ok {
		return fmt.Errorf("type %q", p.Value.Type)
	}
	if !t.has(name) {
		t.columns = append(t.columns, column{name, kind, path})
	}
	return nil
}

// addRelated adds the table of an array, whose column is named as the array where its elements are no objects.
func (t *table) addRelated(p property, path, name string) error {
	if slices.ContainsFunc(t.related, func(r *table) bool { return r.name == name }) {
		return nil
	}
	r := &table{name: name, path: path}
	items := p.Value.Items
	if items.Type == "object" {
		if err := r.addMembers(items, "", "", name, nil); err != nil {
			return err
		}
	} else if kind, ok := kinds[items.Type]; ok {
		r.columns = []column{{p.Name, kind, ""}}
	} else {
		return fmt.Errorf("an array of %q", items.Type)
	}
	if len(r.related) > 0 {
		return errors.New("an array within an array")
	}
	t.related = append(t.related, r)
	return nil
}
