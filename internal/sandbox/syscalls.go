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
	unix.SYS_LSEEK, unix.SYS_FCNTL, unix.SYS_EPOLL_CREATE1, unix.SYS_EPOLL_CTL, unix.SYS_EPOLL_PWAIT,
	unix.SYS_EPOLL_PWAIT2, unix.SYS_EVENTFD2, unix.SYS_PIPE2,
	// the runtime reads its cgroup's CPU limit again and again
	unix.SYS_PREAD64,
	// links
	unix.SYS_RECVMSG, unix.SYS_SENDMSG, unix.SYS_SHUTDOWN, unix.SYS_SOCKETPAIR,
}

// ifSync is for profiles with sync.
var ifSync = []uint32{unix.SYS_FSYNC, unix.SYS_FDATASYNC, unix.SYS_FTRUNCATE, unix.SYS_PWRITE64}

// ifFiles is for profiles with files; Landlock says which.
var ifFiles = []uint32{unix.SYS_OPENAT, unix.SYS_UNLINKAT, unix.SYS_RENAMEAT2}

// ifNetwork is for profiles with network; socket is in conditional.
var ifNetwork = []uint32{
	unix.SYS_CONNECT, unix.SYS_BIND, unix.SYS_LISTEN, unix.SYS_ACCEPT4, unix.SYS_GETSOCKOPT,
	unix.SYS_SETSOCKOPT, unix.SYS_GETSOCKNAME, unix.SYS_GETPEERNAME,
}

// conditional is allowed only with these arguments.
var conditional = []rule{
	{nr: unix.SYS_CLONE, conds: []cond{{arg: 0, mask: unix.CLONE_THREAD, value: unix.CLONE_THREAD}}, otherwise: killProcess},
	// No new code: what is executable was so when the process began.
	{nr: unix.SYS_MMAP, conds: notExecutable, otherwise: killProcess},
	{nr: unix.SYS_MPROTECT, conds: notExecutable, otherwise: killProcess},
	// The runtime names its memory; what else prctl can do is refused.
	{nr: unix.SYS_PRCTL, conds: []cond{{arg: 0, mask: ^uint32(0), value: unix.PR_SET_VMA}}, otherwise: refuse(unix.EPERM)},
	{nr: unix.SYS_TGKILL, conds: []cond{{arg: 0, mask: ^uint32(0), value: ownPid}}, otherwise: killProcess},
}

var notExecutable = []cond{{arg: 2, mask: unix.PROT_EXEC, value: 0}}

// tcpSocket is conditional for profiles with network: AF_INET (2) or AF_INET6 (10), a stream.
var tcpSocket = rule{nr: unix.SYS_SOCKET, conds: []cond{
	{arg: 0, mask: ^uint32(8), value: unix.AF_INET},
	{arg: 1, mask: 0xf, value: unix.SOCK_STREAM},
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
