// Package e2e tests the real programs together, on a real chain.
package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/chain"
	"fulmen/internal/plugin"
	"fulmen/tests/harness"
)

// ledger is a receiver that keeps the ids of the blocks, as a node's database would.
type ledger struct {
	t      *testing.T
	mu     sync.Mutex
	blocks []chain.BlockID
	txs    map[string]block.Height
	news   chan struct{}
}

func (l *ledger) BlockConnected(_ context.Context, b chain.BlockConnected) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.blocks); n > 0 && (l.blocks[n-1].Height+1 != b.Height || l.blocks[n-1].Hash != b.Block.Header.PrevBlock) {
		return fmt.Errorf("block %d does not follow on %d", b.Height, l.blocks[n-1].Height)
	}
	l.blocks = append(l.blocks, b.BlockID)
	for _, tx := range b.Block.Transactions {
		l.txs[tx.TxHash().String()] = b.Height
	}
	return nil
}

func (l *ledger) BlockDisconnected(_ context.Context, b chain.BlockDisconnected) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if last := l.blocks[len(l.blocks)-1]; last != b.BlockID {
		return fmt.Errorf("block %d goes, but %d is the last", b.Height, last.Height)
	}
	l.blocks = l.blocks[:len(l.blocks)-1]
	for txid, height := range l.txs {
		if height == b.Height {
			delete(l.txs, txid)
		}
	}
	return nil
}

func (l *ledger) CaughtUp(context.Context, block.Height) error {
	select {
	case l.news <- struct{}{}:
	default:
	}
	return nil
}

func (l *ledger) tip() chain.BlockID {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.blocks) == 0 {
		return chain.BlockID{}
	}
	return l.blocks[len(l.blocks)-1]
}

// waitTip waits until the ledger has btcd's last block.
func (l *ledger) waitTip(btcd *harness.Btcd) {
	l.t.Helper()
	height := btcd.Height()
	want := chain.BlockID{Height: block.Height(height), Hash: btcd.HashAt(height)}
	patience := time.After(harness.Patience)
	for l.tip() != want {
		select {
		case <-l.news:
		case <-patience:
			l.t.Fatalf("at %v, want %v", l.tip(), want)
		}
	}
}

// startBackend runs bcli against btcd.
func startBackend(t *testing.T, bcli string, btcd *harness.Btcd, options map[string]any) *chain.Plugin {
	t.Helper()
	p, err := plugin.Start(t.Context(), plugin.Spec{Path: bcli, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Stop(context.Background()) })
	all := map[string]any{
		"bitcoin-datadir": t.TempDir(), "bitcoin-rpcport": btcd.Port(),
		"bitcoin-rpcuser": harness.BtcdUser, "bitcoin-rpcpassword": harness.BtcdPassword,
	}
	for name, value := range options {
		all[name] = value
	}
	if err := p.Init(t.Context(), all, plugin.Configuration{Network: "regtest", Startup: true}); err != nil {
		t.Fatal(err)
	}
	return &chain.Plugin{Caller: p, Permanent: permanent}
}

func permanent(err error) bool {
	var answered *plugin.Error
	if !errors.As(err, &answered) {
		return false
	}
	var data struct{ Permanent bool }
	return json.Unmarshal(answered.Data, &data) == nil && data.Permanent
}

// run follows the chain until the test ends.
func run(t *testing.T, config chain.Config) *chain.Runner {
	t.Helper()
	r, err := chain.NewRunner(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("following ended: %v", err)
		}
	})
	return r
}

func TestChainOverBtcd(t *testing.T) {
	btcd := harness.StartBtcd(t)
	backend := startBackend(t, harness.BuildProgram(t, "fulmen/plugins/bcli"), btcd, nil)
	l := &ledger{t: t, txs: make(map[string]block.Height), news: make(chan struct{}, 1)}
	r := run(t, chain.Config{
		Backend: backend, Receiver: l, Chain: "regtest",
		Start: func(block.Height) block.Height { return 0 },
		Poll:  20 * time.Millisecond,
	})
	l.waitTip(btcd)
	if n := len(l.blocks); n != btcd.Height()+1 {
		t.Fatalf("has %d blocks of %d", n, btcd.Height()+1)
	}
	for _, depth := range []int{1, 2, 7, 30, 149} {
		btcd.Reorg(depth)
		l.waitTip(btcd)
	}
	checkMethods(t, btcd, backend)
	checkBroadcast(t, btcd, r, l)

	btcd.Stop()
	harness.Eventually(t, "btcd's absence is noticed", func() error {
		if w := r.Status().BitcoindWarning(); !strings.Contains(w, "connection refused") {
			return fmt.Errorf("the warning is %q", w)
		}
		return nil
	})
	btcd.Start()
	btcd.Mine(1)
	r.Poke()
	l.waitTip(btcd)
}

func checkMethods(t *testing.T, btcd *harness.Btcd, backend *chain.Plugin) {
	fees, err := backend.EstimateFees(t.Context())
	if err != nil || fees.Floor != 250 || len(fees.Estimates) != 0 {
		t.Errorf("fees %+v, %v", fees, err)
	}
	if b, err := backend.BlockAt(t.Context(), block.Height(btcd.Height()+1)); b != nil || err != nil {
		t.Errorf("block beyond the tip: %v, %v", b, err)
	}
	script := slices.Concat([]byte{txscript.OP_0, txscript.OP_DATA_20}, make([]byte, 20))
	outpoint := wire.OutPoint{Hash: btcd.FundScript(script, 12345)}
	btcd.Mine(1)
	out, err := backend.Output(t.Context(), outpoint)
	if err != nil || out == nil || out.Amount != amount.Sat(12345) || !slices.Equal(out.Script, script) {
		t.Errorf("output %+v, %v", out, err)
	}
	outpoint.Index = 9
	if out, err := backend.Output(t.Context(), outpoint); out != nil || err != nil {
		t.Errorf("output that is not there: %+v, %v", out, err)
	}
}

// checkBroadcast sends a transaction that spends an output to anybody.
func checkBroadcast(t *testing.T, btcd *harness.Btcd, r *chain.Runner, l *ledger) {
	program := sha256.Sum256([]byte{txscript.OP_TRUE})
	anybody := slices.Concat([]byte{txscript.OP_0, txscript.OP_DATA_32}, program[:])
	funding := wire.OutPoint{Hash: btcd.FundScript(anybody, 50000)}
	btcd.Mine(1)
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(wire.NewTxIn(&funding, nil, [][]byte{{txscript.OP_TRUE}}))
	tx.AddTxOut(wire.NewTxOut(60000, anybody))
	err := r.Broadcast(t.Context(), chain.Broadcast{Tx: tx})
	if !errors.As(err, new(*chain.Rejected)) {
		t.Errorf("a transaction that makes money: %v", err)
	}
	tx.TxOut[0].Value = 40000
	for range 2 { // a second time is no error
		if err := r.Broadcast(t.Context(), chain.Broadcast{Tx: tx, AllowHighFees: true}); err != nil {
			t.Fatal(err)
		}
	}
	btcd.Mine(1)
	l.waitTip(btcd)
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.txs[tx.TxHash().String()]; !ok {
		t.Error("broadcast transaction is in no block")
	}
}

func TestBackendMisconfigured(t *testing.T) {
	btcd := harness.StartBtcd(t)
	bcli := harness.BuildProgram(t, "fulmen/plugins/bcli")
	for name, test := range map[string]struct {
		options map[string]any
		chain   string
		want    string
	}{
		"wrong password": {map[string]any{"bitcoin-rpcpassword": "x"}, "regtest", "check bitcoin-rpcuser and bitcoin-rpcpassword"},
		"wrong network":  {nil, "main", `backend is on the chain "regtest", we are on "main"`},
		"nobody there":   {map[string]any{"bitcoin-rpcport": harness.FreePort(t)}, "regtest", "did not answer within 0s (bitcoin-retry-timeout)"},
	} {
		t.Run(name, func(t *testing.T) {
			backend := startBackend(t, bcli, btcd, test.options)
			r, err := chain.NewRunner(chain.Config{Backend: backend, Receiver: new(ledger), Chain: test.chain})
			if err != nil {
				t.Fatal(err)
			}
			if err := r.WaitReady(t.Context()); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}
