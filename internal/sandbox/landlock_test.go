package sandbox

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	llsys "github.com/landlock-lsm/go-landlock/landlock/syscall"
)

// landlocked is the name under which the test's own binary is confined by Landlock alone, and tries what
// its arguments say: profile, gossipd's file, deed, argument.
const landlocked = "landlocked"

func runLandlocked(args []string) {
	for _, p := range profiles {
		if p.Name != args[0] {
			continue
		}
		var files []string
		if p.files {
			files = []string{args[1]}
		}
		if err := new(Status).landlock(p, files); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		var errno syscall.Errno
		switch err := landlockDeeds[args[2]](args[3]); {
		case err == nil:
			fmt.Print(wasDone)
		case errors.As(err, &errno) && (errno == syscall.EACCES || errno == syscall.EPERM):
			fmt.Print(wasRefused)
		default:
			fmt.Print(err)
		}
	}
}

var landlockDeeds = map[string]func(string) error{
	"open": func(path string) error {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err == nil {
			f.Close()
		}
		return err
	},
	"remove": os.Remove,
	"dial": func(address string) error {
		network, address, _ := strings.Cut(address, " ")
		c, err := net.Dial(network, address)
		if err == nil {
			c.Close()
		}
		return err
	},
	"bind": func(string) error {
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
		if err != nil {
			return err
		}
		return syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	},
	"signal": func(string) error { return syscall.Kill(os.Getppid(), 0) },
	"trace":  func(string) error { return syscall.PtraceAttach(os.Getppid()) },
}

// Landlock holds by itself: should the filter let something through, or not be there, it still refuses.
func TestLandlockAlone(t *testing.T) {
	abi, err := llsys.LandlockGetABIVersion()
	if err != nil {
		t.Fatalf("this kernel has no Landlock: %v", err)
	}
	s := newSetting(t)
	abstract := fmt.Sprintf("@fulmen-sandbox-%d", os.Getpid())
	l, err := net.Listen("unix", abstract)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, p := range profiles {
		for _, tt := range []struct {
			do, arg string
			since   int // ABI
			allowed bool
		}{
			{"open", s.secret, 1, false},
			{"open", s.store, 1, p.files},
			{"remove", s.secret, 1, false},
			{"trace", "", 1, false},
			{"dial", "tcp " + s.addr, 4, p.dials},
			{"bind", "", 4, false},
			{"dial", "unix " + abstract, 6, false},
			{"signal", "", 6, false},
		} {
			if abi < tt.since {
				continue
			}
			cmd := exec.Command("/proc/self/exe")
			cmd.Args = []string{landlocked, p.Name, s.store, tt.do, tt.arg}
			out, err := cmd.CombinedOutput()
			want := wasRefused
			if tt.allowed {
				want = wasDone
			}
			if err != nil || outcome(out) != want {
				t.Errorf("%s: %s %s: %s %v, want %s", p.Name, tt.do, tt.arg, out, err, want)
			}
		}
	}
}
