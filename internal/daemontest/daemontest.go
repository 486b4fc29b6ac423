// Package daemontest builds the programs that a package's tests start. Tests alone import it.
package daemontest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Run is the body of TestMain: it builds the programs of packages, as they are installed (without cgo), into a
// folder that it puts into dir, runs the tests, and returns the status to exit with.
func Run(m *testing.M, dir *string, packages ...string) int {
	made, err := os.MkdirTemp("", "daemontest")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(made)
	for _, p := range packages {
		build := exec.Command("go", "build", "-o", filepath.Join(made, filepath.Base(p)), p)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build %s: %v\n%s", p, err, out)
			return 1
		}
	}
	*dir = made
	return m.Run()
}
