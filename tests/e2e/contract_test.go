package e2e

import (
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"fulmen/internal/wire"
	"fulmen/tests/harness"
)

// object is a result of which only some fields matter.
type object = map[string]any

// TestEveryCommandKeepsTheContract calls each command once at least, in an order in which they make
// sense; the harness holds each result to its schema.
func TestEveryCommandKeepsTheContract(t *testing.T) {
	btcd, alice, bob := pair(t)
	called := map[string]bool{"connect": true, "fundchannel": true, "newaddr": true, "stop": true, "waitblockheight": true,
		"graceful":           true,                         // graceful_test.go
		"delforward":         true,                         // needs three nodes: package network
		"injectpaymentonion": true,                         // inject_test.go
		"emergencyrecover":   true, "recoverchannel": true} // need a node that lost its disk: package backup
	call := func(n *harness.Node, method string, params ...any) object {
		t.Helper()
		called[method] = true
		var result json.RawMessage
		n.Call(method, params, &result)
		var o object
		if err := json.Unmarshal(result, &o); err != nil && method != "stop" {
			t.Fatalf("%s: result is no object: %v", method, err)
		}
		return o
	}
	checkInfos(alice, bob, call)
	checkStored(alice, call)
	checkRunes(alice, bob, call)
	checkInvoices(t, alice, bob, call)
	checkPayments(t, alice, bob, call)
	checkTopology(t, alice, bob, call)
	checkAutoclean(alice, call)
	checkBookkeeper(alice, call)
	checkSQL(t, alice, call)
	checkWallet(t, btcd, alice, call)
	checkChannels(btcd, alice, bob, call)

	var help struct {
		Help []struct{ Command string } `json:"help"`
	}
	alice.Call("help", nil, &help)
	for _, h := range help.Help {
		name, _, _ := strings.Cut(h.Command, " ")
		if !called[name] && !backendMethods[name] {
			t.Errorf("%s was not called", name)
		}
	}
}

// backendMethods are bcli's: they are not in the published contract of commands.
var backendMethods = map[string]bool{
	"getchaininfo": true, "getrawblockbyheight": true, "estimatefees": true, "sendrawtransaction": true, "getutxout": true,
}

type caller func(n *harness.Node, method string, params ...any) object

func checkInfos(alice, bob *harness.Node, call caller) {
	call(alice, "getinfo")
	call(alice, "help")
	call(alice, "help", "getinfo")
	call(alice, "check", "ping", bob.ID())
	call(alice, "notifications", true)
	call(alice, "listconfigs")
	call(alice, "getlog")
	call(alice, "feerates", "perkw")
	call(alice, "parsefeerate", "slow")
	call(alice, "listpeers")
	call(alice, "ping", bob.ID())
	call(alice, "plugin", "list")
	call(alice, "sendcustommsg", bob.ID(), "a3e7")
	call(alice, "addgossip", hex.EncodeToString(wire.Encode(&wire.ChannelUpdate{ShortChannelID: 1})))
	signed := call(alice, "signmessage", "hello")
	call(alice, "checkmessage", "hello", signed["zbase"], alice.ID())
	call(alice, "addgossip", someUpdate)
}

// someUpdate is a channel_update of a chain that nobody has: it can be read, and is no news.
var someUpdate = "0102" + strings.Repeat("00", 64+32+8+4+2+2+8+4+4+8)

// checkStored calls what keeps data for others.
func checkStored(alice *harness.Node, call caller) {
	call(alice, "datastore", []string{"a plugin", "a name"}, "a value")
	call(alice, "listdatastore", "a plugin")
	call(alice, "datastoreusage")
	call(alice, "deldatastore", []string{"a plugin", "a name"}, 0)
	call(alice, "wait", "invoices", "created", 0)
	call(alice, "batching", true)
	call(alice, "deprecations", false)
	call(alice, "makesecret", nil, "a secret")
	addr := call(alice, "newaddr", "bech32")
	call(alice, "signmessagewithkey", "hello", addr["bech32"])
	call(alice, "setconfig", "min-capacity-sat", 20000)
	call(alice, "setconfig", "min-capacity-sat", 10000, true)
}

// checkRunes has alice run a command of bob's with a rune of his.
func checkRunes(alice, bob *harness.Node, call caller) {
	made := call(bob, "createrune", nil, [][]string{{"method=getinfo"}, {"id=" + alice.ID()}, {"rate=2"}})
	call(bob, "showrunes")
	call(bob, "showrunes", made["rune"])
	call(bob, "checkrune", made["rune"], alice.ID(), "getinfo")
	call(alice, "commando", bob.ID(), "getinfo", object{}, made["rune"], object{"id": true})
	call(bob, "blacklistrune", 0)
	call(bob, "blacklistrune", 0, 0, true)
}

func checkInvoices(t *testing.T, alice, bob *harness.Node, call caller) {
	inv := call(bob, "invoice", 5000, "a label", "a description")
	call(alice, "decode", inv["bolt11"])
	call(bob, "listinvoices", "a label")
	call(bob, "delinvoice", "a label", "unpaid")
	call(bob, "invoice", "any", "any amount", "d")
	preimage := strings.Repeat("17", 32)
	inv = call(bob, "invoice", 6000, "a copy", "d", nil, nil, preimage)
	call(bob, "delinvoice", "a copy", "unpaid")
	if again := call(bob, "signinvoice", inv["bolt11"]); again["bolt11"] != inv["bolt11"] {
		t.Errorf("signed again it is %v, not %v", again, inv)
	}
	call(bob, "createinvoice", inv["bolt11"], "signed again", preimage)
	call(alice, "preapproveinvoice", inv["bolt11"])
	call(alice, "preapprovekeysend", bob.ID(), inv["payment_hash"], 1000)
	paid := call(bob, "invoice", 7000, "to be paid", "d")
	call(alice, "pay", paid["bolt11"])
	call(bob, "waitinvoice", "to be paid")
	call(bob, "waitanyinvoice", 0)
	call(bob, "listinvoices")
}

func checkPayments(t *testing.T, alice, bob *harness.Node, call caller) {
	call(alice, "listpays")
	call(alice, "listsendpays")
	inv := call(bob, "invoice", 9000, "by hand", "d")
	decoded := call(alice, "decode", inv["bolt11"])
	scid := alice.Channels()[0].SCID
	route := []object{{"id": bob.ID(), "channel": scid, "amount_msat": 9000, "delay": 20}}
	hash := decoded["payment_hash"]
	called := object{"route": route, "payment_hash": hash, "payment_secret": decoded["payment_secret"], "bolt11": inv["bolt11"]}
	alice.Call("sendpay", called, nil)
	call(alice, "sendpay", route, hash, nil, nil, inv["bolt11"], decoded["payment_secret"])
	call(alice, "waitsendpay", hash)
	call(alice, "delpay", hash, "complete")

	inv = call(bob, "invoice", 8000, "for xpay", "d")
	call(alice, "xpay", inv["bolt11"])
	inv = call(bob, "invoice", "any", "for sendamount", "d")
	if sent := call(alice, "sendamount", inv["bolt11"], 8000); sent["amount_msat"] != 8000.0 {
		t.Errorf("sendamount to a direct peer: %v", sent)
	}
	call(alice, "keysend", bob.ID(), 7000)
	call(alice, "xkeysend", bob.ID(), 7000)
	call(alice, "paystatus")
	inv = call(bob, "invoice", 6000, "by onion", "d")
	decoded = call(alice, "decode", inv["bolt11"])
	payload := "11" + "02021770" + "04020400" + "0907" + strings.Repeat("00", 7) // no payload that anybody takes
	onion := call(alice, "createonion", []object{{"pubkey": bob.ID(), "payload": payload}}, decoded["payment_hash"])
	call(alice, "sendonion", onion["onion"], route[0], decoded["payment_hash"])
}

func checkWallet(t *testing.T, btcd *harness.Btcd, alice *harness.Node, call caller) {
	call(alice, "listfunds")
	call(alice, "listaddresses")
	call(alice, "staticbackup")
	call(alice, "getemergencyrecoverdata")
	call(alice, "listchainmoves")
	call(alice, "listchannelmoves")
	addr := call(alice, "newaddr", "all")
	call(alice, "withdraw", addr["p2tr"], 50000)
	btcd.WaitMempool(1)
	btcd.Mine(1)
	alice.Sync()
	call(alice, "multiwithdraw", []object{{addr["p2tr"].(string): 10000}, {addr["bech32"].(string): 20000}})
	btcd.WaitMempool(1)
	btcd.Mine(1)
	alice.Sync()
	call(alice, "listtransactions")

	prepared := call(alice, "txprepare", []object{{addr["bech32"].(string): 40000}})
	call(alice, "txdiscard", prepared["txid"])
	prepared = call(alice, "txprepare", []object{{addr["bech32"].(string): 40000}})
	call(alice, "txsend", prepared["txid"])
	btcd.WaitMempool(1)
	btcd.Mine(1)
	alice.Sync()

	call(alice, "upgradewallet")
	first := call(alice, "addpsbtoutput", 10000)
	second := call(alice, "addpsbtoutput", 20000, first["psbt"], nil, addr["bech32"])
	if first["outnum"] != 0.0 || second["outnum"] != 1.0 || first["estimated_added_weight"] != 172.0 || second["estimated_added_weight"] != 124.0 {
		t.Errorf("added %v, then %v", first, second)
	}
	funded := call(alice, "fundpsbt", 30000, "slow", 1000)
	funded = call(alice, "setpsbtversion", funded["psbt"], 2) // what follows takes either version
	call(alice, "unreserveinputs", funded["psbt"])
	call(alice, "reserveinputs", funded["psbt"])
	call(alice, "unreserveinputs", funded["psbt"])
	coin := alice.Coins()[0]
	chosen := call(alice, "utxopsbt", "all", "slow", 1000, []string{coin})
	call(alice, "unreserveinputs", chosen["psbt"])
	withChange := object{"satoshi": 30000, "feerate": "slow", "startweight": 1000, "excess_as_change": true}
	var psbt object
	alice.Call("fundpsbt", withChange, &psbt)
	signed := call(alice, "signpsbt", psbt["psbt"])
	if signed["signed_psbt"] == psbt["psbt"] {
		t.Error("signpsbt signed nothing")
	}
	call(alice, "sendpsbt", signed["signed_psbt"])
	btcd.WaitMempool(1)
	btcd.Mine(1)
	alice.Sync()
}

func checkChannels(btcd *harness.Btcd, alice, bob *harness.Node, call caller) {
	call(alice, "fundchannel_start", bob.ID(), 50000)
	call(alice, "fundchannel_cancel", bob.ID())
	started := call(alice, "fundchannel_start", bob.ID(), 50000)
	prepared := call(alice, "txprepare", []object{{started["funding_address"].(string): 50000}})
	call(alice, "fundchannel_complete", bob.ID(), prepared["psbt"], true)
	call(alice, "fundchannel_cancel", bob.ID())
	call(alice, "txdiscard", prepared["txid"])
	second := call(alice, "multifundchannel", []object{{"id": bob.ID(), "amount": 50000}})
	call(alice, "listpeerchannels")
	call(alice, "listforwards")
	call(alice, "listhtlcs")
	call(alice, "listhtlcs", nil, "updated", 1, 1)
	call(alice, "setchannel", bob.ID(), 5, 50)
	btcd.WaitMempool(1)
	btcd.Mine(6)
	id := second["channel_ids"].([]any)[0].(object)["channel_id"]
	for _, n := range []*harness.Node{alice, bob} {
		n.Sync()
		n.WaitChannel(id.(string), "CHANNELD_NORMAL")
	}
	for _, c := range alice.Channels() {
		call(alice, "close", c.ChannelID, closeTime)
	}
	btcd.WaitMempool(2)
	btcd.Mine(101)
	alice.Sync()
	bob.Sync()
	call(alice, "listclosedchannels")
	call(alice, "disconnect", bob.ID(), true)
}
