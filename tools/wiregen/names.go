package main

import (
	"strconv"
	"strings"
)

// imports are the packages that generated code may use.
var imports = []string{
	"encoding/binary",
	"fulmen/internal/amount",
	"fulmen/internal/block",
	"fulmen/internal/keys",
}

// words are those that Go spells in capitals, or that are two words run together.
var words = map[string]string{
	"cltv": "CLTV", "globalfeatures": "GlobalFeatures", "htlc": "HTLC", "htlcs": "HTLCs", "id": "ID", "ids": "IDs", "perkw": "PerKw",
	"prevtx": "PrevTx", "rbf": "RBF", "rgb": "RGB", "scid": "SCID", "scriptpubkey": "ScriptPubkey",
	"sha256": "SHA256", "tlv": "TLV",
}

// goName is the exported Go name of a message, stream, record or field.
func goName(name string) string {
	var b strings.Builder
	for _, w := range strings.Split(name, "_") {
		if s, ok := words[w]; ok {
			b.WriteString(s)
		} else {
			b.WriteString(strings.ToUpper(w[:1]) + w[1:])
		}
	}
	return b.String()
}

// sizes are the bytes of one value of each type; 1 for those that vary.
var sizes = map[string]int{
	"byte": 1, "u8": 1, "u16": 2, "u32": 4, "u64": 8, "s8": 1, "s16": 2, "s32": 4, "s64": 8,
	"tu16": 1, "tu32": 1, "tu64": 1, "bigsize": 1,
	"chain_hash": 32, "channel_id": 32, "sha256": 32, "signature": 64, "point": 33, "short_channel_id": 8,
}

// plain is the Go type for each type whose fields have nothing more to say.
var plain = map[string]string{
	"byte": "byte", "u8": "byte", "u16": "uint16", "u32": "uint32", "u64": "uint64",
	"s8": "int8", "s16": "int16", "s32": "int32", "s64": "int64",
	"tu16": "uint16", "tu32": "uint32", "tu64": "uint64", "bigsize": "uint64",
	"chain_hash": "[32]byte", "sha256": "[32]byte", "channel_id": "ChannelID",
	"signature": "keys.Signature", "point": "keys.PubKey", "short_channel_id": "ShortChannelID",
}

// meaning is the Go type of fields that are more than numbers or bytes: by type, then by name.
var meaning = map[string]map[string]string{
	"u64": {"sats": "amount.Sat", "htlc_minimum_msat": "amount.Msat"},
	"u32": {
		"cltv_expiry": "block.Height", "first_blocknum": "block.Height", "feerate": "amount.FeeratePerKw",
		"feerate_per_kw": "amount.FeeratePerKw", "funding_feerate_perkw": "amount.FeeratePerKw",
		"commitment_feerate_perkw": "amount.FeeratePerKw",
	},
	"tu32":   {"cltv_expiry": "block.Height"},
	"u16":    {"to_self_delay": "block.Delta", "cltv_expiry_delta": "block.Delta", "failure_code": "FailureCode", "message_type": "MessageType"},
	"byte32": {"temporary_channel_id": "ChannelID", "per_commitment_secret": "keys.Secret", "your_last_per_commitment_secret": "keys.Secret"},
}

// elem is the Go type of one value of f.
func (f *field) elem() string {
	if f.sub != nil {
		return goName(f.sub.name)
	}
	key := f.typ
	if f.fixedBytes() > 0 {
		key += f.count
	}
	if t, ok := meaning[key][f.name]; ok {
		return t
	}
	switch {
	case f.typ != "u64" && f.typ != "tu64":
	case strings.HasSuffix(f.name, "_satoshis"):
		return "amount.Sat"
	case strings.HasSuffix(f.name, "_msat"), strings.Contains(f.name, "_msat_"):
		return "amount.Msat"
	}
	if n := f.fixedBytes(); n > 0 {
		return "[" + f.count + "]byte"
	}
	return plain[f.typ]
}

// fixedBytes is N for a field of N bytes; such a field is one value, an array.
func (f *field) fixedBytes() int {
	n, _ := strconv.Atoi(f.count)
	return n
}

// isList reports whether f is a slice.
func (f *field) isList() bool { return f.count != "" && f.fixedBytes() == 0 }

// goType is the Go type of the whole field.
func (f *field) goType() string {
	if f.isList() {
		return "[]" + f.elem()
	}
	return f.elem()
}

// isArray reports whether one value of f is a Go array of bytes.
func (f *field) isArray() bool {
	switch f.typ {
	case "chain_hash", "sha256", "channel_id", "signature", "point":
		return true
	}
	return f.fixedBytes() > 0
}

// size is the bytes that one value takes: at least, where it varies.
func (f *field) size() int {
	if f.sub != nil {
		n := 0
		for _, s := range f.sub.fields {
			if !s.isList() {
				n += s.size()
			}
		}
		return n
	}
	return sizes[f.typ] * max(1, f.fixedBytes())
}
