package subd

import (
	"os"
	"path/filepath"
	"testing"
)

func TestPrograms(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"hsmd": 0o755, "other-hsmd": 0o755, "notes": 0o644} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	p := Programs{Dir: dir, Replaced: map[string]string{"gossipd": filepath.Join(dir, "other-hsmd")}}
	for name, want := range map[string]string{
		"hsmd": "hsmd", "gossipd": "other-hsmd", "notes": "", "channeld": "", ".": "",
	} {
		got, err := p.Path(name)
		if want == "" {
			if err == nil {
				t.Errorf("%s: %s, want an error", name, got)
			}
			continue
		}
		if err != nil || got != filepath.Join(dir, want) {
			t.Errorf("%s: %s, %v, want %s", name, got, err, want)
		}
	}
}

func TestLibexecDirIsBesideBin(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	got, err := LibexecDir()
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(filepath.Dir(self), "..", "libexec"); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
