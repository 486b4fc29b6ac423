package sql

import (
	"fmt"
	"testing"
	"time"
)

func invoice(label, status string) object {
	return object{"label": label, "status": status, "payment_hash": "00ff", "expires_at": start + 100}
}

func TestCountedListsAreReadFromWhereTheyWere(t *testing.T) {
	w := newWorld(t)
	for i := range 2*pageSize + 1 {
		w.create("invoices", "listinvoices", invoice(fmt.Sprint(i), "unpaid"))
	}
	const all = "SELECT status, count(*) FROM invoices GROUP BY 1 ORDER BY 1"
	w.ask(all, `[["unpaid",2001]]`)
	w.called("invoices map[index:created limit:1000 start:1]", "invoices map[index:created limit:1000 start:1001]", "invoices map[index:created limit:1000 start:2001]")
	w.ask(all, `[["unpaid",2001]]`)
	w.called()

	paid := w.lists["listinvoices"][7]
	paid["status"], paid["paid_at"], paid["paid_outpoint"] = "paid", start, object{"txid": "ab", "outnum": 3}
	w.update("invoices", paid)
	w.create("invoices", "listinvoices", invoice("new", "unpaid"))
	w.ask(all, `[["paid",1],["unpaid",2001]]`)
	w.called("invoices map[index:created limit:1000 start:2002]", "invoices map[index:updated limit:1000 start:1]")
	w.ask("SELECT rowid, created_index, updated_index, label, paid_at, paid_outpoint_txid, paid_outpoint_outnum FROM invoices WHERE status = 'paid'",
		fmt.Sprintf(`[[8,8,1,"7",%d,"ab",3]]`, start))
	w.called()

	w.lists["listinvoices"] = w.lists["listinvoices"][2000:]
	w.index["invoices"].deleted += 2000
	w.ask(all, `[["unpaid",2]]`)
	w.called("invoices map[index:created limit:1000 start:1]")
	w.ask(all, `[["unpaid",2]]`)
	w.called()

	w.now = w.now.Add(100 * time.Second)
	w.ask(all, `[["unpaid",2]]`)
	w.now = w.now.Add(time.Second)
	w.ask(all, `[["expired",2]]`)
	w.called()
}

func TestOnlyWhatIsAskedForIsRead(t *testing.T) {
	w := newWorld(t)
	w.create("forwards", "listforwards", object{"in_channel": "1x1x1", "in_htlc_id": 0, "status": "offered", "received_time": 5.25})
	w.create("sendpays", "listsendpays", object{"payment_hash": "aa", "status": "complete"})
	w.lists["listpeers"] = []object{{"id": "02", "connected": true, "netaddr": []string{"a:1", "b:2"}, "log": []object{{"type": "INFO"}}}}
	w.ask("SELECT in_channel, received_time FROM forwards", `[["1x1x1",5.25]]`)
	w.called("forwards map[index:created limit:1000 start:1]")
	w.ask("SELECT f.status, s.status FROM forwards f JOIN sendpays s", `[["offered","complete"]]`)
	w.called("sendpays map[index:created limit:1000 start:1]")
	w.ask("SELECT arrindex, netaddr FROM peers_netaddr ORDER BY 1 DESC", `[[1,"b:2"],[0,"a:1"]]`)
	w.called("peers map[]")
	w.ask("SELECT 1", `[[1]]`)
	w.called()
	w.lists["listpeers"][0]["netaddr"] = []string{"c:3"}
	w.ask("SELECT count(*) FROM peers JOIN peers_netaddr p ON p.row = peers.rowid", `[[1]]`)
	w.called("peers map[]")
}

func TestRelatedRowsFollowTheirEntry(t *testing.T) {
	w := newWorld(t)
	for _, tag := range []string{"opener", "leased"} {
		w.create("chainmoves", "listchainmoves", object{"account_id": "wallet", "extra_tags": []string{tag, "x"}, "peer_id": nil})
	}
	const tags = "SELECT c.created_index, t.row, t.extra_tags FROM chainmoves c JOIN chainmoves_extra_tags t ON t.row = c.created_index"
	w.ask(tags, `[[1,1,"opener"],[1,1,"x"],[2,2,"leased"],[2,2,"x"]]`)
	w.lists["listchainmoves"] = w.lists["listchainmoves"][1:] // a reorganisation
	w.index["chainmoves"].deleted++
	w.ask(tags, `[[2,2,"leased"],[2,2,"x"]]`)
	w.create("chainmoves", "listchainmoves", object{"extra_tags": []string{"y"}})
	w.ask(tags, `[[2,2,"leased"],[2,2,"x"],[3,3,"y"]]`)
}

func TestHTLCsThatAreOverAreReadOnce(t *testing.T) {
	w := newWorld(t)
	channel := object{"short_channel_id": "1x1x1"}
	w.lists["listpeerchannels"] = []object{channel, {"alias": object{"local": "2x2x2"}}}
	states := []string{"RCVD_REMOVE_ACK_REVOCATION", "SENT_REMOVE_ACK_REVOCATION", "SENT_ADD_COMMIT", "SENT_REMOVE_ACK_REVOCATION"}
	for i, state := range states {
		w.lists["listhtlcs"] = append(w.lists["listhtlcs"], object{
			"created_index": i + 1, "short_channel_id": []string{"1x1x1", "2x2x2"}[i%2], "id": i, "state": state, "amount_msat": 1,
		})
	}
	const all = "SELECT short_channel_id, id, state FROM htlcs WHERE id > 1"
	w.ask(all, `[["1x1x1",2,"SENT_ADD_COMMIT"],["2x2x2",3,"SENT_REMOVE_ACK_REVOCATION"]]`)
	w.called("peerchannels map[]", "htlcs map[index:created limit:1000 start:1]")
	w.lists["listhtlcs"][2]["state"] = states[0]
	w.ask(all, `[["1x1x1",2,"RCVD_REMOVE_ACK_REVOCATION"],["2x2x2",3,"SENT_REMOVE_ACK_REVOCATION"]]`)
	w.called("peerchannels map[]", "htlcs map[index:created limit:1000 start:3]")
	w.ask("SELECT count(*) FROM htlcs", `[[4]]`)
	w.called("peerchannels map[]", "htlcs map[index:created limit:1000 start:5]")

	w.lists["listpeerchannels"][1]["short_channel_id"] = "9x9x9" // it is announced by that name now
	for _, i := range []int{1, 3} {
		w.lists["listhtlcs"][i]["short_channel_id"] = "9x9x9"
	}
	w.ask("SELECT DISTINCT short_channel_id FROM htlcs", `[["1x1x1"],["9x9x9"]]`)
	w.called("peerchannels map[]", "htlcs map[index:created limit:1000 start:1]")
	w.lists["listpeerchannels"] = []object{channel} // forgotten
	w.lists["listhtlcs"] = []object{w.lists["listhtlcs"][0], w.lists["listhtlcs"][2]}
	w.ask("SELECT count(*) FROM htlcs", `[[2]]`)
}
