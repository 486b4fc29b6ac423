package logs

import (
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// ringBytes is how much getlog remembers.
const ringBytes = 2 << 20

// entryOverhead is what an entry takes beside its texts, about.
const entryOverhead = 128

// ring keeps the latest records.
type ring struct {
	created time.Time
	max     int
	used    int
	entries []entry // the oldest first
	pruned  int     // records that are gone
}

func (e *entry) size() int {
	return entryOverhead + len(e.source) + len(e.nodeID) + len(e.text) + len(e.data)
}

// add forgets the oldest where there is no room. Appending moves what is left to a new array now and then,
// which frees what was forgotten.
func (r *ring) add(e entry) {
	r.entries = append(r.entries, e)
	r.used += e.size()
	for r.used > r.max && len(r.entries) > 1 {
		r.used -= r.entries[0].size()
		r.entries[0] = entry{}
		r.entries = r.entries[1:]
		r.pruned++
	}
}

// Recent is the result of getlog.
type Recent struct {
	CreatedAt string  `json:"created_at" doc:"UNIX time at which logging began, with nine decimal places."`
	BytesUsed uint32  `json:"bytes_used" doc:"What the records take."`
	BytesMax  uint32  `json:"bytes_max" doc:"What they may take until the oldest are dropped."`
	Log       []Entry `json:"log" doc:"The records, the oldest first."`
}

// Entry is one record, or a number of them that are left out.
type Entry struct {
	Type       string `json:"type" doc:"The level, or SKIPPED."`
	NumSkipped uint32 `json:"num_skipped,omitempty" doc:"How many records are left out here, of SKIPPED."`
	Time       string `json:"time,omitempty" doc:"Seconds since created_at, with nine decimal places."`
	Source     string `json:"source,omitempty" doc:"The daemon, and the peer and channel if there is one."`
	Log        string `json:"log,omitempty" doc:"The message."`
	NodeID     string `json:"node_id,omitempty" doc:"The peer that it is about."`
	Data       string `json:"data,omitempty" doc:"The bytes, of IO_IN and IO_OUT."`
}

// Recent returns the records of level and above whose source contains match.
func (b *Book) Recent(level slog.Level, match string) Recent {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := &b.recent
	out := Recent{
		CreatedAt: fmt.Sprintf("%d.%09d", r.created.Unix(), r.created.Nanosecond()),
		BytesUsed: uint32(r.used),
		BytesMax:  uint32(r.max),
		Log:       []Entry{},
	}
	skipped := r.pruned
	for _, e := range r.entries {
		if e.level < level || !strings.Contains(e.source, match) {
			skipped++
			continue
		}
		out.skip(&skipped)
		out.Log = append(out.Log, r.entry(e))
	}
	out.skip(&skipped)
	return out
}

func (out *Recent) skip(n *int) {
	if *n > 0 {
		out.Log = append(out.Log, Entry{Type: "SKIPPED", NumSkipped: uint32(*n)})
	}
	*n = 0
}

func (r *ring) entry(e entry) Entry {
	since := max(e.time.Sub(r.created), 0)
	return Entry{
		Type:   levelName(e.level),
		Time:   fmt.Sprintf("%d.%09d", since/time.Second, since%time.Second),
		Source: e.source,
		Log:    e.text,
		NodeID: e.nodeID,
		Data:   e.data,
	}
}
