package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"fulmen/internal/rpc"
	"fulmen/internal/schema"
)

// Node is a lightningd on a Btcd.
type Node struct {
	Name string
	Dir  string // its lightning-dir
	t    TB
	btcd *Btcd
	port int
	args []string
	proc *Process
	rpc  *rpc.Client
	id   string
}

// HoldParts are the options of a node that keeps a part of a payment for as long as any test takes.
var HoldParts = []string{"--developer", "--dev-mpp-timeout=3600"}

// StartNode starts a lightningd with further options, and returns when it is ready, and has seen all blocks: before, it
// refuses channels.
func StartNode(t TB, btcd *Btcd, name string, options ...string) *Node {
	t.Helper()
	n := NewNode(t, btcd, name, options...)
	n.Start()
	n.Sync()
	return n
}

// NewNode is a lightningd that is not started yet.
func NewNode(t TB, btcd *Btcd, name string, options ...string) *Node {
	t.Helper()
	n := &Node{Name: name, Dir: t.TempDir(), t: t, btcd: btcd, port: FreePort(t)}
	n.args = append([]string{
		"--lightning-dir=" + n.Dir, "--alias=" + name, "--log-level=debug",
		"--addr=" + n.Address(),
		"--bitcoin-rpcconnect=127.0.0.1", "--bitcoin-rpcport=" + strconv.Itoa(btcd.Port()),
		"--bitcoin-rpcuser=" + BtcdUser, "--bitcoin-rpcpassword=" + BtcdPassword,
		"--bitcoin-datadir=" + n.Dir, // has no bitcoin.conf
	}, options...)
	// Options that contradict each other are refused, so that ours gives way.
	if !slices.ContainsFunc(options, func(o string) bool { return strings.HasPrefix(o, "--network=") }) {
		n.args = append(n.args, "--network=regtest")
	}
	t.Cleanup(n.end)
	return n
}

// end is the last of a test: what a node wrote is shown when the test failed.
func (n *Node) end() {
	if n.proc == nil || keeps(n.t) && !n.t.Failed() {
		return
	}
	n.disconnect()
	n.proc.Kill()
	n.checkSandbox()
	if raw, err := n.proc.Output(); err == nil && n.t.Failed() {
		n.t.Logf("the last that %s wrote:\n%s", n.Name, tail(raw, 60))
	}
}

// checkSandbox fails the test if the filter of any daemon, in any run of the node, has killed it: every
// test is one of what the daemons need, too.
func (n *Node) checkSandbox() {
	n.t.Helper()
	raw, err := os.ReadFile(n.proc.log)
	if err != nil {
		n.t.Errorf("%s: %v", n.Name, err)
		return
	}
	for line := range strings.Lines(string(raw)) {
		if strings.Contains(line, "killed by the sandbox") {
			n.t.Errorf("%s: %s", n.Name, line)
		}
	}
}

// Start starts it, again after a Stop or Kill, and waits until it is ready.
func (n *Node) Start(options ...string) {
	n.t.Helper()
	n.Launch(options...)
	n.WaitLog("Server started with public key")
	n.connectRPC()
}

// Launch starts it without waiting, for those that are not expected to become ready.
func (n *Node) Launch(options ...string) {
	n.t.Helper()
	bin, err := Bin()
	if err != nil {
		n.t.Fatalf("build: %v", err)
	}
	args := append(append([]string(nil), n.args...), options...)
	n.proc, err = StartProcess(n.Name, n.Dir, filepath.Join(bin, "lightningd"), args, keeps(n.t))
	if err != nil {
		n.t.Fatalf("%v", err)
	}
}

// Background runs lightningd --daemon with a standard input until that returns, and gives what it printed. Whoever
// calls it stops the node.
func (n *Node) Background(stdin string, options ...string) (string, error) {
	n.t.Helper()
	bin, err := Bin()
	if err != nil {
		n.t.Fatalf("build: %v", err)
	}
	cmd := exec.Command(filepath.Join(bin, "lightningd"), append(append([]string{"--daemon"}, n.args...), options...)...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput() // until nobody holds it any more
	return string(out), err
}

func (n *Node) connectRPC() {
	n.t.Helper()
	n.disconnect()
	client, err := rpc.Dial(n.RPCFile())
	if err != nil {
		n.t.Fatalf("%s: %v", n.Name, err)
	}
	n.rpc = client
	var info struct {
		ID string `json:"id"`
	}
	n.Call("getinfo", nil, &info)
	n.id = info.ID
}

func (n *Node) disconnect() {
	if n.rpc != nil {
		n.rpc.Close()
		n.rpc = nil
	}
}

// ID is its node id.
func (n *Node) ID() string { return n.id }

// Address is where peers connect to it, with the port.
func (n *Node) Address() string { return "127.0.0.1:" + strconv.Itoa(n.port) }

// RPCFile is its RPC socket.
func (n *Node) RPCFile() string { return filepath.Join(n.Dir, "regtest", "lightning-rpc") }

// Pid is its lightningd.
func (n *Node) Pid() int { return n.proc.cmd.Process.Pid }

// Log is all that this run of it wrote.
func (n *Node) Log() string {
	n.t.Helper()
	raw, err := n.proc.Output()
	if err != nil {
		n.t.Fatalf("%s: %v", n.Name, err)
	}
	return string(raw)
}

// Call is one RPC that must succeed; result may be nil.
func (n *Node) Call(method string, params, result any) {
	n.t.Helper()
	if err := n.Try(method, params, result); err != nil {
		n.t.Fatalf("%s: %s %v: %v", n.Name, method, params, err)
	}
}

// Try is one RPC; its error may be a *rpc.Error. A result that breaks the published contract is an
// error too.
func (n *Node) Try(method string, params, result any) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*Patience)
	defer cancel()
	var raw json.RawMessage
	if err := n.rpc.Call(ctx, method, params, &raw); err != nil {
		return err
	}
	contract, err := schema.Load(method)
	if err != nil {
		return err
	}
	if err := contract.ValidateResponse(raw); err != nil {
		return fmt.Errorf("%s breaks the contract: %w\n%s", method, err, raw)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(raw, result)
}

// CLI runs lightning-cli on it.
func (n *Node) CLI(args ...string) (string, error) {
	n.t.Helper()
	bin, err := Bin()
	if err != nil {
		n.t.Fatalf("build: %v", err)
	}
	cmd := exec.Command(filepath.Join(bin, "lightning-cli"),
		append([]string{"--network=regtest", "--lightning-dir=" + n.Dir}, args...)...)
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("lightning-cli %v: %w: %s", args, err, errOut.Bytes())
	}
	return string(out), err
}

// WaitLog waits for a line of this run, and returns it with the pattern's groups.
func (n *Node) WaitLog(pattern string) []string {
	n.t.Helper()
	found, err := n.proc.WaitLog(pattern)
	if err != nil {
		n.t.Fatalf("%v", err)
	}
	return found
}

// WaitExit waits for a node that ends by itself, and returns its exit error.
func (n *Node) WaitExit() error { return n.proc.Wait() }

// Dead reports whether lightningd has ended.
func (n *Node) Dead() bool { return !n.proc.Alive() }

// Busy says whether one of its processes has something to do at this moment, or only waits to be let do it.
func (n *Node) Busy() bool { return n.proc.busy() }

// WaitHeight waits until it has seen the block at a height.
func (n *Node) WaitHeight(height int) {
	n.t.Helper()
	n.Call("waitblockheight", []int{height, int(Patience.Seconds())}, nil)
}

// Sync waits until it has seen all blocks.
func (n *Node) Sync() {
	n.t.Helper()
	n.WaitHeight(n.btcd.Height())
}

// Stop shuts it down in order.
func (n *Node) Stop() {
	n.t.Helper()
	n.disconnect()
	if err := n.proc.Terminate(); err != nil {
		n.t.Fatalf("stop %s: %v", n.Name, err)
	}
}

// Kill ends lightningd as a power cut would.
func (n *Node) Kill() {
	n.disconnect()
	n.proc.Kill()
}

// Restart is Kill and Start.
func (n *Node) Restart() {
	n.t.Helper()
	n.Kill()
	n.Start()
}
