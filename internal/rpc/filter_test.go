package rpc

import (
	"encoding/json"
	"testing"
)

func TestFilter(t *testing.T) {
	const result = `{"b":[{"x":1,"y":{"z":2}},{"y":{"z":3,"x":4}}],"a":"text","c":{"x":1}}`
	for filter, want := range map[string]string{
		`{}`:                       `{}`,
		`{"a":true}`:               `{"a":"text"}`,
		`{"a":true,"b":true}`:      `{"b":[{"x":1,"y":{"z":2}},{"y":{"z":3,"x":4}}],"a":"text"}`,
		`{"b":[{"y":{"z":true}}]}`: `{"b":[{"y":{"z":2}},{"y":{"z":3}}]}`,
		`{"b":[{"x":true}]}`:       `{"b":[{"x":1},{}]}`,
		`{"none":true}`:            `{}`,
		`{"c":[{"x":true}]}`:       `{"warning_parameter_filter":"result.c: the filter is of another kind than the result","c":{"x":1}}`,
	} {
		f, err := parseFilter(json.RawMessage(filter))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := f.apply(json.RawMessage(result)); err != nil || string(got) != want {
			t.Errorf("%s:\n got %s, %v\nwant %s", filter, got, err, want)
		}
	}
	for _, bad := range []string{`[]`, `true`, `{"a":false}`, `{"a":[]}`, `{"a":[true,true]}`, `{"a":{"b":1}}`} {
		if _, err := parseFilter(json.RawMessage(bad)); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}

func FuzzFilter(f *testing.F) {
	f.Add([]byte(`{"a":[{"b":true}]}`), []byte(`{"a":[{"b":1,"c":2}],"d":null}`))
	f.Fuzz(func(t *testing.T, filter, result []byte) {
		var object map[string]json.RawMessage
		var raw json.RawMessage
		if json.Unmarshal(filter, &raw) != nil || json.Unmarshal(result, &object) != nil || object == nil {
			return
		}
		keep, err := parseFilter(raw)
		if err != nil {
			return
		}
		compact, err := marshal(json.RawMessage(result))
		if err != nil {
			return // not valid UTF-8 or too deep
		}
		if got, err := keep.apply(compact); err != nil || !json.Valid(got) {
			t.Fatalf("%s on %s: %s, %v", filter, result, got, err)
		}
	})
}
