package funding

import (
	"errors"
	"flag"
	"fmt"
	"testing"

	"fulmen/internal/rpc"
	"fulmen/tests/harness"
)

var stride = flag.Int("stride", 5, "kill the node at each so many steps; 1: at each")

// mostSteps is more than opening two channels has.
const mostSteps = 100

// TestKilledWhileFunding kills the node at steps of multifundchannel, one after the other, until one call is over before
// its turn. After each it has both channels and broadcasts their transaction, or neither, and no coin is reserved.
func TestKilledWhileFunding(t *testing.T) {
	btcd := harness.StartBtcd(t)
	alice := harness.NewNode(t, btcd, "alice", "--developer")
	bob, carol := harness.StartNode(t, btcd, "bob"), harness.StartNode(t, btcd, "carol")
	alice.Start()
	alice.FundWallet(10_000_000)
	var destinations []object
	for _, n := range []*harness.Node{bob, carol} {
		n.Sync() // it refuses channels while it is behind
		destinations = append(destinations, object{"id": n.ID() + "@" + n.Address(), "amount": 100_000})
	}
	opened := 0
	for step := 1; step <= mostSteps; step += *stride {
		alice.Stop()
		alice.Start(fmt.Sprintf("--dev-crash-at-step=%d", step))
		// Steps of the channels that earlier rounds opened would count, too.
		harness.Eventually(t, "all channels are reestablished", func() error {
			for _, c := range alice.Channels() {
				if c.Reestablished == nil || !*c.Reestablished {
					return fmt.Errorf("channel %s is not", c.ChannelID)
				}
			}
			return nil
		})
		var err error
		harness.Eventually(t, "the node has all blocks", func() error {
			var e *rpc.Error
			if err = alice.Try("multifundchannel", object{"destinations": destinations, "minconf": 0}, nil); errors.As(err, &e) && e.Code == rpc.CodeFundStillSyncing {
				return err
			}
			return nil
		})
		if err == nil {
			t.Logf("it has fewer than %d steps; %d channels were opened on the way", step, opened)
			if step <= 10 || *stride < 5 && opened == 0 {
				t.Error("that is not what was to be tested")
			}
			return
		}
		harness.Eventually(t, "the node is dead", func() error {
			if !alice.Dead() {
				return fmt.Errorf("step %d: it lives, and said %w", step, err)
			}
			return nil
		})
		alice.Start()
		opened = checkAfterCrash(t, btcd, alice, step, opened)
	}
	t.Fatalf("it has more than %d steps", mostSteps)
}

// checkAfterCrash returns how many channels there are then.
func checkAfterCrash(t *testing.T, btcd *harness.Btcd, alice *harness.Node, step, before int) int {
	t.Helper()
	now := len(alice.Channels())
	switch now {
	case before:
		empty(t, btcd)
	case before + 2:
		mined(btcd, alice)
		harness.Eventually(t, "all channels can be used", func() error {
			for _, c := range alice.Channels() {
				if c.State != "CHANNELD_NORMAL" {
					return fmt.Errorf("step %d: channel %s is in %s", step, c.ChannelID, c.State)
				}
			}
			return nil
		})
	default:
		t.Fatalf("step %d: %d channels, there were %d", step, now, before)
	}
	for _, o := range alice.Funds().Outputs {
		if o.Reserved {
			t.Errorf("step %d: coin %s:%d is reserved", step, o.TxID, o.Output)
		}
	}
	return now
}
