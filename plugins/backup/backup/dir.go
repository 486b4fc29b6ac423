package backup

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Dir is a copy in a folder.
type Dir struct {
	path string
	lock *os.File

	mu     sync.Mutex
	state  State
	number uint32 // of the newest generation
	begun  uint32 // version when it began
	writes *os.File
	enc    encoder
	broken error // the newest file may end within a transaction
}

// OpenDir opens or makes the folder, and reads what it has. What follows the last whole transaction is cut off.
func OpenDir(path string) (*Dir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("make the backup's folder: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(path, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the backup: %w", err)
	}
	d := &Dir{path: path, lock: lock}
	if err := takeLock(lock); err != nil {
		d.Close()
		return nil, fmt.Errorf("backup %s is in use by another process: %w", path, err)
	}
	if err := d.load(); err != nil {
		d.Close()
		return nil, fmt.Errorf("open backup %s: %w", path, err)
	}
	return d, nil
}

// lockPatience is for the process of a node that was killed: it ends when it finds that out.
const lockPatience = 3 * time.Second

func takeLock(f *os.File) (err error) {
	for end := time.Now().Add(lockPatience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err == nil {
			return nil
		}
	}
	return err
}

// load reads the files. What is damaged, or lacks something, is a copy that is not whole: a new generation
// will be begun.
func (d *Dir) load() error {
	list, err := generations(d.path)
	if err != nil || len(list) == 0 {
		return err
	}
	d.number = list[len(list)-1].number
	c, err := openChain(d.path)
	if c != nil {
		defer c.close()
	}
	if err == nil {
		err = c.rest()
	}
	switch {
	case errors.Is(err, ErrDamaged) || errors.Is(err, errNoSnapshot) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return nil
	case err != nil:
		return err
	}
	info, err := os.Stat(d.file(c.base, snapshotFile))
	if err != nil {
		return err
	}
	d.state = State{Whole: true, Version: c.version, SnapshotSize: info.Size(), WritesSize: c.size}
	d.enc.sum, d.begun = c.dec.wholeSum, c.begun
	return d.goOn(c.dec.whole)
}

// goOn opens the newest file to append to it.
func (d *Dir) goOn(length int64) (err error) {
	if d.writes, err = os.OpenFile(d.file(d.number, writesFile), os.O_WRONLY, 0); err != nil {
		return err
	}
	if err := d.writes.Truncate(length); err != nil {
		return err
	}
	_, err = d.writes.Seek(length, io.SeekStart)
	return err
}

func (d *Dir) file(number uint32, kind string) string {
	return filepath.Join(d.path, fileName(number, kind))
}

// State implements Copy.
func (d *Dir) State() (State, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state, nil
}

// Begin implements Copy.
func (d *Dir) Begin(version uint32) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var enc encoder
	first, err := enc.add(nil, typeHeader, header(kindWrites, version))
	if err != nil {
		return err
	}
	number := d.number + 1
	f, err := os.OpenFile(d.file(number, writesFile), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("begin a generation of the backup: %w", err)
	}
	if _, err = f.Write(first); err == nil {
		err = errors.Join(f.Sync(), syncDir(d.path))
	}
	if err != nil {
		f.Close()
		return fmt.Errorf("begin a generation of the backup: %w", errors.Join(err, os.Remove(f.Name())))
	}
	if missed := ahead(version, d.state.Version); missed != 0 && missed != -1 {
		d.state.Whole = false // until there is a snapshot of this version
	}
	if d.writes != nil {
		d.writes.Close()
	}
	d.writes, d.enc, d.number, d.begun, d.broken = f, enc, number, version, nil
	d.state.Version = version
	d.state.WritesSize += int64(len(first))
	return nil
}

// Append implements Copy.
func (d *Dir) Append(version uint32, writes []string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.writes == nil {
		return errors.New("append to the backup: no generation was begun")
	}
	if d.broken != nil {
		return d.broken
	}
	if step := ahead(version, d.state.Version); step != 1 && (step != 0 || version == d.begun) {
		return fmt.Errorf("append to the backup: version %d does not follow version %d", version, d.state.Version)
	}
	raw, err := d.enc.addTransaction(nil, transaction{version, writes})
	if err == nil {
		_, err = d.writes.Write(raw)
	}
	if err == nil {
		err = d.writes.Sync()
	}
	if err != nil {
		d.broken = fmt.Errorf("append version %d to the backup: %w", version, err)
		return d.broken
	}
	d.state.Version = version
	d.state.WritesSize += int64(len(raw))
	return nil
}

// dropBefore deletes the generations before one.
func (d *Dir) dropBefore(number uint32) error {
	list, err := generations(d.path)
	for _, g := range list {
		if g.number >= number {
			break
		}
		for _, kind := range []string{snapshotFile, partFile, writesFile} {
			if removeErr := os.Remove(d.file(g.number, kind)); !errors.Is(removeErr, os.ErrNotExist) {
				err = errors.Join(err, removeErr)
			}
		}
	}
	return err
}

// Close implements Copy.
func (d *Dir) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.writes != nil {
		d.writes.Close() // each transaction was synced
	}
	return d.lock.Close()
}

func syncDir(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
