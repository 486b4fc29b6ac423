package autoclean

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// pageSize is how many entries are read at once, so that neither lightningd nor we ever hold a whole list.
const pageSize = 500

// swept is what one sweep did.
type swept struct {
	Cleaned   uint64 `json:"cleaned" doc:"How many were deleted."`
	Uncleaned uint64 `json:"uncleaned" doc:"How many were not, because they are too new or still needed."`
}

// clean deletes the entries of a subsystem that are so many seconds old, one sweep at a time.
func (c *Cleaner) clean(ctx context.Context, s *subsystem, age uint64) (swept, error) {
	c.sweeping.Lock()
	defer c.sweeping.Unlock()
	var total swept
	if s.list == nil {
		return total, nil
	}
	filters := []string{""}
	if s.list.filters {
		filters = s.statuses
	}
	for _, status := range filters {
		for start := uint64(1); ; {
			page, err := c.read(ctx, s.list, status, start)
			if err != nil {
				return total, err
			}
			done, err := c.cleanPage(ctx, s, page, age)
			total.Cleaned, total.Uncleaned = total.Cleaned+done.Cleaned, total.Uncleaned+done.Uncleaned
			if err != nil {
				return total, err
			}
			if len(page) < pageSize {
				break
			}
			start = page[len(page)-1].CreatedIndex + 1
		}
	}
	return total, nil
}

// read reads a page of a list.
func (c *Cleaner) read(ctx context.Context, l *list, status string, start uint64) ([]entry, error) {
	params := object{"index": "created", "start": start, "limit": pageSize}
	if status != "" {
		params["status"] = status
	}
	var result map[string]json.RawMessage
	if err := c.config.Node.Call(ctx, l.command, params, &result); err != nil {
		return nil, err
	}
	var page []entry
	if err := json.Unmarshal(result[l.result], &page); err != nil {
		return nil, fmt.Errorf("result of %s: %w", l.command, err)
	}
	return page, nil
}

// cleanPage deletes what is old enough, and counts it, also where it cannot go on.
func (c *Cleaner) cleanPage(ctx context.Context, s *subsystem, page []entry, age uint64) (done swept, err error) {
	defer func() {
		if countErr := c.count(ctx, s.name, done.Cleaned); err == nil {
			err = countErr
		}
	}()
	for i := range page {
		e := &page[i]
		if !slices.Contains(s.statuses, e.Status) {
			continue
		}
		if !old(s.list.over(e), age, c.config.Now()) {
			done.Uncleaned++
			continue
		}
		switch err := c.remove(ctx, s.list, e); {
		case refused(err): // it changed meanwhile, or is needed
			c.config.Log("debug", "%s of %s stays: %v", s.list.command, s.name, err)
			done.Uncleaned++
		case err != nil:
			return done, err
		default:
			done.Cleaned++
		}
	}
	return done, nil
}

// old reports whether what was over at a time is so many seconds old.
func old(at float64, age uint64, now time.Time) bool {
	passed := float64(now.UnixMilli())/1000 - at
	return passed >= float64(age)
}

// remove deletes an entry, then leaves lightningd as long for its other work: it waits for its disk.
func (c *Cleaner) remove(ctx context.Context, l *list, e *entry) error {
	command, params := l.deletion(e)
	begun := c.config.Now()
	err := c.config.Node.Call(ctx, command, params, nil)
	if took := c.config.Now().Sub(begun); took > 0 {
		select {
		case <-c.config.After(took):
		case <-ctx.Done():
		}
	}
	return err
}

// countKey is where the datastore has how many entries of a subsystem were ever deleted.
func countKey(name string) []string { return []string{"autoclean", name, "num"} }

// cleaned is how many entries of a subsystem were ever deleted.
func (c *Cleaner) cleaned(ctx context.Context, name string) (uint64, error) {
	c.countsMu.Lock()
	defer c.countsMu.Unlock()
	if err := c.loadCounts(ctx); err != nil {
		return 0, err
	}
	return c.counts[name], nil
}

// count adds deletions, and stores the sum.
func (c *Cleaner) count(ctx context.Context, name string, more uint64) error {
	if more == 0 {
		return nil
	}
	c.countsMu.Lock()
	defer c.countsMu.Unlock()
	if err := c.loadCounts(ctx); err != nil {
		return err
	}
	c.counts[name] += more
	params := object{"key": countKey(name), "string": strconv.FormatUint(c.counts[name], 10), "mode": "create-or-replace"}
	if err := c.config.Node.Call(ctx, "datastore", params, nil); err != nil {
		return fmt.Errorf("store how many %s were cleaned: %w", name, err)
	}
	return nil
}

// loadCounts reads the counts the first time. One that is no number was not written by us, and counts as 0.
func (c *Cleaner) loadCounts(ctx context.Context) error {
	if c.counts != nil {
		return nil
	}
	counts := map[string]uint64{}
	for _, s := range subsystems {
		var found struct {
			Datastore []struct {
				String string `json:"string"`
			} `json:"datastore"`
		}
		if err := c.config.Node.Call(ctx, "listdatastore", object{"key": countKey(s.name)}, &found); err != nil {
			return fmt.Errorf("read how many %s were cleaned: %w", s.name, err)
		}
		for _, e := range found.Datastore {
			n, err := strconv.ParseUint(e.String, 10, 64)
			if err != nil {
				c.config.Log("unusual", "datastore key %q: %q is no count", countKey(s.name), e.String)
			}
			counts[s.name] = n
		}
	}
	c.counts = counts
	return nil
}
