package schema

import (
	"encoding/json"
	"math/big"
	"regexp"
)

const (
	txid    = `[0-9a-f]{64}`
	amounts = `[0-9]+(msat)?|[0-9]+(\.[0-9]{1,3})?sat|[0-9]+\.[0-9]{1,11}btc`
	scid    = `[0-9]+x[0-9]+x[0-9]+`
)

// text are the types that are strings of a form.
var text = map[string]*regexp.Regexp{
	"hex":                  whole(`([0-9a-f]{2})*`),
	"hash":                 whole(txid),
	"secret":               whole(txid),
	"txid":                 whole(txid),
	"pubkey":               whole(`0[23][0-9a-f]{64}`),
	"signature":            whole(`([0-9a-f]{2}){8,72}`),
	"bip340sig":            whole(`[0-9a-f]{128}`),
	"short_channel_id":     whole(scid),
	"short_channel_id_dir": whole(scid + `/[01]`),
	"outpoint":             whole(txid + `:[0-9]+`),
	"feerate":              whole(`[0-9]+(perk[bw]|blocks)?|[a-z_]+`),
	"currency":             whole(`[0-9]+(\.[0-9]+)?[A-Z]{3}`),
	"sat":                  whole(amounts),
	"sat_or_all":           whole(`all|` + amounts),
	"msat_or_all":          whole(`all|` + amounts),
	"msat_or_any":          whole(`any|` + amounts),
}

func whole(pattern string) *regexp.Regexp { return regexp.MustCompile(`^(` + pattern + `)$`) }

// bits are the types that are whole numbers from 0 up.
var bits = map[string]uint{
	"u8": 8, "u16": 16, "u32": 32, "u64": 64,
	// Amounts are integers; only requests may write them as strings.
	"msat": 64, "sat": 64, "sat_or_all": 64, "msat_or_all": 64, "msat_or_any": 64, "feerate": 64,
}

// checkType reports whether value is of the type, and notes the fault if it is not.
func (v *validation) checkType(name, path string, value any) bool {
	if isOf(name, value) || v.request && isAmount(name, value) {
		return true
	}
	v.fault(path, "%v is no %s", value, name)
	return false
}

func isOf(name string, value any) bool {
	switch value := value.(type) {
	case nil:
		return name == "null"
	case bool:
		return name == "boolean"
	case map[string]any:
		return name == "object"
	case []any:
		return name == "array" || name == "outputdesc" && isOutputs(value)
	case json.Number:
		return isNumber(name, value)
	case string:
		form := text[name]
		return name == "string" || form != nil && form.MatchString(value)
	}
	return false
}

func isNumber(name string, value json.Number) bool {
	if name == "number" {
		return true
	}
	n, ok := new(big.Int).SetString(value.String(), 10)
	if !ok {
		return false
	}
	size, unsigned := bits[name]
	return name == "integer" || unsigned && n.Sign() >= 0 && n.BitLen() <= int(size)
}

// isAmount is for requests, which may write as a string with a unit what is an integer in results.
func isAmount(name string, value any) bool {
	s, ok := value.(string)
	return ok && name == "msat" && text["sat"].MatchString(s)
}

// isOutputs is for a list of objects of one member each, an address and its amount.
func isOutputs(list []any) bool {
	for _, e := range list {
		object, ok := e.(map[string]any)
		if !ok || len(object) != 1 {
			return false
		}
		for _, amount := range object {
			if !isOf("sat_or_all", amount) {
				return false
			}
		}
	}
	return true
}
