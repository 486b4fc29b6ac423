package main

import (
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
)

type machineRow struct {
	Bench  string  `json:"bench"`
	CPUs   int     `json:"cpus"`
	Sign   float64 `json:"ecdsa_sign_us"`
	Verify float64 `json:"ecdsa_verify_us"`
	Sync   float64 `json:"append_and_sync_ms"`
}

// machine measures what bounds all other figures here: signatures on one core, and how long the disk
// takes to make 4 KiB durable. Figures of two machines compare by them at best.
func machine(r *run) {
	key, err := btcec.NewPrivateKey()
	if err != nil {
		r.Fatalf("make a key: %v", err)
	}
	digest := [32]byte{1}
	sig := ecdsa.Sign(key, digest[:])
	row := machineRow{Bench: r.name, CPUs: runtime.NumCPU()}
	row.Sign = microseconds(typical(func() { ecdsa.Sign(key, digest[:]) }))
	row.Verify = microseconds(typical(func() { sig.Verify(digest[:], key.PubKey()) }))

	f, err := os.Create(filepath.Join(r.TempDir(), "synced"))
	if err != nil {
		r.Fatalf("%v", err)
	}
	defer f.Close()
	page := make([]byte, 4<<10)
	row.Sync = milliseconds(typical(func() {
		if _, err := f.Write(page); err != nil {
			r.Fatalf("%v", err)
		}
		if err := syscall.Fdatasync(int(f.Fd())); err != nil {
			r.Fatalf("sync: %v", err)
		}
	}))
	r.row(row)
}

// typical is the median time of f over many calls.
func typical(f func()) time.Duration {
	const calls = 500
	each := make([]time.Duration, calls)
	for i := range each {
		start := time.Now()
		f()
		each[i] = time.Since(start)
	}
	return percentile(each, 50)
}

func microseconds(d time.Duration) float64 { return round(float64(d)/float64(time.Microsecond), 1) }
