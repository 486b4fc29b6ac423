// Package sandbox locks a daemon in before it reads its first untrusted byte: no new privileges,
// no core file, no inspection by other processes of the user, Landlock over files, TCP, abstract
// sockets and signals, and a seccomp filter that lets through what the Go runtime and the
// daemon's work need. profiles.go is the whole policy.
//
// The filter is put together here rather than by a library: the tables of names that those carry
// cost each process a quarter of a megabyte, and there is one process a channel.
package sandbox

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/landlock-lsm/go-landlock/landlock"
	llsys "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// Status is what came of Enter.
type Status struct {
	Profile     string
	LandlockABI int      // of the kernel, 0 if it has none
	Missing     []string // what the kernel cannot do
}

// String is for one log line.
func (s Status) String() string {
	if len(s.Missing) == 0 {
		return fmt.Sprintf("confined as %s (Landlock ABI %d)", s.Profile, s.LandlockABI)
	}
	return fmt.Sprintf("confined as %s, but this kernel lacks %s", s.Profile, strings.Join(s.Missing, ", "))
}

// Enter confines the process, all of its threads, for good. Files are the paths that a profile
// with files may open, which exist. What the kernel lacks is in the status; an error means that
// the process must not go on.
func Enter(p Profile, files ...string) (Status, error) {
	s := Status{Profile: p.Name}
	if len(files) > 0 && !p.files {
		return s, fmt.Errorf("confine %s: its profile opens no files", p.Name)
	}
	if err := noCore(); err != nil {
		return s, fmt.Errorf("confine %s: %w", p.Name, err)
	}
	if err := s.landlock(p, files); err != nil {
		return s, fmt.Errorf("confine %s: landlock: %w", p.Name, err)
	}
	if err := s.seccomp(p); err != nil {
		return s, fmt.Errorf("confine %s: seccomp: %w", p.Name, err)
	}
	return s, nil
}

// noCore keeps secrets in memory from core files, and from ptrace and /proc/pid/mem.
func noCore() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("RLIMIT_CORE: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("PR_SET_DUMPABLE: %w", err)
	}
	return nil
}

// landlockSince says which kernel interface brought what.
var landlockSince = []struct {
	abi  int
	what string
}{
	{1, "Landlock"},
	{4, "Landlock over TCP"},
	{6, "Landlock over abstract sockets and signals"},
}

func (s *Status) landlock(p Profile, files []string) error {
	abi, err := llsys.LandlockGetABIVersion()
	if err == nil {
		s.LandlockABI = abi
	}
	for _, l := range landlockSince {
		if s.LandlockABI < l.abi {
			s.Missing = append(s.Missing, l.what)
		}
	}
	config := landlock.V11
	if p.network {
		config.HandledAccessNet = 0
	}
	var rules []landlock.Rule
	if len(files) > 0 {
		rules = append(rules, landlock.RWFiles(files...))
	}
	return config.BestEffort().Restrict(rules...)
}

func (s *Status) seccomp(p Profile) error {
	if auditArch == 0 {
		s.Missing = append(s.Missing, "a system call filter for "+runtime.GOARCH)
		return nil
	}
	if !filterAvailable() {
		s.Missing = append(s.Missing, "seccomp")
		return nil
	}
	return install(p.filter())
}
