package wallet

import (
	"bytes"
	"errors"
	"testing"

	"github.com/btcsuite/btcd/wire/v2"
	"github.com/tyler-smith/go-bip39"

	"fulmen/internal/amount"
	"fulmen/internal/signer"
)

// The vectors of BIP 84 and BIP 86: their second receiving addresses, as ours begin with 1.
func TestAddressVectors(t *testing.T) {
	node, err := signer.New(bip39.NewSeed("abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about", ""), "bitcoin")
	if err != nil {
		t.Fatal(err)
	}
	c := Config{Network: "bitcoin"}
	c.BIP84XPub, c.BIP86XPub = node.XPubs()
	w, _, err := Open(c, newMemory())
	if err != nil {
		t.Fatal(err)
	}
	issued, _, err := w.NewAddresses(P2WPKH, P2TR)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{
		"bc1qnjg0jd8228aq7egyzacy8cys3knf9xvrerkf9g",
		"bc1p4qhjn9zdvkux4e44uhx8tc55attvtyu358kutcqkudyccelu0was9fqzwh",
	} {
		if got := w.Encode(issued[i].Script); got != want || issued[i].Index != 1 {
			t.Errorf("%s %d: %s, want %s", issued[i].Kind, issued[i].Index, got, want)
		}
		if script, err := w.Decode(want); err != nil || !bytes.Equal(script, issued[i].Script) {
			t.Errorf("decode %s: %x, %v", want, script, err)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	w := newTestWallet(t)
	for _, text := range []string{
		"", "nonsense", "bc1qnjg0jd8228aq7egyzacy8cys3knf9xvrerkf9g",
		"bcrt1qnjg0jd8228aq7egyzacy8cys3knf9xvrerkf9g",
		"02c0e5f3b2c2ed3a3e5ad4f5c2de5e5d7c2a5ed0f2c1b0f5f9b8a7c6d5e4f3a2b1",
	} {
		if _, err := w.Decode(text); !errors.Is(err, ErrAddress) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestAddressesAreIssuedOnce(t *testing.T) {
	w := newTestWallet(t)
	seen := map[string]bool{}
	for i := range 3 * gap {
		a := w.address([]Kind{P2WPKH, P2TR}[i%2])
		if seen[string(a.Script)] || !a.Issued || a.Index != uint32(i+1) {
			t.Fatalf("address %d: %+v", i, a)
		}
		seen[string(a.Script)] = true
		if i%7 == 0 {
			w.reopen()
		}
	}
	both, changes, err := w.NewAddresses(P2WPKH, P2TR)
	w.keep(changes, err)
	if both[0].Index != both[1].Index {
		t.Errorf("all: indexes %d and %d", both[0].Index, both[1].Index)
	}
	list := w.Issued(2, 3)
	if len(list) != 3 || list[0].Index != 2 || list[2].Index != 4 {
		t.Errorf("page %+v", list)
	}
	if list := w.Issued(both[0].Index, 10); len(list) != 2 {
		t.Errorf("last page %+v", list)
	}
}

// Words that were used elsewhere: coins are found as long as no gap is longer than 20.
func TestLookAhead(t *testing.T) {
	other, w := newTestWallet(t), newTestWallet(t)
	var scripts [][]byte
	for range 2 * gap {
		scripts = append(scripts, other.address(P2TR).Script)
	}
	w.mine(w.pay(1000, scripts[gap-1]))
	w.mine(w.pay(2000, scripts[2*gap-1]))
	if coins := w.Coins(); len(coins) != 2 {
		t.Errorf("%d coins", len(coins))
	}
	if a := w.address(P2TR); a.Index != 2*gap+1 {
		t.Errorf("next address has index %d: one with coins is issued again", a.Index)
	}
}

func TestOpenRefuses(t *testing.T) {
	w := newTestWallet(t)
	for name, change := range map[string]func(*Config){
		"network": func(c *Config) { c.Network = "litecoin" },
		"key":     func(c *Config) { c.BIP84XPub = "tpub" },
	} {
		c := w.config
		change(&c)
		if _, _, err := Open(c, newMemory()); err == nil {
			t.Errorf("wrong %s was accepted", name)
		}
	}
	broken := newMemory()
	broken.apply(&Changes{Addresses: []Address{{KeyPath: KeyPath{Kind: 9}}}})
	if _, _, err := Open(w.config, broken); err == nil {
		t.Error("an unknown kind was accepted")
	}
}

// wantCoins checks the unspent coins' amounts and states.
func (w *testWallet) wantCoins(want map[amount.Sat]Status) {
	w.t.Helper()
	have := map[amount.Sat]Status{}
	for _, c := range w.Coins() {
		have[c.Amount] = w.Status(&c)
	}
	if len(have) != len(want) {
		w.t.Errorf("coins %v, want %v", have, want)
		return
	}
	for value, status := range want {
		if have[value] != status {
			w.t.Errorf("coins %v, want %v", have, want)
			return
		}
	}
}

func TestReorgRestores(t *testing.T) {
	w := newTestWallet(t)
	deposit := w.pay(5000, w.address(P2WPKH).Script)
	w.mine(deposit)
	w.wantCoins(map[amount.Sat]Status{5000: Confirmed})

	back := w.spend(4000, w.address(P2TR).Script, outpoint(deposit, 0))
	w.keep(w.Sent(back), nil)
	w.wantCoins(map[amount.Sat]Status{4000: Unconfirmed})
	w.mine(back)
	w.wantCoins(map[amount.Sat]Status{4000: Confirmed})

	w.unmine()
	w.wantCoins(map[amount.Sat]Status{4000: Unconfirmed})
	if txs := w.UnconfirmedTxs(); len(txs) != 1 || txs[0].TxHash() != back.TxHash() {
		t.Errorf("%d transactions wait", len(txs))
	}
	w.unmine()
	w.reopen()
	if txs := w.UnconfirmedTxs(); len(txs) != 2 || txs[0].TxHash() != deposit.TxHash() {
		t.Errorf("%d transactions wait, or the child is first", len(txs))
	}

	// Another branch has the deposit, and a spend of it that we did not make.
	w.mine(deposit)
	foreign := w.spend(100, []byte{0x51}, outpoint(deposit, 0))
	w.mine(foreign)
	w.wantCoins(nil)
	w.unmine()
	w.keep(w.Abandon(foreign.TxHash()), nil)
	w.wantCoins(map[amount.Sat]Status{5000: Confirmed})
}

// A spend that is void takes all that was built on it with it.
func TestConflictVoidsDescendants(t *testing.T) {
	w := newTestWallet(t)
	a, b := w.pay(5000, w.address(P2TR).Script), w.pay(6000, w.address(P2TR).Script)
	w.mine(a, b)
	first := w.spend(4000, w.address(P2TR).Script, outpoint(a, 0))
	second := w.spend(9000, w.address(P2TR).Script, outpoint(first, 0), outpoint(b, 0))
	w.keep(w.Sent(first), nil)
	w.keep(w.Sent(second), nil)
	w.wantCoins(map[amount.Sat]Status{9000: Unconfirmed})
	w.mine(w.spend(1, []byte{0x51}, outpoint(a, 0)))
	w.wantCoins(map[amount.Sat]Status{6000: Confirmed})
	if len(w.UnconfirmedTxs()) != 0 {
		t.Error("void transactions are still to be broadcast")
	}
	w.reopen()
	w.wantCoins(map[amount.Sat]Status{6000: Confirmed})
}

// After a reorganisation, the output that a deposit came from may be spent otherwise.
func TestRivalVoidsADeposit(t *testing.T) {
	w := newTestWallet(t)
	deposit := w.pay(5000, w.address(P2TR).Script)
	w.mine(deposit)
	back := w.spend(4000, w.address(P2TR).Script, outpoint(deposit, 0))
	w.keep(w.Sent(back), nil)
	w.unmine()
	w.wantCoins(map[amount.Sat]Status{4000: Unconfirmed})
	w.mine(w.spend(5000, []byte{0x51}, deposit.TxIn[0].PreviousOutPoint))
	w.wantCoins(nil)
	if left := len(w.UnconfirmedTxs()); left != 0 {
		t.Errorf("%d void transactions are still to be broadcast", left)
	}
	w.reopen()
	w.wantCoins(nil)
}

func TestCoinbase(t *testing.T) {
	w := newTestWallet(t)
	w.mineBlock([]*wire.MsgTx{w.coinbaseTo(5000, w.address(P2TR).Script)})
	for range coinbaseMaturity - 2 {
		w.mine()
	}
	w.wantCoins(map[amount.Sat]Status{5000: Immature})
	w.mine()
	w.wantCoins(map[amount.Sat]Status{5000: Confirmed})
	for range coinbaseMaturity {
		w.unmine()
	}
	w.wantCoins(nil)
	w.reopen()
	w.wantCoins(nil)
}

func TestBlockOrder(t *testing.T) {
	w := newTestWallet(t)
	if _, err := w.Connect(w.Tip()+2, &wire.MsgBlock{}); !errors.Is(err, ErrBlockOrder) {
		t.Errorf("connect: %v", err)
	}
	if _, err := w.Disconnect(w.Tip() - 1); !errors.Is(err, ErrBlockOrder) {
		t.Errorf("disconnect: %v", err)
	}
}

// What no reorganisation can change is not kept in memory.
func TestSettledIsForgotten(t *testing.T) {
	w := newTestWallet(t)
	deposit := w.pay(5000, w.address(P2TR).Script)
	w.mine(deposit)
	w.mine(w.spend(4000, []byte{0x51}, outpoint(deposit, 0)))
	for range ReorgDepth + 1 {
		w.mine()
	}
	if len(w.coins) != 0 || len(w.txs) != 0 {
		t.Errorf("%d coins and %d transactions in memory", len(w.coins), len(w.txs))
	}
	if len(w.storage.coins) != 1 || len(w.storage.txs) != 2 {
		t.Errorf("%d coins and %d transactions stored", len(w.storage.coins), len(w.storage.txs))
	}
}

// A backend takes a transaction that is in the chain for years as well ("already in block chain"): its change is no
// unconfirmed coin for that.
func TestSentAgainLongAfter(t *testing.T) {
	w := newTestWallet(t)
	w.fund(P2TR, 50_000)
	spent := w.Coins()[0].Outpoint
	sent := w.spend(40_000, w.address(P2TR).Script, spent)
	w.keep(w.Sent(sent), nil)
	w.mine(sent)
	for range ReorgDepth + 2 {
		w.mine()
	}
	w.keep(w.Sent(sent), nil)
	w.reopen()
	if c, ok := w.Unspent(outpoint(sent, 0)); !ok || w.Status(&c) != Confirmed {
		t.Errorf("the change is there: %v, %s", ok, w.Status(&c))
	}
	if list := w.UnconfirmedTxs(); len(list) != 0 {
		t.Errorf("%d transactions wait to be mined", len(list))
	}
}
