package hostile

import (
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// kept holds what system calls point to.
var kept []*byte

// text is a string for the kernel.
func text(s string) uintptr {
	p, err := unix.BytePtrFromString(s)
	if err != nil {
		panic(err)
	}
	kept = append(kept, p)
	return uintptr(unsafe.Pointer(p))
}

// room is zeroed memory for the kernel.
func room(n int) uintptr {
	b := make([]byte, n)
	kept = append(kept, &b[0])
	return uintptr(unsafe.Pointer(&b[0]))
}

// here and all are arguments that do not fit a uintptr as constants.
var (
	here = ^uintptr(99) // AT_FDCWD, -100
	all  = ^uintptr(0)  // -1
)

// call makes one system call, and nothing besides.
func call(nr uintptr, args ...uintptr) error {
	_, err := result(nr, args...)
	return err
}

func result(nr uintptr, args ...uintptr) (uintptr, error) {
	var a [6]uintptr
	copy(a[:], args)
	r, _, errno := syscall.Syscall6(nr, a[0], a[1], a[2], a[3], a[4], a[5])
	if errno != 0 {
		return 0, errno
	}
	return r, nil
}

// raw is an attempt that is one system call.
func raw(nr uintptr, args ...uintptr) func(*Scene) error {
	return func(*Scene) error { return call(nr, args...) }
}

// in is the path of one of the node's files.
func (s *Scene) in(name string) uintptr { return text(s.Dir + "/" + name) }

// open is an attempt to open a file of the node's folder.
func open(name string, flags uintptr) func(*Scene) error {
	return func(s *Scene) error { return call(unix.SYS_OPENAT, here, s.in(name), flags, 0o600) }
}

// openProc is an attempt to open a file of /proc of a process.
func openProc(of func(*Scene) int, name string, flags uintptr) func(*Scene) error {
	return func(s *Scene) error {
		return call(unix.SYS_OPENAT, here, text(fmt.Sprintf("/proc/%d/%s", of(s), name)), flags)
	}
}

func lightningd(s *Scene) int { return s.Lightningd }
func another(s *Scene) int    { return s.Another }

// socket makes a socket, and do something of it.
func socket(family, kind, protocol uintptr, do func(s *Scene, fd uintptr) error) func(*Scene) error {
	return func(s *Scene) error {
		fd, err := result(unix.SYS_SOCKET, family, kind, protocol)
		if err != nil || do == nil {
			return err
		}
		return do(s, fd)
	}
}

// tcpAddress is a struct sockaddr_in of loopback, and its length.
func tcpAddress(port uint16) (address, length uintptr) {
	b := []byte{unix.AF_INET, 0, byte(port >> 8), byte(port), 127, 0, 0, 1, 15: 0}
	kept = append(kept, &b[0])
	return uintptr(unsafe.Pointer(&b[0])), uintptr(len(b))
}

// unixAddress is a struct sockaddr_un; an abstract name begins with a zero byte.
func unixAddress(path string) (address, length uintptr) {
	b := append([]byte{unix.AF_UNIX, 0}, path...)
	kept = append(kept, &b[0])
	return uintptr(unsafe.Pointer(&b[0])), uintptr(len(b))
}

func connectTCP(s *Scene, fd uintptr) error {
	address, length := tcpAddress(s.Port)
	return call(unix.SYS_CONNECT, fd, address, length)
}

func bindTCP(_ *Scene, fd uintptr) error {
	address, length := tcpAddress(0)
	return call(unix.SYS_BIND, fd, address, length)
}

func listen(_ *Scene, fd uintptr) error { return call(unix.SYS_LISTEN, fd, 1) }

func connectRPC(s *Scene, fd uintptr) error {
	address, length := unixAddress(s.RPC)
	return call(unix.SYS_CONNECT, fd, address, length)
}

func connectAbstract(s *Scene, fd uintptr) error {
	address, length := unixAddress("\x00" + s.Abstract)
	return call(unix.SYS_CONNECT, fd, address, length)
}

// signal sends nothing, which the kernel allows to whom it allows any signal.
func signal(nr uintptr, to func(*Scene) int) func(*Scene) error {
	return func(s *Scene) error { return call(nr, uintptr(to(s)), 0) }
}

// on is an attempt that is one system call about a process.
func on(to func(*Scene) int, nr uintptr, args ...uintptr) func(*Scene) error {
	return func(s *Scene) error { return call(nr, append([]uintptr{uintptr(to(s))}, args...)...) }
}

// seize begins to trace a process, which goes on running.
func seize(who func(*Scene) int) func(*Scene) error {
	return func(s *Scene) error { return call(unix.SYS_PTRACE, unix.PTRACE_SEIZE, uintptr(who(s)), 0, 0) }
}

// memoryOf copies memory from or to another process: none, which the kernel allows to whom it allows
// any.
func memoryOf(nr uintptr) func(*Scene) error {
	return func(s *Scene) error { return call(nr, uintptr(s.Another), room(16), 1, room(16), 1, 0) }
}

// fork makes a process, which ends at once.
func fork(flags uintptr) func(*Scene) error {
	return func(*Scene) error {
		pid, _, errno := syscall.RawSyscall6(unix.SYS_CLONE, flags|uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
		if errno != 0 {
			return errno
		}
		if pid == 0 {
			syscall.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
		}
		return nil
	}
}

// arguments is an argv of one string.
func arguments(s string) uintptr {
	argv := []uintptr{text(s), 0}
	kept = append(kept, (*byte)(unsafe.Pointer(&argv[0])))
	return uintptr(unsafe.Pointer(&argv[0]))
}

func execute(*Scene) error {
	return call(unix.SYS_EXECVE, text("/bin/true"), arguments("true"), arguments("x"))
}

func executeAt(*Scene) error {
	return call(unix.SYS_EXECVEAT, here, text("/bin/true"), arguments("true"), arguments("x"), 0)
}

// executable makes memory that is there already executable.
func executable(nr uintptr, args ...uintptr) func(*Scene) error {
	return func(*Scene) error {
		const page = 4096
		p, err := result(unix.SYS_MMAP, 0, page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON, all, 0)
		if err != nil {
			return err
		}
		return call(nr, append([]uintptr{p, page, unix.PROT_READ | unix.PROT_EXEC}, args...)...)
	}
}

func anonymous(size, protection uintptr) func(*Scene) error {
	return raw(unix.SYS_MMAP, 0, size, protection, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE, all, 0)
}

// exhaust takes descriptors until there are no more.
func exhaust(*Scene) error {
	for range 1 << 15 {
		if err := call(unix.SYS_FCNTL, 0, unix.F_DUPFD, 0); err != nil {
			return err
		}
	}
	return nil
}
