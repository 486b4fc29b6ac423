package options

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"fulmen/internal/features"
	"fulmen/internal/rpc"
	"fulmen/tests/harness"
	"fulmen/tests/proc"
)

type object = map[string]any

// refused starts a node that must not come up, and wants the reason.
func refused(t *testing.T, btcd *harness.Btcd, want string, options ...string) {
	t.Helper()
	n := harness.NewNode(t, btcd, "alice", options...)
	n.Launch()
	if err := n.WaitExit(); err == nil || !strings.Contains(n.Log(), want) {
		t.Errorf("with %q it ends with %v, and says not %q:\n%s", options, err, want, n.Log())
	}
}

func TestDeveloper(t *testing.T) {
	btcd := harness.StartBtcd(t)
	refused(t, btcd, "cmdline: dev-no-reconnect: only with the option developer", "--dev-no-reconnect")
	refused(t, btcd, "cmdline: dev-ignore-ibd: only with the option developer", "--dev-ignore-ibd=true")
}

func TestVersion(t *testing.T) {
	n := harness.StartNode(t, harness.StartBtcd(t), "alice")
	var info struct{ Version string }
	n.Call("getinfo", nil, &info)
	bin, err := harness.Bin()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(filepath.Join(bin, "lightningd"), "--version").Output()
	if err != nil || strings.TrimSpace(string(out)) != info.Version || !strings.HasPrefix(info.Version, "v26.06-fulmen") {
		t.Errorf("--version: %q, %v; getinfo: %q", out, err, info.Version)
	}
}

// TestHarnessOptions starts nodes as public harnesses do, with all that needs no test of its own.
func TestHarnessOptions(t *testing.T) {
	btcd := harness.StartBtcd(t)
	alice := harness.StartNode(t, btcd, "alice",
		"--developer", "--dev-bitcoind-poll=2", "--dev-fast-gossip", "--dev-fast-reconnect", "--dev-allow-localhost",
		"--dev-fail-on-subdaemon-fail", "--dev-no-version-checks", "--dev-crash-after=3600", "--dev-save-plugin-io=io",
		"--dev-ignore-ibd=true", "--allow-deprecated-apis=true", "--rescan=10", "--watchtime-blocks=7", "--cltv-delta=8",
		"--cltv-final=12", "--ignore-fee-limits=false", "--disable-dns", "--log-prefix=lightning1-", "--log-file=-",
		"--log-file=node.log", "--autoconnect-seeker-peers=0", "--bitcoin-rpcclienttimeout=30", "--bitcoin-retry-timeout=30",
		"--bitcoin-cli=/usr/bin/bitcoin-cli")
	bob := harness.StartNode(t, btcd, "bob", "--developer", "--dev-fast-gossip")
	for _, where := range []string{alice.Log(), read(t, filepath.Join(alice.Dir, "node.log"))} {
		if !strings.Contains(where, "\nlightning1-") || !strings.Contains(where, "Server started with public key") {
			t.Errorf("a log lacks the prefix or the start:\n%.500s", where)
		}
	}
	files, err := filepath.Glob(filepath.Join(alice.Dir, "regtest", "io", "bcli.*"))
	if err != nil || len(files) != 2 {
		t.Fatalf("bcli's input and output are in %q, %v", files, err)
	}
	if in, out := read(t, files[0]), read(t, files[1]); !strings.Contains(in, `"allow-deprecated-apis":true`) || !strings.Contains(in, `"getchaininfo"`) ||
		!strings.Contains(in, `"dev-ignore-ibd":true`) || !strings.Contains(out, `"rpcmethods"`) || !strings.Contains(out, `"ibd":false`) {
		t.Errorf("bcli was sent %.1000s\nand wrote %.1000s", in, out)
	}
	var configs struct{ Configs map[string]object }
	alice.Call("listconfigs", nil, &configs)
	for name, want := range map[string]string{
		"developer": `{"set":true,"source":"cmdline"}`, "dev-bitcoind-poll": `{"source":"cmdline","value_int":2}`,
		"dev-fast-gossip": `{"set":true,"source":"cmdline"}`, "rescan": `{"source":"cmdline","value_int":10}`,
		"ignore-fee-limits": `{"source":"cmdline","value_bool":false}`,
		"log-file":          `{"sources":["cmdline","cmdline"],"values_str":["-","node.log"]}`,
	} {
		if got, err := json.Marshal(configs.Configs[name]); string(got) != want || err != nil {
			t.Errorf("listconfigs of %s: %s, %v; want %s", name, got, err, want)
		}
	}
	err = alice.Try("connect", []string{bob.ID() + "@no.such.host.invalid:9735"}, nil)
	if err == nil || !strings.Contains(err.Error(), "disable-dns") {
		t.Errorf("connect to a name: %v", err)
	}
	var decoded struct {
		MinFinal int `json:"min_final_cltv_expiry"`
	}
	alice.Call("decode", []string{alice.Invoice(1000, "d")}, &decoded)
	if decoded.MinFinal != 12 {
		t.Errorf("min_final_cltv_expiry is %d, want cltv-final's 12", decoded.MinFinal)
	}
	alice.FundWallet(2_000_000)
	alice.Connect(bob)
	alice.OpenChannel(bob, 1_000_000)
	var channels struct {
		Channels []struct {
			Theirs  int `json:"their_to_self_delay"`
			Updates struct {
				Local struct {
					Delta int `json:"cltv_expiry_delta"`
				}
			}
		}
	}
	alice.Call("listpeerchannels", nil, &channels)
	if c := channels.Channels[0]; c.Theirs != 7 || c.Updates.Local.Delta != 8 {
		t.Errorf("to_self_delay %d, cltv_expiry_delta %d; want watchtime-blocks' 7 and cltv-delta's 8", c.Theirs, c.Updates.Local.Delta)
	}
	harness.Eventually(t, "bob knows alice's address, which is on this machine alone", func() error {
		var list struct {
			Nodes []struct{ Addresses []object }
		}
		bob.Call("listnodes", []string{alice.ID()}, &list)
		if len(list.Nodes) != 1 || len(list.Nodes[0].Addresses) != 1 || list.Nodes[0].Addresses[0]["address"] != "127.0.0.1" {
			return fmt.Errorf("it has %v", list.Nodes)
		}
		return nil
	})
}

func read(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestCrashAfter(t *testing.T) {
	refused(t, harness.StartBtcd(t), "SIGABRT", "--developer", "--dev-crash-after=1")
}

func TestVersionChecks(t *testing.T) {
	btcd := harness.StartBtcd(t)
	old := filepath.Join(t.TempDir(), "channeld")
	if err := os.WriteFile(old, []byte("#!/bin/sh\necho v25.02\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	refused(t, btcd, `is version "v25.02"`, "--subdaemon=channeld:"+old)
	harness.StartNode(t, btcd, "bob", "--subdaemon=channeld:"+old, "--developer", "--dev-no-version-checks")
}

func TestFailOnSubdaemonFail(t *testing.T) {
	n := harness.StartNode(t, harness.StartBtcd(t), "alice", "--developer", "--dev-fail-on-subdaemon-fail")
	tree, err := proc.Tree(n.Pid())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range tree {
		if p.Name() == "gossipd" {
			if err := syscall.Kill(p.PID, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := n.WaitExit(); err == nil || !strings.Contains(n.Log(), "dev-fail-on-subdaemon-fail: gossipd") {
		t.Errorf("the node ends with %v", err)
	}
}

func TestForceFeatures(t *testing.T) {
	btcd := harness.StartBtcd(t)
	alice := harness.StartNode(t, btcd, "alice", "--developer", "--dev-force-features=+1001", "--dev-force-features=-19")
	bob := harness.StartNode(t, btcd, "bob")
	alice.Connect(bob)
	var list struct {
		Peers []struct{ Features string }
	}
	harness.Eventually(t, "bob has alice for a peer", func() error {
		bob.Call("listpeers", []string{alice.ID()}, &list)
		if len(list.Peers) != 1 || list.Peers[0].Features == "" {
			return fmt.Errorf("it has %v", list.Peers)
		}
		return nil
	})
	var info struct {
		Ours struct{ Init, Node string } `json:"our_features"`
	}
	alice.Call("getinfo", nil, &info)
	if f := list.Peers[0].Features; len(f) != 2*(1001/8+1) || f[:2] != "02" || info.Ours.Init != f || info.Ours.Node[:2] != "02" {
		t.Errorf("bob sees %s, alice says %s and %s", f, info.Ours.Init, info.Ours.Node)
	}
	raw, err := hex.DecodeString(info.Ours.Init)
	if v := features.Vector(raw); err != nil || v.Supports(features.SupportLargeChannel) || !v.Supports(features.Anchors) {
		t.Errorf("alice's init is %x, %v", raw, err)
	}
	refused(t, btcd, `"many" is no feature bit`, "--developer", "--dev-force-features=1,many")
}

func TestForceKeys(t *testing.T) {
	const one = "0000000000000000000000000000000000000000000000000000000000000001"
	forced := []string{
		"--developer", "--dev-force-privkey=" + one, "--dev-force-bip32-seed=" + one,
		"--dev-force-channel-secrets=" + strings.Repeat(one+"/", 5) + strings.Repeat("ff", 32),
	}
	btcd := harness.StartBtcd(t)
	n := harness.StartNode(t, btcd, "alice", forced...)
	if want := "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"; n.ID() != want {
		t.Errorf("node id %s, want %s", n.ID(), want)
	}
	for _, option := range forced[1:] {
		refused(t, btcd, "keys can be chosen on regtest alone", "--network=signet", "--developer", option)
	}
	if strings.Contains(n.Log(), one) {
		t.Error("a key is in the log")
	}
	var configs struct{ Configs map[string]object }
	n.Call("listconfigs", nil, &configs)
	if got := configs.Configs["dev-force-privkey"]["value_str"]; got != "..." {
		t.Errorf("listconfigs shows %v", got)
	}
}

// TestHSMSecret starts nodes on secrets of the published forms, whose ids are known.
func TestHSMSecret(t *testing.T) {
	btcd := harness.StartBtcd(t)
	const words = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about"
	for name, test := range map[string]struct {
		secret string
		want   string // empty: not known, but the same at each start
	}{
		// What a public harness makes of its first node's folder.
		"32 bytes": {"lightning-1" + strings.Repeat("\x00", 21), "0266e4598d1d3c415f572a8488830b60f7e744ed9235eb0b1ba93283b315c03518"},
		"mnemonic": {strings.Repeat("\x00", 32) + words, ""},
	} {
		t.Run(name, func(t *testing.T) {
			n := harness.NewNode(t, btcd, "alice")
			path := filepath.Join(n.Dir, "regtest", "hsm_secret")
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(test.secret), 0o400)); err != nil {
				t.Fatal(err)
			}
			n.Start()
			if test.want != "" && n.ID() != test.want {
				t.Errorf("node id %s, want %s", n.ID(), test.want)
			}
			first := n.ID()
			n.Restart()
			if n.ID() != first || read(t, path) != test.secret {
				t.Errorf("after a restart the id is %s, it was %s", n.ID(), first)
			}
		})
	}
}

func TestDisconnect(t *testing.T) {
	btcd := harness.StartBtcd(t)
	alice := harness.NewNode(t, btcd, "alice", "--developer", "--dev-disconnect=dev_disconnect", "--dev-fast-reconnect")
	dir := filepath.Join(alice.Dir, "regtest")
	write := func(lines string) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, "dev_disconnect"), []byte(lines), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	write("-WIRE_COMMITMENT_SIGNED\n+WIRE_COMMITMENT_SIGNED\n-WIRE_REVOKE_AND_ACK\n+WIRE_REVOKE_AND_ACK")
	alice.Start()
	bob := harness.StartNode(t, btcd, "bob")
	alice.FundWallet(2_000_000)
	alice.Connect(bob)
	alice.OpenChannel(bob, 1_000_000)
	alice.Pay(bob.Invoice(10_000_000, "through four disconnections"))
	if got := bob.Settled(); got != 10_000_000 {
		t.Errorf("bob has %d", got)
	}
	harness.Eventually(t, "all four orders are carried out", func() error {
		if n := strings.Count(alice.Log(), `peer disconnected reason="disconnected as dev-disconnect says"`); n != 4 {
			return fmt.Errorf("there were %d disconnections", n)
		}
		return nil
	})
	alice.Stop()
	write("?WIRE_INIT")
	alice.Launch()
	if err := alice.WaitExit(); err == nil || !strings.Contains(alice.Log(), "dev-disconnect: line 1") {
		t.Errorf("a bad list: %v", err)
	}
}

// TestRescan looks for coins that are older than the node, and reads the blocks of one that is not new again.
func TestRescan(t *testing.T) {
	const seed = "--dev-force-bip32-seed=0000000000000000000000000000000000000000000000000000000000000003"
	btcd := harness.StartBtcd(t)
	first := harness.StartNode(t, btcd, "first", "--developer", seed)
	first.FundWallet(1_000_000)
	btcd.Mine(30)
	first.Sync()
	for option, want := range map[string]int{"--rescan=15": 0, "--rescan=100": 1, "--rescan=-1": 1} {
		n := harness.StartNode(t, btcd, "again", "--developer", seed, option)
		n.Sync()
		if got := len(n.Funds().Outputs); got != want {
			t.Errorf("with %s a new node finds %d coins, want %d", option, got, want)
		}
	}
	first.Kill()
	first.Start("--rescan=35")
	first.WaitLog(fmt.Sprintf("block is no longer in the chain.*height=%d", btcd.Height()-35))
	first.Sync()
	harness.Eventually(t, "the coin is there again", func() error {
		if got := first.Funds().OnChain(); got != 1_000_000_000 {
			return fmt.Errorf("it has %d msat", got)
		}
		return nil
	})
}

// TestAutoconnect has a node connect to one that it knows by gossip alone.
func TestAutoconnect(t *testing.T) {
	btcd := harness.StartBtcd(t)
	dev := []string{"--developer", "--dev-allow-localhost", "--dev-fast-gossip"}
	bob, carol := harness.StartNode(t, btcd, "bob", dev...), harness.StartNode(t, btcd, "carol", dev...)
	bob.FundWallet(2_000_000)
	bob.Connect(carol)
	bob.OpenChannel(carol, 1_000_000)
	alice := harness.StartNode(t, btcd, "alice", append(dev, "--autoconnect-seeker-peers=2")...)
	alice.Connect(bob)
	harness.Eventually(t, "alice is connected to carol", func() error {
		var list struct {
			Peers []struct {
				ID        string
				Connected bool
			}
		}
		alice.Call("listpeers", nil, &list)
		for _, p := range list.Peers {
			if p.ID == carol.ID() && p.Connected {
				return nil
			}
		}
		return fmt.Errorf("it has %v", list.Peers)
	})
}

// TestNoReconnect ends a connection that a channel wants: alice does not ask for another, and takes bob's.
func TestNoReconnect(t *testing.T) {
	btcd := harness.StartBtcd(t)
	alice := harness.StartNode(t, btcd, "alice", "--developer", "--dev-no-reconnect")
	bob := harness.StartNode(t, btcd, "bob", "--developer", "--dev-no-reconnect")
	alice.FundWallet(2_000_000)
	alice.Connect(bob)
	alice.OpenChannel(bob, 1_000_000)
	alice.Call("disconnect", object{"id": bob.ID(), "force": true}, nil)
	bob.WaitLog("peer disconnected")
	// Longer than any first pause before a reconnect: blocks are polled once a second.
	btcd.Mine(3)
	alice.Sync()
	bob.Sync()
	var fail *rpc.Error
	if err := alice.Try("ping", []string{bob.ID()}, nil); !errors.As(err, &fail) {
		t.Errorf("alice is connected again: %v", err)
	}
	bob.Connect(alice)
	alice.WaitChannel("", "CHANNELD_NORMAL")
}
