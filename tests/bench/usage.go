package main

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"time"

	"fulmen/tests/harness"
	"fulmen/tests/proc"
)

// usage is what the two nodes have used.
type usage struct {
	cpu          time.Duration // of all processes of both
	payer, payee disk
}

// disk is what one node did to its disk.
type disk struct {
	commits float64 // of its database, each of them one sync
	written float64 // bytes, by all its processes
}

func (p *pair) usage() usage {
	p.Helper()
	var u usage
	for _, node := range []struct {
		*harness.Node
		*disk
	}{{p.payer, &u.payer}, {p.payee, &u.payee}} {
		for _, process := range p.processes(node.Node) {
			cpu, err := process.CPU()
			if err != nil {
				p.Fatalf("%s: %v", process.Title, err)
			}
			written, err := process.Written()
			if err != nil {
				p.Fatalf("%s: %v", process.Title, err)
			}
			u.cpu += cpu
			node.written += float64(written)
		}
		node.commits = float64(p.commits(node.Node))
	}
	return u
}

func (r *run) processes(n *harness.Node) []proc.Process {
	r.Helper()
	list, err := proc.Tree(n.Pid())
	if err != nil || len(list) == 0 {
		r.Fatalf("processes of %s: %d, %v", n.Name, len(list), err)
	}
	return list
}

// commits counts the transactions of a node's database: SQLite counts them, modulo 2^32, at byte 8
// of the index of its write-ahead log (sqlite.org/walformat.html, The WAL-Index File Format).
func (p *pair) commits(n *harness.Node) uint32 {
	p.Helper()
	const at, size = 8, 4
	index, err := os.ReadFile(filepath.Join(n.Dir, "regtest", "lightningd.sqlite3-shm"))
	if err != nil {
		p.Fatalf("%v", err)
	}
	if len(index) < at+size {
		p.Fatalf("index of the write-ahead log of %s: %d bytes", n.Name, len(index))
	}
	return binary.NativeEndian.Uint32(index[at:])
}

func (u usage) minus(o usage) usage {
	return usage{u.cpu - o.cpu, u.payer.minus(o.payer), u.payee.minus(o.payee)}
}

func (u usage) per(n int) usage {
	return usage{u.cpu / time.Duration(n), u.payer.per(n), u.payee.per(n)}
}

func (d disk) minus(o disk) disk { return disk{d.commits - o.commits, d.written - o.written} }

func (d disk) per(n int) disk { return disk{d.commits / float64(n), d.written / float64(n)} }

// costRow is what one payment cost.
type costRow struct {
	Bench        string  `json:"bench"`
	InFlight     int     `json:"in_flight"`
	CPU          float64 `json:"cpu_ms"` // both nodes
	PayerCommits float64 `json:"payer_commits"`
	PayeeCommits float64 `json:"payee_commits"`
	PayerWritten float64 `json:"payer_written_kb"`
	PayeeWritten float64 `json:"payee_written_kb"`
}

func (m *paid) costRow(bench string) costRow {
	const kb = 1 << 10
	return costRow{
		Bench: bench + "_cost", InFlight: m.inFlight, CPU: milliseconds(m.cost.cpu),
		PayerCommits: round(m.cost.payer.commits, 3), PayeeCommits: round(m.cost.payee.commits, 3),
		PayerWritten: round(m.cost.payer.written/kb, 2), PayeeWritten: round(m.cost.payee.written/kb, 2),
	}
}
