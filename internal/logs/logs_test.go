package logs

import (
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"fulmen/internal/keys"
	"fulmen/internal/schema"
)

// testBook logs to a string, without times.
func testBook(t *testing.T, change func(*Options)) (*Book, *strings.Builder) {
	t.Helper()
	out := new(strings.Builder)
	opts := Options{Stdout: out, Now: time.Now}
	if change != nil {
		change(&opts)
	}
	b, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b, out
}

func filters(t *testing.T, texts ...string) (list []Filter) {
	t.Helper()
	for _, text := range texts {
		f, err := ParseFilter(text)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, f)
	}
	return list
}

func TestLines(t *testing.T) {
	b, out := testBook(t, func(o *Options) { o.Filters, o.Prefix = filters(t, "io"), "# " })
	log := b.Logger()
	peer := keys.PubKey{2, 0xab}
	channel := log.With(KeyChannel, 7, KeyPeer, peer, KeyDaemon, "channeld")
	log.Info("Server started with public key " + peer.String())
	log.Warn("peer says", "text", "two words", "empty", "", "bytes", []byte{1, 0xff}, "error", errors.New("gone"))
	channel.Debug("recv commitment_signed", "num_htlcs", 2)
	channel.Error("died", KeyDaemon, "hsmd", "stack", "goroutine 1\n\tmain.go:1\n")
	log.With(KeyPeer, peer, KeyChannel, 7).WithGroup("tx").Info("spent", slog.Group("by", "height", 5))
	log.Log(t.Context(), LevelTrace, "fine", "secret", keys.Secret{1, 2, 3})
	log.Log(t.Context(), LevelIOIn, "init", KeyData, []byte{0, 16})
	log.Info("hostile \x1b[2J text\n2026 INFO lightningd: forged", "k\x07", "v\x00")
	id := peer.String()
	want := strings.Join([]string{
		"# INFO    lightningd: Server started with public key " + id,
		`# UNUSUAL lightningd: peer says text="two words" empty="" bytes=01ff error=gone`,
		"# DEBUG   " + id + "-channeld-chan#7: recv commitment_signed num_htlcs=2",
		"# **BROKEN** " + id + "-channeld-chan#7: died daemon=hsmd",
		"# **BROKEN** " + id + "-channeld-chan#7: stack:",
		"# **BROKEN** " + id + "-channeld-chan#7: goroutine 1",
		"# **BROKEN** " + id + "-channeld-chan#7: \tmain.go:1",
		"# INFO    " + id + "-chan#7: spent tx.by.height=5",
		"# TRACE   lightningd: fine secret=(secret)",
		"# IO_IN   lightningd: init 0010",
		`# INFO    lightningd: hostile \x1b[2J text`,
		`# INFO    lightningd: 2026 INFO lightningd: forged k\a="v\x00"`,
		"",
	}, "\n")
	if got := out.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestTimestamps(t *testing.T) {
	b, out := testBook(t, func(o *Options) { o.Timestamps = true })
	b.Logger().Info("x")
	if !regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO    lightningd: x\n$`).MatchString(out.String()) {
		t.Errorf("got %q", out.String())
	}
}

func TestFilters(t *testing.T) {
	dir := t.TempDir()
	own := filepath.Join(dir, "hsmd.log")
	b, out := testBook(t, func(o *Options) {
		o.Filters = filters(t, "unusual", "debug:channeld", "trace:hsmd:"+own, "broken:chan#9")
	})
	log := b.Logger()
	log.Info("no")
	log.Warn("yes")
	log.With(KeyDaemon, "channeld", KeyChannel, 1).Debug("yes")
	log.With(KeyDaemon, "channeld", KeyChannel, 1).Log(t.Context(), LevelTrace, "no")
	log.With(KeyDaemon, "channeld", KeyChannel, 9).Warn("no")
	log.With(KeyDaemon, "hsmd").Log(t.Context(), LevelTrace, "elsewhere")
	if want := "UNUSUAL lightningd: yes\nDEBUG   channeld-chan#1: yes\n"; out.String() != want {
		t.Errorf("got %q, want %q", out, want)
	}
	if got, err := os.ReadFile(own); err != nil || string(got) != "TRACE   hsmd: elsewhere\n" {
		t.Errorf("own file: %q, %v", got, err)
	}
	for daemon, want := range map[string]slog.Level{"channeld": LevelDebug, "hsmd": LevelTrace, "connectd": LevelUnusual} {
		if got := b.LevelOf(daemon, "", ""); got != want {
			t.Errorf("level of %s: %v, want %v", daemon, got, want)
		}
	}
	if log.Enabled(t.Context(), LevelIOIn) || !log.Enabled(t.Context(), LevelTrace) {
		t.Error("Enabled does not follow the filters")
	}
}

func TestBadFilters(t *testing.T) {
	for _, text := range []string{"", "loud", "debug:", "debug:hsmd:", "INFO"} {
		if f, err := ParseFilter(text); err == nil {
			t.Errorf("%q: got %+v", text, f)
		}
	}
}

func TestReopenAndSeveralFiles(t *testing.T) {
	dir := t.TempDir()
	file, moved := filepath.Join(dir, "log"), filepath.Join(dir, "log.1")
	b, out := testBook(t, func(o *Options) { o.Files = []string{"-", file} })
	log := b.Logger()
	log.Info("before")
	if err := os.Rename(file, moved); err != nil {
		t.Fatal(err)
	}
	if err := b.Reopen(); err != nil {
		t.Fatal(err)
	}
	log.Info("after")
	for path, want := range map[string]string{moved: "INFO    lightningd: before\n", file: "INFO    lightningd: after\n"} {
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
	if want := "INFO    lightningd: before\nINFO    lightningd: after\n"; out.String() != want {
		t.Errorf("standard output: %q", out)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode: %v, %v", info, err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(file, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := b.Reopen(); err == nil {
		t.Error("reopening a folder: no error")
	}
	log.Info("still")
	if !strings.HasSuffix(out.String(), "still\n") {
		t.Error("a failed Reopen stopped the log")
	}
}

func TestOpenFails(t *testing.T) {
	_, err := New(Options{Files: []string{"/nowhere/log"}, Stdout: new(strings.Builder), Now: time.Now})
	if err == nil || !strings.HasPrefix(err.Error(), "open the log: open /nowhere/log: ") {
		t.Errorf("got %v", err)
	}
}

func TestRecentSkips(t *testing.T) {
	now := time.Unix(1700000000, 5)
	b, _ := testBook(t, func(o *Options) {
		o.Filters = filters(t, "io")
		o.Now = func() time.Time { return now }
	})
	peer := keys.PubKey{3}
	h := b.Logger().With(KeyPeer, peer).Handler()
	record := func(level slog.Level, text string, attrs ...slog.Attr) {
		now = now.Add(1500 * time.Millisecond)
		r := slog.NewRecord(now, level, text, 0)
		r.AddAttrs(attrs...)
		if err := h.Handle(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	record(LevelDebug, "a")
	record(LevelDebug, "b")
	record(LevelInfo, "c")
	record(LevelIOOut, "ping", slog.Any(KeyData, []byte{0, 18}))
	got := b.Recent(LevelInfo, "")
	want := []Entry{
		{Type: "SKIPPED", NumSkipped: 2},
		{Type: "INFO", Time: "4.500000000", Source: peer.String(), Log: "c", NodeID: peer.String()},
		{Type: "SKIPPED", NumSkipped: 1},
	}
	if !reflect.DeepEqual(got.Log, want) || got.CreatedAt != "1700000000.000000005" {
		t.Errorf("got %+v, created at %s", got.Log, got.CreatedAt)
	}
	all := b.Recent(LevelIOOut, "")
	if last := all.Log[len(all.Log)-1]; len(all.Log) != 4 || last.Type != "IO_OUT" || last.Data != "0012" {
		t.Errorf("all: %+v", all.Log)
	}
	if none := b.Recent(LevelInfo, "hsmd"); len(none.Log) != 1 || none.Log[0].NumSkipped != 4 {
		t.Errorf("of hsmd: %+v", none.Log)
	}
	contract, err := schema.Load("getlog")
	if err != nil {
		t.Fatal(err)
	}
	if text, err := json.Marshal(all); err != nil || contract.ValidateResponse(text) != nil {
		t.Errorf("%s: %v, %v", text, err, contract.ValidateResponse(text))
	}
	if text, err := json.Marshal(got.Log[0]); err != nil || string(text) != `{"type":"SKIPPED","num_skipped":2}` {
		t.Errorf("got %s, %v", text, err)
	}
}

func TestRingIsBounded(t *testing.T) {
	b, _ := testBook(t, nil)
	log := b.Logger()
	text := strings.Repeat("x", 10_000)
	const records = 500
	for range records {
		log.Info(text)
	}
	got := b.Recent(LevelInfo, "")
	if got.BytesUsed > got.BytesMax || got.BytesMax != ringBytes {
		t.Errorf("%d bytes used of %d", got.BytesUsed, got.BytesMax)
	}
	if first := got.Log[0]; first.Type != "SKIPPED" || int(first.NumSkipped)+len(got.Log)-1 != records {
		t.Errorf("%d entries after %+v", len(got.Log)-1, first)
	}
}

func FuzzLineCannotBeForged(f *testing.F) {
	f.Add("a\nb\r\x1b\u2028", "k", "v\n\n")
	f.Fuzz(func(t *testing.T, message, key, value string) {
		out := new(strings.Builder)
		b, err := New(Options{Stdout: out, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		b.Logger().With(KeyDaemon, "d").Info(message, key, value)
		for line := range strings.SplitSeq(strings.TrimSuffix(out.String(), "\n"), "\n") {
			if !strings.HasPrefix(line, "INFO    ") || strings.ContainsFunc(line, isControl) {
				t.Fatalf("line %q", line)
			}
		}
	})
}
