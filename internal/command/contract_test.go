package command

import (
	"encoding/json"
	"testing"

	"fulmen/internal/rpc"
	"fulmen/internal/schema"
)

// TestBuiltinsKeepTheContract compares help, check and notifications with their schemas.
func TestBuiltinsKeepTheContract(t *testing.T) {
	table := NewTable()
	for name, params := range map[string]string{"help": `{}`, "check": `["help"]`, "notifications": `[true]`} {
		s, err := schema.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		c, err := table.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range s.Params() {
			if i >= len(c.Params) || c.Params[i].Name != want.Name || c.Params[i].Required != want.Required {
				t.Errorf("%s: parameters %+v, want %+v", name, c.Params, s.Params())
				break
			}
		}
		ctx := rpc.NewContext(t.Context(), &rpc.Request{Session: new(rpc.Session)})
		result, err := table.Run(ctx, name, json.RawMessage(params))
		if err != nil {
			t.Fatal(err)
		}
		encoded, err := json.Marshal(result)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.ValidateResponse(encoded); err != nil {
			t.Error(err)
		}
	}
}
