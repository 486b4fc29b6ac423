package command

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"fulmen/internal/amount"
	"fulmen/internal/rpc"
)

type payParams struct {
	Bolt11 string       `param:"bolt11" doc:"The invoice."`
	Amount *amount.Msat `param:"amount_msat" doc:"What to pay if the invoice names no amount."`
	How    string       `param:"how" enum:"fast,cheap" default:"fast" doc:"What matters."`
}

type part struct {
	ID   uint64      `json:"partid" doc:"Its number."`
	Sent amount.Msat `json:"amount_sent_msat,omitempty"`
}

type payResult struct {
	Preimage Hex    `json:"payment_preimage" doc:"The proof."`
	Parts    []part `json:"parts" doc:"What was sent."`
}

func payTable(called *bool) *Table {
	table := NewTable()
	table.Add(New(Doc{
		Name: "pay", Category: Payment,
		Short:   "Pay an invoice.",
		Long:    "Tries routes until one works.",
		Errors:  []Failure{{rpc.CodePayRouteNotFound, "There is no route."}},
		SeeAlso: []string{"listpays"},
	}, func(context.Context, *payParams) (*payResult, error) {
		*called = true
		return &payResult{Preimage: Hex{1}, Parts: []part{{ID: 1, Sent: 5}}}, nil
	}))
	return table
}

func TestCheckParsesAndDoesNotRun(t *testing.T) {
	for _, tt := range []struct {
		params string
		code   rpc.Code // 0: fine
	}{
		{`{"command_to_check":"pay","bolt11":"lnbc"}`, 0},
		{`["pay","lnbc",null,"cheap"]`, 0},
		{`["pay"]`, rpc.CodeInvalidParams},
		{`{"command_to_check":"pay","bolt11":"lnbc","amount_msat":"lots"}`, rpc.CodeInvalidParams},
		{`["fly"]`, rpc.CodeUnknownMethod},
		{`{}`, rpc.CodeInvalidParams},
		{``, rpc.CodeInvalidParams},
		{`[1]`, rpc.CodeInvalidParams},
	} {
		var called bool
		result, err := payTable(&called).Run(context.Background(), "check", json.RawMessage(tt.params))
		var e *rpc.Error
		switch {
		case called:
			t.Errorf("%s: pay was run", tt.params)
		case tt.code != 0 && (!errors.As(err, &e) || e.Code != tt.code):
			t.Errorf("%s: got %v, want code %d", tt.params, err, tt.code)
		case tt.code == 0 && (err != nil || result.(*checkResult).Command != "pay"):
			t.Errorf("%s: got %v, %v", tt.params, result, err)
		}
	}
}

func TestHelpListsAndExplains(t *testing.T) {
	table := payTable(new(bool))
	result, err := table.Run(context.Background(), "help", nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"command":"pay bolt11 [amount_msat] [how]","category":"payment","description":"Pay an invoice."}]}`
	if !strings.HasSuffix(string(got), want) {
		t.Errorf("help: got %s", got)
	}
	result, err = table.Run(context.Background(), "help", json.RawMessage(`["pay"]`))
	if err != nil {
		t.Fatal(err)
	}
	if r := result.(*helpResult); len(r.Help) != 1 || r.Help[0].Verbose != payText || r.FormatHint != "simple" {
		t.Errorf("help pay: got %s", r.Help[0].Verbose)
	}
	if _, err := table.Run(context.Background(), "help", json.RawMessage(`["fly"]`)); err == nil || err.Error() != "unknown command 'fly'" {
		t.Errorf("help fly: got %v", err)
	}
}

const payText = `pay - Pay an invoice.

SYNOPSIS

    pay bolt11 [amount_msat] [how]

DESCRIPTION

Tries routes until one works.

PARAMETERS

- bolt11 (string, required): The invoice.
- amount_msat (msat): What to pay if the invoice names no amount.
- how (one of fast, cheap, default fast): What matters.

RESULT

- payment_preimage (hex): The proof.
- parts (array of object): What was sent.
  - partid (u64): Its number.
  - amount_sent_msat (msat, optional)

ERRORS

- 205: There is no route.

SEE ALSO

lightning-listpays(7)
`

func TestManPageAndCompletion(t *testing.T) {
	table := payTable(new(bool))
	page := table.ManPages()["lightning-pay.7.md"]
	if !strings.HasPrefix(page, "# lightning-pay(7): Pay an invoice.\n\n## Synopsis\n") || !strings.Contains(page, "- **bolt11** (string, required)") {
		t.Errorf("man page: %s", page)
	}
	script := table.BashCompletion()
	for _, want := range []string{"\tpay) echo \"bolt11= amount_msat= how=fast how=cheap\" ;;\n", `-W "check help notifications pay"`} {
		if !strings.Contains(script, want) {
			t.Errorf("completion lacks %q: %s", want, script)
		}
	}
}
