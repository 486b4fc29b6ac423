package logs

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options are what a Book is made from.
type Options struct {
	Filters    []Filter
	Files      []string // where lines go; "-" is Stdout. None means Stdout alone
	Prefix     string   // before each line
	Timestamps bool
	Stdout     io.Writer
	Now        func() time.Time
}

// Book is the log of the whole node.
type Book struct {
	opts   Options
	finest slog.Level

	tap     atomic.Pointer[func(Record)]
	mu      sync.Mutex
	outputs map[string]io.Writer // by file name
	recent  ring
}

// Record is one of the log's, as others may read it.
type Record struct {
	Time   time.Time
	Level  slog.Level
	Source string
	Text   string
}

// Tap has each record that is written given to do as well, from whichever goroutine logs. do must not wait.
func (b *Book) Tap(do func(Record)) { b.tap.Store(&do) }

// timeFormat is the time at the start of a line, in UTC.
const timeFormat = "2006-01-02T15:04:05.000Z"

// New opens the log files.
func New(opts Options) (*Book, error) {
	if len(opts.Files) == 0 {
		opts.Files = []string{"-"}
	}
	b := &Book{opts: opts, finest: finest(opts.Filters), recent: ring{created: opts.Now(), max: ringBytes}}
	outputs, err := b.open()
	if err != nil {
		return nil, err
	}
	b.outputs = outputs
	return b, nil
}

// open opens all files anew.
func (b *Book) open() (map[string]io.Writer, error) {
	outputs := map[string]io.Writer{"-": b.opts.Stdout}
	names := b.opts.Files
	for _, f := range b.opts.Filters {
		if f.File != "" {
			names = append(names[:len(names):len(names)], f.File)
		}
	}
	for _, name := range names {
		if outputs[name] != nil {
			continue
		}
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("open the log: %w", err), closeAll(outputs))
		}
		outputs[name] = f
	}
	return outputs, nil
}

func closeAll(outputs map[string]io.Writer) error {
	var err error
	for name, w := range outputs {
		if f, ok := w.(io.Closer); ok && name != "-" {
			err = errors.Join(err, f.Close())
		}
	}
	return err
}

// Reopen opens the files again, after they were moved away. If that fails the old ones stay in use.
func (b *Book) Reopen() error {
	outputs, err := b.open()
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	old := b.outputs
	b.outputs = outputs
	return closeAll(old)
}

// Close closes the files. What is logged afterwards goes to getlog alone.
func (b *Book) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	old := b.outputs
	b.outputs = nil
	return closeAll(old)
}

// Logger writes to the book.
func (b *Book) Logger() *slog.Logger { return slog.New(&handler{book: b}) }

// LevelOf is the least that a child should send. peer and channel may be empty.
func (b *Book) LevelOf(daemon, peer, channel string) slog.Level {
	return choose(b.opts.Filters, source{peer: peer, daemon: daemon, channel: channel}.String()).Level
}

// entry is one record.
type entry struct {
	time   time.Time
	level  slog.Level
	source string
	nodeID string
	text   string // lines
	data   string // hex
}

// write puts a record that its filter lets through into the files and the ring.
func (b *Book) write(e entry) {
	f := choose(b.opts.Filters, e.source)
	if e.level < f.Level {
		return
	}
	lines := b.format(e)
	if tap := b.tap.Load(); tap != nil {
		(*tap)(Record{e.time, e.level, e.source, e.text})
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.recent.add(e)
	if f.File != "" {
		b.print(f.File, lines)
		return
	}
	for _, name := range b.opts.Files {
		b.print(name, lines)
	}
}

// print falls back to standard error, as there is nobody to tell that a log cannot be written.
func (b *Book) print(name, lines string) {
	w := b.outputs[name]
	if w == nil {
		return // closed
	}
	if _, err := io.WriteString(w, lines); err != nil {
		fmt.Fprintf(os.Stderr, "log: %v: %s", err, lines) // a file's error names it
	}
}

// format repeats the head on each line of a record of several, so that no text can pass for another record.
func (b *Book) format(e entry) string {
	var head strings.Builder
	head.WriteString(b.opts.Prefix)
	if b.opts.Timestamps {
		head.WriteString(e.time.UTC().Format(timeFormat) + " ")
	}
	fmt.Fprintf(&head, "%-7s %s: ", lineLevel(e.level), e.source)
	text := e.text
	if e.data != "" {
		text += " " + e.data
	}
	var out strings.Builder
	for line := range strings.SplitSeq(text, "\n") {
		out.WriteString(head.String())
		out.WriteString(line)
		out.WriteByte('\n')
	}
	return out.String()
}
