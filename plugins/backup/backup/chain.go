package backup

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// fileName is the name of a generation's file; kind is snapshot or writes.
func fileName(number uint32, kind string) string { return fmt.Sprintf("%08d.%s", number, kind) }

// Suffixes of files.
const (
	snapshotFile = "snapshot"
	writesFile   = "writes"
	partFile     = "snapshot.part" // not whole yet
)

// generation is what a folder has of one.
type generation struct {
	number      uint32
	hasSnapshot bool
}

// generations lists those with writes, in their order.
func generations(dir string) ([]generation, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*."+writesFile))
	if err != nil {
		return nil, err
	}
	var list []generation
	for _, name := range names {
		var g generation
		if _, err := fmt.Sscanf(filepath.Base(name), "%d.", &g.number); err != nil || filepath.Base(name) != fileName(g.number, writesFile) {
			continue // not ours
		}
		_, err := os.Stat(filepath.Join(dir, fileName(g.number, snapshotFile)))
		g.hasSnapshot = err == nil
		list = append(list, g)
	}
	slices.SortFunc(list, func(a, b generation) int { return int(int64(a.number) - int64(b.number)) })
	return list, nil
}

// chain reads the writes from the newest snapshot on, as they followed each other.
type chain struct {
	dir  string
	list []generation // that are still to be read, after the one that file is of
	base uint32       // the generation with the snapshot

	file    *os.File
	dec     *decoder
	version uint32 // of the last transaction, or of the snapshot
	begun   uint32 // version when this generation began
	size    int64  // of the files that were read to their end
	torn    bool   // the newest ends within a transaction
}

// openChain begins at the newest snapshot.
func openChain(dir string) (*chain, error) {
	list, err := generations(dir)
	if err != nil {
		return nil, err
	}
	for i, g := range slices.Backward(list) {
		if g.hasSnapshot {
			c := &chain{dir: dir, list: list[i:], base: g.number}
			return c, c.open()
		}
	}
	return nil, errNoSnapshot
}

var errNoSnapshot = errors.New("there is no whole snapshot")

// open goes on to the next file.
func (c *chain) open() (err error) {
	name := fileName(c.list[0].number, writesFile)
	first := c.file == nil
	c.close()
	if c.file, err = os.Open(filepath.Join(c.dir, name)); err != nil {
		return err
	}
	if c.dec, c.begun, err = newDecoder(c.file, kindWrites); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	// lightningd may not have committed the last that it told us of.
	if missed := ahead(c.begun, c.version); !first && missed != 0 && missed != -1 {
		return fmt.Errorf("%s begins at version %d, what was before it ends at %d: %w", name, c.begun, c.version, ErrDamaged)
	}
	c.list = c.list[1:]
	c.version = c.begun
	return nil
}

// next is the next transaction: its version is one higher than that of the one before, or the same, and then it
// is in the place of that one, which was not committed. io.EOF after the last.
func (c *chain) next() (transaction, error) {
	for {
		t, err := c.dec.transaction()
		if err == nil {
			if step := ahead(t.version, c.version); step != 1 && (step != 0 || t.version == c.begun) {
				return t, fmt.Errorf("version %d follows version %d: %w", t.version, c.version, ErrDamaged)
			}
			c.version = t.version
			return t, nil
		}
		torn := errors.Is(err, io.ErrUnexpectedEOF)
		if err != io.EOF && !torn {
			return t, fmt.Errorf("%s: %w", filepath.Base(c.file.Name()), err)
		}
		c.size += c.dec.whole
		if len(c.list) == 0 {
			c.torn = torn
			return t, io.EOF
		}
		if err := c.open(); err != nil {
			return t, err
		}
	}
}

// rest reads to the end.
func (c *chain) rest() error {
	for {
		if _, err := c.next(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func (c *chain) close() {
	if c.file != nil {
		c.file.Close()
	}
}
