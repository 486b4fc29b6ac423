package jsonobject

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

func TestOrderIsKept(t *testing.T) {
	var o Object[Object[int]]
	if err := json.Unmarshal([]byte(`{"b": {"z": 1, "a": 2, "z": 3}, "a": {}}`), &o); err != nil {
		t.Fatal(err)
	}
	want := Object[int]{{"z", 1}, {"a", 2}, {"z", 3}}
	if len(o) != 2 || o[0].Name != "b" || o[1].Name != "a" || !slices.Equal(o[0].Value, want) {
		t.Errorf("read %v", o)
	}
	if first, ok := o[0].Value.Find("z"); !ok || first != 1 {
		t.Errorf("z is %d, %v", first, ok)
	}
	if _, ok := o.Find("c"); ok {
		t.Error("found what is not there")
	}
}

func TestWhatIsNoObject(t *testing.T) {
	for text, want := range map[string]string{
		`[1]`:                  "want an object",
		`"text"`:               "want an object",
		`{"a": {"b": "text"}}`: "a: b: ",
	} {
		var o Object[Object[int]]
		if err := json.Unmarshal([]byte(text), &o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
	}
}

// FuzzObject: what encoding/json takes as an object has as many names here as there, or more.
func FuzzObject(f *testing.F) {
	f.Add(`{"a": 1, "b": [], "a": null}`)
	f.Add(`{"a": {"b": }}`)
	f.Fuzz(func(t *testing.T, text string) {
		var plain map[string]json.RawMessage
		var o Object[json.RawMessage]
		bad, err := json.Unmarshal([]byte(text), &plain), json.Unmarshal([]byte(text), &o)
		if plain == nil {
			return
		}
		if (bad == nil) != (err == nil) {
			t.Fatalf("%q: %v here, %v there", text, err, bad)
		}
		for name := range plain {
			if _, ok := o.Find(name); !ok {
				t.Fatalf("%q: %s is missing", text, name)
			}
		}
	})
}
