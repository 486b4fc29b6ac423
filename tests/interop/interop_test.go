package interop

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
)

var (
	peers    = flag.String("peers", "", "run only these kinds of peers, separated by commas")
	onlySome = flag.Bool("smoke", false, "run only the cases of smoke")
)

// TestInterop runs every case against every kind of peer.
func TestInterop(t *testing.T) {
	m := newMatrix()
	t.Cleanup(func() { m.print(os.Stdout) })
	t.Cleanup(func() { captured.write(t) })
	for _, kind := range kinds {
		if *peers != "" && !slices.Contains(strings.Split(*peers, ","), kind.Name) {
			continue
		}
		t.Run(kind.Name, func(t *testing.T) {
			if err := kind.Build(); err != nil {
				t.Fatal(err)
			}
			for _, c := range cases {
				if *onlySome && !slices.Contains(smoke, c.Name) {
					continue
				}
				t.Run(c.Name, func(t *testing.T) {
					if why := kind.Cannot[c.Name]; why != "" {
						m.set(c.Name, kind.Name, "cannot: "+why)
						return
					}
					t.Parallel()
					m.begin(c.Name, kind.Name)
					t.Cleanup(func() { m.end(t, c.Name, kind.Name) })
					s := newScene(t, kind, c)
					m.version(kind.Name, s.Peer.Version())
					captured.noteVersion(kind.Name, s.Peer.Version())
					c.Run(s)
				})
			}
		})
	}
}

// TestCasesAreNamedOnce finds a case that another hides, and a name of none.
func TestCasesAreNamedOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range cases {
		if seen[c.Name] {
			t.Errorf("two cases are named %s", c.Name)
		}
		seen[c.Name] = true
	}
	for _, name := range smoke {
		if !seen[name] {
			t.Errorf("%s, which is smoke, is no case", name)
		}
	}
	for _, kind := range kinds {
		for name := range kind.Cannot {
			if !seen[name] {
				t.Errorf("%s cannot do %s, which is no case", kind.Name, name)
			}
		}
	}
}

var cases = slices.Concat(
	connectCases, openCases, reorgCases, payCases, forwardCases, gossipCases, flightCases, minuteCases, holdCases, holdOurCases, feeCases,
	closeCases, forceCases, betweenCases(), cheatCases,
)
