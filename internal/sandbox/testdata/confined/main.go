// Command confined is what the tests confine: it enters a profile and does one thing.
package main

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"fulmen/internal/ipc"
	"fulmen/internal/sandbox"
)

var profiles = []sandbox.Profile{
	sandbox.Hsmd, sandbox.Connectd, sandbox.Gossipd, sandbox.Channeld, sandbox.Onchaind,
}

func main() {
	name, do, arg := os.Args[1], os.Args[2], os.Args[3]
	for _, p := range profiles {
		if p.Name != name {
			continue
		}
		var files []string
		if p == sandbox.Gossipd {
			files = []string{os.Args[4]}
		}
		start := time.Now()
		status, err := sandbox.Enter(p, files...)
		if err != nil {
			fmt.Println(err)
			os.Exit(3)
		}
		if do == "enter" {
			fmt.Println(time.Since(start).Microseconds(), status)
			return
		}
		report(deeds[do](arg))
		return
	}
	os.Exit(3)
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
	"udp": func(string) error {
		_, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
		return err
	},
	"unix": func(string) error {
		_, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
		return err
	},
	"fork": func(string) error {
		_, err := syscall.ForkExec("/bin/true", []string{"true"}, nil)
		return err
	},
	"code": func(string) error {
		_, err := syscall.Mmap(-1, 0, 4096, syscall.PROT_READ|syscall.PROT_EXEC, syscall.MAP_ANON|syscall.MAP_PRIVATE)
		return err
	},
	"exec":   func(string) error { return syscall.Exec("/bin/true", []string{"true"}, nil) },
	"signal": func(string) error { return syscall.Kill(os.Getppid(), 0) },
	"ptrace": func(string) error { return syscall.PtraceAttach(os.Getppid()) },
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
	a, b, err := ipc.Pair()
	if err != nil {
		return err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	from, to := ipc.NewConn(a), ipc.NewConn(b)
	defer from.Close()
	defer to.Close()
	if err := from.Send(&ipc.Died{Reason: "nothing"}, w); err != nil {
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
	_, err = r.Read(make([]byte, 1))
	return err
}
