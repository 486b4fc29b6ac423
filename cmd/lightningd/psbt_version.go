package main

import (
	"context"
	"encoding/base64"

	"fulmen/internal/command"
	"fulmen/internal/psbtversion"
	"fulmen/internal/wallet"
)

type setPSBTVersionParams struct {
	PSBT    string `param:"psbt" doc:"The PSBT, in base64."`
	Version uint32 `param:"version" doc:"The version that it is to have: 0 (BIP 174) or 2 (BIP 370)."`
}

// Validate implements the check after parsing.
func (p *setPSBTVersionParams) Validate() error {
	if p.Version != psbtversion.V0 && p.Version != psbtversion.V2 {
		return command.BadParam("version", "is %d, and should be 0 or 2", p.Version)
	}
	if _, err := wallet.ParsePSBT(p.PSBT); err != nil {
		return command.BadParam("psbt", "%w", err)
	}
	return nil
}

type setPSBTVersionResult struct {
	PSBT string `json:"psbt" doc:"The PSBT in that version."`
}

func setPSBTVersionCommand() *command.Command {
	return command.New(command.Doc{
		Name: "setpsbtversion", Category: command.Bitcoin,
		Short: "Convert a PSBT to another version.",
		Long: "Nothing is lost from version 0 to 2 and back. From 2 to 0, whether inputs and outputs may be added is, and the lock times that inputs ask for " +
			"become the transaction's. All commands take either version, and answer with version 0.",
		SeeAlso: []string{"fundpsbt", "utxopsbt", "addpsbtoutput", "signpsbt"},
	}, func(_ context.Context, p *setPSBTVersionParams) (*setPSBTVersionResult, error) {
		raw, err := base64.StdEncoding.DecodeString(p.PSBT)
		if err == nil {
			raw, err = psbtversion.Convert(raw, p.Version)
		}
		if err != nil {
			return nil, command.BadParam("psbt", "%w", err)
		}
		return &setPSBTVersionResult{base64.StdEncoding.EncodeToString(raw)}, nil
	})
}
