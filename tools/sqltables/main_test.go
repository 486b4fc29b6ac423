package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTablesAreOfTheSchemas holds the plugin's file to what is generated.
func TestTablesAreOfTheSchemas(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tables_gen.go")
	if err := generate(filepath.Join("..", "..", "internal", "schema", "testdata"), path); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	have, err := os.ReadFile(filepath.Join("..", "..", "plugins", "sql", "sql", "tables_gen.go"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, want) {
		t.Error("tables_gen.go is out of date: go generate ./plugins/sql/sql")
	}
}

func TestBadSchemas(t *testing.T) {
	const result = `{"response":{"properties":{"things":{"type":"array","items":{"type":"object","properties":{%}}}}}}`
	for properties, want := range map[string]string{
		`"a":{"type":"newtype"}`:                          `a: type "newtype"`,
		`"a":{"type":"array","items":{"type":"newtype"}}`: `a: an array of "newtype"`,
		`"a":{"type":"array","items":{"type":"object","properties":{"b":{"type":"array","items":{"type":"u8"}}}}}`: "a: an array within an array",
		`"a":{"type":"object","properties":{"b":{"type":"newtype"}}}`:                                              `a: a.b: type "newtype"`,
		`"b":{"type":"u8"}`: "an index over a, which is no column",
	} {
		path := filepath.Join(t.TempDir(), "listthings.json")
		if err := os.WriteFile(path, []byte(strings.Replace(result, "%", properties, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := readTable(path, source{command: "listthings", indexes: []string{"a"}})
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", properties, err, want)
		}
	}
}

func TestMembersBecomeColumns(t *testing.T) {
	var n node
	if err := json.Unmarshal([]byte(`{"properties":{"index":{"type":"u32"},"o":{"type":"object","properties":{"x":{"type":"boolean"},"in":{"type":"object",
		"properties":{"y":{"type":"txid"},"z":{"type":"array","items":{"type":"u8"}}}}}}},"allOf":[{"then":{"properties":{"index":{},"late":{"type":"number"}}},
		"else":{"properties":{"later":{"type":"string"}}}}]}`), &n); err != nil {
		t.Fatal(err)
	}
	got := &table{name: "t"}
	if err := got.addMembers(&n, "", "", "t", nil); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	got.write(&b)
	for _, want := range []string{
		`{"idx", Integer, "index"}`, `{"o_x", Integer, "o.x"}`, `{"in_y", Blob, "o.in.y"}`, `{"late", Real, "late"}`, `{"later", Text, "later"}`,
		`Name: "t_o_in_z", Path: "o.in.z"`, `{"z", Integer, ""}`,
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %s in %s", want, b.String())
		}
	}
}
