package main

import (
	"context"

	"github.com/btcsuite/btcd/psbt/v2"
	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/command"
	"fulmen/internal/tx"
	"fulmen/internal/wallet"
)

type addPSBTOutputParams struct {
	Satoshi     amount.Sat `param:"satoshi" doc:"What the output gets."`
	InitialPSBT *psbtParam `param:"initialpsbt" doc:"The PSBT to add it to; a new one if omitted."`
	LockTime    *uint32    `param:"locktime" doc:"nLockTime of a new PSBT; the block height if omitted."`
	Destination string     `param:"destination,optional" doc:"The address that is paid; one of the wallet's own if omitted."`
}

// Validate implements the check after parsing.
func (p *addPSBTOutputParams) Validate() error {
	if p.InitialPSBT != nil && p.LockTime != nil {
		return command.BadParam("locktime", "is that of initialpsbt")
	}
	return nil
}

type addPSBTOutputResult struct {
	PSBT        string `json:"psbt" doc:"The PSBT with the output."`
	AddedWeight int    `json:"estimated_added_weight" doc:"How much heavier that makes the transaction."`
	Outnum      int    `json:"outnum" doc:"Which output it is."`
}

func (n *node) addPSBTOutputCommand() *command.Command {
	return command.New(command.Doc{
		Name: "addpsbtoutput", Category: command.Bitcoin,
		Short:   "Add an output to a PSBT.",
		Long:    "It pays to the wallet, for those who make a transaction together, or to an address.",
		SeeAlso: []string{"fundpsbt", "utxopsbt", "signpsbt"},
	}, n.addPSBTOutput)
}

func (n *node) addPSBTOutput(ctx context.Context, p *addPSBTOutputParams) (*addPSBTOutputResult, error) {
	script, err := n.outputScript(ctx, p.Destination)
	if err != nil {
		return nil, err
	}
	if least := tx.DustThreshold(script); p.Satoshi < least {
		return nil, command.BadParam("satoshi", "is %s, and an output below %s is not relayed", p.Satoshi, least)
	}
	var packet *psbt.Packet
	if p.InitialPSBT != nil {
		packet = p.InitialPSBT.Packet
	} else {
		lockTime := uint32(n.height())
		if p.LockTime != nil {
			lockTime = *p.LockTime
		}
		if packet, err = psbt.New(nil, nil, 2, lockTime, nil); err != nil {
			return nil, err
		}
	}
	out := btcwire.NewTxOut(int64(p.Satoshi), script)
	packet.UnsignedTx.AddTxOut(out)
	packet.Outputs = append(packet.Outputs, psbt.POutput{})
	text, err := packet.B64Encode()
	return &addPSBTOutputResult{text, 4 * out.SerializeSize(), len(packet.Outputs) - 1}, err
}

// outputScript is the script of an address, or with none of a new one of the wallet's.
func (n *node) outputScript(ctx context.Context, destination string) (script []byte, err error) {
	if destination != "" {
		return n.decodeAddress("destination", destination)
	}
	err = n.onWallet(ctx, func(w *wallet.Wallet) (*wallet.Changes, error) {
		a, changes, err := w.ChangeAddress()
		script = a.Script
		return changes, err
	})
	return script, err
}

type upgradeWalletParams struct {
	Feerate    *command.Feerate `param:"feerate" doc:"Has no effect, as there is nothing to spend."`
	ReservedOK bool             `param:"reservedok" default:"false" doc:"Has no effect either."`
}

type upgradeWalletResult struct {
	UpgradedOuts uint64 `json:"upgraded_outs" doc:"How many coins were spent: none."`
}

// upgradeWalletCommand is for scripts that call it: this wallet never gave an address away whose coins it would move.
func upgradeWalletCommand() *command.Command {
	return command.New(command.Doc{
		Name: "upgradewallet", Category: command.Bitcoin,
		Short:   "Spend coins of P2SH-wrapped addresses, of which this wallet has none.",
		SeeAlso: []string{"newaddr", "listfunds"},
	}, func(context.Context, *upgradeWalletParams) (*upgradeWalletResult, error) {
		return new(upgradeWalletResult), nil
	})
}
