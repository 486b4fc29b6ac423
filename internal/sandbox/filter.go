package sandbox

import (
	"fmt"
	"os"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// action is what the kernel does with a system call.
type action uint32

const (
	allow       action = unix.SECCOMP_RET_ALLOW
	killProcess action = unix.SECCOMP_RET_KILL_PROCESS
)

// refuse makes the call fail.
func refuse(errno unix.Errno) action { return unix.SECCOMP_RET_ERRNO | action(errno) }

// rule allows a call if all conditions hold.
type rule struct {
	nr        uint32
	conds     []cond
	otherwise action
}

// cond holds if an argument's lower half has value in the bits of mask.
type cond struct{ arg, mask, value uint32 }

// ownPid stands for the process's own id, known when the filter is made.
const ownPid = ^uint32(0)

// Offsets in the kernel's struct seccomp_data.
const (
	offNr   = 0
	offArch = 4
	offArgs = 16 // 8 bytes each, the lower half first
)

// verdict is what one installed program makes of an action of the table.
type verdict func(action) action

// A process that is confined has one program. With Warn it has two, because the kernel logs all that
// a program refuses or nothing: the first refuses quietly what the library merely tries, the second
// refuses, and reports, what would end the process.
func enforce(a action) action { return a }

func onlyRefuse(a action) action {
	if a == killProcess {
		return allow
	}
	return a
}

func onlyReport(a action) action {
	if a == killProcess {
		return refuse(unix.EPERM)
	}
	return allow
}

// filter is the profile as a program: the first rule that knows a call decides.
func (p Profile) filter(v verdict) []unix.SockFilter {
	f := program{verdict: v}
	f.load(offArch)
	f.unless(unix.BPF_JEQ, auditArch, killProcess)
	f.load(offNr)
	if firstForeign != 0 {
		f.when(unix.BPF_JGE, firstForeign, killProcess)
	}
	allowed := slices.Concat(always, archAlways)
	rules := slices.Clone(conditional)
	if p.syncs {
		allowed = append(allowed, ifSyncs...)
	}
	if p.pairs {
		rules = append(rules, ifPairs)
	}
	if p.dials {
		allowed = append(allowed, ifDials...)
		rules = append(rules, tcpSocket)
	}
	for _, nr := range allowed {
		f.when(unix.BPF_JEQ, nr, allow)
	}
	for _, r := range rules {
		f.conditional(r)
	}
	for _, r := range refused {
		for _, nr := range r.nrs {
			f.when(unix.BPF_JEQ, nr, refuse(r.errno))
		}
	}
	for _, nr := range archRefused {
		f.when(unix.BPF_JEQ, nr, refuse(unix.EACCES))
	}
	f.ret(killProcess)
	return f.code
}

// program is in the kernel's classic BPF.
type program struct {
	code    []unix.SockFilter
	verdict verdict
}

func (f *program) add(code uint16, k uint32, jt, jf uint8) {
	f.code = append(f.code, unix.SockFilter{Code: code, K: k, Jt: jt, Jf: jf})
}

func (f *program) load(off uint32) { f.add(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, off, 0, 0) }

func (f *program) ret(a action) { f.add(unix.BPF_RET|unix.BPF_K, uint32(f.verdict(a)), 0, 0) }

// when returns a if the loaded value compares with k.
func (f *program) when(compare uint16, k uint32, a action) {
	f.add(unix.BPF_JMP|unix.BPF_K|compare, k, 0, 1)
	f.ret(a)
}

// unless returns a if it does not.
func (f *program) unless(compare uint16, k uint32, a action) {
	f.add(unix.BPF_JMP|unix.BPF_K|compare, k, 1, 0)
	f.ret(a)
}

// conditional decides about one call for good, so the loaded number is needed only if it is
// another.
func (f *program) conditional(r rule) {
	const perCond = 4
	f.add(unix.BPF_JMP|unix.BPF_K|unix.BPF_JEQ, r.nr, 0, uint8(perCond*len(r.conds)+1))
	for _, c := range r.conds {
		value := c.value
		if value == ownPid {
			value = uint32(os.Getpid())
		}
		f.load(offArgs + 8*c.arg)
		f.add(unix.BPF_ALU|unix.BPF_AND|unix.BPF_K, c.mask, 0, 0)
		f.unless(unix.BPF_JEQ, value, r.otherwise)
	}
	f.ret(allow)
}

// filterAvailable asks the kernel for the newest thing that our filters need.
func filterAvailable() bool {
	a := killProcess
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_GET_ACTION_AVAIL, 0, uintptr(unsafe.Pointer(&a)))
	return errno == 0
}

// filterLogs has the kernel log what the filter does not allow.
const filterLogs = unix.SECCOMP_FILTER_FLAG_LOG

// install puts the filter on every thread at once. The process must have no_new_privs.
func install(f []unix.SockFilter, flags uintptr) error {
	prog := unix.SockFprog{Len: uint16(len(f)), Filter: &f[0]}
	tid, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		unix.SECCOMP_FILTER_FLAG_TSYNC|flags, uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return errno
	}
	if tid != 0 {
		return fmt.Errorf("thread %d has a filter of its own", tid)
	}
	return nil
}
