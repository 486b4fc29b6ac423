package main

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/address/v2/bech32"

	"fulmen/internal/scb"
)

// recoveryText is the content of emergency.recover as lightning-hsmtool writes it.
func recoveryText(t *testing.T, blob []byte) string {
	t.Helper()
	words, err := bech32.ConvertBits(blob, 8, 5, true)
	if err != nil {
		t.Fatal(err)
	}
	text, err := bech32.Encode(scb.HRP, words)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestDecodeRune(t *testing.T) {
	n := new(node)
	decoded := func(text string) *decodeResult {
		t.Helper()
		r, err := n.decode(t.Context(), &decodeParams{String: text})
		if err != nil {
			t.Fatal(err)
		}
		keepsSchema(t, "decode", r)
		return r
	}
	// The published example of decode.
	r := decoded("7cKJyALVY0_LLVV-AB9oetXjipOdyt0EhOuYrSS42fM9MA==")
	if r.Type != "rune" || !r.Valid || r.UniqueID != "0" || len(r.Restrictions) != 0 ||
		r.Text != "edc289c802d5634fcb2d557e001f687ad5e38a939dcadd0484eb98ad24b8d9f3:=0" {
		t.Errorf("%+v", r)
	}
	// A published vector, and the example of createrune that restricts to reading.
	if r = decoded("RSB3NAfJZYZGMm_f_mhf-8PIY5oIDa5DELNxgwogXPE9Mi0x"); r.UniqueID != "2" || r.Version != "1" {
		t.Errorf("%+v", r)
	}
	r = decoded("0VIVf0M4jMlGNIwNM3sTpBextINe4_VBGZnBMM82kR49MCZtZXRob2RebGlzdHxtZXRob2ReZ2V0fG1ldGhvZD1zdW1tYXJ5Jm1ldGhvZC9saXN0ZGF0YXN0b3Jl")
	if len(r.Restrictions) != 2 || strings.Join(r.Restrictions[0].Alternatives, " ") != "method^list method^get method=summary" ||
		r.Restrictions[1].Summary != "method unequal to listdatastore" {
		t.Errorf("%+v", r.Restrictions)
	}
	raw := append(make([]byte, 32), "a=\xff"...)
	if r = decoded(base64.URLEncoding.EncodeToString(raw)); r.Valid || r.WarningUTF8 == "" || !bytes.Equal(r.Hex, raw) {
		t.Errorf("%+v", r)
	}
}

func TestDecodeEmergencyRecover(t *testing.T) {
	n := new(node)
	n.static.key = scb.Key{1}
	blob, _, err := scb.Seal(n.static.key, [][]byte{{7, 8}}, false, bytes.NewReader(make([]byte, 100)))
	if err != nil {
		t.Fatal(err)
	}
	text := recoveryText(t, blob)
	r, err := n.decode(t.Context(), &decodeParams{String: strings.ToUpper(text)})
	if err != nil {
		t.Fatal(err)
	}
	keepsSchema(t, "decode", r)
	if want := []byte{0, 1, 0, 0, 0, 2, 7, 8}; r.Type != "emergency recover" || !r.Valid || !bytes.Equal(r.Decrypted, want) {
		t.Errorf("%+v", r)
	}
	other := &node{}
	for what, c := range map[string]struct {
		n    *node
		text string
		want string
	}{
		"another node's":  {other, text, "cannot read"},
		"a letter is off": {n, text[:len(text)-1] + "q", "damaged"},
		"cut off":         {n, recoveryText(t, blob[:20]), "cannot read"},
		"empty":           {n, recoveryText(t, nil), "cannot read"},
	} {
		if _, err := c.n.decode(t.Context(), &decodeParams{String: c.text}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", what, err, c.want)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"lno1qcp4256ypq": "is a BOLT 12 offer, which is not supported yet", "LIGHTNING:LNR1QQ": "BOLT 12 invoice request", "lni1qq": "BOLT 12 invoice,",
		"lnp1qq": "payer proof", "something": "no BOLT 11 invoice", "": "no BOLT 11 invoice", "lnbc1qq": "string:",
		strings.Repeat("ab", 33): "no BOLT 11 invoice", // a node's id is no rune
	} {
		if r, err := new(node).decode(t.Context(), &decodeParams{String: text}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v; want %q", text, r, err, want)
		}
	}
}
