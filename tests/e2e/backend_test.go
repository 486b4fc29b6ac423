package e2e

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
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
	harness.Eventually(t, "getinfo warns no more", func() error { // once the backend has told its fees, too
		if i := getinfo(alice); i.WarningBitcoind != "" || i.WarningLightningd != "" || i.BlockHeight != btcd.Height() {
			return fmt.Errorf("with its backend back, it says %+v", i)
		}
		return nil
	})
}

func TestNodeDoesNotStart(t *testing.T) {
	btcd := harness.StartBtcd(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, test := range map[string]struct {
		options []string
		want    string
		early   bool // before there is a secret, the words of which nobody would look for here
	}{
		"backend away": {
			[]string{"--bitcoin-rpcport=" + strconv.Itoa(harness.FreePort(t)), "--bitcoin-retry-timeout=1"},
			`did not answer within 1s \(bitcoin-retry-timeout\).*connection refused`, true,
		},
		"wrong password": {[]string{"--bitcoin-rpcpassword=x"}, "check bitcoin-rpcuser and bitcoin-rpcpassword", true},
		"wrong network": {
			[]string{"--network=testnet"}, `backend is on the chain .*regtest.*, we are on .*test`, true,
		},
		"words that are none": {[]string{"--recover=abandon about"}, "recover: want 12, 15, 18, 21 or 24 words, have 2", true},
		"unknown option":      {[]string{"--bitcoin-rpcprot=1"}, "bitcoin-rpcprot", true},
		"port in use": {
			[]string{"--bind-addr=" + taken.Addr().String()}, "set up connectd: listen on " + taken.Addr().String() + ": bind: address already in use", false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := harness.NewNode(t, btcd, "carol", test.options...)
			n.Launch()
			n.WaitLog(test.want)
			if err := n.WaitExit(); err == nil {
				t.Error("it ended as if all were well")
			}
			if made, err := filepath.Glob(filepath.Join(n.Dir, "*", "hsm_secret")); err != nil || (len(made) == 0) != test.early {
				t.Errorf("secrets: %v, %v", made, err)
			}
			if strings.Contains(n.Log(), "starting it again") {
				t.Error("it tried to start a daemon again")
			}
		})
	}
}

// TestDatabaseCutOff: a node does not forget its channels because a full disk left nothing of their database.
func TestDatabaseCutOff(t *testing.T) {
	n := harness.NewNode(t, harness.StartBtcd(t), "carol")
	folder := filepath.Dir(n.RPCFile())
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"hsm_secret", "lightningd.sqlite3"} {
		if err := os.WriteFile(filepath.Join(folder, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	n.Launch()
	n.WaitLog("the file is empty, though hsm_secret is there")
	if err := n.WaitExit(); err == nil {
		t.Error("it ended as if all were well")
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
