package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fulmen/internal/command"
	"fulmen/internal/jsonobject"
	"fulmen/internal/schema"
)

// published are the commands that clients call by these names, each with its schema.
var published = strings.Fields(`
	getinfo help stop graceful check newaddr listaddresses listfunds withdraw fundpsbt utxopsbt
	reserveinputs unreserveinputs signpsbt sendpsbt txprepare txsend txdiscard listtransactions
	feerates parsefeerate connect disconnect listpeers listpeerchannels listclosedchannels
	fundchannel close setchannel ping invoice listinvoices delinvoice waitinvoice waitanyinvoice
	decode createinvoice sendpay waitsendpay listsendpays listpays delpay waitblockheight
	signmessage checkmessage getlog listconfigs notifications plugin sendcustommsg createonion
	sendonion injectpaymentonion listforwards delforward listhtlcs listchainmoves listchannelmoves addgossip datastore
	listdatastore deldatastore datastoreusage wait batching deprecations makesecret
	signmessagewithkey setconfig createrune showrunes checkrune blacklistrune commando
	multiwithdraw setpsbtversion fundchannel_start fundchannel_complete fundchannel_cancel multifundchannel addpsbtoutput upgradewallet signinvoice preapproveinvoice preapprovekeysend staticbackup getemergencyrecoverdata emergencyrecover recoverchannel`)

// commandTable is the table without a node: its entries need one only when they run.
func commandTable() *command.Table { return new(node).newCommandTable()() }

func TestAllPublishedCommandsAreThere(t *testing.T) {
	names := commandTable().Names()
	for _, name := range published {
		if !slices.Contains(names, name) {
			t.Errorf("%s is missing", name)
		}
	}
	for _, name := range names {
		if !slices.Contains(published, name) {
			t.Errorf("%s is not in the list: has it a schema, a test and a page?", name)
		}
	}
}

// TestParametersAreAsPublished holds names, positions and requiredness of parameters to the schemas:
// clients pass them by position as well as by name.
func TestParametersAreAsPublished(t *testing.T) {
	table := allCommands()
	for _, name := range table.Names() {
		s, err := schema.Load(name)
		if err != nil {
			t.Error(err)
			continue
		}
		c, err := table.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		want := slices.DeleteFunc(s.Params(), func(p schema.Param) bool { return strings.HasPrefix(p.Name, "dev_") })
		if len(c.Params) != len(want) {
			t.Errorf("%s: parameters %q, published are %q", name, paramNames(c), publishedNames(want))
			continue
		}
		for i, p := range c.Params {
			checkParam(t, name, p, want[i])
		}
	}
}

func checkParam(t *testing.T, name string, got command.Param, want schema.Param) {
	t.Helper()
	if got.Name != want.Name {
		t.Errorf("%s: parameter %q stands where %q is published", name, got.Name, want.Name)
		return
	}
	if got.Required != want.Required {
		t.Errorf("%s: %s: required is %v, published is %v", name, got.Name, got.Required, want.Required)
	}
	for _, value := range want.Enum {
		if len(got.Enum) > 0 && !slices.Contains(got.Enum, value) {
			t.Errorf("%s: %s: does not take %q, one of the published %q", name, got.Name, value, want.Enum)
		}
	}
	if got.Doc == "" {
		t.Errorf("%s: %s: not explained", name, got.Name)
	}
}

func paramNames(c *command.Command) (names []string) {
	for _, p := range c.Params {
		names = append(names, p.Name)
	}
	return names
}

func publishedNames(params []schema.Param) (names []string) {
	for _, p := range params {
		names = append(names, p.Name)
	}
	return names
}

func TestHelpHasOneLineForEachCommand(t *testing.T) {
	table := commandTable()
	result, err := table.Run(context.Background(), "help", nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	var list struct {
		Help []struct{ Command, Category, Description string }
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list.Help {
		name, _, _ := strings.Cut(e.Command, " ")
		names = append(names, name)
		if e.Category == "" || !strings.HasSuffix(e.Description, ".") || len(e.Description) > 100 {
			t.Errorf("%s: want a category and one short sentence, have %q and %q", name, e.Category, e.Description)
		}
	}
	if !slices.Equal(names, table.Names()) {
		t.Errorf("help lists %q, want %q", names, table.Names())
	}
}

// TestSeeAlsoNamesCommands finds references in help that lead nowhere.
func TestSeeAlsoNamesCommands(t *testing.T) {
	table := allCommands()
	for _, name := range table.Names() {
		c, err := table.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, other := range c.SeeAlso {
			if _, err := table.Lookup(other); err != nil || other == name {
				t.Errorf("%s: see also %s: no other command", name, other)
			}
		}
	}
}

// TestResultsKeepTheirOrder freezes names and order of the keys of all results, because clients take
// the first key of newaddr and the first array of a list. -update writes the file; its diff is
// for a person to read: a key that moves or goes breaks somebody.
func TestResultsKeepTheirOrder(t *testing.T) {
	table := allCommands()
	var got bytes.Buffer
	for _, name := range table.Names() {
		c, err := table.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		got.WriteString(name + "\n")
		writeKeys(&got, c.Results, "\t")
	}
	golden(t, filepath.Join("testdata", "result_keys.txt"), got.Bytes())
}

func writeKeys(b *bytes.Buffer, results []command.Result, indent string) {
	for _, r := range results {
		b.WriteString(indent + r.Name + "\n")
		writeKeys(b, r.Members, indent+"\t")
	}
}

// TestResultsHaveAPublishedOrder holds the order of keys, where both have them, to that of the schema or to
// that of the published examples, which differ from each other. testdata/published_order.txt has the
// examples' keys, a line for each object of a result: "COMMAND PATH: KEYS".
func TestResultsHaveAPublishedOrder(t *testing.T) {
	examples := exampleOrders(t)
	table := allCommands()
	for _, name := range table.Names() {
		c, err := table.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		checkOrders(t, name+" ", c.Results, responseSchema(t, name), examples)
	}
}

// checkOrders checks one object and all within; where is its command and path.
func checkOrders(t *testing.T, where string, ours []command.Result, s *responseNode, examples map[string][][]string) {
	t.Helper()
	for s != nil && s.Items != nil {
		s = s.Items
	}
	schemaKeys := s.keys()
	published, ok := examples[where]
	asExamples := ok && !slices.ContainsFunc(published, func(keys []string) bool { return !inOrder(ours, keys) })
	if !asExamples && !inOrder(ours, schemaKeys) && !slices.Contains(ownOrder, where) {
		t.Errorf("%s: keys come as %q, published is %q or %q", where, resultNames(ours), schemaKeys, published)
	}
	for _, r := range ours {
		path := where + "." + r.Name
		if strings.HasSuffix(where, " ") {
			path = where + r.Name
		}
		checkOrders(t, path, r.Members, s.member(r.Name), examples)
	}
}

// ownOrder are the results that show a part of a payment: what identifies it comes first.
var ownOrder = []string{"sendpay ", "waitsendpay ", "listsendpays payments", "delpay payments"}

// inOrder reports whether the keys that both have come in the same order.
func inOrder(ours []command.Result, published []string) bool {
	last := -1
	for _, r := range ours {
		i := slices.Index(published, r.Name)
		if i >= 0 && i < last {
			return false
		}
		last = max(last, i)
	}
	return true
}

func resultNames(results []command.Result) (names []string) {
	for _, r := range results {
		names = append(names, r.Name)
	}
	return names
}

func exampleOrders(t *testing.T) map[string][][]string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "published_order.txt"))
	if err != nil {
		t.Fatal(err)
	}
	orders := map[string][][]string{}
	for line := range strings.Lines(string(raw)) {
		where, keys, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if !ok {
			t.Fatalf("published_order.txt: %q has no keys", line)
		}
		where = strings.TrimSuffix(where, "-")
		orders[where] = append(orders[where], strings.Fields(keys))
	}
	return orders
}

// responseNode is what the order of keys needs of a schema; nil has no keys.
type responseNode struct {
	Properties jsonobject.Object[*responseNode] `json:"properties"`
	Items      *responseNode                    `json:"items"`
}

func (n *responseNode) keys() (names []string) {
	if n == nil {
		return nil
	}
	for _, p := range n.Properties {
		names = append(names, p.Name)
	}
	return names
}

func (n *responseNode) member(name string) *responseNode {
	if n == nil {
		return nil
	}
	member, _ := n.Properties.Find(name)
	return member
}

func responseSchema(t *testing.T, name string) *responseNode {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, "internal", "schema", "testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Response *responseNode `json:"response"`
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	return file.Response
}
