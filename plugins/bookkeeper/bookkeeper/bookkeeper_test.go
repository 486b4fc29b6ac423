package bookkeeper

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

	"fulmen/internal/amount"
	"fulmen/internal/command"
	"fulmen/internal/schema"
)

// world is a node that has movements, invoices and payments, and a datastore.
type world struct {
	t       *testing.T
	table   *command.Table
	folder  string
	lists   map[string][]object // by the command that lists them
	deleted int
	data    map[string]string
	read    int // entries of all lists
	broken  error
	freed   chan struct{}
}

var members = map[string]string{
	"listchainmoves": "chainmoves", "listchannelmoves": "channelmoves", "listinvoices": "invoices", "listsendpays": "payments",
	"listclosedchannels": "closedchannels",
}

func newWorld(t *testing.T, keep time.Duration) *world {
	w := &world{t: t, folder: t.TempDir(), lists: map[string][]object{}, data: map[string]string{}, freed: make(chan struct{}, 100), table: command.NewTable()}
	b := New()
	b.Open(Config{
		Node: w, Coin: "bcrt", Now: func() time.Time { return time.Unix(1_700_000_000, 0) }, Zone: time.UTC, Folder: w.folder, Keep: keep,
		Freed: func() { w.freed <- struct{}{} },
	})
	w.table.Add(b.Commands()...)
	return w
}

// Call implements Caller.
func (w *world) Call(_ context.Context, method string, params, result any) error {
	if w.broken != nil {
		return w.broken
	}
	p, _ := params.(object)
	var reply any
	switch method {
	case "wait":
		reply = object{"subsystem": "chainmoves", "deleted": w.deleted}
	case "getinfo":
		reply = object{"blockheight": 200}
	case "datastore":
		w.data[fmt.Sprint(p["key"])] = p["string"].(string)
		reply = object{}
	case "deldatastore":
		delete(w.data, fmt.Sprint(p["key"]))
		reply = object{}
	case "listdatastore":
		list := []object{}
		for key, text := range w.data {
			parts := strings.Fields(strings.Trim(key, "[]"))
			if parts[1] == p["key"].([]string)[1] {
				list = append(list, object{"key": parts, "string": text})
			}
		}
		reply = object{"datastore": list}
	default:
		list := w.lists[method]
		if p["start"] != nil {
			list = list[min(int(p["start"].(uint64))-1, len(list)):]
			list = list[:min(p["limit"].(int), len(list))]
		}
		w.read += len(list)
		reply = object{members[method]: list}
	}
	raw, err := json.Marshal(reply)
	if err != nil || result == nil {
		return err
	}
	return json.Unmarshal(raw, result)
}

func (w *world) add(list string, entry object) {
	entry["created_index"] = len(w.lists[list]) + 1
	w.lists[list] = append(w.lists[list], entry)
}

func (w *world) deposit(n int) {
	w.add("listchainmoves", object{
		"account_id": "wallet", "primary_tag": "deposit", "extra_tags": []string{}, "credit_msat": 1000, "debit_msat": 0, "timestamp": 1000 + n,
		"utxo": fmt.Sprintf("%064d:0", n), "output_msat": 1000, "blockheight": n,
	})
}

// call runs a command, and holds its result to its schema.
func (w *world) call(name string, params any, result any) error {
	w.t.Helper()
	raw, err := json.Marshal(params)
	if err != nil {
		w.t.Fatal(err)
	}
	r, err := w.table.Run(context.Background(), name, raw)
	if err != nil {
		return err
	}
	s, err := schema.Load(name)
	if err != nil {
		w.t.Fatal(err)
	}
	if raw, err = json.Marshal(r); err != nil {
		w.t.Fatal(err)
	}
	if err := s.ValidateResponse(raw); err != nil {
		w.t.Errorf("%s: %v in %s", name, err, raw)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(raw, result)
}

// wallet is what the wallet has.
func (w *world) wallet() amount.Msat {
	w.t.Helper()
	var r balancesResult
	if err := w.call("bkpr-listbalances", nil, &r); err != nil {
		w.t.Fatal(err)
	}
	for _, a := range r.Accounts {
		if a.Account == "wallet" {
			return a.Balances[0].BalanceMsat
		}
	}
	w.t.Fatal("there is no wallet")
	return 0
}

// TestReadsWhatIsNew: each entry is read once, but for a reorganisation, a failure, and what was forgotten.
func TestReadsWhatIsNew(t *testing.T) {
	w := newWorld(t, time.Hour)
	want := func(sum amount.Msat, read int) {
		t.Helper()
		w.read = 0
		if got := w.wallet(); got != sum || w.read != read {
			t.Errorf("the wallet has %s, %d entries were read; want %s and %d", got, w.read, sum, read)
		}
	}
	want(0, 0)
	for n := range 2*pageSize + 1 {
		w.deposit(n)
	}
	want((2*pageSize+1)*1000, 2*pageSize+1)
	want((2*pageSize+1)*1000, 0)
	w.deposit(2*pageSize + 1)
	want((2*pageSize+2)*1000, 1)

	w.lists["listchainmoves"] = w.lists["listchainmoves"][:pageSize]
	w.deleted = 1
	want(pageSize*1000, pageSize)

	w.broken = errors.New("the node is gone")
	if err := w.call("bkpr-listincome", nil, nil); !errors.Is(err, w.broken) {
		t.Errorf("a node that is gone: %v", err)
	}
	w.broken = nil
	want(pageSize*1000, pageSize)
}

func TestForgets(t *testing.T) {
	w := newWorld(t, 0)
	w.deposit(1)
	w.wallet()
	<-w.freed
	w.read = 0
	if w.wallet(); w.read != 1 {
		t.Errorf("%d entries were read again", w.read)
	}
	<-w.freed
}

// TestDescriptions come from the lists, or from who edited them, and stay.
func TestDescriptions(t *testing.T) {
	w := newWorld(t, time.Hour)
	hash := strings.Repeat("ab", 32)
	w.deposit(1)
	w.add("listchannelmoves", object{
		"account_id": strings.Repeat("c1", 32), "primary_tag": "invoice", "credit_msat": 5, "debit_msat": 0, "timestamp": 1002, "payment_hash": hash, "fees_msat": 0,
	})
	w.add("listinvoices", object{"payment_hash": hash, "description": "of the invoice"})
	w.add("listinvoices", object{"payment_hash": strings.Repeat("cd", 32), "description": "of another"})
	want := func(texts ...string) {
		t.Helper()
		var r incomeResult
		if err := w.call("bkpr-listincome", nil, &r); err != nil {
			t.Fatal(err)
		}
		for i, e := range r.IncomeEvents {
			if e.Description != texts[i] {
				t.Errorf("income %d is %q, want %q", i, e.Description, texts[i])
			}
		}
	}
	want("", "of the invoice")
	edit := func(command string, id, text string, updated int) {
		t.Helper()
		var r updatedResult
		if err := w.call(command, []string{id, text}, &r); err != nil || len(r.Updated) != updated {
			t.Errorf("%s: %+v, %v", command, r.Updated, err)
		}
	}
	outpoint := fmt.Sprintf("%064d:0", 1)
	edit("bkpr-editdescriptionbyoutpoint", outpoint, "a gift", 1)
	edit("bkpr-editdescriptionbyoutpoint", fmt.Sprintf("%064d:0", 77), "to come", 0)
	edit("bkpr-editdescriptionbypaymentid", strings.ToUpper(hash), "mine", 1)
	want("a gift", "mine")
	edit("bkpr-editdescriptionbypaymentid", hash, "", 1)
	edit("bkpr-editdescriptionbyoutpoint", outpoint, "", 1)
	want("", "of the invoice")
	if len(w.data) != 1 {
		t.Errorf("the datastore has %v", w.data)
	}
	for _, wrong := range [][]string{{"bkpr-editdescriptionbyoutpoint", hash}, {"bkpr-editdescriptionbypaymentid", "ab"}} {
		if err := w.call(wrong[0], []string{wrong[1], "x"}, nil); err == nil {
			t.Errorf("%v was taken", wrong)
		}
	}
}

// TestCSVFile: nothing but files for accountants can be written.
func TestCSVFile(t *testing.T) {
	w := newWorld(t, time.Hour)
	w.deposit(1)
	other := filepath.Join(t.TempDir(), "of.csv")
	if err := os.WriteFile(other, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{other, "here.csv"} {
		if err := w.call("bkpr-dumpincomecsv", []string{"quickbooks", path}, nil); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	if text, err := os.ReadFile(other); err != nil || !strings.Contains(string(text), "deposit (wallet),0.00000001000,\n") {
		t.Errorf("%s, %v", text, err)
	}
	var r csvResult
	if err := w.call("bkpr-dumpincomecsv", []string{"harmony"}, &r); err != nil || r.CSVFile != "income_harmony_1700000000.csv" {
		t.Errorf("%+v, %v", r, err)
	}
	link, folder := filepath.Join(w.folder, "link.csv"), filepath.Join(w.folder, "folder.csv")
	if err := errors.Join(os.Symlink(other, link), os.Mkdir(folder, 0o700)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"hsm_secret", link, folder, "no/folder.csv", ""} {
		if err := w.call("bkpr-dumpincomecsv", []string{"koinly", path}, nil); err == nil {
			t.Errorf("%q was written", path)
		}
	}
	files, err := os.ReadDir(w.folder)
	if err != nil || len(files) != 4 { // the link and the folder among them
		t.Errorf("%v, %v", files, err)
	}
}

func TestRefuses(t *testing.T) {
	w := newWorld(t, time.Hour)
	for command, params := range map[string]any{
		"bkpr-inspect":           []string{"wallet"},
		"bkpr-listaccountevents": []string{"wallet", strings.Repeat("ab", 32)},
		"bkpr-report":            []string{"{nothing}"},
		"bkpr-dumpincomecsv":     []string{"excel"},
	} {
		if err := w.call(command, params, nil); err == nil {
			t.Errorf("%s %v was taken", command, params)
		}
	}
}
