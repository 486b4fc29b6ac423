// Package secretfile opens and makes the file hsm_secret: mode 0400, never overwritten, on disk
// with its name before anyone relies on it. It does not know what is inside, so that lightningd can
// open the file for hsmd without ever reading it.
package secretfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// ErrExists means that the final name is taken.
var ErrExists = errors.New("already exists, and is never overwritten")

// Open opens an existing file for reading. Its error wraps fs.ErrNotExist if there is none.
func Open(path string) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err // os names the operation and the path
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file but %s", path, info.Mode().Type())
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// New is a file that does not have its final name yet.
type New struct {
	file *os.File
	path string
}

// Begin makes an empty file beside path.
func Begin(path string) (*New, error) {
	if _, err := os.Lstat(path); err == nil {
		return nil, fmt.Errorf("%s %w", path, ErrExists)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	// CreateTemp opens with O_EXCL, so nobody else has this file.
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".new-*")
	if err != nil {
		return nil, err
	}
	n := &New{file: f, path: path}
	if err := f.Chmod(0o400); err != nil {
		n.Abandon()
		return nil, err
	}
	return n, nil
}

// File is open for reading and writing; it stays open until Commit or Abandon.
func (n *New) File() *os.File { return n.file }

// Dup is a second descriptor of File, to hand to another process.
func (n *New) Dup() (*os.File, error) {
	fd, err := unix.FcntlInt(n.file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("dup %s: %w", n.file.Name(), err)
	}
	return os.NewFile(uintptr(fd), n.file.Name()), nil
}

// Commit gives the file its name, unless that is taken by now, and returns when both the content
// and the name are on disk.
func (n *New) Commit() error {
	defer n.Abandon() // removes the first name; the content stays under the second
	if err := n.file.Sync(); err != nil {
		return err
	}
	if err := os.Link(n.file.Name(), n.path); errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s %w", n.path, ErrExists)
	} else if err != nil {
		return err
	}
	return syncDir(filepath.Dir(n.path))
}

// Abandon removes a file that was not committed.
func (n *New) Abandon() {
	os.Remove(n.file.Name())
	n.file.Close()
}

// Create makes the file with its content.
func Create(path string, content []byte) error {
	n, err := Begin(path)
	if err != nil {
		return err
	}
	if _, err := n.File().Write(content); err != nil {
		n.Abandon()
		return err
	}
	return n.Commit()
}

// syncDir makes a new name durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
