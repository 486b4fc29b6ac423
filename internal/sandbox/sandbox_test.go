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
)

var profiles = []Profile{Hsmd, Connectd, Gossipd, Channeld, Onchaind}

// confined is the program under test, built as the daemons are: without cgo.
var confined string

func TestMain(m *testing.M) {
	os.Exit(runMain(m))
}

func runMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "sandbox")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	confined = filepath.Join(dir, "confined")
	build := exec.Command("go", "build", "-o", confined, "./testdata/confined")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// outcome is what became of one deed.
type outcome string

const (
	wasDone    outcome = "done"
	wasRefused outcome = "refused" // by an error
	wasKilled  outcome = "killed"  // by the filter
)

// try does one thing in the profile's process. The store is the one file that gossipd may open.
func try(t *testing.T, p Profile, deed, arg, store string) outcome {
	t.Helper()
	out, err := exec.Command(confined, p.Name, deed, arg, store).CombinedOutput()
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

func TestProfiles(t *testing.T) {
	dir := t.TempDir()
	secret, store := filepath.Join(dir, "secret"), filepath.Join(dir, "gossip_store")
	for _, f := range []string{secret, store} {
		if err := os.WriteFile(f, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	addr := listener.Addr().String()

	for _, p := range profiles {
		t.Run(p.Name, func(t *testing.T) {
			for _, tt := range []struct {
				deed, arg string
				want      outcome
			}{
				{"work", "", wasDone},
				{"open", secret, wasRefused},
				{"open", "/etc/passwd", wasRefused},
				{"open", store, onlyFor(p, Gossipd, wasRefused)},
				{"create", secret, wasRefused},
				{"dial", addr, onlyFor(p, Connectd, wasKilled)},
				{"udp", "", onlyRefusedFor(p, Connectd)},
				{"unix", "", onlyRefusedFor(p, Connectd)},
				{"fork", "", wasKilled},
				{"exec", "", wasKilled},
				{"code", "", wasKilled},
				{"signal", "", wasKilled},
				{"ptrace", "", wasKilled},
			} {
				if got := try(t, p, tt.deed, tt.arg, store); got != tt.want {
					t.Errorf("%s %s: %s, want %s", tt.deed, tt.arg, got, tt.want)
				}
			}
		})
	}
}

func onlyFor(p, who Profile, others outcome) outcome {
	if p == who {
		return wasDone
	}
	return others
}

func onlyRefusedFor(p, who Profile) outcome {
	if p == who {
		return wasRefused
	}
	return wasKilled
}

func TestEnterIsQuickAndComplete(t *testing.T) {
	store := filepath.Join(t.TempDir(), "gossip_store")
	if err := os.WriteFile(store, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, p := range profiles {
		best := 1 << 30
		for range 5 {
			out, err := exec.Command(confined, p.Name, "enter", "", store).CombinedOutput()
			if err != nil {
				t.Fatalf("%s: %v\n%s", p.Name, err, out)
			}
			var micros int
			var words string
			if _, err := fmt.Sscanf(string(out), "%d %s", &micros, &words); err != nil || words != "confined" {
				t.Fatalf("%s: %q: %v", p.Name, out, err)
			}
			best = min(best, micros)
		}
		t.Logf("%s: %d us", p.Name, best)
		if best > 3000 {
			t.Errorf("%s: entering takes %d us, at most 3000", p.Name, best)
		}
	}
}

func TestEnterRefusesFilesBeyondProfile(t *testing.T) {
	if _, err := Enter(Channeld, "/etc/passwd"); err == nil {
		t.Error("no error")
	}
}

func TestStatusNamesWhatIsMissing(t *testing.T) {
	s := Status{Profile: "channeld", LandlockABI: 3, Missing: []string{"Landlock over TCP", "seccomp"}}
	if want := "confined as channeld, but this kernel lacks Landlock over TCP, seccomp"; s.String() != want {
		t.Errorf("%q, want %q", s, want)
	}
}
