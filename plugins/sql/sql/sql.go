// Package sql answers SQL queries over what the list commands say.
//
// Each list is a table (tables_gen.go), in a database in memory that is made when the first query comes. A query brings
// the tables that it reads up to date, and no other: by what was created and changed since the last time where the node
// counts that, by what came into gossip_store for the public network, and otherwise as a whole.
//
// The text of a query is not trusted. It runs on a connection that cannot write, SQLite's authorizer lets it read these
// tables and call a few functions (guard.go), and time, memory and the size of the result are bounded.
package sql

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"fulmen/internal/rpc"
)

// Caller calls a command of lightningd's.
type Caller interface {
	Do(ctx context.Context, c rpc.Call) (json.RawMessage, error)
}

// DefaultTime is how long a query may take.
const DefaultTime = 30 * time.Second

// Config is what a SQL needs.
type Config struct {
	Store string // path of gossip_store
	Node  Caller
	Now   func() time.Time
	Time  time.Duration // that a query may take, once its tables are up to date
	Keep  time.Duration // that tables are kept after the last query
	Freed func()        // called when they are dropped
}

// SQL runs one query at a time.
type SQL struct {
	config Config
	turn   chan struct{} // has an element while nobody has the rest
	db     *database     // nil until the first query
	state  map[*Table]*state
	gossip *follower
	idle   *time.Timer // drops the database
}

// New makes a SQL; Open gives it its node. Tables are made when the first query comes.
func New() *SQL {
	s := &SQL{turn: make(chan struct{}, 1)}
	s.turn <- struct{}{}
	return s
}

// Open takes what it needs.
func (s *SQL) Open(c Config) { s.config = c }

// take waits for the others.
func (s *SQL) take(ctx context.Context) error {
	select {
	case <-s.turn:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *SQL) give() { s.turn <- struct{}{} }

// open makes the tables, if there are none.
func (s *SQL) open() (err error) {
	if s.idle != nil {
		s.idle.Stop()
	}
	if s.db != nil {
		return nil
	}
	if s.db, err = openDatabase(); err != nil {
		return fmt.Errorf("make the tables: %w", err)
	}
	s.state, s.gossip = map[*Table]*state{}, &follower{path: s.config.Store}
	for _, t := range tables {
		s.state[t] = &state{}
	}
	return nil
}

// drop forgets all tables: after a failure they may be half of what they should be.
func (s *SQL) drop() error {
	if s.db == nil {
		return nil
	}
	err := s.db.close()
	s.gossip.close()
	s.db, s.state, s.gossip = nil, nil, nil
	return err
}

// dropLater forgets the tables some time after the last query: they may be large.
func (s *SQL) dropLater() {
	s.idle = time.AfterFunc(s.config.Keep, func() {
		<-s.turn
		defer s.give()
		if s.drop() == nil {
			s.config.Freed()
		}
	})
}

// Close drops the tables.
func (s *SQL) Close() error {
	<-s.turn
	defer s.give()
	if s.idle != nil {
		s.idle.Stop()
	}
	return s.drop()
}
