package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fulmen/tests/harness"
)

// TestBookkeeper has alice and bob open, pay, withdraw and close, and looks at their books after each.
func TestBookkeeper(t *testing.T) {
	btcd := harness.StartBtcd(t)
	alice, bob := harness.StartNode(t, btcd, "alice"), harness.StartNode(t, btcd, "bob")
	both := func() {
		t.Helper()
		for _, n := range []*harness.Node{alice, bob} {
			n.Sync()
			n.Settled()
			n.CheckBooks()
		}
	}
	both() // nothing yet
	alice.FundWallet(10_000_000)
	alice.CheckBooks()
	alice.Connect(bob)
	var o opened
	alice.Call("fundchannel", map[string]any{"id": bob.ID(), "amount": 1_000_000, "push_msat": 200_000_123}, &o)
	btcd.WaitMempool(1)
	btcd.Mine(6)
	for _, n := range []*harness.Node{alice, bob} {
		n.WaitChannel("", "CHANNELD_NORMAL")
	}
	both()
	alice.Pay(bob.Invoice(100_000_001, "one way"))
	bob.Pay(alice.Invoice(1, "and back"))
	both()
	alice.Call("withdraw", []any{taprootAddress(bob), 500_000}, nil)
	btcd.WaitMempool(1)
	btcd.Mine(1)
	both()
	btcd.Reorg(1)
	btcd.Mine(1)
	both()
	describe(t, alice, o.ChannelID)
	if kind := bob.CloseChannel(alice); kind != "mutual" {
		t.Errorf("a %s close", kind)
	}
	both()
	alice.Restart()
	alice.CheckBooks()
}

// describe looks at alice's incomes, and gives some of them descriptions of their own.
func describe(t *testing.T, alice *harness.Node, channel string) {
	t.Helper()
	tags := ""
	var deposit, paid string
	for _, i := range alice.Incomes() {
		tags += i.Tag + " "
		switch {
		case i.Tag == "deposit":
			deposit = i.Outpoint
		case i.Tag == "invoice" && i.Debit > 0:
			paid = i.PaymentID
			if i.Description != "one way" || i.Debit != 100_000_001 || i.Account != channel {
				t.Errorf("paid %+v", i)
			}
		}
	}
	if want := "deposit pushed onchain_fee invoice invoice withdrawal onchain_fee "; len(tags) != len(want) {
		t.Errorf("incomes %s, want in some order %s", tags, want)
	}
	alice.Call("bkpr-editdescriptionbyoutpoint", []any{deposit, "a gift"}, nil)
	alice.Call("bkpr-editdescriptionbypaymentid", []any{paid, "a debt, \"old\""}, nil)
	alice.Restart()
	described := 0
	for _, i := range alice.Incomes() {
		if i.Outpoint == deposit && i.Description == "a gift" || i.PaymentID == paid && i.Description == "a debt, \"old\"" {
			described++
		}
	}
	if described != 2 {
		t.Errorf("%d descriptions", described)
	}
	file := filepath.Join(t.TempDir(), "income.csv")
	for range 2 { // the second time it is replaced
		alice.Call("bkpr-dumpincomecsv", []any{"koinly", file}, nil)
	}
	text, err := os.ReadFile(file)
	if err != nil || strings.Count(string(text), "\n") != 8 || !strings.Contains(string(text), `,invoice,"a debt, ""old""",`+paid) {
		t.Errorf("%s, %v", text, err)
	}
	for _, wrong := range []string{filepath.Join(alice.Dir, "regtest", "hsm_secret"), file + ".txt"} {
		if err := alice.Try("bkpr-dumpincomecsv", []any{"koinly", wrong}, nil); err == nil {
			t.Errorf("%s was written", wrong)
		}
	}
	out, err := alice.CLI("bkpr-report", "-k", "format=in {account},{description},{creditdebit}", "escape=csv", `headers=["where,why,how much"]`)
	if err != nil || !strings.HasPrefix(out, "where,why,how much\n") || !strings.Contains(out, `in `+channel+`,"a debt, ""old""",-0.00100000001`+"\n") {
		t.Errorf("report %s, %v", out, err)
	}
}

// checkBookkeeper calls all commands of the plugin bookkeeper.
func checkBookkeeper(alice *harness.Node, call caller) {
	call(alice, "bkpr-listbalances")
	incomes := call(alice, "bkpr-listincome", false, 0, 4_000_000_000)["income_events"].([]any)
	channel := alice.Channels()[0].ChannelID
	events := call(alice, "bkpr-listaccountevents", channel)["events"].([]any)
	call(alice, "bkpr-listaccountevents", nil, incomes[0].(object)["outpoint"])
	for _, e := range events {
		if hash := e.(object)["payment_id"]; hash != nil {
			call(alice, "bkpr-editdescriptionbypaymentid", hash, "for something")
			call(alice, "bkpr-editdescriptionbypaymentid", hash, "")
		}
	}
	call(alice, "bkpr-editdescriptionbyoutpoint", incomes[0].(object)["outpoint"], "a deposit")
	call(alice, "bkpr-inspect", channel)
	call(alice, "bkpr-channelsapy")
	call(alice, "bkpr-dumpincomecsv", "harmony")
	call(alice, "bkpr-report", nil, []string{"a header"})
}
