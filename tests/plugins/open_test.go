package plugins

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/rpc"
	"fulmen/tests/harness"
)

// TestOpenChannelHook has a plugin refuse a channel, say what it takes it for, and answer nonsense.
func TestOpenChannelHook(t *testing.T) {
	btcd := harness.StartBtcd(t)
	alice := harness.StartNode(t, btcd, "alice", "--plugin="+script(t, "every.py"))
	bob := harness.StartNode(t, btcd, "bob")
	bob.FundWallet(2_000_000)
	bob.Connect(alice)
	open := object{"id": alice.ID(), "amount": 1_000_000, "push_msat": 300_000_000}

	set(t, alice, "openchannel", object{"result": "reject", "error_message": "not from you"})
	var refused *rpc.Error
	if err := bob.Try("fundchannel", open, nil); !errors.As(err, &refused) || !strings.Contains(refused.Message, "not from you") {
		t.Errorf("refused: %v", err)
	}
	if asked := waitSeen(t, alice, "hook", "openchannel", 1)["openchannel"].(object); asked["id"] != bob.ID() || asked["push_msat"] != 300_000_000.0 {
		t.Errorf("asked about %v", asked)
	}
	for _, coin := range bob.Funds().Outputs {
		if coin.Reserved {
			t.Error("the coin stays reserved")
		}
	}

	for name, answer := range map[string]object{
		"no depth":        {"result": "continue", "mindepth": 0},
		"no address":      {"result": "continue", "close_to": "nonsense"},
		"no verdict":      {"result": "perhaps"},
		"all is taken":    {"result": "continue"},
		"a greater depth": {"result": "continue", "mindepth": 7},
	} {
		set(t, alice, "openchannel", answer)
		var started struct {
			MinDepth int `json:"mindepth"`
		}
		bob.Call("fundchannel_start", open, &started)
		bob.Call("fundchannel_cancel", []string{alice.ID()}, nil)
		if want := map[bool]int{false: 1, true: 7}[name == "a greater depth"]; started.MinDepth != want {
			t.Errorf("%s: mindepth %d, want %d", name, started.MinDepth, want)
		}
	}

	var addr struct{ P2TR string }
	alice.Call("newaddr", []string{"p2tr"}, &addr)
	set(t, alice, "openchannel", object{"result": "continue", "close_to": addr.P2TR, "mindepth": 3, "reserve": 25_000})
	bob.Call("fundchannel", open, nil)
	btcd.WaitMempool(1)
	btcd.Mine(2)
	alice.Sync()
	var list struct {
		Channels []struct {
			State        string
			CloseTo      string `json:"close_to"`
			CloseToAddr  string `json:"close_to_addr"`
			TheirReserve int    `json:"their_reserve_msat"`
		}
	}
	alice.Call("listpeerchannels", nil, &list)
	c := list.Channels[0]
	if c.State != "CHANNELD_AWAITING_LOCKIN" || c.CloseToAddr != addr.P2TR || c.TheirReserve != 25_000_000 {
		t.Errorf("%+v", c)
	}
	btcd.Mine(1)
	alice.WaitChannel("", "CHANNELD_NORMAL")
	bob.WaitChannel("", "CHANNELD_NORMAL")
	var closed struct{ Txs []string }
	bob.Call("close", []string{alice.ID()}, &closed)
	if !paysTo(t, closed.Txs[0], c.CloseTo) {
		t.Errorf("the close does not pay to %s", addr.P2TR)
	}
}

// paysTo reports whether a transaction has an output with a script.
func paysTo(t *testing.T, tx, scriptHex string) bool {
	t.Helper()
	raw, err := hex.DecodeString(tx)
	if err != nil {
		t.Fatal(err)
	}
	var m wire.MsgTx
	if err := m.Deserialize(bytes.NewReader(raw)); err != nil {
		t.Fatal(err)
	}
	for _, out := range m.TxOut {
		if hex.EncodeToString(out.PkScript) == scriptHex {
			return true
		}
	}
	return false
}
