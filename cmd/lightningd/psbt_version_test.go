package main

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"fulmen/internal/rpc"
)

// TestSetPSBTVersion runs the published examples, and what is refused.
func TestSetPSBTVersion(t *testing.T) {
	const (
		v2   = "cHNidP8BAgQCAAAAAQMEbwAAAAEEAQABBQEBAQYBAwH7BAIAAAAAAQMIQEIPAAAAAAABBCJRIFlD3NJhT3wWNjZjaiYxxZ59+xdgBDNX3xaKmXSHaUI2AA=="
		v0   = "cHNidP8BADUCAAAAAAFAQg8AAAAAACJRIFlD3NJhT3wWNjZjaiYxxZ59+xdgBDNX3xaKmXSHaUI2bwAAAAAA"
		same = "cHNidP8BAgQCAAAAAQMEbwAAAAEEAQABBQECAQYBAwH7BAIAAAAAAQMIQEIPAAAAAAABBCJRIFlD3NJhT3wWNjZjaiYxxZ59+xdgBDNX3xaKmXSHaUI2AAEDCNXcMgAAAAAAAQQiUSD0Gkq/jUZyoweE8/KljiWIKl0+8Yw1A8lPHgAupcpOCAA="
	)
	table := commandTable()
	set := func(params ...any) (any, error) {
		raw, err := json.Marshal(params)
		if err != nil {
			t.Fatal(err)
		}
		return table.Run(context.Background(), "setpsbtversion", raw)
	}
	for _, c := range []struct {
		psbt    string
		version int
		want    string
	}{{v2, 0, v0}, {same, 2, same}, {v0, 0, v0}} {
		got, err := set(c.psbt, c.version)
		if err != nil || got.(*setPSBTVersionResult).PSBT != c.want {
			t.Errorf("%s to %d: %v, %v", c.psbt, c.version, got, err)
		}
	}
	for _, bad := range [][]any{{}, {v0}, {v0, 1}, {v0, -1}, {"cHNidP8=", 2}, {"?", 2}, {v2[:80], 0}} {
		var e *rpc.Error
		if got, err := set(bad...); !errors.As(err, &e) || e.Code != rpc.CodeInvalidParams {
			t.Errorf("%v: %v, %v", bad, got, err)
		}
	}
}
