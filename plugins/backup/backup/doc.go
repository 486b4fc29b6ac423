// Package backup keeps a second copy of lightningd's database: a snapshot, and every transaction since, each on
// the other disk before lightningd commits it.
//
// A copy is a folder. Generation 7 of it is 00000007.snapshot, the database as it was when the generation began,
// and 00000007.writes, the transactions since. A new generation begins where transactions were missed, or
// when the writes outgrow the snapshot: its writes are followed at once, its snapshot is copied meanwhile, and
// what is older is deleted when the snapshot is whole. So at each moment the newest snapshot and all writes from
// its generation on give the database.
//
// Both files are records (record.go). A record's checksum covers all records before it: none can be changed,
// left out or exchanged unnoticed. A file that ends within a record ends with the last whole
// transaction; lightningd did not commit the one that was cut off.
package backup

import "errors"

// Copy is where the second copy goes: a folder, or a receiver on another host.
type Copy interface {
	// State is what the copy has.
	State() (State, error)
	// Begin begins a generation: what is appended from now on follows this data_version.
	Begin(version uint32) error
	// Append adds a transaction; it is on the disk when Append returns.
	Append(version uint32, writes []string) error
	// Snapshot stores the database as it was when the newest generation began, and drops the older ones.
	// Append may be called meanwhile.
	Snapshot(file string) error
	Close() error
}

// State is what a copy has.
type State struct {
	Whole   bool   // it can be restored: there is a snapshot, and all writes since
	Version uint32 // data_version of the last transaction
	// Sizes in bytes, of the newest snapshot and of all writes since.
	SnapshotSize, WritesSize int64
}

// ErrDamaged is a checksum that is wrong.
var ErrDamaged = errors.New("damaged")

// ahead is how many transactions a is after b. data_version wraps around.
func ahead(a, b uint32) int32 { return int32(a - b) }
