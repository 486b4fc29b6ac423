package interop

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/btcsuite/btcd/address/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/txscript/v2"

	"fulmen/tests/harness"
)

// ldk is a node on LDK: the program in peers/ldk, which answers over HTTP.
type ldk struct {
	rest
	t     harness.TB
	btcd  *harness.Btcd
	dir   string // the process's own; the node's state is below it
	setup map[string]any
	proc  *harness.Process
	id    string
}

// ldkKind is LDK, as npm has it.
var ldkKind = Kind{Name: "ldk", Build: buildLDK, New: newLDK, Cannot: ldkCannot}

// ldkFolder is where buildLDK puts the program and its modules.
func ldkFolder() (string, error) {
	root, err := harness.Root()
	return filepath.Join(root, ".build", "ldk"), err
}

// buildLDK copies the program into the checkout's .build, and installs beside it what package-lock.json names.
func buildLDK() error {
	folder, err := ldkFolder()
	if err != nil {
		return err
	}
	source := filepath.Join(filepath.Dir(folder), "..", "tests", "interop", "peers", "ldk")
	files, err := filepath.Glob(filepath.Join(source, "*.*"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("no LDK program in %s (%v)", source, err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	const lock = "package-lock.json"
	before, _ := os.ReadFile(filepath.Join(folder, lock)) // not there at first
	for _, from := range files {
		raw, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, filepath.Base(from)), raw, 0o644); err != nil {
			return err
		}
	}
	now, err := os.ReadFile(filepath.Join(source, lock))
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(folder, "node_modules", "lightningdevkit")); err == nil && bytes.Equal(before, now) {
		return nil
	}
	install := exec.Command("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
	install.Dir = folder
	if out, err := install.CombinedOutput(); err != nil {
		return fmt.Errorf("install LDK: %w\n%s", err, out)
	}
	return nil
}

func newLDK(t harness.TB, btcd *harness.Btcd, how Setup) Peer {
	t.Helper()
	port := harness.FreePort(t)
	l := &ldk{t: t, btcd: btcd, dir: t.TempDir()}
	l.base = fmt.Sprintf("http://127.0.0.1:%d", port)
	l.setup = map[string]any{
		"dir": l.state(), "host": "127.0.0.1", "port": harness.FreePort(t), "rpcPort": port,
		"btcd":     map[string]string{"url": "http://" + btcd.Address(), "user": harness.BtcdUser, "password": harness.BtcdPassword},
		"features": how.Features, "leastChannel": uint64(how.LeastChannel), "noPush": how.NoPush,
		"alias": how.SCIDAlias, "confirms": how.Confirms, "shortDelay": how.ShortDelay, "large": how.Large,
	}
	t.Cleanup(func() {
		if l.proc != nil {
			l.proc.Kill()
		}
	})
	return l
}

func (l *ldk) state() string { return filepath.Join(l.dir, "state") }

// Log implements Peer.
func (l *ldk) Log() []byte {
	l.t.Helper()
	raw, err := os.ReadFile(filepath.Join(l.dir, "log"))
	if err != nil {
		l.t.Fatalf("%v", err)
	}
	return raw
}

// Start implements Peer. LDK has no options beyond the setup.
func (l *ldk) Start(...string) {
	l.t.Helper()
	raw, err := json.Marshal(l.setup)
	if err != nil {
		l.t.Fatalf("%v", err)
	}
	setup := filepath.Join(l.dir, "setup.json")
	if err := os.WriteFile(setup, raw, 0o600); err != nil {
		l.t.Fatalf("%v", err)
	}
	folder, err := ldkFolder()
	if err != nil {
		l.t.Fatalf("%v", err)
	}
	node, err := exec.LookPath("node")
	if err != nil {
		l.t.Fatalf("LDK runs in Node: %v", err)
	}
	l.proc, err = harness.StartProcess("ldk", l.dir, node, []string{filepath.Join(folder, "main.mjs"), setup}, false)
	if err != nil {
		l.t.Fatalf("%v", err)
	}
	harness.Eventually(l.t, "LDK answers", func() error {
		if !l.proc.Alive() {
			l.t.Fatalf("LDK ended: %v", l.proc.Wait())
		}
		return l.try("info", nil, nil)
	})
	l.id = l.info().ID
	l.Sync()
}

// Stop implements Peer.
func (l *ldk) Stop() {
	l.t.Helper()
	if err := l.proc.Terminate(); err != nil {
		l.t.Fatalf("stop LDK: %v", err)
	}
}

// Kill implements Peer.
func (l *ldk) Kill() { l.proc.Kill() }

// WaitEnd implements Quitter.
func (l *ldk) WaitEnd() {
	l.t.Helper()
	harness.Eventually(l.t, "LDK ends itself", func() error {
		if l.proc.Alive() {
			return errors.New("it lives")
		}
		return nil
	})
}

// Alive implements Peer.
func (l *ldk) Alive() bool { return l.proc.Alive() }

// ID implements Peer.
func (l *ldk) ID() string { return l.id }

// Address implements Peer.
func (l *ldk) Address() string { return fmt.Sprintf("127.0.0.1:%d", l.setup["port"]) }

type ldkInfo struct {
	Version string
	ID      string
	Height  int
	Sats    uint64 // confirmed coins
}

func (l *ldk) info() (info ldkInfo) {
	l.t.Helper()
	l.must("info", nil, &info)
	return info
}

// Version implements Peer.
func (l *ldk) Version() string {
	l.t.Helper()
	return l.info().Version
}

// Sync implements Peer.
func (l *ldk) Sync() {
	l.t.Helper()
	harness.Eventually(l.t, "LDK has seen all blocks", func() error {
		var at struct{ Height int }
		l.must("sync", nil, &at)
		if height := l.btcd.Height(); at.Height != height {
			return fmt.Errorf("it is at %d of %d", at.Height, height)
		}
		return nil
	})
}

// NewAddress implements Peer. The driver's wallet has one.
func (l *ldk) NewAddress() string {
	l.t.Helper()
	var reply struct{ Script string }
	l.must("address", nil, &reply)
	_, addresses, _, err := txscript.ExtractPkScriptAddrs(hexBytes(reply.Script), &chaincfg.RegressionNetParams)
	if err != nil || len(addresses) != 1 {
		l.t.Fatalf("LDK's script %s is no address (%v)", reply.Script, err)
	}
	return addresses[0].EncodeAddress()
}

// scriptOf is an address as a script in hex.
func scriptOf(to string) (string, error) {
	if to == "" {
		return "", nil
	}
	addr, err := address.DecodeAddress(to, &chaincfg.RegressionNetParams)
	if err != nil {
		return "", err
	}
	script, err := txscript.PayToAddrScript(addr)
	return hex.EncodeToString(script), err
}

// Connect implements Peer.
func (l *ldk) Connect(id, address string) error {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return err
	}
	return l.try("connect", map[string]any{"id": id, "host": host, "port": port}, nil)
}

// Disconnect implements Peer.
func (l *ldk) Disconnect(id string) error {
	return l.try("disconnect", map[string]string{"id": id}, nil)
}

// Connected implements Peer.
func (l *ldk) Connected(id string) bool {
	l.t.Helper()
	var reply struct{ Connected bool }
	l.must("connected", map[string]string{"id": id}, &reply)
	return reply.Connected
}

// SendCustom implements Peer.
func (l *ldk) SendCustom(id string, messageType uint32, data []byte) error {
	return l.try("custom", map[string]any{"id": id, "type": messageType, "data": hex.EncodeToString(data)}, nil)
}

// must is one call that has to succeed.
func (l *ldk) must(method string, params, result any) {
	l.t.Helper()
	if err := l.try(method, params, result); err != nil {
		l.t.Fatalf("LDK: %s: %v", method, err)
	}
}

// ldkPatience is how long one call may take: LDK, in WebAssembly, computes for seconds where hundreds of HTLCs are under way.
const ldkPatience = 5 * time.Minute

func (l *ldk) try(method string, params, result any) error {
	ctx, cancel := context.WithTimeout(l.t.Context(), ldkPatience)
	defer cancel()
	return l.call(ctx, http.MethodPost, "/"+method, params, result)
}
