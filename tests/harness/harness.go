// Package harness starts real programs for tests: a btcd on regtest, and lightningd nodes on it,
// each with folders of its own, on loopback. What it starts ends with the test, or with the test
// program, whatever the reason.
package harness

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"time"
)

// TB is what the harness needs of a test; testing.TB is one.
type TB interface {
	Helper()
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Cleanup(func())
	TempDir() string
	Failed() bool
	Context() context.Context
}

// A Keeper is a TB that may leave what it started running when it ends well.
type Keeper interface{ Keep() bool }

func keeps(t TB) bool {
	k, ok := t.(Keeper)
	return ok && k.Keep()
}

// Patience is how long anything may take that is expected to happen.
const Patience = 60 * time.Second

// Eventually tries until no error is left; it is for what announces itself by no event.
func Eventually(t TB, what string, try func() error) {
	t.Helper()
	deadline := time.After(Patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: after %s still: %v", what, Patience, err)
		}
	}
}

// module is the first line of the go.mod in the checkout's root; tests may be in a module below it.
const module = "module fulmen\n"

// Root is the checkout: the folder above us with our go.mod.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if mod, err := os.ReadFile(filepath.Join(dir, "go.mod")); err == nil && bytes.HasPrefix(mod, []byte(module)) {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("the working directory is not in a checkout")
		}
		dir = parent
	}
}

// Where ports are taken from: below those that the kernel gives to whoever asks for any, so that none is gone by the
// time that its process listens, at its start or after a restart.
const (
	firstPort = 10_000
	ports     = 20_000
)

// FreePort is a port of the loopback interface that is this test's until it ends: a name in the kernel's
// abstract namespace says so to all other tests, of other programs too.
func FreePort(t TB) int {
	t.Helper()
	for range ports {
		port := firstPort + rand.IntN(ports)
		claim, err := net.Listen("unix", fmt.Sprintf("@fulmen-test-port-%d", port))
		if err != nil {
			continue
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil { // of somebody else's
			claim.Close()
			continue
		}
		l.Close()
		t.Cleanup(func() { claim.Close() })
		return port
	}
	t.Fatalf("no port is free from %d on", firstPort)
	return 0
}
