package main

import (
	"crypto/sha256"
	"strings"
	"testing"

	"fulmen/internal/amount"
	"fulmen/internal/command"
	"fulmen/internal/invoice"
	"fulmen/internal/payments"
)

func TestFeeLimit(t *testing.T) {
	msat := func(m amount.Msat) *amount.Msat { return &m }
	percent := func(m command.Millionths) *command.Millionths { return &m }
	for _, c := range []struct {
		name   string
		params payParams
		amt    amount.Msat
		want   amount.Msat
	}{
		{"half a percent", payParams{}, 10_000_000, 50_000},
		{"small payments are exempt", payParams{}, 10_000, 5000},
		{"another percentage", payParams{MaxFeePercent: percent(2_000_000)}, 10_000_000, 200_000},
		{"no exemption", payParams{ExemptFee: msat(0)}, 10_000, 50},
		{"absolute", payParams{MaxFee: msat(3)}, 10_000_000, 3},
		{"beyond all money", payParams{MaxFeePercent: percent(1 << 63)}, amount.MaxMsat, amount.MaxMsat},
	} {
		if got := c.params.feeLimit(c.amt); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestPayDescription(t *testing.T) {
	bob := newPayee(2)
	text := "a very long story"
	hashed := bob.invoice(t, func(i *invoice.Invoice) {
		hash := sha256.Sum256([]byte(text))
		i.Description, i.DescriptionHash = nil, &hash
	})
	other := "another story"
	for _, c := range []struct {
		name        string
		bolt11      string
		description *string
		want        string
		bad         bool
	}{
		{"in the invoice", bob.invoice(t, nil), nil, "coffee", false},
		{"hash without description", hashed, nil, "", true},
		{"hash with another", hashed, &other, "", true},
		{"hash with its own", hashed, &text, text, false},
	} {
		o, err := (&payParams{Bolt11: c.bolt11, Description: c.description}).order()
		if (err != nil) != c.bad || err == nil && o.description != c.want {
			t.Errorf("%s: %+v, %v", c.name, o, err)
		}
	}
}

func TestPayPartial(t *testing.T) {
	bob := newPayee(2)
	part := amount.Msat(400_000)
	o, err := (&payParams{Bolt11: bob.invoice(t, nil), PartialMsat: &part}).order()
	if err != nil || o.total != 1e6 || o.ours != part || o.maxFee != 5000 {
		t.Fatalf("%+v, %v", o, err)
	}
	part = 2e6
	if _, err := (&payParams{Bolt11: bob.invoice(t, nil), PartialMsat: &part}).order(); err == nil {
		t.Fatal("more than the whole was accepted")
	}
}

func TestPayParamsThatExclude(t *testing.T) {
	n := amount.Msat(1)
	percent := command.Millionths(1)
	for name, p := range map[string]payParams{
		"maxfee with maxfeepercent": {MaxFee: &n, MaxFeePercent: &percent},
		"maxfee with exemptfee":     {MaxFee: &n, ExemptFee: &n},
		"localinvreqid":             {LocalInvreqID: []byte{1}},
		"nothing in part":           {PartialMsat: new(amount.Msat)},
	} {
		if p.Validate() == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestDecodeSaysWhatIsNotSupported(t *testing.T) {
	for text, want := range map[string]string{
		"lno1pqps7sjqpgt": "BOLT 12 offer", "LIGHTNING:LNI1QQG": "BOLT 12 invoice", "clnemerg1at": "emergency.recover",
		"tU-RLjMiDpY2U0o3W1oFowar36RFGpWloPbW9-RuZdo9MyZpZA==": "runes", "lnbc1": "decode invoice",
	} {
		_, err := decodeInvoice("string", text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want it to speak of %s", text, err, want)
		}
	}
}

// TestGroupStatusIsMonotonic walks through the life of a payment in two parts with a retry.
func TestGroupStatusIsMonotonic(t *testing.T) {
	part := func(s payments.Status) *payments.Part { return &payments.Part{Status: s} }
	const pending, complete, failed = payments.Pending, payments.Complete, payments.Failed
	for _, c := range []struct {
		parts  []payments.Status
		trying bool
		want   payments.Status
	}{
		{[]payments.Status{pending}, true, pending},
		{[]payments.Status{failed}, true, pending}, // the next is about to be sent
		{[]payments.Status{failed, pending, pending}, true, pending},
		{[]payments.Status{failed, pending, complete}, true, complete},
		{[]payments.Status{failed, complete, complete}, false, complete},
		{[]payments.Status{failed, failed}, false, failed},
		{[]payments.Status{failed, pending}, false, pending}, // after a restart
	} {
		var group []*payments.Part
		for _, s := range c.parts {
			group = append(group, part(s))
		}
		if got := statusOf(group, c.trying); got != c.want {
			t.Errorf("%v: %s, want %s", c.parts, got, c.want)
		}
	}
}
