package harness

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
)

// Bin is where the commands are: FULMEN_BIN, or the checkout's bin/ after `make build`.
var Bin = sync.OnceValues(func() (string, error) {
	if dir := os.Getenv("FULMEN_BIN"); dir != "" {
		return filepath.Abs(dir)
	}
	root, err := Root()
	if err != nil {
		return "", err
	}
	return filepath.Join(root, "bin"), locked(root, func() error {
		return run(root, "make", "-s", "build")
	})
})

// btcdPath builds btcd, a tool of our module, once for each go.sum.
var btcdPath = sync.OnceValues(func() (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	path := filepath.Join(root, ".build", "btcd")
	return path, locked(root, func() error {
		if fresh(path, filepath.Join(root, "go.sum")) {
			return nil
		}
		return run(root, "go", "build", "-o", path, "github.com/btcsuite/btcd")
	})
})

// locked lets one of several test programs build at a time.
func locked(root string, build func() error) error {
	if err := os.MkdirAll(filepath.Join(root, ".build"), 0o755); err != nil {
		return err
	}
	lock, err := os.OpenFile(filepath.Join(root, ".build", "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("lock %s: %w", lock.Name(), err)
	}
	return build()
}

func fresh(path, source string) bool {
	made, err := os.Stat(path)
	if err != nil {
		return false
	}
	from, err := os.Stat(source)
	return err == nil && made.ModTime().After(from.ModTime())
}

func run(dir, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %v: %w\n%s", name, args, err, out)
	}
	return nil
}

// BuildProgram builds one program of the checkout for a test that wants it by itself.
func BuildProgram(t TB, importPath string) string {
	t.Helper()
	root, err := Root()
	if err != nil {
		t.Fatalf("%v", err)
	}
	path := filepath.Join(t.TempDir(), filepath.Base(importPath))
	if err := run(root, "go", "build", "-o", path, importPath); err != nil {
		t.Fatalf("%v", err)
	}
	return path
}
