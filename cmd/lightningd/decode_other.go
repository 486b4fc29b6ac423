package main

import (
	"encoding/base64"
	"errors"
	"strings"

	"github.com/btcsuite/btcd/address/v2/bech32"

	"fulmen/internal/command"
	"fulmen/internal/runes"
	"fulmen/internal/scb"
)

// decodedRune is a rune taken apart.
type decodedRune struct {
	UniqueID     string               `json:"unique_id,omitempty" doc:"Its id."`
	Version      string               `json:"version,omitempty" doc:"Its version; ours have none."`
	Text         string               `json:"string,omitempty" doc:"The rune as text: its code, and its restrictions."`
	Restrictions []decodedRestriction `json:"restrictions,omitzero" doc:"All of them must be met."`
	WarningUTF8  string               `json:"warning_rune_invalid_utf8,omitempty" doc:"That its restrictions are not UTF-8."`
	Hex          command.Hex          `json:"hex,omitempty" doc:"The bytes of a rune that is not valid."`
}

type decodedRestriction struct {
	Alternatives []string `json:"alternatives" doc:"One of them must be met: field, condition and value."`
	Summary      string   `json:"summary" doc:"The same in words."`
}

// decodeRune takes a rune apart; nil for what is none.
func decodeRune(text string) *decodeResult {
	r, err := runes.Decode(text)
	if errors.Is(err, runes.ErrNotUTF8) {
		raw, _ := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "=")) // as Decode did
		return &decodeResult{Type: "rune", decodedRune: &decodedRune{WarningUTF8: err.Error(), Hex: raw}}
	}
	if err != nil {
		return nil
	}
	d := &decodedRune{Text: r.String(), Restrictions: []decodedRestriction{}}
	d.UniqueID, d.Version = r.UniqueID()
	for _, m := range r.Conditions() {
		restriction := decodedRestriction{Summary: m.English()}
		for _, a := range m {
			restriction.Alternatives = append(restriction.Alternatives, a.String())
		}
		d.Restrictions = append(d.Restrictions, restriction)
	}
	return &decodeResult{Type: "rune", decodedRune: d, Valid: true}
}

// recoveryPrefix begins the content of emergency.recover in bech32, as lightning-hsmtool writes it.
const recoveryPrefix = scb.HRP + "1"

// decodedRecovery is the content of emergency.recover.
type decodedRecovery struct {
	Decrypted command.Hex `json:"decrypted" doc:"The number of channels (2 bytes), and each with its length (4 bytes), as staticbackup shows them."`
}

// decodeRecovery decrypts what this node wrote into emergency.recover.
func (n *node) decodeRecovery(text string) (*decodeResult, error) {
	hrp, words, err := bech32.DecodeNoLimit(text)
	if err != nil || hrp != scb.HRP {
		return nil, command.BadParam("string", "is no emergency.recover: its bech32 is damaged: %w", err)
	}
	blob, err := bech32.ConvertBits(words, 5, 8, false)
	if err != nil {
		return nil, command.BadParam("string", "is no emergency.recover: %w", err)
	}
	plain, err := scb.Decrypt(n.static.key, blob)
	if err != nil {
		return nil, command.BadParam("string", "is an emergency.recover that this node cannot read: %w", err)
	}
	return &decodeResult{Type: "emergency recover", decodedRecovery: &decodedRecovery{plain}, Valid: true}, nil
}
