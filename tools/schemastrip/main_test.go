package main

import "testing"

func TestStripKeepsFactsAndOrder(t *testing.T) {
	name, got, err := stripCommand([]byte(`{
		"$schema": "x", "rpc": "try", "title": "prose", "description": ["prose"], "examples": [{"a": 1}],
		"request": {"required": ["b"], "properties": {
			"description": {"type": "string", "description": ["prose"], "default": "prose"},
			"b": {"oneOf": [{"type": "u32", "description": ["prose"]}, {"type": "array", "items": {"type": "hex", "added": "v1"}}]}}},
		"response": {"allOf": [{"if": {"properties": {"b": {"enum": ["x"]}}}, "then": {"required": ["a"]}}]},
		"author": ["somebody"]}`))
	const want = `{"rpc":"try","request":{"required":["b"],"properties":{"description":{"type":"string"},` +
		`"b":{"oneOf":[{"type":"u32"},{"type":"array","items":{"type":"hex"}}]}}},` +
		`"response":{"allOf":[{"if":{"properties":{"b":{"enum":["x"]}}},"then":{"required":["a"]}}]}}` + "\n"
	if err != nil || name != "try" || string(got) != want {
		t.Errorf("got %s, %v\nwant %s", got, err, want)
	}
	if name, _, err := stripCommand([]byte(`{"definitions":{}}`)); name != "" || err != nil {
		t.Errorf("no command: %s, %v", name, err)
	}
	if _, _, err := stripCommand([]byte(`[]`)); err == nil {
		t.Error("an array: no error")
	}
}
