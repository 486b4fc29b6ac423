package e2e

import (
	"strconv"
	"strings"
	"testing"

	"fulmen/tests/harness"
)

type info struct {
	BlockHeight       int    `json:"blockheight"`
	WarningBitcoind   string `json:"warning_bitcoind_sync"`
	WarningLightningd string `json:"warning_lightningd_sync"`
}

func getinfo(n *harness.Node) (i info) {
	n.Call("getinfo", nil, &i)
	return i
}

// Without its backend a node goes on paying, says what is missing, and catches up later.
func TestNodeOutlivesItsBackend(t *testing.T) {
	btcd, alice, bob := pair(t)
	btcd.Stop()
	harness.Eventually(t, "getinfo warns", func() error {
		if !strings.Contains(getinfo(alice).WarningBitcoind, "connection refused") {
			return constError("it does not")
		}
		return nil
	})
	alice.Pay(bob.Invoice(1_000_000, "without a chain"))
	agree(t, alice, bob, 1_000_000)

	btcd.Start()
	btcd.Mine(3)
	alice.Sync()
	if i := getinfo(alice); i.WarningBitcoind != "" || i.WarningLightningd != "" || i.BlockHeight != btcd.Height() {
		t.Errorf("with its backend back, getinfo says %+v", i)
	}
}

func TestNodeDoesNotStart(t *testing.T) {
	btcd := harness.StartBtcd(t)
	for name, test := range map[string]struct {
		options []string
		want    string
	}{
		"backend away": {
			[]string{"--bitcoin-rpcport=" + strconv.Itoa(harness.FreePort(t)), "--bitcoin-retry-timeout=1"},
			`did not answer within 1s \(bitcoin-retry-timeout\).*connection refused`,
		},
		"wrong password": {[]string{"--bitcoin-rpcpassword=x"}, "check bitcoin-rpcuser and bitcoin-rpcpassword"},
		"wrong network": {
			[]string{"--network=testnet"}, `backend is on the chain .*regtest.*, we are on .*test`,
		},
		"unknown option": {[]string{"--bitcoin-rpcprot=1"}, "bitcoin-rpcprot"},
	} {
		t.Run(name, func(t *testing.T) {
			n := harness.NewNode(t, btcd, "carol", test.options...)
			n.Launch()
			n.WaitLog(test.want)
			if err := n.WaitExit(); err == nil {
				t.Error("it ended as if all were well")
			}
		})
	}
}

func TestReorgsUnderARunningNode(t *testing.T) {
	btcd, alice, bob := pair(t)
	for _, depth := range []int{1, 3, 8} { // 8 blocks: the funding transaction is mined anew
		btcd.Reorg(depth)
		btcd.Mine(6)
		alice.Sync()
		bob.Sync()
		alice.Pay(bob.Invoice(1000, "after a reorganisation"))
	}
	agree(t, alice, bob, 3000)
}
