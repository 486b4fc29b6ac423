package e2e

import (
	"fmt"
	"strings"
	"testing"

	"fulmen/internal/rpc"
	"fulmen/tests/harness"
)

// checkSQL calls the commands of the plugin sql: every table that it names is one that can be read.
func checkSQL(t *testing.T, alice *harness.Node, call caller) {
	for _, one := range call(alice, "listsqlschemas")["schemas"].([]any) {
		schema := one.(object)
		var names []string
		for _, c := range schema["columns"].([]any) {
			names = append(names, `"`+c.(object)["name"].(string)+`"`)
		}
		result := call(alice, "sql", fmt.Sprintf("SELECT %s FROM %s", strings.Join(names, ", "), schema["tablename"]))
		for _, row := range result["rows"].([]any) {
			if len(row.([]any)) != len(names) {
				t.Errorf("%s: a row of %d columns, want %d", schema["tablename"], len(row.([]any)), len(names))
			}
		}
	}
	call(alice, "listsqlschemas", "invoices")
}

// rows asks a node a question.
func rows(t *testing.T, n *harness.Node, query string) string {
	t.Helper()
	var r struct{ Rows [][]any }
	n.Call("sql", []string{query}, &r)
	return fmt.Sprint(r.Rows)
}

// TestSQL asks about invoices, payments and channels as they change.
func TestSQL(t *testing.T) {
	_, alice, bob := pair(t, harness.HoldParts...)
	want := func(n *harness.Node, query string, rowsWanted any) {
		t.Helper()
		if got := rows(t, n, query); got != fmt.Sprint(rowsWanted) {
			t.Errorf("%s:\n have %s\n want %v", query, got, rowsWanted)
		}
	}
	type list = [][]any
	const invoices = "SELECT label, status, amount_msat, length(payment_preimage) FROM invoices ORDER BY created_index"
	want(bob, invoices, list{})
	bob.Call("invoice", []any{5000, "one", "d"}, nil)
	var inv object
	bob.Call("invoice", []any{7000, "two", "d"}, &inv)
	want(bob, invoices, list{{"one", "unpaid", 5000, nil}, {"two", "unpaid", 7000, nil}})
	alice.Pay(inv["bolt11"].(string))
	want(bob, invoices, list{{"one", "unpaid", 5000, nil}, {"two", "paid", 7000, 32}})
	want(alice, fmt.Sprintf("SELECT status, amount_msat, destination FROM sendpays WHERE payment_hash = x'%s'", inv["payment_hash"]),
		list{{"complete", 7000, bob.ID()}})
	bob.Call("delinvoice", []any{"one", "unpaid"}, nil)
	want(bob, invoices, list{{"two", "paid", 7000, 32}})

	scid := alice.Channels()[0].SCID
	want(alice, "SELECT p.id, p.connected, c.short_channel_id, c.state FROM peers p JOIN peerchannels c ON c.peer_id = p.id",
		list{{bob.ID(), 1, scid, "CHANNELD_NORMAL"}})
	want(alice, "SELECT count(*) > 0 FROM peerchannels_features f JOIN peerchannels c ON f.row = c.rowid WHERE f.features = 'option_anchors'", list{{1}})
	want(alice, "SELECT direction, amount_msat FROM htlcs", list{{"out", 7000}})
	alice.Settled() // so that the one in flight is the only one
	inFlight(t, alice, bob, scid, func() {
		want(alice, `SELECT h.direction, h.amount_msat, c.peer_id FROM peerchannels_htlcs h JOIN peerchannels c ON h.row = c.rowid`, list{{"out", 4000, bob.ID()}})
		want(bob, "SELECT direction, id, payment_hash = (SELECT max(payment_hash) FROM peerchannels_htlcs) FROM htlcs WHERE amount_msat = 4000", list{{"in", 1, 1}})
	})
	eventually(t, alice, "SELECT count(*), count(DISTINCT payment_hash) FROM htlcs WHERE state = 'RCVD_REMOVE_ACK_REVOCATION'", "[[3 2]]")
	want(alice, "SELECT count(*) FROM peerchannels_htlcs", list{{0}})
	want(bob, "SELECT count(*) FROM forwards", list{{0}})
	want(alice, "SELECT count(*), sum(credit_msat) > sum(debit_msat) FROM chainmoves WHERE account_id = 'wallet'",
		list{{len(moves(alice)), 1}})

	for query, code := range map[string]string{
		"SELECT * FROM offers": "no such table", "DELETE FROM invoices": "only SELECT", "SELECT load_extension('x')": "not allowed",
	} {
		err := bob.Try("sql", []string{query}, nil)
		if e, ok := err.(*rpc.Error); !ok || e.Code != rpc.CodeInvalidParams || !strings.Contains(e.Message, code) {
			t.Errorf("%s: %v", query, err)
		}
	}
	bob.Restart()
	want(bob, "SELECT status, sum(amount_received_msat) FROM invoices GROUP BY status", list{{"paid", 16000}})
}

// eventually waits until the answer is what is wanted.
func eventually(t *testing.T, n *harness.Node, query, want string) {
	t.Helper()
	harness.Eventually(t, query, func() error {
		if got := rows(t, n, query); got != want {
			return fmt.Errorf("%s, want %s", got, want)
		}
		return nil
	})
}

// inFlight runs do while bob holds the first of two parts of a payment, and sends the second then.
func inFlight(t *testing.T, alice, bob *harness.Node, scid string, do func()) {
	t.Helper()
	inv := decode(alice, bob.Invoice(9000, "in two parts"))
	f := flow{from: alice, to: bob, invoice: inv, total: 9000}
	if err := f.part(1, scid, 4000); err != nil {
		t.Fatal(err)
	}
	eventually(t, bob, "SELECT amount_msat FROM htlcs WHERE state = 'RCVD_ADD_ACK_REVOCATION'", "[[4000]]")
	do()
	if err := f.part(2, scid, 5000); err != nil {
		t.Fatal(err)
	}
	for part := 1; part <= 2; part++ {
		if err := wait(alice, inv.Hash, part); err != nil {
			t.Fatal(err)
		}
	}
}

// moves are those of the wallet in the chain.
func moves(n *harness.Node) (list []object) {
	var r struct{ ChainMoves []object }
	n.Call("listchainmoves", nil, &r)
	for _, m := range r.ChainMoves {
		if m["account_id"] == "wallet" {
			list = append(list, m)
		}
	}
	return list
}
