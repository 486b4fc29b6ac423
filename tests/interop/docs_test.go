package interop

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fulmen/tests/harness"
)

var update = flag.Bool("update", false, "write the matrix into docs/interop.md")

// The matrix is between these in docs/interop.md.
const (
	matrixBegins = "<!-- matrix -->\n"
	matrixEnds   = "<!-- end of matrix -->\n"
)

// TestDocsHaveTheMatrix compares docs/interop.md with the cases: all pass, but for what a kind of peer cannot do.
func TestDocsHaveTheMatrix(t *testing.T) {
	root, err := harness.Root()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(root, "docs", "interop.md")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(raw), matrixBegins)
	has, after, ends := strings.Cut(rest, matrixEnds)
	if !begins || !ends {
		t.Fatalf("%s has no place for the matrix", path)
	}
	want := wantedMatrix()
	if *update {
		if err := os.WriteFile(path, []byte(before+matrixBegins+want+matrixEnds+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if has != want {
		t.Errorf("the matrix in docs/interop.md is not that of the cases; go test -run Docs -args -update writes it")
	}
}

// wantedMatrix is a table of all cases with each kind of peer.
func wantedMatrix() string {
	var table strings.Builder
	table.WriteString("| case |")
	for _, kind := range kinds {
		fmt.Fprintf(&table, " %s |", kind.Name)
	}
	table.WriteString("\n|---|" + strings.Repeat("---|", len(kinds)) + "\n")
	for _, c := range cases {
		fmt.Fprintf(&table, "| %s |", c.Name)
		for _, kind := range kinds {
			cell := "pass"
			if why := kind.Cannot[c.Name]; why != "" {
				cell = "cannot: " + why
			}
			fmt.Fprintf(&table, " %s |", cell)
		}
		table.WriteString("\n")
	}
	return table.String()
}
