package schema

import (
	"reflect"
	"strings"
	"testing"
)

func load(t *testing.T, command string) *Schema {
	t.Helper()
	s, err := Load(command)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAllSchemasLoad(t *testing.T) {
	names, err := Commands()
	if err != nil || len(names) < 150 {
		t.Fatalf("%d commands, %v", len(names), err)
	}
	for _, name := range names {
		s := load(t, name)
		if s.Command != name {
			t.Errorf("%s: the file is of %s", name, s.Command)
		}
		checkTypes(t, name, s.request)
		checkTypes(t, name, s.response)
	}
	if _, err := Load("nonsense"); err == nil {
		t.Error("nonsense: no error")
	}
}

// checkTypes makes sure that no type is one which the validator takes for never valid.
func checkTypes(t *testing.T, path string, n *node) {
	if n == nil {
		return
	}
	switch n.Type {
	case "", "null", "boolean", "object", "array", "outputdesc", "number", "integer", "string":
	default:
		if text[n.Type] == nil && bits[n.Type] == 0 {
			t.Errorf("%s: unknown type %s", path, n.Type)
		}
	}
	for _, p := range n.Properties {
		checkTypes(t, path+"."+p.Name, p.Value)
	}
	for _, list := range [][]*node{n.AllOf, n.AnyOf, n.OneOf, {n.Items, n.If, n.Then, n.Else}} {
		for _, inner := range list {
			checkTypes(t, path, inner)
		}
	}
}

func TestParams(t *testing.T) {
	params := load(t, "invoice").Params()
	var names []string
	for _, p := range params {
		names = append(names, p.Name)
	}
	want := "amount_msat label description expiry fallbacks preimage exposeprivatechannels cltv deschashonly"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("invoice takes %s, want %s", got, want)
	}
	if p := params[1]; !p.Required || !reflect.DeepEqual(p.Types, []string{"string", "integer"}) {
		t.Errorf("label: %+v", p)
	}
	if p := load(t, "listinvoices").Params()[4]; p.Required || !reflect.DeepEqual(p.Enum, []string{"created", "updated"}) {
		t.Errorf("index: %+v", p)
	}
}

const hash = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

func TestValidateResponse(t *testing.T) {
	const unpaid = `{"label":"a","created_index":1,"payment_hash":"` + hash + `","status":"unpaid","expires_at":2}`
	paid := `{"label":"a","created_index":1,"payment_hash":"` + hash + `","status":"paid","expires_at":2,` +
		`"pay_index":1,"amount_received_msat":5,"paid_at":3,"payment_preimage":"` + hash + `"}`
	for _, tt := range []struct{ command, result, want string }{
		{"listinvoices", `{"invoices":[]}`, ""},
		{"listinvoices", `{"invoices":[` + unpaid + `,` + paid + `]}`, ""},
		{"listinvoices", `{}`, "listinvoices: no invoices"},
		{"listinvoices", `[]`, "listinvoices: [] is no object"},
		{"listinvoices", `{"invoices":{}}`, "listinvoices.invoices: map[] is no array"},
		{"listinvoices", `{"invoices":[],"more":1}`, "listinvoices: has more, which is not in the schema"},
		{"listinvoices", `{"invoices":[` + strings.Replace(unpaid, `"unpaid"`, `"paid"`, 1) + `]}`, "listinvoices.invoices[0]: no pay_index"},
		{"listinvoices", `{"invoices":[` + strings.Replace(unpaid, `"unpaid"`, `"gone"`, 1) + `]}`, "listinvoices.invoices[0].status: gone is none of [unpaid paid expired]"},
		{"listinvoices", `{"invoices":[` + strings.Replace(unpaid, `:1`, `:-1`, 1) + `]}`, "listinvoices.invoices[0].created_index: -1 is no u64"},
		{"listinvoices", `{"invoices":[` + strings.Replace(paid, `:5`, `:"5msat"`, 1) + `]}`, "listinvoices.invoices[0].amount_received_msat: 5msat is no msat"},
		{"listinvoices", `{"invoices":[` + strings.Replace(unpaid, hash, hash[2:], 1) + `]}`, "listinvoices.invoices[0].payment_hash: " + hash[2:] + " is no hash"},
		{"stop", `"Shutdown complete"`, ""},
		{"stop", `"Bye"`, "stop.result: Bye is none of [Shutdown complete]"},
		{"help", `{"help":[{"command":"x"}]}`, ""},
		{"getlog", `{"created_at":"1.0","bytes_used":0,"bytes_max":1,"log":[{"type":"SKIPPED","num_skipped":1}]}`, ""},
		{"getlog", `{"created_at":"1.0","bytes_used":0,"bytes_max":1,"log":[{"type":"INFO"}]}`, "getlog.log[0]: no time"},
		{"check", `{"command_to_check":"x"} {}`, "check: more after the value"},
		{"check", `{`, "check: unexpected EOF"},
	} {
		err := load(t, tt.command).ValidateResponse([]byte(tt.result))
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s %s: %v", tt.command, tt.result, err)
		case tt.want != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.want)):
			t.Errorf("%s %s:\n got %v\nwant %s", tt.command, tt.result, err, tt.want)
		}
	}
}

func TestValidateRequest(t *testing.T) {
	for _, tt := range []struct{ command, params, want string }{
		{"invoice", `{"amount_msat":"any","label":1,"description":"d"}`, ""},
		{"invoice", `{"amount_msat":"1.5sat","label":"l","description":"d","exposeprivatechannels":["1x2x3"]}`, ""},
		{"invoice", `{"amount_msat":"some","label":"l","description":"d"}`, "invoice.amount_msat: some is no msat_or_any"},
		{"invoice", `{"amount_msat":1,"label":{},"description":"d"}`, "invoice.label: map[] is valid for none of 2 schemas"},
		{"listinvoices", `{"index":"created","start":1}`, ""},
		{"listinvoices", `{"start":1}`, "listinvoices: has start without index"},
		{"plugin", `{"subcommand":"start","plugin":"a","directory":"b"}`, "plugin: has more than one of [plugin directory]"},
		{"sendpay", `{"route":[{"amount_msat":"1sat","id":"02` + hash + `","delay":9,"channel":"1x1x1"}],"payment_hash":"` + hash + `"}`, ""},
	} {
		err := load(t, tt.command).ValidateRequest([]byte(tt.params))
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s %s: %v", tt.command, tt.params, err)
		case tt.want != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.want)):
			t.Errorf("%s %s:\n got %v\nwant %s", tt.command, tt.params, err, tt.want)
		}
	}
}

func TestTypes(t *testing.T) {
	for _, tt := range []struct {
		name, value string
		valid       bool
	}{
		{"u8", "255", true}, {"u8", "256", false}, {"u16", "65536", false}, {"u32", "4294967295", true},
		{"u64", "18446744073709551615", true}, {"u64", "18446744073709551616", false}, {"u64", "1.0", false}, {"u64", `"1"`, false},
		{"integer", "-5", true}, {"integer", "0.5", false}, {"number", "0.5", true},
		{"hex", `"00ff"`, true}, {"hex", `"0"`, false}, {"hex", `"0G"`, false}, {"hex", `""`, true},
		{"pubkey", `"02` + hash + `"`, true}, {"pubkey", `"04` + hash + `"`, false},
		{"short_channel_id", `"1x2x3"`, true}, {"short_channel_id", `"1x2"`, false}, {"short_channel_id_dir", `"1x2x3/1"`, true},
		{"outpoint", `"` + hash + `:0"`, true}, {"outpoint", `"` + hash + `"`, false},
		{"feerate", `"253perkw"`, true}, {"feerate", `"normal"`, true}, {"feerate", `"253perkx"`, false},
		{"sat_or_all", `"all"`, true}, {"sat_or_all", `5`, true}, {"sat_or_all", `"any"`, false},
		{"outputdesc", `[{"bc1":"all"},{"bc2":5}]`, true}, {"outputdesc", `[{"bc1":"all","bc2":5}]`, false},
		{"string", `null`, false}, {"null", `null`, true}, {"boolean", `"true"`, false},
	} {
		value, err := decode([]byte(tt.value))
		if err != nil {
			t.Fatal(err)
		}
		if got := isOf(tt.name, value); got != tt.valid {
			t.Errorf("%s as %s: %v", tt.value, tt.name, got)
		}
	}
}

func TestNotificationsAndHooks(t *testing.T) {
	n, err := LoadNotification("block_added")
	if err != nil {
		t.Fatal(err)
	}
	hash := strings.Repeat("ab", 32)
	if err := n.ValidateResponse([]byte(`{"hash":"` + hash + `","height":7}`)); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{`{"hash":"` + hash + `"}`, `{"hash":"` + hash + `","height":7,"more":1}`} {
		if n.ValidateResponse([]byte(bad)) == nil {
			t.Errorf("%s is taken", bad)
		}
	}
	h, err := LoadHook("htlc_accepted")
	if err != nil {
		t.Fatal(err)
	}
	for answer, valid := range map[string]bool{
		`{"result":"continue"}`: true, `{"result":"fail"}`: false, `{"result":"fail","failure_message":"2002"}`: true,
		`{"result":"resolve"}`: false, `{"result":"resolve","payment_key":"` + hash + `"}`: true, `{"result":"perhaps"}`: false,
	} {
		if err := h.ValidateResponse([]byte(answer)); (err == nil) != valid {
			t.Errorf("%s: %v", answer, err)
		}
	}
}

func TestEveryFileIsRead(t *testing.T) {
	for list, load := range map[*[]string]func(string) (*Schema, error){
		named(t, Commands): Load, named(t, Hooks): LoadHook, named(t, Notifications): LoadNotification,
	} {
		for _, name := range *list {
			if s, err := load(name); err != nil || s.Command != name {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func named(t *testing.T, list func() ([]string, error)) *[]string {
	t.Helper()
	names, err := list()
	if err != nil || len(names) == 0 {
		t.Fatalf("%d names, %v", len(names), err)
	}
	return &names
}
