// Package bookkeeper answers the commands bkpr-...: what the accounts of the node have, earned and cost.
//
// It holds nothing until the first command comes. Then it reads the movements of coins from lightningd, and with each
// further command those that came since; package books makes accounts of them. Some time after the last command it
// forgets all. Only descriptions that were edited are kept, in lightningd's datastore.
package bookkeeper

import (
	"context"
	"fmt"
	"time"

	"fulmen/plugins/bookkeeper/books"
)

// Caller calls a command of lightningd's.
type Caller interface {
	Call(ctx context.Context, method string, params, result any) error
}

// Config is what a Bookkeeper needs.
type Config struct {
	Node   Caller
	Coin   string // coin_type: the human-readable part of the chain's addresses
	Now    func() time.Time
	Zone   *time.Location // of the operator
	Folder string         // where files without a folder go
	Keep   time.Duration  // that the accounts are kept after the last command
	Freed  func()         // called when they are forgotten
}

// Bookkeeper runs one command at a time.
type Bookkeeper struct {
	config Config
	turn   chan struct{} // has an element while nobody has the rest
	ledger *ledger       // nil until the first command
	idle   *time.Timer   // forgets it
}

// New makes a Bookkeeper; Open gives it its node.
func New() *Bookkeeper {
	b := &Bookkeeper{turn: make(chan struct{}, 1)}
	b.turn <- struct{}{}
	return b
}

// Open takes what it needs.
func (b *Bookkeeper) Open(c Config) { b.config = c }

// with runs do with accounts that are up to date.
func (b *Bookkeeper) with(ctx context.Context, do func(*ledger) error) error {
	select {
	case <-b.turn:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { b.turn <- struct{}{} }()
	if b.idle != nil {
		b.idle.Stop()
	}
	if b.ledger == nil {
		b.ledger = newLedger()
	}
	defer b.forgetLater()
	if err := b.refresh(ctx); err != nil {
		b.ledger = nil // half of what it should be
		return fmt.Errorf("read the movements of coins: %w", err)
	}
	return do(b.ledger)
}

// forgetLater forgets the accounts some time after the last command: they may be large.
func (b *Bookkeeper) forgetLater() {
	b.idle = time.AfterFunc(b.config.Keep, func() {
		<-b.turn
		b.ledger = nil
		b.turn <- struct{}{}
		b.config.Freed()
	})
}

// ledger is the accounts, and what their events were for.
type ledger struct {
	books   books.Books
	deleted uint64 // how many movements in the chain were ever taken back, when they were read

	edits          map[string]map[string]string // descriptions that were edited, by kind and id; nil until they are read
	invoices, sent uint64                       // the last entries of listinvoices and listsendpays that were read
	invoiced, paid map[string]string            // their descriptions, by payment_hash
}

func newLedger() *ledger {
	return &ledger{invoiced: map[string]string{}, paid: map[string]string{}}
}
