package sql

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// peerChannels is a node with two channels.
func peerChannels(t testing.TB) *world {
	w := newWorld(t)
	w.lists["listpeerchannels"] = []object{
		{
			"peer_id": "02aa", "peer_connected": true, "state": "CHANNELD_NORMAL", "to_us_msat": 490493792, "short_channel_id": "1x2x3",
			"channel_type": object{"bits": []int{12, 22}, "names": []string{"static_remotekey/even", "anchors/even"}},
			"updates":      object{"local": object{"fee_base_msat": 1000, "htlc_maximum_msat": json.Number("18446744073709551615")}},
			"alias":        object{"local": "7x8x9"}, "funding": object{"local_funds_msat": 1e9, "remote_funds_msat": 0, "pushed_msat": 0},
			"features": []string{"option_static_remotekey", "option_anchors"}, "status": []string{"CHANNELD_NORMAL:Channel ready for use."},
			"htlcs": []object{{"direction": "out", "id": 7, "amount_msat": 5000, "expiry": 100, "payment_hash": strings.Repeat("ab", 32), "state": "SENT_ADD_ACK_REVOCATION"}},
		},
		{"peer_id": "03BB", "peer_connected": false, "state": "ONCHAIN", "to_us_msat": 1, "last_tx_fee_msat": 183000, "features": []string{}, "private": nil},
	}
	w.lists["listclosedchannels"] = []object{}
	return w
}

func TestQueries(t *testing.T) {
	w := peerChannels(t)
	w.ask(`SELECT peer_id, peer_connected, to_us_msat, alias_local, local_fee_base_msat, closer FROM peerchannels`,
		`[["02aa",1,490493792,"7x8x9",1000,null],["03bb",0,1,null,null,null]]`)
	w.ask(`SELECT local_htlc_maximum_msat, funding_local_funds_msat, private FROM peerchannels WHERE peer_id = x'02aa'`, `[[9223372036854775807,1000000000,null]]`)
	w.ask(`SELECT p.peer_id, s.status FROM peerchannels p INNER JOIN peerchannels_status s ON s.row = p.rowid`, `[["02aa","CHANNELD_NORMAL:Channel ready for use."]]`)
	w.ask(`SELECT * FROM peerchannels_features`, `[[1,1,0,"option_static_remotekey"],[2,1,1,"option_anchors"]]`)
	w.ask(`SELECT bits, names FROM peerchannels_channel_type_bits b JOIN peerchannels_channel_type_names n USING (row, arrindex)`,
		`[[12,"static_remotekey/even"],[22,"anchors/even"]]`)
	w.ask(`SELECT h.id, h.amount_msat, h.state FROM peerchannels JOIN peerchannels_htlcs h ON h.row = peerchannels.rowid WHERE h.payment_hash = x'`+strings.Repeat("ab", 32)+`'`,
		`[[7,5000,"SENT_ADD_ACK_REVOCATION"]]`)
	w.ask(`SELECT COUNT(*), sum(to_us_msat), avg(to_us_msat), total(to_us_msat) FROM peerchannels`, `[[2,490493793,245246896.5,490493793]]`)
	w.ask(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 3) SELECT i, i / 2.0 FROM n`, `[[1,0.5],[2,1],[3,1.5]]`)
	w.ask(`SELECT upper(state), LIKE('%a', 'ba'), quote(peer_id), json_object('a', '<&>'), hex('é') FROM peerchannels LIMIT 1`,
		`[["CHANNELD_NORMAL",1,"X'02AA'","{\"a\":\"<&>\"}","C3A9"]]`)
	w.ask(`SELECT datetime(0, 'unixepoch'); SELECT 2`, `[["1970-01-01 00:00:00"]]`)
	w.ask(`SELECT 1 WHERE 0;`, `[]`)
	w.ask(`SELECT count(*) FROM closedchannels`, `[[0]]`)
}

func TestClosedChannelsHavePublishedColumns(t *testing.T) {
	w := newWorld(t)
	raw, err := w.run("listsqlschemas", []string{"closedchannels"})
	if err != nil {
		t.Fatal(err)
	}
	const want = "rowid INTEGER, peer_id BLOB, channel_id BLOB, short_channel_id TEXT, alias_local TEXT, alias_remote TEXT, opener TEXT, closer TEXT, " +
		"private INTEGER, total_local_commitments INTEGER, total_remote_commitments INTEGER, total_htlcs_sent INTEGER, funding_txid BLOB, " +
		"funding_outnum INTEGER, funding_psbt TEXT, funding_withheld INTEGER, leased INTEGER, funding_fee_paid_msat INTEGER, funding_fee_rcvd_msat INTEGER, " +
		"funding_pushed_msat INTEGER, total_msat INTEGER, final_to_us_msat INTEGER, min_to_us_msat INTEGER, max_to_us_msat INTEGER, " +
		"last_commitment_txid BLOB, last_commitment_fee_msat INTEGER, close_cause TEXT, last_stable_connection INTEGER"
	var r schemasResult
	if err := json.Unmarshal(raw, &r); err != nil {
		t.Fatal(err)
	}
	var have []string
	for _, c := range r.Schemas[0].Columns {
		have = append(have, c.Name+" "+string(c.Type))
	}
	if got := strings.Join(have, ", "); got != want {
		t.Errorf("columns %s\n want %s", got, want)
	}
}

func TestSchemasAreThoseOfTheDatabase(t *testing.T) {
	w := newWorld(t)
	raw, err := w.run("listsqlschemas", object{})
	if err != nil {
		t.Fatal(err)
	}
	var r schemasResult
	if err := json.Unmarshal(raw, &r); err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		w.lists[table.Command] = []object{}
	}
	if len(r.Schemas) < 25 {
		t.Errorf("only %d tables", len(r.Schemas))
	}
	for _, e := range r.Schemas {
		var names []string
		for _, c := range e.Columns {
			names = append(names, quote(c.Name))
		}
		w.ask("SELECT "+strings.Join(names, ", ")+" FROM "+quote(e.TableName), "[]")
		w.ask("SELECT rowid, * FROM "+quote(e.TableName), "[]")
		if strings.Contains(e.TableName, "_") && !strings.HasPrefix(e.TableName, "bkpr_") && fmt.Sprint(e.Indices) != "[[row]]" {
			t.Errorf("indexes of %s are %v", e.TableName, e.Indices)
		}
	}
	if _, err := w.run("listsqlschemas", []string{"offers"}); err == nil || !strings.Contains(err.Error(), "no table offers") {
		t.Errorf("a table that is not there: %v", err)
	}
}

// TestNothingButSelect tries what a query must not do.
func TestNothingButSelect(t *testing.T) {
	w := peerChannels(t)
	outside := filepath.Join(t.TempDir(), "file")
	for query, want := range map[string]string{
		"INSERT INTO peers (id) VALUES (x'02')": "only SELECT is allowed",
		"UPDATE peers SET id = x'03'":           "only SELECT is allowed",
		"DELETE FROM peers":                     "only SELECT is allowed",
		"DROP TABLE peers":                      "only SELECT is allowed",
		"CREATE TABLE mine (a)":                 "only SELECT is allowed",
		"CREATE TEMP TABLE mine (a)":            "only SELECT is allowed",
		"CREATE VIEW mine AS SELECT 1":          "only SELECT is allowed",
		"CREATE TEMP TRIGGER mine AFTER INSERT ON peers BEGIN SELECT 1; END": "only SELECT is allowed",
		"CREATE VIRTUAL TABLE mine USING fts3(a)":                            "only SELECT is allowed",
		"ALTER TABLE peers RENAME TO mine":                                   "only SELECT is allowed",
		"REINDEX":                                                            "only SELECT is allowed",
		"ANALYZE":                                                            "only SELECT is allowed",
		"BEGIN":                                                              "only SELECT is allowed",
		"SAVEPOINT a":                                                        "only SELECT is allowed",
		"ATTACH '" + outside + "' AS other":                                  "only SELECT is allowed",
		"VACUUM INTO '" + outside + "'":                                      "", // whatever refuses it
		"PRAGMA query_only = OFF":                                            "only SELECT is allowed",
		"PRAGMA database_list":                                               "only SELECT is allowed",
		"SELECT * FROM pragma_database_list":                                 "",
		"SELECT * FROM pragma_table_info('peers')":                           "",
		"SELECT * FROM sqlite_master":                                        "there is no table sqlite_master",
		"SELECT * FROM sqlite_temp_master":                                   "there is no table sqlite_temp_master",
		"SELECT * FROM offers":                                               "no such table: offers",
		"SELECT * FROM json_each('[1]')":                                     "",
		"SELECT value FROM peerchannels, json_each('[1]')":                   "",
		"SELECT load_extension('/lib/libc.so.6')":                            "function load_extension is not allowed",
		"SELECT readfile('/etc/passwd')":                                     "no such function: readfile",
		"SELECT writefile('" + outside + "', 'x')":                           "no such function: writefile",
		"SELECT randomblob(1000000000)":                                      "function randomblob is not allowed",
		"SELECT zeroblob(1000000000)":                                        "function zeroblob is not allowed",
		"SELECT printf('%.*c', 100000000, 'x')":                              "function printf is not allowed",
		"SELECT fts3_tokenizer('simple')":                                    "function fts3_tokenizer is not allowed",
		"SELECT replace(state, 'a', 'b') FROM peerchannels":                  "function replace is not allowed",
		"SELECT '{}' -> 'a'":                                                 "is not allowed",
		"SELECT sqlite_version()":                                            "function sqlite_version is not allowed",
		"SELECT state GLOB '*' FROM peerchannels":                            "function glob is not allowed",
		"SELECT count(*) FROM peerchannels WHERE state MATCH 'a'":            "function match",
		"SELECT last_insert_rowid()":                                         "function last_insert_rowid is not allowed",
		"SELECT 1 WHERE ?":                                                   "it has parameters",
		"SELECT 1 WHERE :a":                                                  "it has parameters",
		"SELECT ?5":                                                          "",
		"":                                                                   "there is no statement",
		"  -- nothing":                                                       "there is no statement",
		";":                                                                  "there is no statement",
		"SELECT":                                                             "incomplete input",
		"SELECT nope FROM peerchannels":                                      "no such column: nope",
		"EXPLAIN QUERY PLAN DELETE FROM peers":                               "only SELECT is allowed",
		"SELECT 9e999":                                                       "beyond all that JSON can have",
		"SELECT " + strings.Repeat("- ", 200) + "1 FROM peerchannels": "Expression tree is too large",
		"SELECT count(*) FROM sqlite_master":                          "there is no table sqlite_master",
		"SELECT count(*) FROM json_each('[1]')":                       "there is no table json_each",
		"SELECT count(*) FROM pragma_database_list":                   "there is no table pragma_database_list",
		"SELECT count(*) FROM fts3tokenize('simple')":                 "",
		"SELECT 1" + strings.Repeat(" UNION SELECT 1", 60):            "too many terms in compound SELECT",
		"SELECT '" + strings.Repeat("x", MaxQuery) + "'":              "bytes, more than",
	} {
		w.refuse(query, want)
	}
	if _, err := os.Stat(outside); err == nil {
		t.Error("a query wrote a file")
	}
	w.ask("SELECT count(*) FROM peerchannels", "[[2]]")
}

func TestLimits(t *testing.T) {
	w := peerChannels(t)
	const endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT "
	const some = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n LIMIT 1000) SELECT "
	w.s.config.Time = 200 * time.Millisecond
	w.refuse(endless+"count(*) FROM n", "it takes longer than 200ms")
	w.refuse(endless+"i FROM n WHERE i < 0", "it takes longer than 200ms")
	w.s.config.Time = time.Hour // that is not their limit, however slow the machine
	w.refuse(endless+"i, hex(x'"+strings.Repeat("00", 20_000)+"') FROM n", "its rows are more than 32 MB; LIMIT")
	w.refuse(some+"json_group_array(i || hex(x'"+strings.Repeat("00", 20_000)+"')) FROM n", "longer than 4194304 bytes")
	const wide = "WITH RECURSIVE n(i, x) AS (SELECT 1, hex(x'00') UNION ALL SELECT i+1, x || x FROM n WHERE length(x) < 2000000) "
	w.refuse(wide+"SELECT count(*) FROM (SELECT a.x || b.i || c.i AS y FROM n a, n b, n c ORDER BY y)", "need more than 512 MB of memory")
	doubled := "WITH c0 AS (SELECT abs(1) AS s)"
	for i := range 30 {
		doubled += fmt.Sprintf(", c%d AS (SELECT a.s FROM c%d a, c%d b UNION SELECT 2)", i+1, i, i)
	}
	w.refuse(doubled+" SELECT count(*) FROM c30", "need more than 512 MB of memory")
	w.ask("SELECT count(*) FROM peerchannels", "[[2]]") // and goes on
}

func TestCallerWhoGoesAwayEndsTheQuery(t *testing.T) {
	w := peerChannels(t)
	ctx, cancel := context.WithTimeoutCause(context.Background(), 100*time.Millisecond, errors.New("lightningd is gone"))
	defer cancel()
	const endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT count(*) FROM n"
	waited := make(chan error)
	go func() { // while another has its turn
		_, err := w.s.Query(ctx, endless)
		waited <- err
	}()
	_, err := w.s.Query(ctx, endless)
	for _, err := range []error{err, <-waited} {
		if err == nil || !strings.Contains(err.Error(), "lightningd is gone") {
			t.Errorf("the query ends with %v", err)
		}
	}
}

func TestFailureOfTheNode(t *testing.T) {
	w := peerChannels(t)
	w.ask("SELECT count(*) FROM peerchannels", "[[2]]")
	w.fail = errors.New("connection reset")
	w.refuse("SELECT count(*) FROM peerchannels", "connection reset")
	w.fail = nil
	w.lists["listpeerchannels"][1]["peer_id"] = "no hex"
	w.refuse("SELECT count(*) FROM peerchannels", "peer_id: encoding/hex")
	w.lists["listpeerchannels"][1]["peer_id"] = 7
	w.refuse("SELECT count(*) FROM peerchannels", "entry of listpeerchannels")
	w.lists["listpeerchannels"] = w.lists["listpeerchannels"][:1]
	w.ask("SELECT count(*) FROM peerchannels", "[[1]]")
	w.refuse("SELECT * FROM transactions", "unknown command listtransactions")
}

func TestTablesAreDroppedWhenNobodyAsks(t *testing.T) {
	w := peerChannels(t)
	freed := make(chan struct{})
	w.s.config.Keep, w.s.config.Freed = time.Millisecond, func() { close(freed) }
	w.ask("SELECT count(*) FROM peerchannels", "[[2]]")
	<-freed
	w.s.config.Keep = time.Hour
	w.ask("SELECT count(*) FROM peerchannels", "[[2]]")
}
