// Package scripttest runs scripts of steps and what they are expected to do. It is for tests alone.
//
// A script is a txtar file whose file "steps" has blocks like this one; the comment of the archive
// says what the script shows:
//
//	alice offer ref=1 amount_msat=5000000
//	alice idle
//	----
//	ask signer remote_commitment=1
//	store bytes=1460
//
// Above the dashes are commands, below is all that they print; a blank line ends it. With -rewrite
// the expectations are written anew, and a person reads the difference.
package scripttest

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

var rewrite = flag.Bool("rewrite", false, "write what the scripts print into them")

// Env runs the commands of one script.
type Env interface {
	// Do runs one command and returns what it prints, line by line.
	Do(c *Command) []string
}

// stepsFile is the file of the archive that has the blocks.
const stepsFile = "steps"

// separator ends the commands of a block.
const separator = "----"

// Run runs every script that the pattern matches as a subtest, each in an Env of its own.
func Run(t *testing.T, pattern string, newEnv func(t *testing.T) Env) {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("scripts %s: %d found, %v", pattern, len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
		t.Run(name, func(t *testing.T) { runFile(t, file, newEnv(t)) })
	}
}

func runFile(t *testing.T, file string, env Env) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(archive.Files) != 1 || archive.Files[0].Name != stepsFile {
		t.Fatalf("%s: want one file named %q", file, stepsFile)
	}
	var got strings.Builder
	same := true
	for i, b := range blocks(string(archive.Files[0].Data)) {
		printed := b.run(t, env)
		if i > 0 {
			got.WriteString("\n")
		}
		got.WriteString(b.commands + separator + "\n" + printed)
		if printed != b.expected {
			same = false
			if !*rewrite {
				t.Errorf("%s:\n%sprints\n%swant\n%s", file, b.commands, printed, b.expected)
			}
		}
	}
	if same || !*rewrite {
		return
	}
	archive.Files[0].Data = []byte(got.String())
	if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
		t.Fatal(err)
	}
}

// block is some commands and what they print, lines with their ends.
type block struct{ commands, expected string }

// blocks splits a script.
func blocks(script string) []block {
	var list []block
	for _, text := range strings.Split(script, "\n\n") {
		text = strings.Trim(text, "\n")
		if text == "" {
			continue
		}
		commands, expected, _ := strings.Cut(text+"\n", separator+"\n")
		list = append(list, block{commands, expected})
	}
	return list
}

// run runs the commands of a block. A line that begins with # is a comment.
func (b *block) run(t *testing.T, env Env) string {
	var printed strings.Builder
	for line := range strings.Lines(b.commands) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		for _, out := range env.Do(parse(t, line)) {
			printed.WriteString(out + "\n")
		}
	}
	return printed.String()
}
