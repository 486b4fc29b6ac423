package closing

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

var rewrite = flag.Bool("rewrite", false, "write what the machines do into testdata/*.txtar")

// TestScripts runs every testdata/*.txtar: commands, a line of dashes, what they print. A blank
// line ends the expectation. All commands of a file share two machines, alice and bob.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			runScript(t, file)
		})
	}
}

func runScript(t *testing.T, file string) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i := range archive.Files {
		p := newPair(t)
		want := string(archive.Files[i].Data)
		var got []string
		for _, step := range strings.Split(strings.TrimSpace(want), "\n\n") {
			command, _, ok := strings.Cut(step, "\n----")
			if !ok {
				t.Fatalf("%s: no ---- after %q", file, step)
			}
			var out []string
			for _, line := range strings.Split(command, "\n") {
				out = append(out, p.do(line)...)
			}
			got = append(got, strings.TrimRight(command+"\n----\n"+strings.Join(out, "\n"), "\n"))
		}
		archive.Files[i].Data = []byte(strings.Join(got, "\n\n") + "\n")
		if string(archive.Files[i].Data) != want && !*rewrite {
			t.Errorf("%s: got\n%swant\n%s", file, archive.Files[i].Data, want)
		}
	}
	if *rewrite {
		if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
