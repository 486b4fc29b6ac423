package main

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"testing"

	"fulmen/internal/command"
	"fulmen/internal/rpc"
	"fulmen/internal/schema"
	"fulmen/internal/store"
)

// storing are the commands of a node that has a database, and nothing else.
func storing(t *testing.T) *command.Table {
	t.Helper()
	db, err := store.Open(filepath.Join(t.TempDir(), "db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return (&node{db: db}).newCommandTable()()
}

// ran is the result of a command as JSON, or its error's code; results are held to the schema.
func ran(t *testing.T, table *command.Table, name, params string) (string, rpc.Code) {
	t.Helper()
	result, err := table.Run(context.Background(), name, json.RawMessage(params))
	if err != nil {
		var e *rpc.Error
		if !errors.As(err, &e) {
			t.Fatalf("%s %s: %v", name, params, err)
		}
		return "", e.Code
	}
	raw, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	s, err := schema.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.ValidateResponse(raw); err != nil {
		t.Errorf("%s %s: %v\n%s", name, params, err, raw)
	}
	return string(raw), 0
}

// step is a command, with what it returns or the code of its error.
type step struct {
	name, params string
	code         rpc.Code
	want         string
}

func runSteps(t *testing.T, table *command.Table, steps []step) {
	t.Helper()
	for _, s := range steps {
		got, code := ran(t, table, s.name, s.params)
		if code != s.code || code == 0 && got != s.want {
			t.Errorf("%s %s\n got %d %s\nwant %d %s", s.name, s.params, code, got, s.code, s.want)
		}
	}
}

func TestDatastore(t *testing.T) {
	runSteps(t, storing(t), []step{
		{"datastore", `{"key":"a","mode":"must-replace","string":"x"}`, 1203, ""},
		{"datastore", `{"key":["a"],"string":"x"}`, 0, `{"key":["a"],"generation":0,"hex":"78","string":"x"}`},
		{"datastore", `{"key":"a","string":"y"}`, 1202, ""},
		{"datastore", `{"key":"a","hex":"ff","mode":"must-append"}`, 0, `{"key":["a"],"generation":1,"hex":"78ff"}`},
		{"datastore", `{"key":"a","hex":"","mode":"must-replace","generation":0}`, 1204, ""},
		{"datastore", `{"key":"a","hex":"","mode":"must-replace","generation":1}`, 0, `{"key":["a"],"generation":2,"hex":"","string":""}`},
		{"datastore", `{"key":["a","b"],"string":"x"}`, 1206, ""},
		{"datastore", `{"key":["c","d","e"],"string":"x","mode":"create-or-append"}`, 0, `{"key":["c","d","e"],"generation":0,"hex":"78","string":"x"}`},
		{"datastore", `{"key":["c","d","f"],"string":"x","mode":"create-or-replace"}`, 0, `{"key":["c","d","f"],"generation":0,"hex":"78","string":"x"}`},
		{"datastore", `{"key":["c","d"],"string":"x"}`, 1205, ""},
		{"listdatastore", `[]`, 0, `{"datastore":[{"key":["a"],"generation":2,"hex":"","string":""},{"key":["c"]}]}`},
		{"listdatastore", `["c"]`, 0, `{"datastore":[{"key":["c","d"]}]}`},
		{"listdatastore", `["a"]`, 0, `{"datastore":[{"key":["a"],"generation":2,"hex":"","string":""}]}`},
		{"listdatastore", `["z"]`, 0, `{"datastore":[]}`},
		{"datastoreusage", `[["c","d"]]`, 0, `{"datastoreusage":{"key":"[c,d]","total_bytes":12}}`},
		{"datastoreusage", ``, 0, `{"datastoreusage":{"key":"[]","total_bytes":13}}`},
		{"deldatastore", `["c"]`, 1200, ""},
		{"deldatastore", `["a",1]`, 1201, ""},
		{"deldatastore", `["a",2]`, 0, `{"key":["a"],"generation":2,"hex":"","string":""}`},
		{"deldatastore", `["a"]`, 1200, ""},
		{"datastore", `{"key":["a","b"],"string":"x"}`, 0, `{"key":["a","b"],"generation":0,"hex":"78","string":"x"}`},
		{"datastore", `{"key":"x"}`, rpc.CodeInvalidParams, ""},
		{"datastore", `{"key":"x","string":"a","hex":"61"}`, rpc.CodeInvalidParams, ""},
		{"datastore", `{"key":[],"string":"a"}`, rpc.CodeInvalidParams, ""},
		{"datastore", `{"key":"x","string":"a","generation":1}`, rpc.CodeInvalidParams, ""},
		{"deldatastore", `[[]]`, rpc.CodeInvalidParams, ""},
	})
}
