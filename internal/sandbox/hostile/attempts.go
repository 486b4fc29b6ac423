package hostile

import (
	"slices"

	"golang.org/x/sys/unix"
)

// The names of error numbers that are wanted.
const (
	eacces = "EACCES" // Landlock's answer, and the filter's for what the library tries
	eperm  = "EPERM"
	enosys = "ENOSYS"
	enomem = "ENOMEM"
	emfile = "EMFILE"
)

// readImpliesExec is a personality.
const readImpliesExec = 0x0400000

// What some daemons may, or are told otherwise.
var (
	noSocket = map[string]string{Connectd: eperm} // which may make TCP sockets
	dials    = map[string]string{Connectd: Done}
	pairs    = map[string]string{Hsmd: Done}
)

// Attempts is everything that is tried.
var Attempts = slices.Concat(files, sockets, processes, memory, kernel, thisArch, links)

var files = []Attempt{
	{Name: "read hsm_secret", Want: eacces, Do: open("hsm_secret", unix.O_RDONLY)},
	{Name: "write hsm_secret", Want: eacces, Do: open("hsm_secret", unix.O_WRONLY|unix.O_TRUNC)},
	{Name: "open the database", Want: eacces, Do: open("lightningd.sqlite3", unix.O_RDWR)},
	{Name: "list lightning-dir", Want: eacces, Do: open("", unix.O_RDONLY|unix.O_DIRECTORY)},
	{Name: "create a file in lightning-dir", Want: eacces, Do: open("new", unix.O_WRONLY|unix.O_CREAT)},
	{Name: "create a file without a name", Want: eacces, Do: open("", unix.O_WRONLY|unix.O_TMPFILE)},
	{Name: "open a path for later", Want: eacces, Do: open("hsm_secret", unix.O_PATH)},
	{Name: "read /etc/passwd", Want: eacces, Do: raw(unix.SYS_OPENAT, here, text("/etc/passwd"), unix.O_RDONLY)},
	{Name: "open lightningd's memory", Want: eacces, Do: openProc(lightningd, "mem", unix.O_RDWR)},
	{Name: "open another daemon's memory", Want: eacces, Do: openProc(another, "mem", unix.O_RDONLY)},
	{Name: "open another daemon's socket", Want: eacces, Do: openProc(another, "fd/3", unix.O_RDWR)},
	{Name: "open its own memory, past what is read-only", Want: eacces, Do: raw(unix.SYS_OPENAT, here, text("/proc/self/mem"), unix.O_RDWR)},
	{Name: "openat2", Want: Killed, Do: func(s *Scene) error { return call(unix.SYS_OPENAT2, here, s.in("hsm_secret"), room(24), 24) }},
	{Name: "open by handle", Want: Killed, Do: raw(unix.SYS_OPEN_BY_HANDLE_AT, 0, room(136), 0)},
	{Name: "make a handle", Want: Killed, Do: func(s *Scene) error {
		return call(unix.SYS_NAME_TO_HANDLE_AT, here, s.in("hsm_secret"), room(136), room(8), 0)
	}},
	{Name: "look whether a file is there", Want: eacces, Do: func(s *Scene) error { return call(unix.SYS_FACCESSAT, here, s.in("hsm_secret"), 0) }},
	{Name: "read a link", Want: eacces, Do: raw(unix.SYS_READLINKAT, here, text("/proc/self/exe"), room(256), 256)},
	{Name: "statx", Want: eacces, Do: func(s *Scene) error { return call(unix.SYS_STATX, here, s.in("hsm_secret"), 0, 0, room(256)) }},
	{Name: "remove the database", Want: Killed, Do: func(s *Scene) error { return call(unix.SYS_UNLINKAT, here, s.in("lightningd.sqlite3"), 0) }},
	{Name: "rename hsm_secret", Want: Killed, Do: func(s *Scene) error {
		return call(unix.SYS_RENAMEAT2, here, s.in("hsm_secret"), here, s.in("gone"), 0)
	}},
	{Name: "cut the database", Want: Killed, Do: func(s *Scene) error { return call(unix.SYS_TRUNCATE, s.in("lightningd.sqlite3"), 0) }},
	{Name: "link", Want: Killed, Do: func(s *Scene) error {
		return call(unix.SYS_LINKAT, here, s.in("hsm_secret"), here, s.in("copy"), 0)
	}},
	{Name: "symlink", Want: Killed, Do: func(s *Scene) error { return call(unix.SYS_SYMLINKAT, text("/"), here, s.in("root")) }},
	{Name: "make a folder", Want: Killed, Do: func(s *Scene) error { return call(unix.SYS_MKDIRAT, here, s.in("folder"), 0o700) }},
	{Name: "make a fifo", Want: Killed, Do: func(s *Scene) error { return call(unix.SYS_MKNODAT, here, s.in("fifo"), unix.S_IFIFO, 0) }},
	{Name: "chmod hsm_secret", Want: Killed, Do: func(s *Scene) error { return call(unix.SYS_FCHMODAT, here, s.in("hsm_secret"), 0o644) }},
	{Name: "chown hsm_secret", Want: Killed, Do: func(s *Scene) error { return call(unix.SYS_FCHOWNAT, here, s.in("hsm_secret"), all, all, 0) }},
	{Name: "touch hsm_secret", Want: Killed, Do: func(s *Scene) error { return call(unix.SYS_UTIMENSAT, here, s.in("hsm_secret"), 0, 0) }},
	{Name: "list extended attributes", Want: Killed, Do: func(s *Scene) error { return call(unix.SYS_LISTXATTR, s.in("hsm_secret"), 0, 0) }},
	{Name: "change folder", Want: Killed, Do: func(s *Scene) error { return call(unix.SYS_CHDIR, s.in("")) }},
	{Name: "watch files", Want: Killed, Do: raw(unix.SYS_INOTIFY_INIT1, 0)},
	{Name: "make a file of memory", Want: Killed, Do: raw(unix.SYS_MEMFD_CREATE, text("x"), 0)},
}

var sockets = []Attempt{
	{Name: "connect TCP", Want: Killed, But: dials, Do: socket(unix.AF_INET, unix.SOCK_STREAM, 0, connectTCP)},
	{Name: "bind TCP", Want: Killed, Do: socket(unix.AF_INET, unix.SOCK_STREAM, 0, bindTCP)},
	{Name: "listen TCP", Want: Killed, Do: socket(unix.AF_INET, unix.SOCK_STREAM, 0, listen)},
	{Name: "a socket of multipath TCP", Want: Killed, But: noSocket, Do: socket(unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_MPTCP, nil)},
	{Name: "connect UDP", Want: Killed, But: noSocket, Do: socket(unix.AF_INET, unix.SOCK_DGRAM, 0, connectTCP)},
	{Name: "a raw socket", Want: Killed, But: noSocket, Do: socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_TCP, nil)},
	{Name: "a packet socket", Want: Killed, But: noSocket, Do: socket(unix.AF_PACKET, unix.SOCK_RAW, 0, nil)},
	{Name: "a netlink socket", Want: Killed, But: noSocket, Do: socket(unix.AF_NETLINK, unix.SOCK_RAW, 0, nil)},
	{Name: "connect to the RPC", Want: Killed, But: noSocket, Do: socket(unix.AF_UNIX, unix.SOCK_STREAM, 0, connectRPC)},
	{Name: "connect to an abstract socket", Want: Killed, But: noSocket, Do: socket(unix.AF_UNIX, unix.SOCK_STREAM, 0, connectAbstract)},
	{Name: "a pair of streams", Want: Killed, But: pairs, Do: raw(unix.SYS_SOCKETPAIR, unix.AF_UNIX, unix.SOCK_STREAM, 0, room(8))},
	{Name: "a pair of datagram sockets, which can write to any path", Want: Killed, Do: raw(unix.SYS_SOCKETPAIR, unix.AF_UNIX, unix.SOCK_DGRAM, 0, room(8))},
	{Name: "sendto", Want: Killed, Do: raw(unix.SYS_SENDTO, 3, room(1), 0, 0, 0, 0)},
	{Name: "sendmmsg", Want: Killed, Do: raw(unix.SYS_SENDMMSG, 3, room(64), 0, 0)},
}

var processes = []Attempt{
	{Name: "fork", Want: Killed, Do: fork(0)},
	{Name: "fork into a new user namespace", Want: Killed, Do: fork(unix.CLONE_NEWUSER)},
	{Name: "clone3", Want: enosys, Do: raw(unix.SYS_CLONE3, room(88), 0)},
	{Name: "execute a program", Want: Killed, Do: execute},
	{Name: "execute by descriptor", Want: Killed, Do: executeAt},
	{Name: "trace lightningd", Want: Killed, Do: seize(lightningd)},
	{Name: "trace another daemon", Want: Killed, Do: seize(another)},
	{Name: "read another daemon's memory", Want: Killed, Do: memoryOf(unix.SYS_PROCESS_VM_READV)},
	{Name: "write another daemon's memory", Want: Killed, Do: memoryOf(unix.SYS_PROCESS_VM_WRITEV)},
	{Name: "kill lightningd", Want: Killed, Do: signal(unix.SYS_KILL, lightningd)},
	{Name: "kill another daemon", Want: Killed, Do: signal(unix.SYS_KILL, another)},
	{Name: "kill all", Want: Killed, Do: raw(unix.SYS_KILL, all, 0)},
	{Name: "kill a thread of another daemon", Want: Killed, Do: func(s *Scene) error {
		return call(unix.SYS_TGKILL, uintptr(s.Another), uintptr(s.Another), 0)
	}},
	{Name: "tkill another daemon", Want: Killed, Do: signal(unix.SYS_TKILL, another)},
	{Name: "queue a signal for another daemon", Want: Killed, Do: on(another, unix.SYS_RT_SIGQUEUEINFO, 0, room(128))},
	{Name: "have a descriptor signal lightningd", Want: eperm, Do: func(s *Scene) error {
		return call(unix.SYS_FCNTL, 3, unix.F_SETOWN, uintptr(s.Lightningd))
	}},
	{Name: "open another daemon as a descriptor", Want: enosys, Do: on(another, unix.SYS_PIDFD_OPEN, 0)},
	{Name: "take another daemon's descriptor", Want: Killed, Do: raw(unix.SYS_PIDFD_GETFD, 0, 3, 0)},
	{Name: "signal by descriptor", Want: Killed, Do: raw(unix.SYS_PIDFD_SEND_SIGNAL, 0, 0, 0, 0)},
	{Name: "compare with another daemon", Want: Killed, Do: on(another, unix.SYS_KCMP, uintptr(1), 0, 0, 0)},
	{Name: "change lightningd's limits", Want: eperm, Do: on(lightningd, unix.SYS_PRLIMIT64, unix.RLIMIT_CORE, 0, room(16))},
	{Name: "raise its own limits", Want: eperm, Do: raw(unix.SYS_PRLIMIT64, 0, unix.RLIMIT_NOFILE, 0, room(16))},
	{Name: "change lightningd's priority", Want: Killed, Do: raw(unix.SYS_SETPRIORITY, unix.PRIO_PROCESS, 0, 0)},
	{Name: "leave its session", Want: Killed, Do: raw(unix.SYS_SETPGID, 0, 0)},
}

var memory = []Attempt{
	{Name: "map executable memory", Want: Killed, Do: anonymous(4096, unix.PROT_READ|unix.PROT_EXEC)},
	{Name: "map memory to write and execute", Want: Killed, Do: anonymous(4096, unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC)},
	{Name: "make memory executable", Want: Killed, Do: executable(unix.SYS_MPROTECT)},
	{Name: "make memory executable, with a key", Want: Killed, Do: executable(unix.SYS_PKEY_MPROTECT, all)},
	{Name: "make all readable memory executable", Want: Killed, Do: raw(unix.SYS_PERSONALITY, readImpliesExec)},
	{Name: "share memory", Want: Killed, Do: raw(unix.SYS_SHMGET, 0, 4096, 0o600)},
	{Name: "handle page faults", Want: Killed, Do: raw(unix.SYS_USERFAULTFD, 0)},
	{Name: "take 3 GiB of memory", Want: enomem, Do: anonymous(3<<30, unix.PROT_READ|unix.PROT_WRITE)},
	{Name: "take all descriptors", Want: emfile, Always: true, Do: exhaust},
}

var kernel = []Attempt{
	{Name: "load a BPF program", Want: Killed, Do: raw(unix.SYS_BPF, 0, room(128), 128)},
	{Name: "mount", Want: Killed, Do: func(s *Scene) error { return call(unix.SYS_MOUNT, 0, s.in(""), 0, unix.MS_REMOUNT, 0) }},
	{Name: "unmount", Want: Killed, Do: func(s *Scene) error { return call(unix.SYS_UMOUNT2, s.in(""), 0) }},
	{Name: "open a tree of mounts", Want: Killed, Do: raw(unix.SYS_OPEN_TREE, here, text("/"), 0)},
	{Name: "open a filesystem", Want: Killed, Do: raw(unix.SYS_FSOPEN, text("tmpfs"), 0)},
	{Name: "change the root", Want: Killed, Do: func(s *Scene) error { return call(unix.SYS_CHROOT, s.in("")) }},
	{Name: "leave namespaces", Want: Killed, Do: raw(unix.SYS_UNSHARE, unix.CLONE_FS)},
	{Name: "enter a namespace", Want: Killed, Do: raw(unix.SYS_SETNS, 0, 0)},
	{Name: "setuid", Want: Killed, Do: raw(unix.SYS_SETUID, 0)},
	{Name: "setgid", Want: Killed, Do: raw(unix.SYS_SETGID, 0)},
	{Name: "setgroups", Want: Killed, Do: raw(unix.SYS_SETGROUPS, 0, 0)},
	{Name: "setresuid", Want: Killed, Do: raw(unix.SYS_SETRESUID, all, 0, all)},
	{Name: "set capabilities", Want: Killed, Do: raw(unix.SYS_CAPSET, room(8), room(24))},
	{Name: "use keyrings", Want: Killed, Do: raw(unix.SYS_KEYCTL, 0, all-3, 0)},
	{Name: "count events", Want: Killed, Do: raw(unix.SYS_PERF_EVENT_OPEN, room(128), 0, all, all, 0)},
	{Name: "load a module", Want: Killed, Do: raw(unix.SYS_INIT_MODULE, room(1), 1, text(""))},
	{Name: "load a kernel", Want: Killed, Do: raw(unix.SYS_KEXEC_LOAD, 0, 0, 0, all)},
	{Name: "reboot", Want: Killed, Do: raw(unix.SYS_REBOOT, 0, 0, 0)},
	{Name: "swap", Want: Killed, Do: raw(unix.SYS_SWAPOFF, text("/"))},
	{Name: "read the kernel's log", Want: Killed, Do: raw(unix.SYS_SYSLOG, 10)},
	{Name: "set the clock", Want: Killed, Do: raw(unix.SYS_CLOCK_SETTIME, 99, room(16))},
	{Name: "set the host's name", Want: Killed, Do: raw(unix.SYS_SETHOSTNAME, 0, 1<<20)},
	{Name: "io_uring", Want: Killed, Do: raw(unix.SYS_IO_URING_SETUP, 1, room(120))},
	{Name: "asynchronous I/O", Want: Killed, Do: raw(unix.SYS_IO_SETUP, 1, room(8))},
	{Name: "another filter", Want: Killed, Do: raw(unix.SYS_SECCOMP, unix.SECCOMP_GET_ACTION_AVAIL, 0, room(4))},
	{Name: "another ruleset", Want: Killed, Do: raw(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, 1)},
	{Name: "be dumpable again", Want: eperm, Do: raw(unix.SYS_PRCTL, unix.PR_SET_DUMPABLE, 1)},
	{Name: "be traceable by all", Want: eperm, Do: raw(unix.SYS_PRCTL, unix.PR_SET_PTRACER, all)},
	{Name: "type on the terminal", Want: eperm, Do: raw(unix.SYS_IOCTL, 0, unix.TIOCSTI, room(1))},
}
