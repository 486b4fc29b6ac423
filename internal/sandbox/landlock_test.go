package sandbox

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"

	llsys "github.com/landlock-lsm/go-landlock/landlock/syscall"
)

// landlocked is the name under which the test's own binary is confined by Landlock alone, and tries
// everything. Its arguments: profile, hsm_secret, gossip_store, address of a listener, abstract socket.
const landlocked = "landlocked"

// landlockDeed is something to try; since is the ABI that refuses it to those who may not.
type landlockDeed struct {
	name  string
	since int
	may   func(Profile) bool
	do    func(s setting) error
}

func nobody(Profile) bool { return false }

var landlockDeeds = []landlockDeed{
	{"open hsm_secret", 1, nobody, func(s setting) error { return openAndClose(s.secret) }},
	{"open gossip_store", 1, nobody, func(s setting) error { return openAndClose(s.store) }},
	{"remove hsm_secret", 1, nobody, func(s setting) error { return os.Remove(s.secret) }},
	{"trace the parent", 1, nobody, func(setting) error { return syscall.PtraceAttach(os.Getppid()) }},
	{"dial", 4, func(p Profile) bool { return p.dials }, func(s setting) error { return dialAndClose("tcp", s.addr) }},
	{"bind", 4, nobody, bind},
	{"dial an abstract socket", 6, nobody, func(s setting) error { return dialAndClose("unix", s.abstract) }},
	{"signal the parent", 6, nobody, func(setting) error { return syscall.Kill(os.Getppid(), 0) }},
}

func openAndClose(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err == nil {
		f.Close()
	}
	return err
}

func dialAndClose(network, address string) error {
	c, err := net.Dial(network, address)
	if err == nil {
		c.Close()
	}
	return err
}

func bind(setting) error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	return syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
}

// runLandlocked prints a line for each deed that did not end as it should.
func runLandlocked(args []string) error {
	s := setting{secret: args[1], store: args[2], addr: args[3], abstract: args[4]}
	i := slices.IndexFunc(profiles, func(p Profile) bool { return p.Name == args[0] })
	p := profiles[i]
	var status Status
	if err := status.landlock(p); err != nil {
		return err
	}
	for _, deed := range landlockDeeds {
		if status.LandlockABI < deed.since {
			continue
		}
		var errno syscall.Errno
		err := deed.do(s)
		refused := errors.As(err, &errno) && (errno == syscall.EACCES || errno == syscall.EPERM)
		if err != nil && !refused || refused == deed.may(p) {
			fmt.Printf("%s: %v\n", deed.name, err)
		}
	}
	return nil
}

// Landlock holds by itself: should the filter let something through, or not be there, it still refuses.
func TestLandlockAlone(t *testing.T) {
	if _, err := llsys.LandlockGetABIVersion(); err != nil {
		t.Fatalf("this kernel has no Landlock: %v", err)
	}
	s := newSetting(t)
	for _, p := range profiles {
		cmd := exec.Command("/proc/self/exe")
		cmd.Args = []string{landlocked, p.Name, s.secret, s.store, s.addr, s.abstract}
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", p.Name, err, out)
		}
	}
}
