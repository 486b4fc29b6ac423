package harness

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strconv"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

// The credentials of the RPC of every btcd that the harness starts.
const (
	BtcdUser     = "harness"
	BtcdPassword = "harness"
)

// startHeight is enough for segwit and taproot (432), and for many mature coinbases.
const startHeight = 450

// Btcd is a chain server on regtest, whose blocks pay to a key of the harness.
type Btcd struct {
	t     TB
	dir   string
	port  int // RPC
	proc  *Process
	http  *http.Client
	purse purse
	kept  []rawCall // by Stop, for Start
}

// StartBtcd starts a btcd and mines enough for every soft fork to be active and coins to be mature.
func StartBtcd(t TB) *Btcd {
	t.Helper()
	b := &Btcd{t: t, dir: t.TempDir(), port: FreePort(t), http: &http.Client{Timeout: Patience}}
	b.purse.init()
	b.Start()
	t.Cleanup(func() {
		if !keeps(t) || t.Failed() {
			b.proc.Kill()
		}
	})
	b.Mine(startHeight)
	return b
}

// Start starts it again after a Stop, with the same chain, on the same port.
func (b *Btcd) Start() {
	b.t.Helper()
	path, err := btcdPath()
	if err != nil {
		b.t.Fatalf("build btcd: %v", err)
	}
	args := []string{
		"--regtest", "--notls", "--nolisten", "--nodnsseed", "--rejectnonstd",
		"--configfile=" + filepath.Join(b.dir, "none.conf"),
		"--datadir=" + filepath.Join(b.dir, "data"), "--logdir=" + filepath.Join(b.dir, "logs"),
		"--rpclisten=" + b.Address(), "--rpcuser=" + BtcdUser, "--rpcpass=" + BtcdPassword,
		"--rpcmaxclients=1000", // of 10, the default, it refuses some when it is slow and several nodes ask
		"--miningaddr=" + b.purse.address,
	}
	b.proc, err = StartProcess("btcd", b.dir, path, args, keeps(b.t))
	if err != nil {
		b.t.Fatalf("%v", err)
	}
	Eventually(b.t, "btcd answers", func() error {
		if !b.proc.Alive() {
			raw, _ := b.proc.Output()
			b.t.Fatalf("btcd ended: %v\n%s", b.proc.err, tail(raw, 20))
		}
		return b.Call(nil, "getblockcount")
	})
	b.bringBack()
}

// Stop ends it. btcd removes a regtest chain at its next start, so that we keep the chain for it.
func (b *Btcd) Stop() {
	b.t.Helper()
	for height := 1; height <= b.Height(); height++ {
		var block string
		b.must(&block, "getblock", b.HashAt(height).String(), 0)
		b.kept = append(b.kept, rawCall{"submitblock", block})
	}
	for _, txid := range b.Mempool() {
		var tx string
		b.must(&tx, "getrawtransaction", txid.String(), 0)
		b.kept = append(b.kept, rawCall{"sendrawtransaction", tx})
	}
	b.proc.Kill()
}

// rawCall brings back a block or a transaction.
type rawCall struct{ method, hex string }

// bringBack goes through what was kept as often as it helps: the mempool names its transactions in
// no order, and a child is not taken before its parent.
func (b *Btcd) bringBack() {
	b.t.Helper()
	for len(b.kept) > 0 {
		var left []rawCall
		var err error
		for _, call := range b.kept {
			if e := b.Call(nil, call.method, call.hex); e != nil {
				left, err = append(left, call), e
			}
		}
		if len(left) == len(b.kept) {
			b.t.Fatalf("btcd takes %d blocks or transactions of its own no more: %v", len(left), err)
		}
		b.kept = left
	}
}

// Pid is its process.
func (b *Btcd) Pid() int { return b.proc.cmd.Process.Pid }

// Busy says whether it has something to do at this moment.
func (b *Btcd) Busy() bool { return b.proc.busy() }

// Dir is where its files are.
func (b *Btcd) Dir() string { return b.dir }

// Port is where its RPC is, on loopback.
func (b *Btcd) Port() int { return b.port }

// Address is the RPC's, with the port.
func (b *Btcd) Address() string { return "127.0.0.1:" + strconv.Itoa(b.port) }

// Call is one RPC; result may be nil.
func (b *Btcd) Call(result any, method string, params ...any) error {
	if params == nil {
		params = []any{}
	}
	body, err := json.Marshal(map[string]any{"jsonrpc": "1.0", "id": 1, "method": method, "params": params})
	if err != nil {
		return err
	}
	req, err := http.NewRequest(http.MethodPost, "http://"+b.Address(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.SetBasicAuth(BtcdUser, BtcdPassword)
	resp, err := b.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	return decodeBtcd(method, resp.StatusCode, raw, result)
}

func decodeBtcd(method string, status int, raw []byte, result any) error {
	var answer struct {
		Result json.RawMessage
		Error  *struct{ Message string }
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return fmt.Errorf("%s: HTTP %d: %s", method, status, raw)
	}
	if answer.Error != nil {
		return fmt.Errorf("%s: %s", method, answer.Error.Message)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(answer.Result, result)
}

func (b *Btcd) must(result any, method string, params ...any) {
	b.t.Helper()
	if err := b.Call(result, method, params...); err != nil {
		b.t.Fatalf("btcd: %v", err)
	}
}

// Mine makes blocks with what is in the mempool.
func (b *Btcd) Mine(n int) []chainhash.Hash {
	b.t.Helper()
	if n == 0 {
		return nil
	}
	var hashes []chainhash.Hash
	b.must(&hashes, "generate", n)
	return hashes
}

// Height is the last block's.
func (b *Btcd) Height() int {
	b.t.Helper()
	var height int
	b.must(&height, "getblockcount")
	return height
}

// HashAt is the hash of the block at a height.
func (b *Btcd) HashAt(height int) chainhash.Hash {
	b.t.Helper()
	var hash chainhash.Hash
	b.must(&hash, "getblockhash", height)
	return hash
}

// BlockAt is the block at a height.
func (b *Btcd) BlockAt(height int) *wire.MsgBlock {
	b.t.Helper()
	var text string
	b.must(&text, "getblock", b.HashAt(height).String(), 0)
	raw, err := hex.DecodeString(text)
	if err != nil {
		b.t.Fatalf("getblock: %v", err)
	}
	var block wire.MsgBlock
	if err := block.Deserialize(bytes.NewReader(raw)); err != nil {
		b.t.Fatalf("getblock: %v", err)
	}
	return &block
}

// Invalidate takes a block, and all above it, out of the chain.
func (b *Btcd) Invalidate(hash chainhash.Hash) {
	b.t.Helper()
	b.must(nil, "invalidateblock", hash.String())
}

// Reconsider undoes Invalidate.
func (b *Btcd) Reconsider(hash chainhash.Hash) {
	b.t.Helper()
	b.must(nil, "reconsiderblock", hash.String())
}

// Reorg replaces the last n blocks by n+1 new ones, of which all but the first are empty if the
// mempool was.
func (b *Btcd) Reorg(n int) {
	b.t.Helper()
	b.Invalidate(b.HashAt(b.Height() - n + 1))
	b.Mine(n + 1)
}

// Mempool is the transactions that no block has yet.
func (b *Btcd) Mempool() []chainhash.Hash {
	b.t.Helper()
	var txids []chainhash.Hash
	b.must(&txids, "getrawmempool")
	return txids
}

// WaitMempool waits until so many transactions wait for a block.
func (b *Btcd) WaitMempool(n int) []chainhash.Hash {
	b.t.Helper()
	var txids []chainhash.Hash
	Eventually(b.t, fmt.Sprintf("%d transactions in the mempool", n), func() error {
		if txids = b.Mempool(); len(txids) < n {
			return fmt.Errorf("there are %d", len(txids))
		}
		return nil
	})
	return txids
}

// Send broadcasts a transaction.
func (b *Btcd) Send(tx *wire.MsgTx) chainhash.Hash {
	b.t.Helper()
	var raw bytes.Buffer
	if err := tx.Serialize(&raw); err != nil {
		b.t.Fatalf("serialize transaction: %v", err)
	}
	var txid chainhash.Hash
	b.must(&txid, "sendrawtransaction", hex.EncodeToString(raw.Bytes()))
	return txid
}

// Transaction is one of the mempool; nil if it is gone.
func (b *Btcd) Transaction(txid chainhash.Hash) *wire.MsgTx {
	b.t.Helper()
	var text string
	if b.Call(&text, "getrawtransaction", txid.String(), 0) != nil {
		return nil
	}
	raw, err := hex.DecodeString(text)
	if err != nil {
		b.t.Fatalf("getrawtransaction: %v", err)
	}
	tx := wire.NewMsgTx(2)
	if err := tx.Deserialize(bytes.NewReader(raw)); err != nil {
		b.t.Fatalf("getrawtransaction: %v", err)
	}
	return tx
}
