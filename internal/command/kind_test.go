package command

import (
	"encoding/json"
	"testing"

	"fulmen/internal/amount"
)

func TestMoney(t *testing.T) {
	for _, tt := range []struct {
		json      string
		msat, sat int64 // -1: refused
	}{
		{`0`, 0, 0},
		{`1000`, 1000, 1_000_000},
		{`"1000"`, 1000, 1_000_000},
		{`"1000msat"`, 1000, 1000},
		{`"1msat"`, 1, -1},
		{`"1sat"`, 1000, 1000},
		{`"1.001sat"`, 1001, -1},
		{`"1.0001sat"`, -1, -1},
		{`"0.00000001btc"`, 1000, 1000},
		{`"0.00000000001btc"`, 1, -1},
		{`"0.000000000001btc"`, -1, -1},
		{`"21000000btc"`, int64(amount.MaxMsat), int64(amount.MaxMsat)},
		{`"21000000.00000001btc"`, -1, -1},
		{`"18446744073709551616msat"`, -1, -1},
		{`"18446744073709551616000btc"`, -1, -1},
		{`1.5`, -1, -1},
		{`1e3`, -1, -1},
		{`-1`, -1, -1},
		{`""`, -1, -1},
		{`"msat"`, -1, -1},
		{`".5btc"`, -1, -1},
		{`"1.btc"`, -1, -1},
		{`"1 sat"`, -1, -1},
		{`[1]`, -1, -1},
		{`true`, -1, -1},
	} {
		token := Token{json.RawMessage(tt.json)}
		if m, err := parseMsat(token); (err != nil) != (tt.msat < 0) || err == nil && m != amount.Msat(tt.msat) {
			t.Errorf("msat %s: got %d, %v", tt.json, m, err)
		}
		if s, err := parseSat(token); (err != nil) != (tt.sat < 0) || err == nil && s.Msat() != amount.Msat(tt.sat) {
			t.Errorf("sat %s: got %d, %v", tt.json, s, err)
		}
	}
}

func TestFeerate(t *testing.T) {
	for text, want := range map[string]Feerate{
		"slow":             {Name: "slow"},
		"unilateral_close": {Name: "unilateral_close"},
		"253perkw":         {PerKw: 253},
		"1000perkb":        {PerKw: 250},
		"1001":             {PerKw: 251},
		"6blocks":          {Blocks: 6},
		"4294967295perkw":  {PerKw: 4294967295},
	} {
		var f Feerate
		if err := f.ParseParam(textToken(text)); err != nil || f != want {
			t.Errorf("%s: got %+v, %v", text, f, err)
		}
		var again Feerate
		if err := again.ParseParam(textToken(f.String())); err != nil || again != f {
			t.Errorf("%s prints as %s, which is %+v, %v", text, f, again, err)
		}
	}
	for _, text := range []string{"", "fast", "0perkw", "-1", "1.5perkw", "4294967296perkw", "17179869184perkb", "1perkwx", "blocks"} {
		var f Feerate
		if err := f.ParseParam(textToken(text)); err == nil {
			t.Errorf("%q: no error, got %+v", text, f)
		}
	}
}

func TestDirection(t *testing.T) {
	var d ShortChannelIDDir
	if err := d.ParseParam(textToken("1x2x3/1")); err != nil || d.String() != "1x2x3/1" {
		t.Errorf("got %s, %v", d, err)
	}
	for _, text := range []string{"1x2x3", "1x2x3/2", "1x2x3/", "1x2/0"} {
		if err := d.ParseParam(textToken(text)); err == nil {
			t.Errorf("%s: no error", text)
		}
	}
}

func TestHexIsDigitsInJSON(t *testing.T) {
	b, err := json.Marshal(struct {
		A Hex `json:"a"`
		B Hex `json:"b,omitempty"`
	}{A: Hex{0, 0xff}})
	if err != nil || string(b) != `{"a":"00ff"}` {
		t.Errorf("got %s, %v", b, err)
	}
}
