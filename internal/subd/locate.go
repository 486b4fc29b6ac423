package subd

import (
	"fmt"
	"os"
	"path/filepath"
)

// Programs says where the daemons' programs are.
type Programs struct {
	Dir      string            // of those that nobody replaced
	Replaced map[string]string // by name: option subdaemon
}

// LibexecDir is where lightningd finds its daemons: beside its own bin, libexec/fulmen where it is
// installed, libexec where it was built.
func LibexecDir() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find my own program: %w", err)
	}
	if self, err = filepath.EvalSymlinks(self); err != nil {
		return "", fmt.Errorf("find my own program: %w", err)
	}
	dir := filepath.Join(filepath.Dir(filepath.Dir(self)), "libexec")
	if installed := filepath.Join(dir, "fulmen"); isDir(installed) {
		return installed, nil
	}
	return dir, nil
}

func isDir(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}

// Path is the daemon's program, an error if there is none to execute.
func (p Programs) Path(name string) (string, error) {
	path, ok := p.Replaced[name]
	if !ok {
		path = filepath.Join(p.Dir, name)
	}
	path, err := filepath.Abs(path) // children start in another folder
	if err != nil {
		return "", fmt.Errorf("program of %s: %w", name, err)
	}
	st, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("program of %s: %w", name, err)
	}
	if st.IsDir() || st.Mode()&0o111 == 0 {
		return "", fmt.Errorf("program of %s: %s is not executable", name, path)
	}
	return path, nil
}
