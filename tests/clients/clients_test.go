//go:build clients

package clients

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"fulmen/internal/rpc"
	"fulmen/tests/harness"
)

// client is the package that is run as it comes.
const client = "clightning-client@0.1.4"

// need says what is missing on this machine.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, name := range programs {
		if _, err := exec.LookPath(name); err != nil {
			t.Fatalf("%s is not installed: make test-clients needs node (18 or newer) and npm", name)
		}
	}
}

// testdata is the path of a script.
func testdata(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// shop is two nodes with a channel, all of which is the payer's.
func shop(t *testing.T, options ...string) (payer, payee *harness.Node) {
	t.Helper()
	btcd := harness.StartBtcd(t)
	payer, payee = harness.StartNode(t, btcd, "payer"), harness.StartNode(t, btcd, "payee", options...)
	payer.FundWallet(2_000_000)
	payer.Connect(payee)
	payer.OpenChannel(payee, 1_000_000)
	return payer, payee
}

func TestClightningClient(t *testing.T) {
	need(t, "node", "npm")
	dir := t.TempDir()
	install := exec.Command("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", client)
	install.Dir = dir
	if err := os.WriteFile(filepath.Join(dir, "package.json"), []byte(`{"private":true}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("npm does not install %s (is its registry reachable?): %v\n%s", client, err, out)
	}
	payer, payee := shop(t)
	run := exec.Command("node", testdata(t, "client.js"), payee.RPCFile(), filepath.Dir(payer.RPCFile()))
	run.Env = append(os.Environ(), "NODE_PATH="+filepath.Join(dir, "node_modules"))
	out, err := run.CombinedOutput()
	t.Logf("node client.js printed:\n%s", out)
	if err != nil {
		t.Error(err)
	}
}

func TestNodePlugin(t *testing.T) {
	need(t, "node")
	payer, payee := shop(t, "--plugin="+testdata(t, "plugin.js"), "--nodejs-greeting=salve")
	if got, want := ask(t, payee, "nodejs-greet", []string{"mundi"})["text"], "salve mundi"; got != want {
		t.Errorf("the command says %v, want %q", got, want)
	}
	if got := ask(t, payee, "nodejs-id", []string{}); got["id"] != payee.ID() || got["echoed"] != "nodejs:getinfo#1" {
		t.Errorf("over the socket the plugin has %v", got)
	}
	payer.Pay(payee.Invoice(5000, "for the plugin"))
	harness.Eventually(t, "the plugin is told of the payment", func() error {
		if paid, _ := ask(t, payee, "nodejs-paid", []string{})["paid"].([]any); len(paid) != 1 {
			return fmt.Errorf("it has %v", paid)
		}
		return nil
	})
}

// ask calls a command of the plugin, which has no published schema.
func ask(t *testing.T, n *harness.Node, method string, params []string) (result map[string]any) {
	t.Helper()
	c, err := rpc.Dial(n.RPCFile())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var raw json.RawMessage
	if err := c.Call(t.Context(), method, params, &raw); err != nil {
		t.Fatalf("%s: %v", method, err)
	}
	if err := json.Unmarshal(raw, &result); err != nil {
		t.Fatalf("%s: %v", method, err)
	}
	return result
}
