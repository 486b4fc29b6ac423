package interop

import (
	"os"
	"strings"
	"testing"

	"fulmen/tests/interop/lndrpc"
)

// TestStubsAreOfTheLndThatRuns finds a new lnd whose stubs were not made again.
func TestStubsAreOfTheLndThatRuns(t *testing.T) {
	module, err := os.ReadFile("peers/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if want := "github.com/lightningnetwork/lnd " + lndrpc.Version; !strings.Contains(string(module), want) {
		t.Errorf("peers/go.mod has no %s: run go generate ./lndrpc", want)
	}
}
