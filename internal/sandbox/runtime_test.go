package sandbox

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// notOnce are the calls of Go's runtime that a confined process does not make, and why.
var notOnce = map[string]string{
	"connect":      "of the runtime on Android",
	"socket":       "of the runtime on Android",
	"faccessat":    "refused: the library only looks",
	"mincore":      "at the start of a process",
	"kill":         "a signal that ends the process; tgkill comes first",
	"pipe2":        "of the library, for other processes",
	"setitimer":    "profiles",
	"setittimer":   "profiles",
	"timer_create": "profiles", "timer_delete": "profiles", "timer_settime": "profiles",
}

// The filter's table has what Go's runtime calls, on either architecture: by name, because a test runs on
// one.
func TestTableHasWhatTheRuntimeCalls(t *testing.T) {
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	src := filepath.Join(strings.TrimSpace(string(goroot)), "src")
	for _, arch := range []string{"amd64", "arm64"} {
		known := append(named(t, `unix\.SYS_(\w+)`, "syscalls.go"), named(t, `unix\.SYS_(\w+)`, "arch_"+arch+".go")...)
		calls := append(
			named(t, `(?m)^#define SYS_(\w+)`, filepath.Join(src, "runtime", "sys_linux_"+arch+".s")),
			named(t, `(?m)^\s+SYS_(\w+)\s+=`, filepath.Join(src, "internal", "runtime", "syscall", "linux", "defs_linux_"+arch+".go"))...)
		if len(calls) < 30 {
			t.Fatalf("%s: found %d calls in Go's runtime", arch, len(calls))
		}
		for _, call := range calls {
			if _, ok := notOnce[call]; !ok && !slices.Contains(known, call) {
				t.Errorf("%s: Go's runtime calls %s, of which the table says nothing", arch, call)
			}
		}
	}
}

// named finds the names of system calls in a file, in lower case.
func named(t *testing.T, pattern, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, found := range regexp.MustCompile(pattern).FindAllSubmatch(text, -1) {
		names = append(names, strings.ToLower(string(found[1])))
	}
	return names
}

// The other architecture's table compiles: each number in it exists there.
func TestTableOfEachArchitectureBuilds(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		build := exec.Command("go", "build", ".")
		build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH="+arch)
		if out, err := build.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", arch, err, out)
		}
	}
}
