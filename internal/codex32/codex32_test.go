package codex32

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

// TestBIP93 has secrets of BIP 93's vectors, and one with the part of a node's (tests of Core Lightning's tool).
func TestBIP93(t *testing.T) {
	for _, c := range []struct{ text, hrp, id, secret string }{
		{"ms10testsxxxxxxxxxxxxxxxxxxxxxxxxxx4nzvca9cmczlw", "ms", "test", "318c6318c6318c6318c6318c6318c631"},
		{"ms10leetsllhdmn9m42vcsamx24zrxgs3qrl7ahwvhw4fnzrhve25gvezzyqqtum9pgv99ycma", "ms", "leet", "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"},
		{"MS100C8VSM32ZXFGUHPCHTLUPZRY9X8GF2TVDW0S3JN54KHCE6MUA7LQPZYGSFJD6AN074RXVCEMLH8WU3TK925ACDEFGHJKLMNPQRSTUVWXY06FHPV80UNDVARHRAK", "ms", "0c8v",
			"dc5423251cb87175ff8110c8531d0952d8d73e1194e95b5f19d6f9df7c01111104c9baecdfea8cccc677fb9ddc8aec5553b86e528bcadfdcc201c17c638c47e9"},
		{"cl10leetsllhdmn9m42vcsamx24zrxgs3qrl7ahwvhw4fnzrhve25gvezzyqqjdsjnzedu43ns", "cl", "leet", "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"},
	} {
		hrp, id, secret, err := Decode(c.text)
		if err != nil || hrp != c.hrp || id != c.id || hex.EncodeToString(secret) != c.secret {
			t.Errorf("%s: %s %s %x, %v", c.text, hrp, id, secret, err)
			continue
		}
		again, err := Encode(hrp, id, secret)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, back, err := Decode(again); err != nil || !bytes.Equal(back, secret) {
			t.Errorf("%s is read as %x, %v", again, back, err)
		}
		if len(secret) != 16 && len(secret) != 64 && again != c.text { // with other bits at the end than zeroes
			t.Errorf("written as %s, want %s", again, c.text)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	const good = "cl10leetsllhdmn9m42vcsamx24zrxgs3qrl7ahwvhw4fnzrhve25gvezzyqqjdsjnzedu43ns"
	for text, want := range map[string]error{
		"": ErrForm, "cl1": ErrForm, "1": ErrForm, strings.Repeat("q", 200): ErrForm, "cl1" + strings.Repeat("q", 94): ErrForm,
		"cl1" + strings.Repeat("q", 2000): ErrForm, strings.ToUpper(good[:20]) + good[20:]: ErrForm, good[:20] + "b" + good[21:]: ErrForm,
		good[:20] + "q" + good[21:]: ErrChecksum, good[:len(good)-1]: ErrChecksum, "ms" + good[2:]: ErrChecksum,
		"MS12NAMEA320ZYXWVUTSRQPNMLKJHGFEDCAXRPP870HKKQRM": ErrShare, // of BIP 93's second vector
	} {
		if _, _, _, err := Decode(text); !errors.Is(err, want) {
			t.Errorf("%.30q: %v, want %v", text, err, want)
		}
	}
	if _, _, _, err := Decode(strings.ToUpper(good)); err != nil {
		t.Error(err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("cl10leetsllhdmn9m42vcsamx24zrxgs3qrl7ahwvhw4fnzrhve25gvezzyqqjdsjnzedu43ns")
	f.Add("ms10testsxxxxxxxxxxxxxxxxxxxxxxxxxx4nzvca9cmczlw")
	f.Fuzz(func(t *testing.T, text string) {
		hrp, id, secret, err := Decode(text)
		if err != nil || len(secret) < 16 || len(secret) > 64 {
			return
		}
		again, err := Encode(hrp, id, secret)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, back, err := Decode(again); err != nil || !bytes.Equal(back, secret) {
			t.Errorf("%q is written as %q, which is read as %x, %v", text, again, back, err)
		}
	})
}
