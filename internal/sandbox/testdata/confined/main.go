// Command confined is what the tests confine: it enters a profile and does one thing.
package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"fulmen/internal/ipc"
	"fulmen/internal/sandbox"
)

var profiles = []sandbox.Profile{
	sandbox.Hsmd, sandbox.Connectd, sandbox.Gossipd, sandbox.Channeld, sandbox.Onchaind,
}

// The sockets and the file that it has before it is confined.
var (
	links [2]*os.File
	pipe  [2]*os.File
	given *os.File
	// parent is asked for before, too.
	parent = os.Getppid()
)

// main's arguments: profile, mode, deed, the deed's argument.
func main() {
	name, mode, do, arg := os.Args[1], sandbox.Mode(os.Args[2]), os.Args[3], os.Args[4]
	for _, p := range profiles {
		if p.Name != name {
			continue
		}
		prepare()
		start := time.Now()
		status, err := sandbox.Enter(mode, p)
		must(err)
		if do == "enter" {
			fmt.Println(time.Since(start).Microseconds(), status)
			return
		}
		report(deeds[do](arg))
		return
	}
	os.Exit(3)
}

func prepare() {
	var err error
	links[0], links[1], err = ipc.Pair()
	must(err)
	pipe[0], pipe[1], err = os.Pipe()
	must(err)
	given, err = os.CreateTemp("", "confined")
	must(err)
	must(os.Remove(given.Name()))
}

func must(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(3)
	}
}

func report(err error) {
	if err != nil {
		fmt.Println("refused:", err)
		os.Exit(2)
	}
	fmt.Println("done")
}

var deeds = map[string]func(arg string) error{
	"work": work,
	"open": func(arg string) error {
		f, err := os.Open(arg)
		if err == nil {
			f.Close()
		}
		return err
	},
	"create": func(arg string) error { return os.WriteFile(arg+".new", nil, 0o600) },
	"dial": func(arg string) error {
		c, err := net.Dial("tcp", arg)
		if err == nil {
			c.Close()
		}
		return err
	},
	"listen": func(string) error {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err == nil {
			l.Close()
		}
		return err
	},
	"sctp": func(string) error {
		_, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, syscall.IPPROTO_SCTP)
		return err
	},
	"pair": func(string) error {
		_, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
		return err
	},
	"datagrams": func(string) error {
		_, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_DGRAM, 0)
		return err
	},
	"write": func(string) error {
		_, err := given.Write([]byte("x"))
		return err
	},
	"own": func(string) error { // the first step to signal any process by a descriptor
		_, err := unix.FcntlInt(links[0].Fd(), unix.F_SETOWN, parent)
		return err
	},
	"descriptors": func(string) error {
		for range 1 << 15 {
			if _, err := unix.FcntlInt(given.Fd(), unix.F_DUPFD, 0); err != nil {
				return err
			}
		}
		return nil
	},
	"memory": func(string) error {
		_, err := syscall.Mmap(-1, 0, 3<<30, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE|syscall.MAP_NORESERVE)
		return err
	},
	"capability": func(string) error {
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var have [2]unix.CapUserData
		err := unix.Capget(&header, &have[0])
		if err == nil && have == [2]unix.CapUserData{} {
			err = errors.New("none left")
		}
		return err
	},
	"udp": func(string) error {
		_, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
		return err
	},
	"unix": func(string) error {
		_, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
		return err
	},
	"fork": func(string) error {
		pid, _, errno := syscall.RawSyscall6(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0)
		if errno != 0 {
			return errno
		}
		if pid == 0 {
			syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 0, 0, 0)
		}
		return nil
	},
	"code": func(string) error {
		_, err := syscall.Mmap(-1, 0, 4096, syscall.PROT_READ|syscall.PROT_EXEC, syscall.MAP_ANON|syscall.MAP_PRIVATE)
		return err
	},
	"exec":   func(string) error { return syscall.Exec("/bin/true", []string{"true"}, nil) },
	"signal": func(string) error { return syscall.Kill(parent, 0) },
	"ptrace": func(string) error { return syscall.PtraceAttach(parent) },
}

var sink [][]byte

// work does what every daemon needs: threads, timers, collected memory, links with descriptors.
func work(string) error {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			runtime.LockOSThread() // a thread each, which ends with the goroutine
			for i := range 200 {
				b := make([]byte, 1<<12+i)
				b[i] = 1
				if i%50 == 0 {
					runtime.GC()
					<-time.After(time.Millisecond)
				}
			}
		})
	}
	err := talk()
	wg.Wait()
	for range 64 {
		sink = append(sink, make([]byte, 1<<20))
	}
	sink = nil
	runtime.GC()
	return err
}

func talk() error {
	from, to := ipc.NewConn(links[0]), ipc.NewConn(links[1])
	defer from.Close()
	defer to.Close()
	if err := from.Send(&ipc.Died{Reason: "nothing"}, pipe[1]); err != nil {
		return err
	}
	f, err := to.Recv()
	if err != nil {
		return err
	}
	defer f.CloseFds()
	if _, err := f.Fds[0].WriteString("x"); err != nil {
		return err
	}
	_, err = pipe[0].Read(make([]byte, 1))
	return err
}
