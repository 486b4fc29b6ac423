package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"fulmen/internal/invoice"
	"fulmen/internal/rpc"
	"fulmen/internal/runes"
	"fulmen/internal/store"
)

// runeNode makes and checks runes; its clock stands.
func runeNode(t *testing.T) *node {
	n := waitingNode(t)
	n.runes = runeKeeper{secret: []byte("a secret"), uses: runes.Uses{}}
	now := time.Unix(1_800_000_000, 0)
	n.now = func() time.Time { return now }
	return n
}

// madeRune is a new rune with restrictions, each of one alternative or more.
func madeRune(t *testing.T, n *node, restrictions string) string {
	t.Helper()
	raw, code := ran(t, n.newCommandTable()(), "createrune", fmt.Sprintf(`{"restrictions":%s}`, restrictions))
	if code != 0 {
		t.Fatalf("restrictions %s: code %d", restrictions, code)
	}
	var made createRuneResult
	if err := json.Unmarshal([]byte(raw), &made); err != nil {
		t.Fatal(err)
	}
	return made.Rune
}

func TestRunesAllowWhatTheySay(t *testing.T) {
	n := runeNode(t)
	bolt11 := newPayee(1).invoice(t, func(inv *invoice.Invoice) { inv.Amount = 250_000_000 })
	for _, c := range []struct {
		restrictions string
		use          runeUse
		code         rpc.Code
	}{
		{`[]`, runeUse{}, 0},
		{`"readonly"`, runeUse{method: "listpeers"}, 0},
		{`"readonly"`, runeUse{method: "listdatastore"}, rpc.CodeRuneNotPermitted},
		{`"readonly"`, runeUse{method: "pay"}, rpc.CodeRuneNotPermitted},
		{`[["id^02","time>1900000000"]]`, runeUse{nodeID: "0201"}, 0},
		{`[["id^02","time>1900000000"]]`, runeUse{nodeID: "0301"}, rpc.CodeRuneNotPermitted},
		{`[["id^02"]]`, runeUse{}, rpc.CodeRuneNotPermitted},
		{`[["time<1800000001"]]`, runeUse{}, 0},
		{`[["time<1800000000"]]`, runeUse{}, rpc.CodeRuneNotPermitted},
		{`[["pnum=1"],["parr0=x"]]`, runeUse{params: json.RawMessage(`["x"]`)}, 0},
		{`[["pnum=1"]]`, runeUse{params: json.RawMessage(`{"a":1,"b":2}`)}, rpc.CodeRuneNotPermitted},
		{`[["pnum=0"]]`, runeUse{}, 0},
		{`[["parr1!"]]`, runeUse{params: json.RawMessage(`["x","y"]`)}, rpc.CodeRuneNotPermitted},
		{`[["pnameamount_msat<10000"]]`, runeUse{params: json.RawMessage(`{"amount_msat":9999}`)}, 0},
		{`[["pnameamountmsat<10000"]]`, runeUse{params: json.RawMessage(`{"amount_msat":"9999"}`)}, 0},
		{`[["pnameamount_msat<10000"]]`, runeUse{params: json.RawMessage(`{"amount_msat":"9999msat"}`)}, rpc.CodeRuneNotPermitted},
		{`[["pnameamount_msat<10000"]]`, runeUse{params: json.RawMessage(`[9999]`)}, rpc.CodeRuneNotPermitted},
		{`[["pnameamountmsat<10"]]`, runeUse{params: json.RawMessage(`{"amount_msat":9,"amountm_sat":99}`)}, rpc.CodeRuneNotPermitted},
		{`[["pinvbolt11_amount<250000001"],["pinvbolt11_description=coffee"]]`, runeUse{params: json.RawMessage(`{"bolt11":"` + bolt11 + `"}`)}, 0},
		{`[["pinv0_node=` + newPayee(1).id().String() + `"]]`, runeUse{params: json.RawMessage(`["` + bolt11 + `"]`)}, 0},
		{`[["pinvbolt11_amount<1"]]`, runeUse{params: json.RawMessage(`{"bolt11":"` + bolt11 + `"}`)}, rpc.CodeRuneNotPermitted},
		{`[["pinvbolt11_fee!"]]`, runeUse{params: json.RawMessage(`{"bolt11":"` + bolt11 + `"}`)}, rpc.CodeRuneNotPermitted},
		{`[["pinvbolt11_amount>1"]]`, runeUse{params: json.RawMessage(`{"bolt11":"none"}`)}, rpc.CodeRuneNotPermitted},
		// Another parser than ours, a plugin's, may take the first.
		{`[["pnameamount_msat<10000"]]`, runeUse{params: json.RawMessage(`{"amount_msat":99999,"amount_msat":1}`)}, rpc.CodeRuneNotPermitted},
		{`[["pnameamount_msat<10000"]]`, runeUse{params: json.RawMessage(`{"amount_msat":99999,"\u0061mount_msat":1}`)}, rpc.CodeRuneNotPermitted},
		{`[["unknown=1"]]`, runeUse{}, rpc.CodeRuneNotPermitted},
	} {
		err := n.useRune(context.Background(), madeRune(t, n, c.restrictions), c.use)
		var e *rpc.Error
		if errors.As(err, &e) && e.Code != c.code || (err == nil) != (c.code == 0) {
			t.Errorf("%s, %+v: %v, want code %d", c.restrictions, c.use, err, c.code)
		}
	}
}

func TestRunesAreUsedUp(t *testing.T) {
	n := runeNode(t)
	rate, per := madeRune(t, n, `[["rate=2"]]`), madeRune(t, n, `[["per=1min"]]`)
	allowed := func(rune string) bool { return n.useRune(context.Background(), rune, runeUse{}) == nil }
	for use, want := range []bool{true, true, false} {
		if allowed(rate) != want {
			t.Errorf("rate=2: use %d in a minute should be %v", use, want)
		}
	}
	for use, want := range []bool{true, false} {
		if allowed(per) != want {
			t.Errorf("per=1min: use %d in a minute should be %v", use, want)
		}
	}
	later := n.now().Add(time.Minute)
	n.now = func() time.Time { return later }
	if !allowed(rate) || !allowed(per) {
		t.Error("a minute later they are not good again")
	}
}

func TestRunesOfOthers(t *testing.T) {
	n := runeNode(t)
	text := madeRune(t, n, `[["method=x"]]`)
	other := runes.New([]byte("another"), "0").Encode()
	for rune, want := range map[string]rpc.Code{other: 1501, "no rune": 1501, "": 1501} {
		if _, code := ran(t, n.newCommandTable()(), "checkrune", `["`+rune+`"]`); code != want {
			t.Errorf("%q: code %d, want %d", rune, code, want)
		}
	}
	runSteps(t, n.newCommandTable()(), []step{
		{"checkrune", `["` + text + `",null,"x",{}]`, 0, `{"valid":true}`},
		{"checkrune", `["` + text + `",null,"y",{}]`, 1502, ""},
		{"checkrune", `["` + text + `",null,"y","z"]`, rpc.CodeInvalidParams, ""},
		{"showrunes", `["` + other + `"]`, 0, `{"runes":[{"rune":"` + other + `","stored":false,"our_rune":false,"unique_id":"0","restrictions":[],"restrictions_as_english":""}]}`},
		{"showrunes", `[]`, 0, `{"runes":[{"rune":"` + text + `","last_used":1800000000,"unique_id":"0","restrictions":[{"alternatives":[` +
			`{"fieldname":"method","value":"x","condition":"=","english":"method equal to x"}],"english":"method equal to x"}],"restrictions_as_english":"method equal to x"}]}`},
		{"blacklistrune", `[0]`, 0, `{"blacklist":[{"start":0,"end":0}]}`},
		{"checkrune", `["` + text + `",null,"x"]`, 1503, ""},
		{"blacklistrune", `[0,0,true]`, 0, `{"blacklist":[]}`},
		{"checkrune", `["` + text + `",null,"x"]`, 0, `{"valid":true}`},
		{"blacklistrune", `{"end":1}`, rpc.CodeInvalidParams, ""},
		{"blacklistrune", `[2,1]`, rpc.CodeInvalidParams, ""},
		{"blacklistrune", `[9223372036854775808]`, rpc.CodeInvalidParams, ""},
		{"createrune", `["x"]`, rpc.CodeInvalidParams, ""},
		{"createrune", `[null,"x"]`, rpc.CodeInvalidParams, ""},
		{"createrune", `[null,[["x"]]]`, rpc.CodeInvalidParams, ""},
	})
}

// The ranges are those of the published example.
func TestBlacklistRanges(t *testing.T) {
	runSteps(t, runeNode(t).newCommandTable()(), []step{
		{"blacklistrune", `{"start":1}`, 0, `{"blacklist":[{"start":1,"end":1}]}`},
		{"blacklistrune", `{"start":0,"end":2}`, 0, `{"blacklist":[{"start":0,"end":2}]}`},
		{"blacklistrune", `{"start":3,"end":4}`, 0, `{"blacklist":[{"start":0,"end":4}]}`},
		{"blacklistrune", `{"start":3,"relist":true}`, 0, `{"blacklist":[{"start":0,"end":2},{"start":4,"end":4}]}`},
		{"blacklistrune", `{}`, 0, `{"blacklist":[{"start":0,"end":2},{"start":4,"end":4}]}`},
	})
	got := joined([]store.RuneRange{{First: 5, Last: 6}, {First: 1, Last: 2}, {First: 3, Last: 3}})
	if want := []store.RuneRange{{First: 1, Last: 3}, {First: 5, Last: 6}}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
