package autoclean

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"fulmen/internal/command"
	"fulmen/internal/schema"
	"fulmen/plugins/plugin"
)

const start = 1_700_000_000

// world is a node that has lists and a datastore, and a clock that stands.
type world struct {
	t   *testing.T
	c   *Cleaner
	due chan time.Time // ends a cycle

	mu      sync.Mutex
	lists   map[string][]object // by the command that lists them
	data    map[string]string
	held    map[string]bool // labels and payment_hashes that are not deleted
	broken  error           // what every call fails with
	asked   []object        // params of lists
	cycles  chan time.Duration
	deleted chan string // the command of each deletion, if somebody reads them
}

func newWorld(t *testing.T) *world {
	w := &world{
		t: t, lists: map[string][]object{}, data: map[string]string{}, held: map[string]bool{}, due: make(chan time.Time),
		cycles: make(chan time.Duration, 16), deleted: make(chan string, 100_000),
	}
	w.c = w.newCleaner()
	return w
}

func (w *world) newCleaner() *Cleaner {
	return New(Config{
		Node: w, Now: func() time.Time { return time.Unix(start, 0) }, Log: func(_, format string, args ...any) { w.t.Logf(format, args...) },
		After: func(d time.Duration) <-chan time.Time {
			w.cycles <- d
			return w.due
		},
	})
}

// results are the members that have the entries.
var results = map[string]string{"listforwards": "forwards", "listsendpays": "payments", "listinvoices": "invoices"}

func (w *world) Call(_ context.Context, method string, params, result any) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken != nil {
		return w.broken
	}
	var p object
	raw, err := json.Marshal(params)
	if err == nil {
		err = json.Unmarshal(raw, &p)
	}
	if err != nil {
		return err
	}
	var answer any
	switch method {
	case "listforwards", "listsendpays", "listinvoices":
		answer = object{results[method]: w.page(method, p)}
	case "delforward", "delpay", "delinvoice":
		err = w.remove(method, p)
	case "datastore":
		w.data[fmt.Sprint(p["key"])] = p["string"].(string)
	case "listdatastore":
		list := []object{}
		if text, ok := w.data[fmt.Sprint(p["key"])]; ok {
			list = append(list, object{"key": p["key"], "string": text})
		}
		answer = object{"datastore": list}
	default:
		w.t.Errorf("call of %s", method)
	}
	if err != nil || result == nil {
		return err
	}
	raw, err = json.Marshal(answer)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, result)
}

func (w *world) page(method string, p object) []object {
	w.asked = append(w.asked, p)
	list := []object{}
	for _, e := range w.lists[method] {
		index := e["created_index"].(int)
		if float64(index) < p["start"].(float64) || p["status"] != nil && p["status"] != e["status"] || float64(len(list)) == p["limit"].(float64) {
			continue
		}
		list = append(list, e)
	}
	return list
}

// identity are the members by which each deletion names its entry.
var identity = map[string][]string{
	"delforward": {"in_channel", "in_htlc_id", "status"}, "delpay": {"payment_hash", "status", "partid", "groupid"}, "delinvoice": {"label", "status"},
}

func (w *world) remove(method string, p object) error {
	list := map[string]string{"delforward": "listforwards", "delpay": "listsendpays", "delinvoice": "listinvoices"}[method]
	for i, e := range w.lists[list] {
		same := true
		for _, name := range identity[method] {
			same = same && fmt.Sprint(e[name]) == fmt.Sprint(p[name])
		}
		if !same {
			continue
		}
		if w.held[fmt.Sprint(e["label"])] {
			return &plugin.Error{Code: 906, Message: "it is held"}
		}
		w.lists[list] = append(w.lists[list][:i:i], w.lists[list][i+1:]...)
		w.deleted <- method
		return nil
	}
	w.t.Errorf("%s of %v, which is not there", method, p)
	return &plugin.Error{Code: -1, Message: "not there"}
}

// call runs a command, whose result must be as published.
func (w *world) call(name string, params any) (object, error) {
	w.t.Helper()
	table := command.NewTable()
	table.Add(w.c.Commands()...)
	raw, err := json.Marshal(params)
	if err != nil {
		w.t.Fatal(err)
	}
	result, err := table.Run(context.Background(), name, raw)
	if err != nil {
		return nil, err
	}
	if raw, err = json.Marshal(result); err != nil {
		w.t.Fatal(err)
	}
	s, err := schema.Load(name)
	if err == nil {
		err = s.ValidateResponse(raw)
	}
	if err != nil {
		w.t.Errorf("%s: %v", name, err)
	}
	var o object
	if err := json.Unmarshal(raw, &o); err != nil {
		w.t.Fatal(err)
	}
	return o["autoclean"].(object), nil
}

// once is what autoclean-once says that it did.
func (w *world) once(subsystem string, age uint64) string {
	w.t.Helper()
	r, err := w.call("autoclean-once", []any{subsystem, age})
	if err != nil {
		w.t.Fatal(err)
	}
	one := r[subsystem].(object)
	return fmt.Sprint(one["cleaned"], "/", one["uncleaned"])
}

func (w *world) status(subsystem string) object {
	w.t.Helper()
	r, err := w.call("autoclean-status", []any{subsystem})
	if err != nil {
		w.t.Fatal(err)
	}
	if len(r) != 1 {
		w.t.Errorf("status of %s: %v", subsystem, r)
	}
	return r[subsystem].(object)
}

// fill gives the lists an entry of each status, over 100 and 1000 seconds ago.
func (w *world) fill() {
	for i, ago := range []int{100, 1000} {
		at := start - ago
		index := func(n int) int { return 10*i + n }
		channel := fmt.Sprintf("1x%dx1", i)
		w.lists["listforwards"] = append(w.lists["listforwards"],
			object{"created_index": index(1), "status": "settled", "in_channel": channel, "in_htlc_id": 0, "received_time": float64(at) - 50.5, "resolved_time": float64(at)},
			object{"created_index": index(2), "status": "failed", "in_channel": channel, "in_htlc_id": 1, "received_time": float64(at) - 50, "resolved_time": float64(at)},
			object{"created_index": index(3), "status": "local_failed", "in_channel": channel, "in_htlc_id": 2, "received_time": float64(at)},
			object{"created_index": index(4), "status": "offered", "in_channel": channel, "in_htlc_id": 3, "received_time": float64(at)})
		hash := fmt.Sprintf("%064x", i)
		w.lists["listsendpays"] = append(w.lists["listsendpays"],
			object{"created_index": index(1), "status": "complete", "payment_hash": hash, "partid": 0, "groupid": 1, "created_at": at - 50, "completed_at": at},
			object{"created_index": index(2), "status": "failed", "payment_hash": hash, "partid": 7, "groupid": 1, "created_at": at},
			object{"created_index": index(3), "status": "pending", "payment_hash": hash, "partid": 8, "groupid": 1, "created_at": at})
		w.lists["listinvoices"] = append(w.lists["listinvoices"],
			object{"created_index": index(1), "status": "paid", "label": fmt.Sprint("paid-", ago), "expires_at": start + 5000, "paid_at": at},
			object{"created_index": index(2), "status": "expired", "label": fmt.Sprint("expired-", ago), "expires_at": at},
			object{"created_index": index(3), "status": "unpaid", "label": fmt.Sprint("unpaid-", ago), "expires_at": start + 5000})
	}
}

func TestOnceDeletesWhatIsOldEnough(t *testing.T) {
	for name, want := range map[string]string{
		"succeededforwards": "1/1", "failedforwards": "2/2", "succeededpays": "1/1", "failedpays": "1/1",
		"paidinvoices": "1/1", "expiredinvoices": "1/1", "networkevents": "0/0",
	} {
		w := newWorld(t)
		w.fill()
		if got := w.once(name, 1001); name != "networkevents" && !strings.HasPrefix(got, "0/") {
			t.Errorf("%s of 1001 seconds: %s", name, got)
		}
		if got := w.once(name, 1000); got != want {
			t.Errorf("%s of 1000 seconds: %s, want %s", name, got, want)
		}
		cleaned := float64(want[0] - '0')
		if s := w.status(name); s["enabled"] != false || s["cleaned"] != cleaned {
			t.Errorf("status of %s: %v", name, s)
		}
		w.c = w.newCleaner() // the plugin is started again
		if s := w.status(name); s["cleaned"] != cleaned {
			t.Errorf("status of %s after a restart: %v", name, s)
		}
	}
}

func TestStatusHasAll(t *testing.T) {
	w := newWorld(t)
	if err := w.c.SetAge("failedpays", 60); err != nil {
		t.Fatal(err)
	}
	all, err := w.call("autoclean-status", object{})
	if err != nil || len(all) != len(subsystems) {
		t.Errorf("status %v, %v", all, err)
	}
	if one := all["failedpays"].(object); one["enabled"] != true || one["age"] != 60.0 {
		t.Errorf("status of failedpays: %v", one)
	}
}

func TestParametersAreChecked(t *testing.T) {
	w := newWorld(t)
	for _, params := range []any{[]any{}, []any{"failedpays"}, []any{"failedpays", 0}, []any{"failedpays", -1}, []any{"channels", 1}} {
		if r, err := w.call("autoclean-once", params); err == nil {
			t.Errorf("%v is taken: %v", params, r)
		}
	}
	if r, err := w.call("autoclean-status", []any{"channels"}); err == nil {
		t.Errorf("status of channels: %v", r)
	}
	for _, seconds := range []int64{-1, 0, maxCycle + 1} {
		if err := w.c.SetCycle(seconds); err == nil {
			t.Errorf("a cycle of %d seconds is taken", seconds)
		}
	}
	if err := w.c.SetAge("failedpays", -1); err == nil {
		t.Error("an age of -1 seconds is taken")
	}
}

func TestLongListsAreReadInPages(t *testing.T) {
	w := newWorld(t)
	const many = 2*pageSize + 1
	for i := range many {
		w.lists["listinvoices"] = append(w.lists["listinvoices"], object{
			"created_index": 3*i + 1, "status": "expired", "label": fmt.Sprint(i), "expires_at": start - 10,
		})
	}
	w.held["7"] = true
	if got, want := w.once("expiredinvoices", 5), fmt.Sprint(many-1, "/1"); got != want {
		t.Errorf("cleaned %s, want %s", got, want)
	}
	if len(w.asked) != 3 || w.asked[1]["start"] != float64(3*(pageSize-1)+2) {
		t.Errorf("pages %v", w.asked)
	}
	if n := len(w.lists["listinvoices"]); n != 1 {
		t.Errorf("%d invoices are left, want the one that is held", n)
	}
}

func TestFailureIsToldAndWhatWasDoneIsCounted(t *testing.T) {
	w := newWorld(t)
	w.fill()
	if got := w.once("failedforwards", 1); got != "4/0" {
		t.Errorf("cleaned %s", got)
	}
	w.broken = errors.New("connection reset")
	if r, err := w.call("autoclean-once", []any{"paidinvoices", 1}); err == nil || !strings.Contains(err.Error(), "connection reset") {
		t.Errorf("%v, %v", r, err)
	}
	w.broken = nil
	w.data[fmt.Sprint(countKey("failedpays"))] = "many"
	w.c = w.newCleaner()
	if s := w.status("failedpays"); s["cleaned"] != 0.0 {
		t.Errorf("a count that is none: %v", s)
	}
	if s := w.status("failedforwards"); s["cleaned"] != 4.0 {
		t.Errorf("status %v", s)
	}
}

// TestCycle follows the plugin as an operator changes its options.
func TestCycle(t *testing.T) {
	w := newWorld(t)
	w.fill()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); w.c.Run(ctx) }()
	options := map[string]Option{}
	for _, o := range w.c.Options() {
		options[o.Name] = o
	}
	set := func(name string, seconds int64) {
		t.Helper()
		if err := options[name].Set(seconds); err != nil {
			t.Fatal(err)
		}
	}
	wait := func(want time.Duration) {
		t.Helper()
		for got := <-w.cycles; got != want; got = <-w.cycles { // a change may have been seen twice
			t.Logf("a cycle of %s", got)
		}
	}
	set("autoclean-paidinvoices-age", 1000)
	wait(DefaultCycle * time.Second)
	set("autoclean-cycle", 5)
	wait(5 * time.Second)
	w.due <- time.Unix(start, 0)
	wait(5 * time.Second)
	if got := <-w.deleted; got != "delinvoice" {
		t.Errorf("deleted by %s", got)
	}
	set("autoclean-succeededforwards-age", 1)
	wait(5 * time.Second)
	set("autoclean-paidinvoices-age", 0)
	wait(5 * time.Second)
	w.broken = errors.New("away")
	w.due <- time.Unix(start, 0)
	wait(5 * time.Second)
	w.mu.Lock()
	w.broken = nil
	w.mu.Unlock()
	w.due <- time.Unix(start, 0)
	wait(5 * time.Second)
	if got := <-w.deleted + <-w.deleted; got != "delforwarddelforward" {
		t.Errorf("deleted by %s", got)
	}
	set("autoclean-succeededforwards-age", 0) // nothing is waited for now
	cancel()
	<-ended
	if s := w.status("succeededforwards"); s["enabled"] != false || s["cleaned"] != 2.0 {
		t.Errorf("status %v", s)
	}
	if len(w.deleted) != 0 || len(w.lists["listinvoices"]) != 5 {
		t.Errorf("%d more deletions, %d invoices", len(w.deleted), len(w.lists["listinvoices"]))
	}
}
