package main

import (
	"fmt"
	"testing"
)

// TestChildTakesItsParentAlong: a transaction that pays too little comes into the mempool with a child that pays for
// both, where the server takes both at once; where it does not, each is refused as before.
func TestChildTakesItsParentAlong(t *testing.T) {
	for name, test := range map[string]struct{ answer, want string }{
		"taken":       {result(`{"package_msg":"success","tx-results":{}}`), `{"success":true,"errmsg":""}`},
		"too little":  {result(`{"package_msg":"transaction failed","tx-results":{"b":{"txid":"cc","error":"insufficient fee"},"a":{"txid":"aa","error":"mempool min fee not met"}}}`), `{"success":false,"errmsg":"with its parent: transaction failed, mempool min fee not met, insufficient fee"}`},
		"no packages": {failure(`{"code":-32601,"message":"Method not found"}`), `{"success":false,"errmsg":"bad-txns-inputs-missingorspent (code -25)"}`},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fakeServer{answers: map[string]string{
				`sendrawtransaction ["0a",0]`:   failure(`{"code":-26,"message":"mempool min fee not met, 100 < 200"}`),
				`sendrawtransaction ["0b",0]`:   failure(`{"code":-26,"message":"min relay fee not met, 100 < 200"}`),
				`sendrawtransaction ["0c",0]`:   failure(`{"code":-25,"message":"bad-txns-inputs-missingorspent"}`),
				`decoderawtransaction ["0a"]`:   result(`{"txid":"aa","vin":[{"txid":"00"}]}`),
				`decoderawtransaction ["0b"]`:   result(`{"txid":"bb","vin":[{"txid":"00"}]}`),
				`decoderawtransaction ["0c"]`:   result(`{"txid":"cc","vin":[{"txid":"00"},{"txid":"aa"}]}`),
				`submitpackage [["0a","0c"],0]`: test.answer,
			}}
			b := newBackend(t, f)
			send := func(tx string) string {
				return ask(t, b, "sendrawtransaction", fmt.Sprintf(`{"tx":%q,"allowhighfees":true}`, tx))
			}
			missing := `{"success":false,"errmsg":"bad-txns-inputs-missingorspent (code -25)"}`
			if got := send("0c"); got != missing {
				t.Errorf("without a parent: %s", got)
			}
			send("0a")
			send("0b")
			if got := send("0c"); got != test.want {
				t.Errorf("got %s\nwant %s", got, test.want)
			}
		})
	}
}

// TestCheapAreBounded: the oldest are forgotten, and one that is sent again is the newest.
func TestCheapAreBounded(t *testing.T) {
	var c cheap
	for i := range mostCheap + 5 {
		c.note(fmt.Sprint(i))
		c.note("0")
	}
	if list := c.list(); len(list) != mostCheap || list[mostCheap-1] != "0" || list[0] != "6" {
		t.Errorf("%d are kept: %v", len(list), list)
	}
}
