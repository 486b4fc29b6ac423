package backup

import (
	"errors"
	"fmt"
	"sync"
)

// Keeper keeps a copy of a database up to date.
type Keeper struct {
	source *Source
	to     Copy
	log    func(level, format string, args ...any)
	// fail is called when the copy cannot be completed: the node must not go on as if there were one.
	fail func(error)
	// limit is how many bytes of writes are kept at least before they are compacted.
	limit int64

	mu      sync.Mutex
	version uint32 // of the last transaction in the copy
	state   State  // as of the last answer
	copying bool
	copies  sync.WaitGroup
}

// Config is what a Keeper needs.
type Config struct {
	Source *Source
	To     Copy
	Log    func(level, format string, args ...any)
	Fail   func(error)
	Limit  int64 // 0: DefaultLimit
}

// DefaultLimit is how many bytes of writes are always kept before they are compacted.
const DefaultLimit = 16 << 20

// NewKeeper compares the copy with the database, which nobody writes into now, and begins a new generation
// where they do not fit.
func NewKeeper(c Config) (*Keeper, error) {
	k := &Keeper{source: c.Source, to: c.To, log: c.Log, fail: c.Fail, limit: c.Limit}
	if k.limit == 0 {
		k.limit = DefaultLimit
	}
	var err error
	if k.state, err = c.To.State(); err != nil {
		return nil, err
	}
	now, err := c.Source.Read()
	if err != nil {
		return nil, err
	}
	k.version = k.state.Version
	switch step := ahead(k.state.Version, now.Version); {
	case k.state.Whole && (step == 0 || step == 1): // 1: lightningd ended before it committed the last
		now.Close()
		k.log("info", "the second copy of the database is whole, up to version %d", k.state.Version)
		return k, nil
	case k.state.Whole && step > 1:
		now.Close()
		return nil, fmt.Errorf("the database is of version %d, its backup of %d: an old state of this node must not go back to work. "+
			"Restore the database from the backup; or, if the backup is of another node, choose another place", now.Version, k.state.Version)
	}
	return k, k.renew(now)
}

// renew begins a generation with the database as it was read.
func (k *Keeper) renew(now *Reading) error {
	if err := k.to.Begin(now.Version); err != nil {
		now.Close()
		return err
	}
	k.version = now.Version
	k.copying = true
	k.copies.Go(func() {
		err := k.copy(now)
		k.mu.Lock()
		defer k.mu.Unlock()
		k.copying = false
		if err == nil {
			k.state, err = k.to.State()
		}
		if err != nil {
			k.fail(fmt.Errorf("copy the database: %w", err))
			return
		}
		k.log("info", "the second copy of the database is whole, from version %d on", now.Version)
	})
	return nil
}

func (k *Keeper) copy(now *Reading) error {
	path, err := now.Copy()
	now.Close()
	if err != nil {
		return err
	}
	return errors.Join(k.to.Snapshot(path), removeCopy(path))
}

// Write adds a transaction that lightningd is about to commit.
func (k *Keeper) Write(version uint32, writes []string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	step := ahead(version, k.version)
	switch {
	case step < 0:
		return fmt.Errorf("the database goes on with version %d, its backup is of version %d already", version, k.version)
	case step > 1:
		k.log("unusual", "%d transactions are missing in the second copy of the database: it is made anew", step-1)
		fallthrough
	case !k.copying && k.state.WritesSize > max(k.limit, 2*k.state.SnapshotSize):
		if k.copying {
			return fmt.Errorf("version %d follows version %d while the database is copied", version, k.version)
		}
		now, err := k.source.Read()
		if err == nil && now.Version != version-1 {
			now.Close()
			err = fmt.Errorf("the database is of version %d before transaction %d: is it another database?", now.Version, version)
		}
		if err == nil {
			err = k.renew(now)
		}
		if err != nil {
			return err
		}
	}
	if err := k.to.Append(version, writes); err != nil {
		return err
	}
	k.version = version
	for _, s := range writes {
		k.state.WritesSize += int64(len(s)) + headSize + sumSize
	}
	return nil
}

// Close waits for what is being copied.
func (k *Keeper) Close() error {
	k.copies.Wait()
	return k.to.Close()
}
