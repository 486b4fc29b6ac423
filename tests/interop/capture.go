package interop

import (
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"testing"

	"fulmen/internal/wire"
)

var capture = flag.String("capture", "", "folder for messages of the peers, as seeds of wire.FuzzDecode")

// seeds is what peers have sent in a run.
type seeds struct {
	mu       sync.Mutex
	messages map[seedKey]map[int][]byte // by length
	versions map[string]string          // by kind
}

var captured = seeds{messages: map[seedKey]map[int][]byte{}, versions: map[string]string{}}

type seedKey struct {
	kind        string
	messageType wire.MessageType
}

// captureOptions has our node log what it hears, if somebody wants to keep that.
func captureOptions() []string {
	if *capture == "" {
		return nil
	}
	return []string{"--log-level=io:connectd"}
}

// heard is a line of our log with a message of a peer's.
var heard = regexp.MustCompile(`IO_IN +([0-9a-f]{66})-connectd: [a-z_]+ ([0-9a-f]+)`)

// keepCaptured takes the messages of the scene's peers out of our log. Of each type one of each length is kept: those
// differ in more than their numbers.
func (s *Scene) keepCaptured() {
	s.Helper()
	if *capture == "" || s.Us == nil {
		return
	}
	log, err := os.ReadFile(filepath.Join(s.Us.Dir, "log")) // of all runs
	if err != nil {
		s.Fatalf("%v", err)
	}
	ids := []string{}
	for _, p := range append([]Peer{s.Peer}, s.peers...) {
		ids = append(ids, p.ID())
	}
	for _, line := range heard.FindAllSubmatch(log, -1) {
		raw, err := hex.DecodeString(string(line[2]))
		if err != nil || !slices.Contains(ids, string(line[1])) {
			continue
		}
		msg, err := wire.Decode(raw)
		if err != nil {
			continue // of a type that only a case knows
		}
		captured.add(seedKey{s.kind.Name, msg.Type()}, raw)
	}
}

func (c *seeds) add(key seedKey, raw []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.messages[key] == nil {
		c.messages[key] = map[int][]byte{}
	}
	if c.messages[key][len(raw)] == nil {
		c.messages[key][len(raw)] = raw
	}
}

// seedsOfType is how many messages of a type become seeds: the shortest, the longest, and some between.
const seedsOfType = 4

// maxSeed leaves out what is long and all alike, as the signatures of 483 HTLCs.
const maxSeed = 2000

// write makes files of the corpus of wire.FuzzDecode.
func (c *seeds) write(t *testing.T) {
	t.Helper()
	if *capture == "" {
		return
	}
	if err := os.MkdirAll(*capture, 0o755); err != nil {
		t.Fatal(err)
	}
	for key, byLength := range c.messages {
		var lengths []int
		for n := range byLength {
			if n <= maxSeed {
				lengths = append(lengths, n)
			}
		}
		slices.Sort(lengths)
		for i := range min(seedsOfType, len(lengths)) {
			n := lengths[i*(len(lengths)-1)/max(1, min(seedsOfType, len(lengths))-1)]
			name := fmt.Sprintf("%s-%s-%s-%d", key.kind, c.versions[key.kind], key.messageType, n)
			text := fmt.Sprintf("go test fuzz v1\n[]byte(%q)\n", byLength[n])
			if err := os.WriteFile(filepath.Join(*capture, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// noteVersion names a kind's version in its seeds.
func (c *seeds) noteVersion(kind, version string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.versions[kind] = version
}
