package plugin

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// saved are the files with all that one plugin is sent and writes. A nil one saves nothing.
type saved struct{ stdin, stdout *os.File }

// openSaved makes the files in a folder, which it makes too; none without a folder.
func openSaved(dir, name string, pid int) (*saved, error) {
	if dir == "" {
		return nil, nil
	}
	base := filepath.Join(dir, fmt.Sprintf("%s.%d", name, pid))
	const flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	err := os.MkdirAll(dir, 0o700)
	stdin, inErr := os.OpenFile(base+".stdin", flags, 0o600)
	stdout, outErr := os.OpenFile(base+".stdout", flags, 0o600)
	if err := errors.Join(err, inErr, outErr); err != nil {
		return nil, err
	}
	return &saved{stdin, stdout}, nil
}

// in keeps what the plugin is sent. What cannot be written is lost: the plugin goes on.
func (s *saved) in(raw []byte) {
	if s != nil {
		_, _ = s.stdin.Write(raw)
	}
}

// tee keeps what is read from r.
func (s *saved) tee(r io.Reader) io.Reader {
	if s == nil {
		return r
	}
	return io.TeeReader(r, s.stdout)
}

func (s *saved) endIn() {
	if s != nil {
		s.stdin.Close()
	}
}

func (s *saved) endOut() {
	if s != nil {
		s.stdout.Close()
	}
}
