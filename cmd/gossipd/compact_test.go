package main

import (
	"os"
	"path/filepath"
	"testing"

	"fulmen/internal/gossipstore"
	"fulmen/internal/ipc/gossipdmsg"
)

// TestCompactsWhileRunning: a store that is mostly deleted is copied into the file that lightningd
// gives, and ends once that has its name.
func TestCompactsWhileRunning(t *testing.T) {
	dir := t.TempDir()
	path, second := filepath.Join(dir, "gossip_store"), filepath.Join(dir, "second")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w, err := gossipstore.Create(f, gossipstore.UUID{1})
	if err != nil {
		t.Fatal(err)
	}
	for range 40 { // of a type that nobody knows
		if _, err := w.Append(gossipstore.Deleted, 0, make([]byte, 60_000)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	reader, err := gossipstore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()

	s := startWith(t, path)
	if _, ok := s.report(t).(*gossipdmsg.NewStore); !ok {
		t.Fatal("it does not ask for a file")
	}
	into, err := os.Create(second)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.child.Send(&gossipdmsg.StoreFile{StoreID: gossipstore.UUID{2}}, into); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.report(t).(*gossipdmsg.UseStore); !ok {
		t.Fatal("it does not have the file used")
	}
	if err := os.Rename(second, path); err != nil {
		t.Fatal(err)
	}
	if err := s.child.Send(&gossipdmsg.StoreUsed{Done: true}); err != nil {
		t.Fatal(err)
	}
	// One thing after the other: what is asked now is answered when that is done.
	if _, err := s.child.Request(t.Context(), &gossipdmsg.FindNode{ID: bob}, new(gossipdmsg.FindNodeReply)); err != nil {
		t.Fatal(err)
	}
	s.stop(t)
	for err = nil; err == nil; {
		_, err = reader.Next()
	}
	if err != gossipstore.ErrReplaced || !reader.Resume() {
		t.Errorf("who follows the store: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() > 1000 {
		t.Errorf("the store has %d bytes, %v", info.Size(), err)
	}
}
