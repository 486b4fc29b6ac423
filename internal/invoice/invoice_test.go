package invoice

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"fulmen/internal/amount"
	"fulmen/internal/features"
	"fulmen/internal/keys"
)

// newInvoice is one of ours, valid as it is.
func newInvoice() *Invoice {
	text := "tea"
	return &Invoice{
		Network: Regtest, Amount: 1234, Timestamp: time.Unix(1_700_000_000, 0).UTC(),
		PaymentHash: [32]byte{1}, PaymentSecret: [32]byte{2}, Description: &text,
		Expiry: DefaultExpiry, MinFinalCLTVExpiryDelta: DefaultMinFinalCLTVExpiryDelta,
	}
}

// seal signs a data part that Encode would not write.
func seal(t testing.TB, hrp string, change func(*writer)) string {
	t.Helper()
	data, err := newInvoice().data()
	if err != nil {
		t.Fatal(err)
	}
	w := &writer{words: data}
	change(w)
	text, err := signed(hrp, w.words, exampleSigner)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestAmounts(t *testing.T) {
	for _, tt := range []struct {
		text string
		msat amount.Msat
	}{
		{"", 0}, {"10p", 1}, {"12340p", 1234}, {"1n", 100}, {"1u", 100_000}, {"2500u", 250_000_000}, {"20m", 2_000_000_000},
		{"1", 100_000_000_000}, {"21000000", amount.MaxMsat}, {"20999999999999999990p", amount.MaxMsat - 1},
	} {
		hrp, err := formatHRP(Signet, tt.msat)
		if err != nil || hrp != "lntbs"+tt.text {
			t.Errorf("%s formats as %q, %v; want %q", tt.msat, hrp, err, tt.text)
		}
		network, msat, err := parseHRP("lntbs" + tt.text)
		if tt.text == "20999999999999999990p" { // 65 bits of picobitcoin
			if !errors.Is(err, amount.ErrOverflow) {
				t.Errorf("%q parses as %s, %v", tt.text, msat, err)
			}
			continue
		}
		if err != nil || network != Signet || msat != tt.msat {
			t.Errorf("%q parses as %s %s, %v", tt.text, network, msat, err)
		}
	}
}

func TestParseHRPRefuses(t *testing.T) {
	for hrp, want := range map[string]string{
		"bc":                          `does not begin with "ln"`,
		"lnxy1m":                      "wrong network",
		"ln":                          "wrong network",
		"lnbc0":                       "begins with 0",
		"lnbc01m":                     "begins with 0",
		"lnbc1mm":                     "not one of",
		"lnbc1x":                      "want digits",
		"lnbc1m1":                     "want digits",
		"lnbc11p":                     "whole millisatoshi",
		"lnbc21000001":                "overflows",
		"lnbc99999999999999999999999": "overflows",
	} {
		if _, _, err := parseHRP(hrp); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", hrp, err, want)
		}
	}
}

func TestCheckNetwork(t *testing.T) {
	text, err := newInvoice().Encode(exampleSigner)
	if err != nil {
		t.Fatal(err)
	}
	inv, err := Decode("LIGHTNING:" + strings.ToUpper(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := inv.CheckNetwork(Regtest); err != nil {
		t.Error(err)
	}
	if err := inv.CheckNetwork(Bitcoin); !errors.Is(err, ErrNetwork) {
		t.Errorf("regtest invoice on bitcoin: %v", err)
	}
}

func TestDecodeRefusesFields(t *testing.T) {
	tests := map[string]struct {
		change func(*writer)
		want   string
	}{
		"cut field":         {func(w *writer) { w.words = append(w.words, 1) }, "1 words are left"},
		"length":            {func(w *writer) { w.words = append(w.words, 1, 31, 31) }, "p field: data_length 1023, 0 words"},
		"description twice": {func(w *writer) { w.bytes(fieldDescriptionHash, make([]byte, 32)) }, "both a description"},
		"expiry zeros":      {func(w *writer) { w.field(fieldExpiry, []byte{0, 1}) }, "x field: begins with a zero word"},
		"expiry huge":       {func(w *writer) { w.field(fieldExpiry, uintWords(math.MaxInt64/1_000_000_000+1)) }, "at most 9223372036"},
		"expiry long":       {func(w *writer) { w.field(fieldExpiry, bytes.Repeat([]byte{1}, 13)) }, "13 words"},
		"delta":             {func(w *writer) { w.field(fieldMinFinalCLTVExpiry, uintWords(65536)) }, "c field: 65536, at most 65535"},
		"features zeros":    {func(w *writer) { w.field(fieldFeatures, []byte{0, 8}) }, "9 field: begins"},
		"route":             {func(w *writer) { w.bytes(fieldRoute, make([]byte, 50)) }, "r field: 50 bytes"},
		"route empty":       {func(w *writer) { w.field(fieldRoute, nil) }, "r field: 0 bytes"},
		"payee":             {func(w *writer) { w.bytes(fieldPayee, make([]byte, 33)) }, "signature of payee"},
	}
	for name, tt := range tests {
		if _, err := Decode(seal(t, "lnbcrt", tt.change)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
	utf8 := newInvoice()
	utf8.Description = nil
	utf8.DescriptionHash = new([32]byte)
	data, err := utf8.data()
	if err != nil {
		t.Fatal(err)
	}
	w := &writer{words: data}
	w.bytes(fieldDescription, []byte{0xff})
	text, err := signed("lnbcrt", w.words, exampleSigner)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Decode(text); err == nil || !strings.Contains(err.Error(), "d field: is not valid UTF-8") {
		t.Errorf("invalid UTF-8: %v", err)
	}
}

func TestDecodeRecoveryID(t *testing.T) {
	text, err := newInvoice().Encode(func(hrp string, data []byte) ([65]byte, error) {
		sig, err := exampleSigner(hrp, data)
		sig[64] = 4
		return sig, err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Decode(text); err == nil || !strings.Contains(err.Error(), "recovery id 4") {
		t.Errorf("recovery id 4: %v", err)
	}
}

// TestDecodeBounds: an invoice of any length may come from a stranger, and is kept with each part that pays it.
func TestDecodeBounds(t *testing.T) {
	inv := newInvoice()
	hops := make([]HopHint, 12)
	for {
		text, err := inv.Encode(exampleSigner)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Decode("lightning:" + text)
		if refused := err != nil && strings.HasSuffix(err.Error(), "characters, at most 65536"); refused != (len(text) > 1<<16) {
			t.Fatalf("of %d characters: %v", len(text), err)
		}
		if len(text) > 1<<16 {
			return
		}
		inv.Routes = append(inv.Routes, hops, hops, hops, hops)
	}
}

// Fields of unknown type, repeated ones and fallbacks of unknown kind are skipped, not refused.
func TestDecodeSkips(t *testing.T) {
	inv, err := Decode(seal(t, "lnbcrt", func(w *writer) {
		w.field(2, []byte{1, 2})
		w.bytes(fieldPaymentHash, make([]byte, 32))
		w.bytes(fieldDescription, []byte("coffee"))
		w.field(fieldFallback, nil)
		w.field(fieldFallback, []byte{19, 1, 2, 3})
		w.field(fieldFallback, appendWords([]byte{0}, make([]byte, 21)))
	}))
	if err != nil {
		t.Fatal(err)
	}
	if len(inv.Skipped) != 6 || *inv.Description != "tea" || inv.PaymentHash != [32]byte{1} || inv.Fallbacks != nil {
		t.Errorf("%+v", inv)
	}
}

func TestIncludePayee(t *testing.T) {
	inv := newInvoice()
	inv.Payee, inv.IncludePayee = pubKey(examplePayee), true
	text, err := inv.Encode(exampleSigner)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Decode(text); err != nil || !got.IncludePayee || got.Payee != inv.Payee {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestEncodeRefuses(t *testing.T) {
	long := strings.Repeat("x", 640)
	bad := "\xff"
	tests := map[string]func(*Invoice){
		"network":      func(i *Invoice) { i.Network = "xy" },
		"amount":       func(i *Invoice) { i.Amount = amount.MaxMsat + 1 },
		"past":         func(i *Invoice) { i.Timestamp = time.Unix(-1, 0) },
		"future":       func(i *Invoice) { i.Timestamp = time.Unix(1<<35, 0) },
		"nothing":      func(i *Invoice) { i.Description = nil },
		"both":         func(i *Invoice) { i.DescriptionHash = new([32]byte) },
		"utf-8":        func(i *Invoice) { i.Description = &bad },
		"long":         func(i *Invoice) { i.Description = &long },
		"metadata":     func(i *Invoice) { i.PaymentMetadata = []byte(long) },
		"expiry":       func(i *Invoice) { i.Expiry = time.Millisecond },
		"negative":     func(i *Invoice) { i.Expiry = -time.Second },
		"fallback":     func(i *Invoice) { i.Fallbacks = []Fallback{{Version: 0, Program: make([]byte, 19)}} },
		"route length": func(i *Invoice) { i.Routes = [][]HopHint{make([]HopHint, 13)} },
	}
	for name, change := range tests {
		inv := newInvoice()
		change(inv)
		if text, err := inv.Encode(exampleSigner); err == nil {
			t.Errorf("%s: %s", name, text)
		}
	}
	away := errors.New("signer is away")
	if _, err := newInvoice().Encode(func(string, []byte) ([65]byte, error) { return [65]byte{}, away }); !errors.Is(err, away) {
		t.Errorf("signer's error: %v", err)
	}
}

func TestFallbackFromAddressRefuses(t *testing.T) {
	for text, want := range map[string]error{
		"":                                   errAddress,
		"mk2QpYatsKicvFVuTAQLBryyccRXMUaGHP": ErrNetwork,
		"mk2QpYatsKicvFVuTAQLBryyccRXMUaGHQ": errAddress,
		"bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080": ErrNetwork,
	} {
		if f, err := FallbackFromAddress(text, Bitcoin); !errors.Is(err, want) {
			t.Errorf("%q: %+v, %v", text, f, err)
		}
	}
	for _, text := range []string{
		"BC1SW50QA3JX3S", // version 16, checked as version 0
		"bc1zw508d6qejxtdg4y5r3zarvaryvg6kdaj",
		"bc1pw5dgrnzv", // one byte
	} {
		if f, err := FallbackFromAddress(text, Bitcoin); err == nil {
			t.Errorf("%q: %+v", text, f)
		}
	}
	if _, err := FallbackFromAddress("1RustyRX2oai4EYYDpQGWvEL62BBGqN9T", "xy"); !errors.Is(err, ErrNetwork) {
		t.Errorf("unknown network: %v", err)
	}
}

func TestDecodeUnsigned(t *testing.T) {
	text, err := newInvoice().Encode(func(string, []byte) ([65]byte, error) { return [65]byte{}, nil })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Decode(text); err == nil {
		t.Error("decoded without a signature")
	}
	inv, err := DecodeUnsigned(text)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := inv.Encode(exampleSigner)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Decode(signed); err != nil || got.Payee.String() != examplePayee {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := DecodeUnsigned(text[1:]); err == nil {
		t.Error("a cut invoice was decoded")
	}
}

func TestBitVectorsRoundTrip(t *testing.T) {
	for bit := range 200 {
		vector := make([]byte, bit/8+1)
		vector[0] = 1 << (bit % 8)
		got, err := bitsOf(bitsWords(vector))
		if err != nil || !bytes.Equal(got, vector) || !features.Vector(got).Has(features.Bit(bit)) {
			t.Errorf("bit %d: %x, %v", bit, got, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, ex := range loadExamples(f).Valid {
		f.Add(ex.Invoice)
	}
	for _, ex := range loadExamples(f).Invalid {
		f.Add(ex.Invoice)
	}
	f.Fuzz(func(t *testing.T, text string) {
		inv, err := Decode(text)
		if err != nil {
			return
		}
		if _, err := inv.Encode(exampleSigner); err != nil {
			t.Errorf("decoded, but not encoded: %v", err)
		}
		if inv.Payee == (keys.PubKey{}) {
			t.Error("no payee")
		}
	})
}

// FuzzDecodeFields puts any data part behind a good checksum and signature.
func FuzzDecodeFields(f *testing.F) {
	data, err := newInvoice().data()
	if err != nil {
		f.Fatal(err)
	}
	f.Add("lnbcrt10u", data)
	f.Add("lnbc", append(data, fieldRoute, 2, 18))
	f.Add("lntb1p", append(data, fieldFeatures, 0, 3, 1, 0, 0))
	f.Fuzz(func(t *testing.T, hrp string, words []byte) {
		for i := range words {
			words[i] &= 31
		}
		text, err := signed(hrp, words, exampleSigner)
		if err != nil {
			return
		}
		inv, err := Decode(text)
		if err != nil {
			return
		}
		inv.IncludePayee = false // it may be another key, whose signature we cannot make
		again, err := inv.Encode(exampleSigner)
		if err != nil {
			t.Fatalf("decoded, but not encoded: %v", err)
		}
		if _, err := Decode(again); err != nil {
			t.Errorf("encoded, but not decoded: %v", err)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	inv := newInvoice()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := inv.Encode(func(string, []byte) ([65]byte, error) { return [65]byte{}, nil }); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	text, err := newInvoice().Encode(exampleSigner)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(text); err != nil {
			b.Fatal(err)
		}
	}
}
