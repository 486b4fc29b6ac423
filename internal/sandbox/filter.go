package sandbox

import (
	"fmt"
	"os"
	"runtime"
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

// filter is the profile as a program: the first rule that knows a call decides.
func (p Profile) filter() []unix.SockFilter {
	var f program
	f.load(offArch)
	f.unless(unix.BPF_JEQ, auditArch, killProcess)
	f.load(offNr)
	if firstForeign != 0 {
		f.when(unix.BPF_JGE, firstForeign, killProcess)
	}
	allowed := slices.Concat(always, archAlways)
	rules := slices.Clone(conditional)
	if p.sync {
		allowed = append(allowed, ifSync...)
	}
	if p.files {
		allowed = append(allowed, ifFiles...)
	}
	if p.network {
		allowed = append(allowed, ifNetwork...)
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
	return f
}

// program is in the kernel's classic BPF.
type program []unix.SockFilter

func (f *program) add(code uint16, k uint32, jt, jf uint8) {
	*f = append(*f, unix.SockFilter{Code: code, K: k, Jt: jt, Jf: jf})
}

func (f *program) load(off uint32) { f.add(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, off, 0, 0) }

func (f *program) ret(a action) { f.add(unix.BPF_RET|unix.BPF_K, uint32(a), 0, 0) }

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

// install puts the filter on every thread at once.
func install(f []unix.SockFilter) error {
	runtime.LockOSThread() // the two calls are about the same thread
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("PR_SET_NO_NEW_PRIVS: %w", err)
	}
	prog := unix.SockFprog{Len: uint16(len(f)), Filter: &f[0]}
	tid, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return errno
	}
	if tid != 0 {
		return fmt.Errorf("thread %d has a filter of its own", tid)
	}
	return nil
}
