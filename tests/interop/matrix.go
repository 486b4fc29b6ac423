package interop

import (
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"text/tabwriter"
)

// matrix is what became of each case with each kind of peer.
type matrix struct {
	mu    sync.Mutex
	cases []string // in the order in which they began
	peers []string
	cells map[[2]string]string
	shown map[string]string // versions, by peer
}

func newMatrix() *matrix {
	return &matrix{cells: make(map[[2]string]string), shown: make(map[string]string)}
}

// version is shown with the peer's name.
func (m *matrix) version(peer, version string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.shown[peer] = version
}

func (m *matrix) set(name, peer, outcome string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !slices.Contains(m.cases, name) {
		m.cases = append(m.cases, name)
	}
	if !slices.Contains(m.peers, peer) {
		m.peers = append(m.peers, peer)
	}
	m.cells[[2]string{name, peer}] = outcome
}

func (m *matrix) begin(name, peer string) { m.set(name, peer, "FAIL") }

func (m *matrix) end(t *testing.T, name, peer string) {
	if !t.Failed() {
		m.set(name, peer, "pass")
	}
}

func (m *matrix) print(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "\ncase")
	for _, peer := range m.peers {
		fmt.Fprintf(t, "\t%s %s", peer, m.shown[peer])
	}
	fmt.Fprintln(t)
	for _, name := range m.cases {
		fmt.Fprint(t, name)
		for _, peer := range m.peers {
			fmt.Fprintf(t, "\t%s", m.cells[[2]string{name, peer}])
		}
		fmt.Fprintln(t)
	}
	t.Flush()
}
