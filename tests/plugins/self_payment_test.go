package plugins

import (
	"testing"

	"fulmen/tests/harness"
)

// TestPayingItselfIsTold: an invoice that the node itself pays is paid for plugins, too.
func TestPayingItselfIsTold(t *testing.T) {
	alice := harness.StartNode(t, harness.StartBtcd(t), "alice", "--plugin="+script(t, "every.py"))
	paid := alice.Pay(alice.Invoice(1_000_000, "to myself"))
	for topic, wanted := range map[string]object{
		"invoice_payment": {"preimage": paid.Preimage, "msat": 1_000_000.0},
		"sendpay_success": {"payment_preimage": paid.Preimage, "status": "complete", "amount_msat": 1_000_000.0},
	} {
		told := waitSeen(t, alice, "notification", topic, 1)["params"].(object)[topic].(object)
		for key, want := range wanted {
			if told[key] != want {
				t.Errorf("%s: %s is %v, want %v", topic, key, told[key], want)
			}
		}
	}
	alice.Stop()
	checkSchemas(t, alice)
}
