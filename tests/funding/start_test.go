package funding

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/psbt/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/rpc"
	"fulmen/tests/harness"
)

// pair is two connected nodes, of which alice has a coin.
func pair(t *testing.T) (btcd *harness.Btcd, alice, bob *harness.Node) {
	t.Helper()
	btcd = harness.StartBtcd(t)
	alice, bob = harness.StartNode(t, btcd, "alice"), harness.StartNode(t, btcd, "bob")
	alice.FundWallet(10_000_000)
	alice.Connect(bob)
	return btcd, alice, bob
}

const capacity = 1_000_000

// pays is a PSBT of alice's that pays to a channel that was started.
func pays(alice *harness.Node, started object) string {
	prepared := call(alice, "txprepare", object{"outputs": []object{{started["funding_address"].(string): capacity}}})
	return prepared["psbt"].(string)
}

// changed is a PSBT with its unsigned transaction changed, but for its inputs.
func changed(t *testing.T, text string, change func(*wire.MsgTx)) string {
	t.Helper()
	p, err := psbt.NewFromRawBytes(strings.NewReader(text), true)
	if err != nil {
		t.Fatal(err)
	}
	change(p.UnsignedTx)
	p.Outputs = make([]psbt.POutput, len(p.UnsignedTx.TxOut))
	var b bytes.Buffer
	if err := p.Serialize(&b); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

// channelOutput is the index of the output that a script is paid by.
func channelOutput(t *testing.T, tx *wire.MsgTx, started object) int {
	t.Helper()
	i := slices.IndexFunc(tx.TxOut, func(o *wire.TxOut) bool { return hex.EncodeToString(o.PkScript) == started["scriptpubkey"] })
	if i < 0 {
		t.Fatal("no output pays to the channel")
	}
	return i
}

// TestFundedByTheCaller opens a channel with a transaction that lightningd is only shown, killed in between.
func TestFundedByTheCaller(t *testing.T) {
	btcd, alice, bob := pair(t)
	refused(t, alice, rpc.CodeFundUnknownPeer, "fundchannel_start", object{"id": strings.Repeat("02", 33), "amount": capacity})
	refused(t, alice, rpc.CodeFundCannotAfford, "fundchannel_start", object{"id": bob.ID(), "amount": capacity, "push_msat": capacity*1000 + 1})
	refused(t, alice, rpc.CodeFundNothingToCancel, "fundchannel_cancel", object{"id": bob.ID()})

	closeTo := call(alice, "newaddr", []string{"bech32"})["bech32"]
	started := call(alice, "fundchannel_start", object{"id": bob.ID(), "amount": capacity, "push_msat": 100_000_000, "close_to": closeTo, "mindepth": 3, "reserve": 20_000})
	if started["mindepth"] != 3.0 || started["close_to"] == nil {
		t.Errorf("started %v", started)
	}
	refused(t, alice, rpc.CodeFailed, "fundchannel_start", object{"id": bob.ID(), "amount": capacity})

	good := pays(alice, started)
	complete := func(psbt string) object { return object{"id": bob.ID(), "psbt": psbt} }
	for name, change := range map[string]func(*wire.MsgTx){
		"too much":                   func(tx *wire.MsgTx) { tx.TxOut[channelOutput(t, tx, started)].Value++ },
		"nothing":                    func(tx *wire.MsgTx) { tx.TxOut[channelOutput(t, tx, started)].PkScript[33] ^= 1 },
		"twice":                      func(tx *wire.MsgTx) { tx.TxOut = append(tx.TxOut, tx.TxOut[channelOutput(t, tx, started)]) },
		"an input that nobody knows": func(tx *wire.MsgTx) { tx.TxIn[0].PreviousOutPoint.Index = 7 },
	} {
		psbt := changed(t, good, change)
		if name == "an input that nobody knows" {
			psbt = withoutInputs(t, psbt)
		}
		e := refused(t, alice, rpc.CodeFundPSBTInvalid, "fundchannel_complete", complete(psbt))
		t.Logf("%s: %s", name, e.Message)
	}
	early := call(alice, "signpsbt", []string{good})["signed_psbt"]
	if e := refused(t, alice, rpc.CodeFailed, "sendpsbt", []any{early}); !strings.Contains(e.Message, "fundchannel_complete") {
		t.Errorf("sent too early: %v", e)
	}

	done := call(alice, "fundchannel_complete", complete(good))
	refused(t, alice, rpc.CodeFailed, "fundchannel_complete", complete(good))
	alice.Restart()
	empty(t, btcd)
	waitStates(t, alice, "CHANNELD_AWAITING_LOCKIN")
	alice.WaitChannel(done["channel_id"].(string), "CHANNELD_AWAITING_LOCKIN")

	signed := call(alice, "signpsbt", []string{good})["signed_psbt"]
	call(alice, "sendpsbt", []any{signed})
	refused(t, alice, rpc.CodeFundCancelNotSafe, "fundchannel_cancel", object{"id": bob.ID()})
	btcd.WaitMempool(1)
	btcd.Mine(2)
	alice.Sync()
	bob.Sync()
	waitStates(t, alice, "CHANNELD_AWAITING_LOCKIN") // bob would do with one confirmation
	btcd.Mine(1)
	alice.WaitChannel("", "CHANNELD_NORMAL")
	bob.WaitChannel("", "CHANNELD_NORMAL")
	alice.Pay(bob.Invoice(1_000_000, "over a channel that was funded from elsewhere"))
	refused(t, alice, rpc.CodeFundNothingToCancel, "fundchannel_cancel", object{"id": bob.ID()})
	refused(t, bob, rpc.CodeFundNothingToCancel, "fundchannel_cancel", object{"id": alice.ID()})
}

// withoutInputs is a PSBT that does not say what its inputs spend.
func withoutInputs(t *testing.T, text string) string {
	t.Helper()
	p, err := psbt.NewFromRawBytes(strings.NewReader(text), true)
	if err != nil {
		t.Fatal(err)
	}
	p.Inputs = make([]psbt.PInput, len(p.Inputs))
	bare, err := p.B64Encode()
	if err != nil {
		t.Fatal(err)
	}
	return bare
}

// TestGivenUp: a channel is cancelled at each step, or its peer or this node is gone there. Nothing of it stays.
func TestGivenUp(t *testing.T) {
	btcd, alice, bob := pair(t)
	start := func() object { return call(alice, "fundchannel_start", object{"id": bob.ID(), "amount": capacity}) }
	prepare := func() (object, string) {
		started := start()
		prepared := call(alice, "txprepare", object{"outputs": []object{{started["funding_address"].(string): capacity}}})
		return object{"id": bob.ID(), "psbt": prepared["psbt"]}, prepared["txid"].(string)
	}
	discard := func(txid string) { call(alice, "txdiscard", []string{txid}) }
	cancel := func() { call(alice, "fundchannel_cancel", object{"id": bob.ID()}) }
	connected := func() {
		harness.Eventually(t, "alice and bob are connected", func() error {
			return alice.Try("connect", []string{bob.ID() + "@" + bob.Address()}, nil)
		})
		alice.Sync() // neither opens a channel while it is behind
		bob.Sync()
	}

	t.Run("after the start", func(t *testing.T) {
		start()
		cancel()
		untouched(t, alice)
		untouched(t, bob)
	})
	t.Run("closed after the start", func(t *testing.T) {
		start()
		if closed := call(alice, "close", []string{bob.ID()}); closed["type"] != "unopened" {
			t.Errorf("%v", closed)
		}
		untouched(t, alice)
	})
	t.Run("the peer goes", func(t *testing.T) {
		complete, txid := prepare()
		bob.Restart()
		connected()
		refused(t, alice, rpc.CodeFailed, "fundchannel_complete", complete)
		discard(txid)
		untouched(t, alice)
		untouched(t, bob)
	})
	t.Run("this node is killed", func(t *testing.T) {
		complete, _ := prepare()
		alice.Restart()
		connected()
		refused(t, alice, rpc.CodeFailed, "fundchannel_complete", complete)
		call(alice, "unreserveinputs", []any{complete["psbt"]})
		untouched(t, alice)
		untouched(t, bob)
	})
	t.Run("after it is complete", func(t *testing.T) {
		complete, txid := prepare()
		done := call(alice, "fundchannel_complete", complete)
		waitStates(t, bob, "CHANNELD_AWAITING_LOCKIN")
		refused(t, bob, rpc.CodeFundCancelNotSafe, "fundchannel_cancel", object{"id": alice.ID()})
		cancel()
		discard(txid)
		untouched(t, alice)
		closedAs(t, alice, done["channel_id"], "Cancelled before it was funded", false)
		bob.WaitLog("the channel is not funded") // the error that alice sent
		empty(t, btcd)
		alice.Restart()
		connected()
		untouched(t, alice)
	})
	t.Run("withheld, and closed", func(t *testing.T) {
		complete, txid := prepare()
		complete["withhold"] = true
		done := call(alice, "fundchannel_complete", complete)
		alice.Restart()
		connected()
		if closed := call(alice, "close", []any{done["channel_id"]}); closed["type"] != "unopened" {
			t.Errorf("%v", closed)
		}
		call(alice, "unreserveinputs", []any{complete["psbt"]})
		untouched(t, alice)
		closedAs(t, alice, done["channel_id"], "Closed before it was funded", true)
		_ = txid
	})
	t.Run("withheld, and sent", func(t *testing.T) {
		complete, txid := prepare()
		complete["withhold"] = true
		call(alice, "fundchannel_complete", complete)
		call(alice, "txsend", []string{txid})
		refused(t, alice, rpc.CodeFundCancelNotSafe, "fundchannel_cancel", object{"id": bob.ID()})
		mined(btcd, alice, bob)
		waitStates(t, alice, "CHANNELD_NORMAL")
	})
}

// closedAs fails unless listclosedchannels has the channel.
func closedAs(t *testing.T, n *harness.Node, id any, why string, withheld bool) {
	t.Helper()
	closed := call(n, "listclosedchannels", nil)["closedchannels"].([]any)
	c := closed[len(closed)-1].(object)
	if c["channel_id"] != id || c["funding_withheld"] != withheld || c["close_cause"] != "user" || c["funding_psbt"] == "" {
		t.Errorf("%s: %v", why, c)
	}
}
