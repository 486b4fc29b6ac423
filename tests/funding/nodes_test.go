package funding

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"fulmen/internal/rpc"
	"fulmen/tests/harness"
)

// object is a JSON object, given or got.
type object = map[string]any

// call is an RPC that must succeed.
func call(n *harness.Node, method string, params any) object {
	var result object
	n.Call(method, params, &result)
	return result
}

// refused calls what must fail with a code, and returns the error.
func refused(t *testing.T, n *harness.Node, code rpc.Code, method string, params any) *rpc.Error {
	t.Helper()
	err := n.Try(method, params, nil)
	var e *rpc.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("%s: %s %v: %v, want code %d", n.Name, method, params, err, code)
	}
	return e
}

// states are those of a node's channels, sorted.
func states(n *harness.Node) []string {
	list := []string{}
	for _, c := range n.Channels() {
		list = append(list, c.State)
	}
	slices.Sort(list)
	return list
}

// waitStates waits until a node has channels in just these states.
func waitStates(t *testing.T, n *harness.Node, want ...string) {
	t.Helper()
	harness.Eventually(t, fmt.Sprintf("%s has channels in %v", n.Name, want), func() error {
		if got := states(n); !slices.Equal(got, want) {
			return fmt.Errorf("%v", got)
		}
		return nil
	})
}

// untouched fails unless a node has no channel, none in the making, and all of its coins.
func untouched(t *testing.T, n *harness.Node) {
	t.Helper()
	waitStates(t, n)
	harness.Eventually(t, n.Name+" has nothing half done", func() error {
		if pending := call(n, "getinfo", nil)["num_pending_channels"]; pending != 0.0 {
			return fmt.Errorf("%v pending channels", pending)
		}
		for _, o := range n.Funds().Outputs {
			if o.Reserved {
				return fmt.Errorf("coin %s:%d is reserved", o.TxID, o.Output)
			}
		}
		return nil
	})
}

// empty fails if there is anything to mine.
func empty(t *testing.T, btcd *harness.Btcd) {
	t.Helper()
	if txs := btcd.Mempool(); len(txs) != 0 {
		t.Fatalf("%d transactions are broadcast", len(txs))
	}
}

// mined mines what is broadcast, deep enough for channels.
func mined(btcd *harness.Btcd, nodes ...*harness.Node) {
	btcd.WaitMempool(1)
	btcd.Mine(6)
	for _, n := range nodes {
		n.Sync()
	}
}
