package store

import (
	"bytes"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/chain"
	"fulmen/internal/invoices"
	"fulmen/internal/keys"
	"fulmen/internal/payments"
	"fulmen/internal/wire"
)

func open(t *testing.T) *DB {
	t.Helper()
	d, err := Open(filepath.Join(t.TempDir(), "db.sqlite3"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestOpenRefusesWhatIsNotADatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db.sqlite3")
	must(t, os.WriteFile(path, []byte("my shopping list"), 0o600))
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Fatalf("want an error that names the file, got %v", err)
	}
	if b, _ := os.ReadFile(path); string(b) != "my shopping list" {
		t.Fatalf("the file was changed to %q", b)
	}
}

func TestOpenRefusesDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db.sqlite3")
	d, err := Open(path)
	must(t, err)
	must(t, d.Close())
	b, err := os.ReadFile(path)
	must(t, err)
	for i := 100; i < 4096; i++ {
		b[i] = 0xff
	}
	must(t, os.WriteFile(path, b, 0o600))
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Fatalf("want an error that names the file, got %v", err)
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(after, b) {
		t.Fatal("the damaged file was written to")
	}
}

func TestOpenRefusesNewerSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db.sqlite3")
	d, err := Open(path)
	must(t, err)
	must(t, d.Close())
	raw, err := sql.Open("sqlite3", path)
	must(t, err)
	_, err = raw.Exec("PRAGMA user_version = 999")
	must(t, err)
	must(t, raw.Close())
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "999") {
		t.Fatalf("want an error that names the version, got %v", err)
	}
}

func TestWaitingUnitsShareOneCommit(t *testing.T) {
	d := open(t)
	// The first unit holds the writer until all others are queued.
	release := make(chan struct{})
	d.Submit(func(*Tx) error { <-release; return nil }, func(error) {})
	for d.writer.queued() > 0 {
	}
	before := d.Stats().Commits
	const units = 50
	var done sync.WaitGroup
	var order []int
	for i := range units {
		done.Add(1)
		d.Submit(func(tx *Tx) error {
			if i == 7 {
				return errors.New("no")
			}
			_, err := tx.next("test")
			return err
		}, func(err error) {
			if (err != nil) != (i == 7) {
				t.Errorf("unit %d: %v", i, err)
			}
			order = append(order, i)
			done.Done()
		})
	}
	close(release)
	done.Wait()
	if got := d.Stats().Commits - before; got != 2 {
		t.Errorf("%d commits for the first unit and %d that waited, want 2", got, units)
	}
	for i := range order {
		if order[i] != i {
			t.Fatalf("done out of order: %v", order)
		}
	}
	if n, err := d.Counter("test"); err != nil || n != units-1 {
		t.Errorf("counter is %d, %v; want %d: the failed unit is undone alone", n, err, units-1)
	}
}

// queued is the number of units that no transaction has taken yet.
func (w *writer) queued() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.queue)
}

func TestInvoices(t *testing.T) {
	d := open(t)
	now := time.Unix(1000, 0)
	inv := &invoices.Invoice{Label: "a", Bolt11: "lnbcrt1", Description: "d", PaymentHash: invoices.Hash{1},
		Preimage: [32]byte{2}, PaymentSecret: [32]byte{3}, Amount: 5, MinFinalCLTV: 18, ExpiresAt: now.Add(time.Hour), Status: invoices.Unpaid}
	late := &invoices.Invoice{Label: "b", PaymentHash: invoices.Hash{4}, ExpiresAt: now.Add(time.Minute), Status: invoices.Unpaid}
	must(t, d.Update(func(tx *Tx) error { return errors.Join(tx.CreateInvoice(inv), tx.CreateInvoice(late)) }))
	got, err := d.InvoiceByHash(inv.PaymentHash)
	must(t, err)
	if *got != *inv {
		t.Fatalf("read %+v, wrote %+v", got, inv)
	}
	if next, err := d.NextExpiry(); err != nil || next != late.ExpiresAt {
		t.Fatalf("next expiry %v, %v", next, err)
	}
	take := invoices.Take{Invoice: inv, Received: 5, Parts: []invoices.Part{{Key: invoices.Key{Channel: 1, HTLC: 9}, Amount: 5}}}
	must(t, d.Update(func(tx *Tx) error { return tx.PayInvoice(take, now) }))
	if paid, err := d.NextPaidInvoice(0); err != nil || *paid != *inv || paid.PayIndex != 1 {
		t.Fatalf("paid %+v, %v", paid, err)
	}
	if p, err := d.HTLCTaken(invoices.Key{Channel: 1, HTLC: 9}); err != nil || p != inv.Preimage {
		t.Fatalf("taken with %x, %v", p, err)
	}
	if err := d.Update(func(tx *Tx) error { return tx.PayInvoice(take, now) }); !errors.Is(err, ErrNotFound) {
		t.Fatalf("paid twice: %v", err)
	}
	must(t, d.Update(func(tx *Tx) error { _, err := tx.ExpireInvoices(now.Add(2 * time.Hour)); return err }))
	list, err := d.Invoices(Page{Updated: true, Start: 1, Limit: 5})
	must(t, err)
	if len(list) != 2 || list[0].Label != "a" || list[1].Status != invoices.Expired {
		t.Fatalf("by update: %+v", list)
	}
	must(t, d.Update(func(tx *Tx) error { return tx.PayInvoice(invoices.Take{Invoice: late, Received: 1}, now) }))
	if got, err = d.InvoiceByHash(late.PaymentHash); err != nil || got.Status != invoices.Paid {
		t.Fatalf("paid after it expired: %+v, %v", got, err)
	}
	if list, err = d.Invoices(Page{Start: 2}); err != nil || len(list) != 1 || list[0].Label != "b" {
		t.Fatalf("page from 2: %v, %v", list, err)
	}
}

func TestParts(t *testing.T) {
	d := open(t)
	p := &payments.Part{ID: payments.ID{PaymentHash: payments.Hash{1}, Group: 1, Part: 2}, Status: payments.Pending,
		Destination: keys.PubKey{2}, Amount: 1000, Sent: 1001, Total: 3000, CreatedAt: time.Unix(5, 0), Label: "l",
		Route: []payments.Hop{{NodeID: keys.PubKey{2}, ShortChannelID: 77, Amount: 1000, CLTVExpiry: 9, SharedSecret: keys.Secret{8}}}}
	must(t, d.Update(func(tx *Tx) error { return tx.CreatePart(p) }))
	must(t, d.Update(func(tx *Tx) error { return tx.CommitPart(p.CreatedIndex, 3, 4) }))
	pending, err := d.PendingParts()
	must(t, err)
	if len(pending) != 1 || pending[0].Channel != 3 || pending[0].HTLC != 4 || pending[0].Route[0] != p.Route[0] {
		t.Fatalf("pending: %+v", pending)
	}
	p.Status, p.CompletedAt, p.Failure = payments.Failed, time.Unix(6, 0), &payments.Failure{Code: 204, Raw: []byte{1}}
	must(t, d.Update(func(tx *Tx) error { return tx.EndPart(p) }))
	list, err := d.PartsByHash(p.PaymentHash)
	must(t, err)
	if len(list) != 1 || list[0].Failure.Code != 204 || list[0].UpdatedIndex != 1 {
		t.Fatalf("after failure: %+v", list[0])
	}
	again := *p
	again.Status, again.CompletedAt, again.Failure = payments.Pending, time.Time{}, nil
	must(t, d.Update(func(tx *Tx) error { return tx.CreatePart(&again) }))
	if list, err = d.PartsByHash(p.PaymentHash); err != nil || len(list) != 1 || list[0].CreatedIndex == p.CreatedIndex {
		t.Fatalf("a new try replaces the failed part: %v, %v", list, err)
	}
	if err := d.Update(func(tx *Tx) error { return tx.CreatePart(&again) }); err == nil {
		t.Fatal("stored a pending part twice")
	}
}

func TestChannels(t *testing.T) {
	d := open(t)
	var id uint64
	must(t, d.Update(func(tx *Tx) (err error) { id, err = tx.NextChannelID(); return err }))
	c := &Channel{ID: id, PeerID: keys.PubKey{2}, ChannelID: wire.ChannelID{3}, State: AwaitingLockin, Opener: "local",
		FundingSats: 100_000, Setup: []byte{1}, ChannelType: []byte{2}, AliasLocal: 1 << 63, Policy: Policy{HTLCMax: amount.Msat(9)},
		FundingPSBT: "unsigned", Withheld: true}
	tally := Tally{LocalRevoked: 1, RemoteSigned: 2, ToUs: 3, MinToUs: 4, MaxToUs: 5, NextIn: 6, InOffered: Count{7, 8},
		InFulfilled: Count{9, 10}, OutOffered: Count{11, 12}, OutFulfilled: Count{13, 14}}
	must(t, d.Update(func(tx *Tx) error {
		return errors.Join(tx.CreateChannel(c), tx.AppendChannelLog(id, 0, true, []byte("s0"), &Tally{}), tx.AppendChannelLog(id, 1, false, []byte("r1"), &tally))
	}))
	if got, err := d.LoadTally(id); err != nil || *got != tally {
		t.Fatalf("tally %+v, %v; want %+v", got, err, tally)
	}
	log, err := d.LoadChannelLog(id)
	must(t, err)
	if string(log.Snapshot) != "s0" || len(log.Records) != 1 || log.Next != 2 {
		t.Fatalf("log %+v", log)
	}
	must(t, d.Update(func(tx *Tx) error { return tx.AppendChannelLog(id, 2, true, []byte("s2"), &tally) }))
	if log, err = d.LoadChannelLog(id); err != nil || string(log.Snapshot) != "s2" || len(log.Records) != 0 || log.Next != 3 {
		t.Fatalf("log after the snapshot %+v, %v", log, err)
	}
	if list, err := d.OpenChannels(); err != nil || len(list) != 1 || list[0].FundingPSBT != "unsigned" || !list[0].Withheld {
		t.Fatalf("new channel: %+v, %v", list, err)
	}
	c.ShortChannelID, c.LastStable, c.FundingPSBT, c.Withheld = 5, time.Unix(7, 0), "signed", false
	must(t, d.Update(func(tx *Tx) error {
		return errors.Join(tx.SaveChannel(c), tx.ChangeState(id, StateChange{At: time.UnixMilli(5), Old: AwaitingLockin, New: Normal, Cause: "protocol"}))
	}))
	list, err := d.OpenChannels()
	must(t, err)
	if len(list) != 1 || list[0].State != Normal || list[0].ShortChannelID != 5 || list[0].AliasLocal != c.AliasLocal || list[0].LastStable != c.LastStable ||
		list[0].FundingPSBT != "signed" || list[0].Withheld {
		t.Fatalf("open channels: %+v", list[0])
	}
	if changes, err := d.StateChanges(id); err != nil || len(changes) != 1 || changes[0].New != Normal {
		t.Fatalf("state changes: %+v, %v", changes, err)
	}
	if _, err := d.LoadChannelLog(99); !errors.Is(err, ErrNotFound) {
		t.Fatalf("log of no channel: %v", err)
	}
}

func TestBindRefusesAnotherNode(t *testing.T) {
	d := open(t)
	must(t, d.Bind("node_id", []byte{1}))
	must(t, d.Bind("node_id", []byte{1}))
	if err := d.Bind("node_id", []byte{2}); err == nil || !strings.Contains(err.Error(), "node_id") {
		t.Fatalf("bound to two nodes: %v", err)
	}
}

func TestBlocks(t *testing.T) {
	d := open(t)
	for h := range block.Height(3) {
		must(t, d.Update(func(tx *Tx) error { return tx.ConnectBlock(chain.BlockID{Height: h, Hash: chainhash.Hash{byte(h)}}) }))
	}
	must(t, d.Update(func(tx *Tx) error { return tx.DisconnectBlock(chain.BlockID{Height: 2, Hash: chainhash.Hash{2}}) }))
	recent, err := d.RecentBlocks(10)
	must(t, err)
	if len(recent) != 2 || recent[1].Height != 1 || recent[1].Hash[0] != 1 {
		t.Fatalf("recent blocks: %v", recent)
	}
	if err := d.Update(func(tx *Tx) error { return tx.DisconnectBlock(chain.BlockID{Height: 2}) }); err == nil {
		t.Fatal("took back a block that is not there")
	}
}
