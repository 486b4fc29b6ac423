package runes

import (
	"crypto/sha256"
	"errors"
	"os"
	"strings"
	"testing"
)

func TestPaddingIsThatOfSHA256(t *testing.T) {
	for n := range uint64(200) {
		text := []byte(strings.Repeat("x", int(n)))
		padded := append(append([]byte{}, text...), padding(n)...)
		if len(padded)%sha256.BlockSize != 0 {
			t.Fatalf("%d bytes are padded to %d", n, len(padded))
		}
		want := sha256.Sum256(append(padded, "more"...))
		if got := extend(sha256.Sum256(text), uint64(len(padded)), []byte("more")); got != want {
			t.Errorf("after %d bytes: %x, want %x", n, got, want)
		}
	}
}

// Published runes: what adding restrictions makes of the first.
func TestPublishedRunes(t *testing.T) {
	const free = "7cKJyALVY0_LLVV-AB9oetXjipOdyt0EhOuYrSS42fM9MA=="
	const id4 = "zdBiT-O_Qs5EF2TtHqOUXn53aAB-CHEU28pWli3Odl89NCZpZD0wMzgxOTRiNWYzMmJkZjBhYTU5ODEyYzg2YzRlZjdhZDJmMjk0MTA0ZmEwMjdkMWFjZTliNDY5YmI2Zjg4Y2YzN2ImbWV0aG9kPWxpc3RwZWVycyZwbnVtPTEmcG5hbWVpZF4wMzgxOTRiNWYzMmJkZjBhYTU5OHxwYXJyMF4wMzgxOTRiNWYzMmJkZjBhYTU5OA=="
	for _, c := range []struct {
		from, id, want string
		add            [][]string
	}{
		{free, "0", "0VIVf0M4jMlGNIwNM3sTpBextINe4_VBGZnBMM82kR49MCZtZXRob2RebGlzdHxtZXRob2ReZ2V0fG1ldGhvZD1zdW1tYXJ5Jm1ldGhvZC9saXN0ZGF0YXN0b3Jl",
			[][]string{{"method^list", "method^get", "method=summary"}, {"method/listdatastore"}}},
		{id4, "4", "SJRoKdlcLf0LQZehLSzrU4nU2-Gr1xecky2aMt6OWzo9NCZpZD0wMzgxOTRiNWYzMmJkZjBhYTU5ODEyYzg2YzRlZjdhZDJmMjk0MTA0ZmEwMjdkMWFjZTliNDY5YmI2Zjg4Y2YzN2ImbWV0aG9kPWxpc3RwZWVycyZwbnVtPTEmcG5hbWVpZF4wMzgxOTRiNWYzMmJkZjBhYTU5OHxwYXJyMF4wMzgxOTRiNWYzMmJkZjBhYTU5OCZ0aW1lPCIkKCgkKGRhdGUgKyVzKSArIDI0KjYwKjYwKSkifHJhdGU9Mg==",
			[][]string{{`time<"$(($(date +%s) + 24*60*60))"`, "rate=2"}}},
	} {
		r, err := Decode(c.from)
		if err != nil {
			t.Fatal(err)
		}
		if id, version := r.UniqueID(); id != c.id || version != "" || r.Encode() != c.from {
			t.Errorf("id %q, version %q, %s", id, version, r.Encode())
		}
		for _, alternatives := range c.add {
			more, err := Parse(alternatives)
			if err != nil {
				t.Fatal(err)
			}
			r = r.Restrict(more)
		}
		if r.Encode() != c.want {
			t.Errorf("got %s\nwant %s", r.Encode(), c.want)
		}
		again, err := Decode(strings.TrimRight(c.want, "="))
		if err != nil || again.String() != r.String() {
			t.Errorf("%s, %v", again, err)
		}
	}
	r, err := Decode(free)
	if err != nil || r.String() != "edc289c802d5634fcb2d557e001f687ad5e38a939dcadd0484eb98ad24b8d9f3:=0" {
		t.Errorf("%s, %v", r, err)
	}
}

// TestPublishedVectors has the vectors of the format's reference, whose secret is 16 zero bytes: runes that are
// valid, values that they let pass or not, and runes that are none.
func TestPublishedVectors(t *testing.T) {
	raw, err := os.ReadFile("testdata/vectors.csv")
	if err != nil {
		t.Fatal(err)
	}
	secret := make([]byte, 16)
	var r Rune
	for line := range strings.Lines(string(raw)) {
		cells := strings.Split(strings.TrimSuffix(line, "\n"), ",")
		switch kind := cells[0]; kind {
		case "VALID":
			if r, err = Decode(cells[3]); err != nil || r.String() != cells[2] || r.Encode() != cells[3] || !r.IsFrom(secret) {
				t.Fatalf("%s: %s, %v", cells[1], r, err)
			}
			cells = append(cells, "", "")
			if id, version := r.UniqueID(); id != cells[4] || version != cells[5] {
				t.Errorf("%s: id %q, version %q", cells[1], id, version)
			}
		case "PASS", "FAIL":
			values := map[string]string{}
			for _, cell := range cells[1:] {
				name, value, _ := strings.Cut(cell, "=")
				values[name] = value
			}
			err := r.Check(func(a Alternative) (string, bool, error) {
				value, ok := values[a.Field]
				return value, ok, nil
			})
			if (err == nil) != (kind == "PASS") {
				t.Errorf("%s with %q should %s: %v", r, cells[1:], kind, err)
			}
		case "MALFORMED":
			if r, err := Decode(cells[3]); err == nil {
				t.Errorf("%s: %s is taken for a rune", cells[1], r)
			}
		case "BAD DERIVATION":
			if r, err := Decode(cells[3]); err != nil || r.String() != cells[2] || r.IsFrom(secret) {
				t.Errorf("%s: %s, %v", cells[1], r, err)
			}
		default:
			t.Fatalf("unknown line %q", line)
		}
	}
}

func TestNobodyRemovesARestriction(t *testing.T) {
	secret := []byte("a secret")
	r := New(secret, "7")
	must := func(text ...string) Restriction {
		m, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	one, two := must("method=a"), must("time<5", `id=\|\\`)
	both := r.Restrict(one, two)
	if !r.IsFrom(secret) || !both.IsFrom(secret) || both.IsFrom([]byte("another")) {
		t.Error("runes are not known by their secret")
	}
	for name, less := range map[string][]Restriction{
		"first": {r.Restrictions[0], two}, "last": {r.Restrictions[0], one}, "order": {r.Restrictions[0], two, one},
		"id": {Restriction{{Condition: '=', Value: "8"}}, one, two}, "all": nil, "joined": {r.Restrictions[0], append(append(Restriction{}, one...), two...)},
	} {
		forged := both
		forged.Restrictions = less
		if forged.IsFrom(secret) {
			t.Errorf("%s: a rune with other restrictions is taken", name)
		}
	}
	if again, err := Decode(both.Encode()); err != nil || !again.IsFrom(secret) || again.Restrictions[2][1].Value != `|\` {
		t.Errorf("%+v, %v", again, err)
	}
}

func TestCheck(t *testing.T) {
	fields := map[string]string{"a": "12", "b": "text", "late": "x"}
	field := func(a Alternative) (string, bool, error) {
		switch {
		case a.Field == "late":
			return "", true, errors.New("too early")
		case a.Field == "mine" && a.Value == "good":
			return "", true, ErrDecided
		}
		v, ok := fields[a.Field]
		return v, ok, nil
	}
	for _, c := range []struct {
		text string
		want string
	}{
		{"a=12", ""}, {"a=1", "a is not equal to 1"}, {"a/12", "a is not unequal to 12"}, {"a/1", ""}, {"b^te", ""}, {"b^xt", "starts with"},
		{"b$xt", ""}, {"b$te", "ends with"}, {"b~ex", ""}, {"b~xe", "contains"}, {"a<13", ""}, {"a<12", "not <"}, {"a>11", ""}, {"a>12", "not >"},
		{"b<1", "not an integer"}, {"a<x", "limit of a is not an integer"}, {"b{textual", ""}, {"b{te", "sorts before"}, {"b}te", ""}, {"b}textual", "sorts after"},
		{"c!", ""}, {"a!", "is present"}, {"c=", "is missing"}, {"c/x", "is missing"}, {"any thing#at all", ""},
		{"a=1|b=text", ""}, {"a=1|b=x", "a is not equal to 1 AND b is not equal to x"}, {"a=12&b=x", "b is not equal"}, {"late=1", "too early"},
		{"late=1|a=12", ""}, {"mine=good", ""},
	} {
		list, err := parseAll(c.text)
		if err != nil {
			t.Fatalf("%s: %v", c.text, err)
		}
		err = New(nil, "1").Restrict(list...).Check(field)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.text, err, c.want)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	encode := func(restrictions string) string {
		r := Rune{Restrictions: []Restriction{{{Field: restrictions, Condition: '='}}}}
		return r.Encode()
	}
	for text, want := range map[string]string{
		"": "0 bytes", "*": "base64", strings.Repeat("A", 70000): "70000 characters", "AAAA": "3 bytes",
		encode("a\xff"): "UTF-8", encode("a.b"): "no condition", encode("a=1&"): "unique_id", encode("a=\\&b"): "",
	} {
		_, err := Decode(text)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", text, err, want)
		}
	}
	for _, text := range []string{"a", `a=\`, "a=1&", "a=1|", "&", "|", "a-b", "!", "=1|a=2", "a=2|=1", "=1&=1", "a=1&=1"} {
		if list, err := parseAll(text); err == nil {
			t.Errorf("%q: %v", text, list)
		}
	}
	if _, err := Parse(nil); err == nil {
		t.Error("a restriction without alternatives")
	}
	if _, err := Parse([]string{"=1"}); err == nil {
		t.Error("another id for a rune")
	}
	if _, err := Parse([]string{"a=1|b=2"}); err == nil {
		t.Error("two alternatives in one")
	}
}

func TestEnglish(t *testing.T) {
	r, err := Parse([]string{"method^list", "x!", "a<3", "note#hello"})
	if err != nil || r.English() != "method starts with list OR x is missing OR a < 3 OR comment: notehello" {
		t.Errorf("%s, %v", r.English(), err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("7cKJyALVY0_LLVV-AB9oetXjipOdyt0EhOuYrSS42fM9MA==")
	f.Add("")
	f.Add(New([]byte("s"), "1-2").Restrict(Restriction{{"a", '=', `|&\`}, {"b", '#', ""}}).Encode())
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Decode(text)
		if err != nil {
			return
		}
		again, err := Decode(r.Encode())
		if err != nil || again.String() != r.String() || again.length != r.length {
			t.Errorf("%s is read again as %s, %v", r, again, err)
		}
		r.UniqueID()
		_ = r.Check(func(Alternative) (string, bool, error) { return "1", true, nil })
	})
}
