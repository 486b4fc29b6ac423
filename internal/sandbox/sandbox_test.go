package sandbox

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"fulmen/internal/daemontest"
)

var profiles = []Profile{Hsmd, Connectd, Gossipd, Channeld, Onchaind}

// programs is the folder of the program under test.
var programs string

func TestMain(m *testing.M) {
	if os.Args[0] == landlocked {
		if err := runLandlocked(os.Args[1:]); err != nil {
			fmt.Println(err)
		}
		os.Exit(0)
	}
	os.Exit(daemontest.Run(m, &programs, "./testdata/confined"))
}

// outcome is what became of one deed.
type outcome string

const (
	wasDone    outcome = "done"
	wasRefused outcome = "refused" // by an error
	wasKilled  outcome = "killed"  // by the filter
)

// try does one thing in the profile's process.
func try(t *testing.T, m Mode, p Profile, deed, arg string) outcome {
	t.Helper()
	out, err := exec.Command(filepath.Join(programs, "confined"), p.Name, string(m), deed, arg).CombinedOutput()
	var exit *exec.ExitError
	if err == nil && string(out) == "done\n" {
		return wasDone
	}
	if errors.As(err, &exit) {
		ws := exit.Sys().(syscall.WaitStatus)
		if ws.Signaled() && ws.Signal() == syscall.SIGSYS {
			return wasKilled
		}

		if ws.ExitStatus() == 2 && strings.HasPrefix(string(out), "refused:") {
			return wasRefused
		}
	}
	t.Fatalf("%s: %s %s: %v\n%s", p.Name, deed, arg, err, out)
	return ""
}

// setting is what the deeds are tried on.
type setting struct{ secret, store, addr, abstract string }

func newSetting(t testing.TB) setting {
	t.Helper()
	dir := t.TempDir()
	s := setting{secret: filepath.Join(dir, "secret"), store: filepath.Join(dir, "gossip_store")}
	for _, f := range []string{s.secret, s.store} {
		if err := os.WriteFile(f, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.addr = listen(t, "tcp", "127.0.0.1:0")
	s.abstract = listen(t, "unix", fmt.Sprintf("@fulmen-%s-%d", t.Name(), os.Getpid()))
	return s
}

func listen(t testing.TB, network, address string) string {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

// tests is all deeds with what becomes of them under a profile.
func (s setting) tests(p Profile) []deed {
	// only is what happens to those who may, and to all others.
	only := func(may bool, outcomes, others outcome) outcome {
		if may {
			return outcomes
		}
		return others
	}
	return []deed{
		{"work", "", wasDone},
		{"open", s.secret, wasRefused},
		{"open", "/etc/passwd", wasRefused},
		{"open", s.store, wasRefused},
		{"create", s.secret, wasRefused},
		{"write", "", only(p.longest > 0, wasDone, wasRefused)},
		{"dial", s.addr, only(p.dials, wasDone, wasKilled)},
		{"listen", "", wasKilled},
		{"udp", "", only(p.dials, wasRefused, wasKilled)},
		{"sctp", "", only(p.dials, wasRefused, wasKilled)},
		{"unix", "", only(p.dials, wasRefused, wasKilled)},
		{"pair", "", only(p.pairs, wasDone, wasKilled)},
		{"datagrams", "", wasKilled},
		{"descriptors", "", wasRefused},
		{"memory", "", wasRefused},
		{"capability", "", wasKilled}, // no call for them, and none left: see TestOff
		{"own", "", wasRefused},
		{"fork", "", wasKilled},
		{"exec", "", wasKilled},
		{"code", "", wasKilled},
		{"signal", "", wasKilled},
		{"ptrace", "", wasKilled},
	}
}

type deed struct {
	do, arg string
	want    outcome
}

func TestProfiles(t *testing.T) {
	s := newSetting(t)
	for _, p := range profiles {
		t.Run(p.Name, func(t *testing.T) {
			for _, tt := range s.tests(p) {
				if got := try(t, On, p, tt.do, tt.arg); got != tt.want {
					t.Errorf("%s %s: %s, want %s", tt.do, tt.arg, got, tt.want)
				}
			}
		})
	}
}

// With Warn nothing is killed by the filter, and nothing more is done than with On.
func TestWarn(t *testing.T) {
	s := newSetting(t)
	for _, p := range profiles {
		t.Run(p.Name, func(t *testing.T) {
			for _, tt := range s.tests(p) {
				want := tt.want
				if want == wasKilled {
					want = wasRefused
				}
				if got := try(t, Warn, p, tt.do, tt.arg); got != want {
					t.Errorf("%s %s: %s, want %s", tt.do, tt.arg, got, want)
				}
			}
		})
	}
}

// Without confinement the same deeds are done: it is the sandbox that refuses them above.
func TestOff(t *testing.T) {
	s := newSetting(t)
	for _, tt := range s.tests(Channeld) {
		want := wasDone
		if tt.do == "sctp" || tt.do == "capability" && os.Geteuid() != 0 {
			continue // where the kernel has the protocol, and who runs the test, is not ours
		}
		if tt.do == "descriptors" || tt.do == "exec" || tt.do == "ptrace" {
			continue // up to the limits of who runs the test, and to other rules of the kernel
		}
		if got := try(t, Off, Channeld, tt.do, tt.arg); got != want {
			t.Errorf("%s %s: %s, want %s", tt.do, tt.arg, got, want)
		}
	}
}

func TestEnterIsComplete(t *testing.T) {
	for _, p := range profiles {
		enter(t, p)
	}
}

// enter confines a process by a profile, and returns how many microseconds that took.
func enter(tb testing.TB, p Profile) (micros int) {
	tb.Helper()
	out, err := exec.Command(filepath.Join(programs, "confined"), p.Name, string(On), "enter", "").CombinedOutput()
	if err != nil {
		tb.Fatalf("%s: %v\n%s", p.Name, err, out)
	}
	var words string
	if _, err := fmt.Sscanf(string(out), "%d %s", &micros, &words); err != nil || words != "confined" {
		tb.Fatalf("%s: %q: %v", p.Name, out, err)
	}
	return micros
}

// BenchmarkEnter reports what confining itself costs a process.
func BenchmarkEnter(b *testing.B) {
	for _, p := range profiles {
		b.Run(p.Name, func(b *testing.B) {
			total := 0
			for b.Loop() {
				total += enter(b, p)
			}
			b.ReportMetric(float64(total)/float64(b.N), "us/enter")
		})
	}
}

func TestStatus(t *testing.T) {
	for _, tt := range []struct {
		s        Status
		complete bool
		want     string
	}{
		{Status{Profile: Channeld, Mode: On, LandlockABI: 7}, true,
			"confined as channeld: no new privileges, no capabilities, at most 512 MiB and 32 descriptors, Landlock ABI 7, system call filter (confine=on)"},
		{Status{Profile: Channeld, Mode: Warn, LandlockABI: 3, Missing: []string{"Landlock over TCP", "seccomp"}}, false,
			"(confine=warn), but this kernel lacks Landlock over TCP, seccomp"},
		{Status{Profile: Hsmd, Mode: Off}, false, "hsmd is NOT confined: confine=off"},
	} {
		if got := tt.s.String(); !strings.HasSuffix(got, tt.want) || tt.s.Complete() != tt.complete {
			t.Errorf("%q, complete %t, want %q", got, tt.s.Complete(), tt.want)
		}
	}
}

func TestParseMode(t *testing.T) {
	for text, want := range map[string]Mode{"": On, "on": On, "warn": Warn, "off": Off} {
		if got, err := ParseMode(text); got != want || err != nil {
			t.Errorf("%q is %q, %v", text, got, err)
		}
	}
	if _, err := ParseMode("no"); err == nil {
		t.Error(`"no": no error`)
	}
}
