package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fulmen/internal/command"
	"fulmen/internal/schema"
)

// noCommands are files among the schemas that are not of one command.
var noCommands = []string{"rpc-schema-draft", "sql-template"}

// publishedSchemas are the commands that have a schema: those of the folder beside the checkout where it
// lies there, so that one which is published later is seen; otherwise those that we keep.
func publishedSchemas(t *testing.T) []string {
	t.Helper()
	names, err := schema.Commands()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(root, "..", "shared", "schemas", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if files != nil {
		names = nil
		for _, path := range files {
			names = append(names, strings.TrimSuffix(filepath.Base(path), ".json"))
		}
	}
	names = slices.DeleteFunc(names, func(name string) bool { return slices.Contains(noCommands, name) })
	slices.Sort(names)
	return names
}

// TestContract walks all published schemas and prints a line a command: implemented and valid, or missing.
// What commands answer is held to the schemas wherever a test calls one (harness.Node.Try); here it is
// what they say of themselves. docs/compatibility.md has the reason for each that is missing, and none of those that
// are promised may be.
func TestContract(t *testing.T) {
	table := allCommands()
	var valid, missing []string
	invalid := 0
	for _, name := range publishedSchemas(t) {
		c, err := table.Lookup(name)
		if err != nil {
			fmt.Printf("%-32s missing\n", name)
			missing = append(missing, name)
			continue
		}
		if t.Run(name, func(t *testing.T) { checkContract(t, c) }) {
			fmt.Printf("%-32s implemented and valid\n", name)
			valid = append(valid, name)
		} else {
			fmt.Printf("%-32s INVALID\n", name)
			invalid++
		}
	}
	fmt.Printf("%d implemented and valid, %d invalid, %d missing\n", len(valid), invalid, len(missing))
	checkPromised(t, valid)
	checkMissing(t, missing)
}

// checkContract holds a command's parameters, and the keys that its result must have, to the schema.
func checkContract(t *testing.T, c *command.Command) {
	t.Helper()
	s, err := schema.Load(c.Name)
	if err != nil {
		t.Fatal(err)
	}
	want := slices.DeleteFunc(s.Params(), func(p schema.Param) bool { return strings.HasPrefix(p.Name, "dev_") })
	if len(c.Params) != len(want) {
		t.Fatalf("parameters %q, published are %q", paramNames(c), publishedNames(want))
	}
	for i, p := range c.Params {
		checkParam(t, c.Name, p, want[i])
	}
	have := resultNames(c.Results)
	for _, name := range requiredKeys(t, c.Name) {
		if len(have) > 0 && !slices.Contains(have, name) {
			t.Errorf("the result lacks %q; it has %q", name, have)
		}
	}
}

// requiredKeys are those that every result of a command has. That there are no others is seen where it is called.
func requiredKeys(t *testing.T, name string) []string {
	t.Helper()
	var file struct {
		Response struct {
			Required []string `json:"required"`
		} `json:"response"`
	}
	raw := readText(t, filepath.Join(root, "internal", "schema", "testdata", name+".json"))
	if err := json.Unmarshal([]byte(raw), &file); err != nil {
		t.Fatal(err)
	}
	return file.Response.Required
}

// Between these lines of docs/compatibility.md stands what is missing, in rows of names and their reason.
const (
	missingBegin = "| not there | why |\n|---|---|\n"
	missingEnd   = "\n\n"
)

// checkMissing wants docs/compatibility.md to give a reason for each missing command, and for no other. With
// -update those that are there now go from the page; a reason for a new one is for a person to write.
func checkMissing(t *testing.T, missing []string) {
	t.Helper()
	path := filepath.Join(root, "docs", "compatibility.md")
	before, rest, ok := strings.Cut(readText(t, path), missingBegin)
	rows, after, closed := strings.Cut(rest, missingEnd)
	if !ok || !closed {
		t.Fatalf("%s: no table %q", path, missingBegin)
	}
	var left, explained []string
	for row := range strings.SplitSeq(rows, "\n") {
		cells := strings.Split(row, " | ")
		if len(cells) != 2 {
			t.Fatalf("%s: row %q has not two cells", path, row)
		}
		names := strings.Fields(strings.Trim(cells[0], "| `"))
		names = slices.DeleteFunc(names, func(name string) bool { return !slices.Contains(missing, name) })
		explained = append(explained, names...)
		if len(names) > 0 {
			left = append(left, "| `"+strings.Join(names, " ")+"` | "+cells[1])
		}
	}
	for _, name := range missing {
		if !slices.Contains(explained, name) {
			t.Errorf("%s does not say why %s is missing", path, name)
		}
	}
	page := before + missingBegin + strings.Join(left, "\n") + missingEnd + after
	if *update {
		if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if page != readText(t, path) {
		t.Errorf("%s names commands as missing that are there: run go test ./cmd/lightningd -update", path)
	}
}
