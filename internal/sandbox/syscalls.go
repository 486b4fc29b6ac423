package sandbox

import "golang.org/x/sys/unix"

// always is what any of our processes needs: the Go runtime's memory, threads, timers, signals
// among its own threads, and the descriptors that the process was given.
var always = []uint32{
	// memory
	unix.SYS_MUNMAP, unix.SYS_MADVISE, unix.SYS_BRK, // mmap and mprotect are in conditional
	// threads and scheduling; clone is in conditional
	unix.SYS_FUTEX, unix.SYS_SCHED_YIELD, unix.SYS_SCHED_GETAFFINITY, unix.SYS_GETTID, unix.SYS_GETPID,
	unix.SYS_SET_ROBUST_LIST, unix.SYS_RSEQ, unix.SYS_EXIT, unix.SYS_EXIT_GROUP,
	// signals: the runtime preempts its threads with tgkill
	unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGRETURN, unix.SYS_SIGALTSTACK,
	unix.SYS_RESTART_SYSCALL,
	// time
	unix.SYS_NANOSLEEP, unix.SYS_CLOCK_NANOSLEEP, unix.SYS_CLOCK_GETTIME, unix.SYS_GETTIMEOFDAY,
	unix.SYS_GETRANDOM,
	// descriptors
	unix.SYS_READ, unix.SYS_WRITE, unix.SYS_READV, unix.SYS_WRITEV, unix.SYS_CLOSE, unix.SYS_FSTAT,
	unix.SYS_LSEEK, unix.SYS_EPOLL_CREATE1, unix.SYS_EPOLL_CTL, unix.SYS_EPOLL_PWAIT,
	unix.SYS_EPOLL_PWAIT2, unix.SYS_EVENTFD2, // fcntl is in conditional
	// the runtime reads its cgroup's CPU limit again and again
	unix.SYS_PREAD64,
	// links
	unix.SYS_RECVMSG, unix.SYS_SENDMSG, unix.SYS_SHUTDOWN,
}

// ifSyncs is for profiles with syncs.
var ifSyncs = []uint32{unix.SYS_FSYNC, unix.SYS_FDATASYNC, unix.SYS_FTRUNCATE, unix.SYS_PWRITE64}

// ifPairs is for profiles with pairs. A pair of datagram sockets could write to any socket's path.
var ifPairs = rule{nr: unix.SYS_SOCKETPAIR, conds: []cond{
	{arg: 0, mask: all, value: unix.AF_UNIX},
	{arg: 1, mask: socketTypeMask, value: unix.SOCK_STREAM},
}, otherwise: killProcess}

// ifDials is for profiles with dials; socket is tcpSocket. There is no bind and no listen.
var ifDials = []uint32{
	unix.SYS_CONNECT, unix.SYS_ACCEPT4, unix.SYS_GETSOCKOPT, unix.SYS_SETSOCKOPT, unix.SYS_GETSOCKNAME,
	unix.SYS_GETPEERNAME,
}

// Masks.
const (
	all            = ^uint32(0)
	socketTypeMask = 0xf // beside it are SOCK_CLOEXEC and SOCK_NONBLOCK

	newNamespaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC |
		unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET
)

// conditional is allowed only with these arguments.
var conditional = []rule{
	{nr: unix.SYS_CLONE, conds: []cond{{arg: 0, mask: unix.CLONE_THREAD | newNamespaces, value: unix.CLONE_THREAD}}, otherwise: killProcess},
	// No new code: what is executable was so when the process began.
	{nr: unix.SYS_MMAP, conds: notExecutable, otherwise: killProcess},
	{nr: unix.SYS_MPROTECT, conds: notExecutable, otherwise: killProcess},
	// The runtime names its memory; what else prctl can do is refused.
	{nr: unix.SYS_PRCTL, conds: []cond{{arg: 0, mask: all, value: unix.PR_SET_VMA}}, otherwise: refuse(unix.EPERM)},
	{nr: unix.SYS_TGKILL, conds: []cond{{arg: 0, mask: all, value: ownPid}}, otherwise: killProcess},
	// The commands up to 7 are about flags and locks. The next are those by which a descriptor sends a
	// signal to any process.
	{nr: unix.SYS_FCNTL, conds: []cond{{arg: 1, mask: ^uint32(7), value: 0}}, otherwise: refuse(unix.EPERM)},
}

var notExecutable = []cond{{arg: 2, mask: unix.PROT_EXEC, value: 0}}

// tcpSocket is conditional for profiles with dials: AF_INET (2) or AF_INET6 (10), a stream, and no
// other protocol than TCP: Landlock does not know those.
var tcpSocket = rule{nr: unix.SYS_SOCKET, conds: []cond{
	{arg: 0, mask: ^uint32(8), value: unix.AF_INET},
	{arg: 1, mask: socketTypeMask, value: unix.SOCK_STREAM},
	{arg: 2, mask: all, value: 0},
}, otherwise: refuse(unix.EPERM)}

// refused is what the library may try and can do without, in harmless places such as reading the
// local time zone or the longest backlog, or when it looks for a better way to do something.
var refused = []struct {
	errno unix.Errno
	nrs   []uint32
}{
	{unix.EACCES, []uint32{unix.SYS_OPENAT, unix.SYS_FACCESSAT, unix.SYS_FACCESSAT2, unix.SYS_READLINKAT, unix.SYS_STATX}},
	{unix.ENOSYS, []uint32{unix.SYS_CLONE3, unix.SYS_SPLICE, unix.SYS_SENDFILE, unix.SYS_COPY_FILE_RANGE, unix.SYS_PIDFD_OPEN}},
	{unix.EPERM, []uint32{unix.SYS_UNAME, unix.SYS_PRLIMIT64, unix.SYS_SCHED_SETAFFINITY, unix.SYS_IOCTL}},
}
