// Package sandbox locks a daemon in before it reads its first untrusted byte: no new privileges, no
// capability, no core file, no inspection by other processes of the user, limits on memory,
// descriptors and files, Landlock over files, TCP, abstract sockets and signals, and a filter of
// system calls that lets through what the Go runtime and the daemon's work need. profiles.go is the
// whole policy; syscalls.go is what its words mean to the filter.
//
// Every rule holds for all threads, and for good. The number of processes is not limited by
// RLIMIT_NPROC, which would count the user's threads, and so the runtime's own: that none is made is
// the filter's rule.
//
// lightningd itself is not confined by this package: it opens files, and starts daemons and plugins.
// What confines it is outside: AppArmor, SELinux, systemd. It does not even set no_new_privs, which
// would forbid the kernel to give each daemon the AppArmor or SELinux profile of its own when
// lightningd executes it.
//
// The filter is put together here rather than by a library. elastic/go-seccomp-bpf 1.6 builds tables
// of system calls' names for all architectures when a process begins: a program that does nothing
// but load a filter with it has 1,200 KiB of anonymous memory, and 896 KiB without it. There is one
// process a channel, and the numbers that we need are constants of golang.org/x/sys. libseccomp
// would need C. A test checks our table for amd64 and arm64 against what Go's runtime calls.
package sandbox

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/landlock-lsm/go-landlock/landlock"
	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
)

// Mode is how strictly a process is confined.
type Mode string

// The modes.
const (
	On   Mode = "on"   // a system call that the profile does not allow ends the process
	Warn Mode = "warn" // such a call fails, and the kernel's log names it; all else as with On
	Off  Mode = "off"  // nothing is done
)

// ParseMode reads what lightningd says; nothing said is On.
func ParseMode(text string) (Mode, error) {
	switch m := Mode(text); m {
	case "":
		return On, nil
	case On, Warn, Off:
		return m, nil
	}
	return On, fmt.Errorf("confinement %q is not one of on, warn, off", text)
}

// Status is what came of Enter.
type Status struct {
	Profile     Profile
	Mode        Mode
	LandlockABI int      // of the kernel, 0 if it has none
	Missing     []string // what the kernel cannot do
}

// String is for one log line.
func (s Status) String() string {
	if s.Mode == Off {
		return fmt.Sprintf("%s is NOT confined: confine=off", s.Profile.Name)
	}
	text := fmt.Sprintf("confined as %s: no new privileges, no capabilities, at most %d MiB and %d descriptors, Landlock ABI %d, system call filter (confine=%s)",
		s.Profile.Name, s.Profile.memory/mib, s.Profile.descriptors, s.LandlockABI, s.Mode)
	if len(s.Missing) > 0 {
		text += ", but this kernel lacks " + strings.Join(s.Missing, ", ")
	}
	return text
}

// Complete reports whether all of the profile is in force.
func (s Status) Complete() bool { return s.Mode == On && len(s.Missing) == 0 }

// Enter confines the process, all of its threads, for good. What the kernel lacks is in the status; an
// error means that the process must not go on.
func Enter(m Mode, p Profile) (Status, error) {
	s := Status{Profile: p, Mode: m}
	if m == Off {
		return s, nil
	}
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"privileges", dropPrivileges},
		{"limits", p.limit},
		{"landlock", func() error { return s.landlock(p) }},
		{"seccomp", func() error { return s.seccomp(p) }},
	} {
		if err := step.do(); err != nil {
			return s, fmt.Errorf("confine %s: %s: %w", p.Name, step.what, err)
		}
	}
	return s, nil
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

func (s *Status) landlock(p Profile) error {
	abi, err := ll.LandlockGetABIVersion()
	if err == nil {
		s.LandlockABI = abi
	}
	for _, l := range landlockSince {
		if s.LandlockABI < l.abi {
			s.Missing = append(s.Missing, l.what)
		}
	}
	config := landlock.V11
	if p.dials {
		config.HandledAccessNet &^= ll.AccessNetConnectTCP
	}
	return config.BestEffort().Restrict() // no path at all: what a daemon reads or writes it was handed
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
	if s.Mode == On {
		return install(p.filter(enforce), 0)
	}
	if err := install(p.filter(onlyRefuse), 0); err != nil {
		return err
	}
	return install(p.filter(onlyReport), filterLogs)
}
