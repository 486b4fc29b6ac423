package store

import "errors"

// Subsystem is a list whose changes are counted.
type Subsystem string

// The subsystems, by the names that `wait` has for them.
const (
	Invoices     Subsystem = "invoices"
	SendPays     Subsystem = "sendpays"
	Forwards     Subsystem = "forwards"
	ChainMoves   Subsystem = "chainmoves"
	ChannelMoves Subsystem = "channelmoves"
)

// subsystem is where the counts are.
type subsystem struct {
	table            string // its created_index counts creations
	updated, deleted string // variables
}

var subsystems = map[Subsystem]subsystem{
	Invoices:     {"invoices", "invoice_updated_index", "invoice_deleted_index"},
	SendPays:     {"sendpays", "sendpay_updated_index", "sendpay_deleted_index"},
	Forwards:     {"forwards", "forward_updated_index", "forward_deleted_index"},
	ChainMoves:   {"chain_moves", "chainmove_updated_index", "chainmove_deleted_index"},
	ChannelMoves: {"channel_moves", "channelmove_updated_index", "channelmove_deleted_index"},
}

// The names of the indexes of a subsystem.
const (
	IndexCreated = "created"
	IndexUpdated = "updated"
	IndexDeleted = "deleted"
)

// Index is how many creations, changes or deletions there were.
func (d *DB) Index(s Subsystem, name string) (uint64, error) {
	switch of := subsystems[s]; name {
	case IndexUpdated:
		return d.Counter(of.updated)
	case IndexDeleted:
		return d.Counter(of.deleted)
	default:
		var value uint64
		err := d.queryRow("SELECT seq FROM sqlite_sequence WHERE name = ?", []any{of.table}, &value)
		if errors.Is(err, ErrNotFound) {
			err = nil // nothing was ever created
		}
		return value, err
	}
}

// News returns a channel that is closed when something was committed after the call.
func (d *DB) News() <-chan struct{} {
	w := d.writer
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.news == nil {
		w.news = make(chan struct{})
	}
	return w.news
}

// remove deletes rows of a subsystem, and counts them.
func (t *Tx) remove(s Subsystem, query string, args ...any) (int64, error) {
	r, err := t.execResult(query, args...)
	if err != nil {
		return 0, err
	}
	n, err := r.RowsAffected()
	if err == nil && n > 0 {
		err = t.count(subsystems[s].deleted, uint64(n))
	}
	return n, err
}

// removeSome does, and not to find any is ErrNotFound.
func (t *Tx) removeSome(s Subsystem, query string, args ...any) error {
	n, err := t.remove(s, query, args...)
	if err == nil && n == 0 {
		err = ErrNotFound
	}
	return err
}
