package main

import (
	"context"
	"errors"

	"github.com/btcsuite/btcd/psbt/v2"
	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/command"
	"fulmen/internal/wallet"
)

// psbtParam is a PSBT as a parameter.
type psbtParam struct{ *psbt.Packet }

// ParamKind implements command.Value.
func (psbtParam) ParamKind() string { return "psbt" }

// ParseParam implements command.Value.
func (p *psbtParam) ParseParam(t command.Token) error {
	s, err := t.Text()
	if err != nil {
		return errors.New("should be a PSBT in base64")
	}
	p.Packet, err = wallet.ParsePSBT(s)
	return err
}

type reservationResult struct {
	Txid            string       `json:"txid" doc:"The transaction of the output."`
	Vout            uint32       `json:"vout" doc:"The output."`
	WasReserved     bool         `json:"was_reserved" doc:"Whether it was reserved before."`
	Reserved        bool         `json:"reserved" doc:"Whether it is now."`
	ReservedToBlock block.Height `json:"reserved_to_block,omitempty" doc:"Until which height."`
}

func showReservations(list []wallet.Reservation) []reservationResult {
	shown := make([]reservationResult, len(list))
	for i, r := range list {
		shown[i] = reservationResult{Txid: r.Outpoint.Hash.String(), Vout: r.Outpoint.Index, WasReserved: r.WasReserved, Reserved: r.Reserved}
		if r.Reserved {
			shown[i].ReservedToBlock = r.ReservedTo
		}
	}
	return shown
}

type fundedResult struct {
	PSBT                 string              `json:"psbt" doc:"The inputs, and change if there is any."`
	FeeratePerKw         amount.FeeratePerKw `json:"feerate_per_kw" doc:"The fee rate, in satoshi per 1000 weight units."`
	EstimatedFinalWeight int                 `json:"estimated_final_weight" doc:"Weight of the transaction when it is signed."`
	ExcessMsat           amount.Msat         `json:"excess_msat" doc:"What the inputs bring beyond what was asked for."`
	ChangeOutnum         *int                `json:"change_outnum,omitempty" doc:"Which output is change, if there is any."`
	Reservations         []reservationResult `json:"reservations,omitempty" doc:"The inputs, if they were reserved."`
}

func (n *node) fund(ctx context.Context, r *wallet.FundRequest) (*fundedResult, error) {
	var f *wallet.Funding
	err := n.onWallet(ctx, func(w *wallet.Wallet) (changes *wallet.Changes, err error) {
		r.Emergency = r.Emergency || n.anchorChannels()
		f, changes, err = w.Fund(r)
		return changes, err
	})
	if err != nil {
		return nil, fundingError(err)
	}
	text, err := f.PSBT.B64Encode()
	if err != nil {
		return nil, err
	}
	result := &fundedResult{
		PSBT: text, FeeratePerKw: f.Feerate, EstimatedFinalWeight: f.Weight, ExcessMsat: f.Excess.Msat(), Reservations: showReservations(f.Reservations),
	}
	if f.ChangeIndex >= 0 {
		result.ChangeOutnum = &f.ChangeIndex
	}
	return result, nil
}

type fundPSBTParams struct {
	Satoshi          command.SatOrAll `param:"satoshi" doc:"What the outputs need; all takes every coin."`
	Feerate          command.Feerate  `param:"feerate" doc:"The fee rate."`
	StartWeight      uint32           `param:"startweight" doc:"Weight of the transaction without its inputs."`
	MinConf          uint32           `param:"minconf" default:"1" doc:"Confirmations that the coins must have."`
	Reserve          uint32           `param:"reserve" default:"72" doc:"Blocks to reserve the inputs for; 0 reserves none."`
	LockTime         *uint32          `param:"locktime" doc:"nLockTime; a recent height if omitted."`
	MinWitnessWeight uint32           `param:"min_witness_weight" default:"0" doc:"Count at least so much for each witness."`
	ExcessAsChange   bool             `param:"excess_as_change" default:"false" doc:"Add an output of ours for what is left, if it is worth one."`
	NonWrapped       bool             `param:"nonwrapped" default:"false" doc:"No p2sh-wrapped inputs; this wallet has none."`
	OpeningAnchor    bool             `param:"opening_anchor_channel" default:"false" doc:"Keep the reserve that an anchor channel needs, as if there were one: as change, if nothing else is left."`
}

// Validate implements the check after parsing.
func (p *fundPSBTParams) Validate() error { return checkWeights(p.StartWeight, p.MinWitnessWeight) }

// checkWeights refuses what no transaction weighs.
func checkWeights(start, witness uint32) error {
	if start > wallet.MaxWeight {
		return command.BadParam("startweight", "is %d, at most %d", start, wallet.MaxWeight)
	}
	if witness > wallet.MaxWeight {
		return command.BadParam("min_witness_weight", "is %d, at most %d", witness, wallet.MaxWeight)
	}
	return nil
}

func (n *node) fundPSBTCommand() *command.Command {
	return command.New(command.Doc{
		Name: "fundpsbt", Category: command.Bitcoin,
		Short:   "Make a PSBT with inputs of the wallet's choice.",
		Errors:  spendingErrors,
		SeeAlso: []string{"utxopsbt", "signpsbt", "sendpsbt", "unreserveinputs"},
	}, func(ctx context.Context, p *fundPSBTParams) (*fundedResult, error) {
		rate, err := n.feerate(&p.Feerate, "")
		if err != nil {
			return nil, err
		}
		return n.fund(ctx, &wallet.FundRequest{
			Amount: p.Satoshi.Sat, All: p.Satoshi.All, Feerate: rate, StartWeight: int(p.StartWeight), MinConf: int(p.MinConf),
			LockTime: p.LockTime, MinWitnessWeight: int(p.MinWitnessWeight), ExcessAsChange: p.ExcessAsChange, Emergency: p.OpeningAnchor, Reserve: p.Reserve,
		})
	})
}

type utxoPSBTParams struct {
	Satoshi          command.SatOrAll   `param:"satoshi" doc:"What the outputs need; all takes all that the inputs bring."`
	Feerate          command.Feerate    `param:"feerate" doc:"The fee rate."`
	StartWeight      uint32             `param:"startweight" doc:"Weight of the transaction without its inputs."`
	Utxos            []btcwire.OutPoint `param:"utxos" doc:"The inputs, all of them."`
	Reserve          uint32             `param:"reserve" default:"72" doc:"Blocks to reserve the inputs for; 0 reserves none."`
	ReservedOK       bool               `param:"reservedok" default:"false" doc:"Take inputs that are reserved too."`
	LockTime         *uint32            `param:"locktime" doc:"nLockTime; a recent height if omitted."`
	MinWitnessWeight uint32             `param:"min_witness_weight" default:"0" doc:"Count at least so much for each witness."`
	ExcessAsChange   bool               `param:"excess_as_change" default:"false" doc:"Add an output of ours for what is left, if it is worth one."`
	OpeningAnchor    bool               `param:"opening_anchor_channel" default:"false" doc:"Keep the reserve that an anchor channel needs, as if there were one: as change, if nothing else is left."`
}

// Validate implements the check after parsing.
func (p *utxoPSBTParams) Validate() error { return checkWeights(p.StartWeight, p.MinWitnessWeight) }

func (n *node) utxoPSBTCommand() *command.Command {
	return command.New(command.Doc{
		Name: "utxopsbt", Category: command.Bitcoin,
		Short:   "Make a PSBT with given inputs.",
		Errors:  spendingErrors,
		SeeAlso: []string{"fundpsbt", "signpsbt", "sendpsbt", "unreserveinputs"},
	}, func(ctx context.Context, p *utxoPSBTParams) (*fundedResult, error) {
		rate, err := n.feerate(&p.Feerate, "")
		if err != nil {
			return nil, err
		}
		return n.fund(ctx, &wallet.FundRequest{
			Amount: p.Satoshi.Sat, All: p.Satoshi.All, Feerate: rate, StartWeight: int(p.StartWeight), Utxos: p.Utxos, ReservedOK: p.ReservedOK,
			LockTime: p.LockTime, MinWitnessWeight: int(p.MinWitnessWeight), ExcessAsChange: p.ExcessAsChange, Emergency: p.OpeningAnchor, Reserve: p.Reserve,
		})
	})
}

type reservationsResult struct {
	Reservations []reservationResult `json:"reservations" doc:"The inputs that are ours."`
}

type reserveInputsParams struct {
	PSBT      psbtParam `param:"psbt" doc:"The PSBT whose inputs are meant; those that are not ours are left out."`
	Exclusive bool      `param:"exclusive" default:"true" doc:"Fail if one is reserved already; otherwise extend its reservation."`
	Reserve   uint32    `param:"reserve" default:"72" doc:"Blocks to reserve them for."`
}

func (n *node) reserveInputsCommand() *command.Command {
	return command.New(command.Doc{
		Name: "reserveinputs", Category: command.Bitcoin,
		Short:   "Keep the inputs of a PSBT from being used for anything else.",
		Long:    "Either all are reserved or, on an error, none.",
		SeeAlso: []string{"unreserveinputs", "fundpsbt"},
	}, func(ctx context.Context, p *reserveInputsParams) (*reservationsResult, error) {
		return n.changeReservations(ctx, func(w *wallet.Wallet) ([]wallet.Reservation, *wallet.Changes, error) {
			return w.Reserve(wallet.Inputs(p.PSBT.Packet), p.Reserve, p.Exclusive)
		})
	})
}

type unreserveInputsParams struct {
	PSBT    psbtParam `param:"psbt" doc:"The PSBT whose inputs are meant; those that are not ours are left out."`
	Reserve uint32    `param:"reserve" default:"72" doc:"Blocks to shorten their reservation by."`
}

func (n *node) unreserveInputsCommand() *command.Command {
	return command.New(command.Doc{
		Name: "unreserveinputs", Category: command.Bitcoin,
		Short:   "Free the inputs of a PSBT, or shorten their reservation.",
		SeeAlso: []string{"reserveinputs"},
	}, func(ctx context.Context, p *unreserveInputsParams) (*reservationsResult, error) {
		return n.changeReservations(ctx, func(w *wallet.Wallet) ([]wallet.Reservation, *wallet.Changes, error) {
			return w.Unreserve(wallet.Inputs(p.PSBT.Packet), p.Reserve)
		})
	})
}

func (n *node) changeReservations(ctx context.Context, step func(*wallet.Wallet) ([]wallet.Reservation, *wallet.Changes, error)) (*reservationsResult, error) {
	var list []wallet.Reservation
	err := n.onWallet(ctx, func(w *wallet.Wallet) (changes *wallet.Changes, err error) {
		list, changes, err = step(w)
		return changes, err
	})
	if err != nil {
		return nil, command.BadParam("psbt", "%w", err)
	}
	return &reservationsResult{showReservations(list)}, nil
}

type signPSBTParams struct {
	PSBT     psbtParam `param:"psbt" doc:"The PSBT."`
	SignOnly []uint32  `param:"signonly,optional" doc:"Inputs to sign, all of which must be ours; every one of ours if omitted."`
}

type signPSBTResult struct {
	SignedPSBT string `json:"signed_psbt" doc:"The PSBT with our signatures."`
}

func (n *node) signPSBTCommand() *command.Command {
	return command.New(command.Doc{
		Name: "signpsbt", Category: command.Bitcoin,
		Short:   "Sign the inputs of a PSBT that are ours.",
		Long:    "They must be reserved.",
		SeeAlso: []string{"fundpsbt", "reserveinputs", "sendpsbt"},
	}, n.signPSBTFor)
}

func (n *node) signPSBTFor(ctx context.Context, p *signPSBTParams) (*signPSBTResult, error) {
	var only []int
	for _, i := range p.SignOnly {
		only = append(only, int(i))
	}
	if err := n.signPSBT(ctx, p.PSBT.Packet, only); err != nil {
		return nil, command.BadParam("psbt", "%w", err)
	}
	text, err := p.PSBT.B64Encode()
	return &signPSBTResult{text}, err
}

type sendPSBTParams struct {
	PSBT    psbtParam `param:"psbt" doc:"The PSBT, fully signed."`
	Reserve uint32    `param:"reserve" default:"72" doc:"Blocks to lengthen the reservation of our inputs by, until it is mined."`
}

type sendPSBTResult struct {
	Tx   command.Hex `json:"tx" doc:"The transaction."`
	Txid string      `json:"txid" doc:"Its id."`
}

func (n *node) sendPSBTCommand() *command.Command {
	return command.New(command.Doc{
		Name: "sendpsbt", Category: command.Bitcoin,
		Short:   "Finalize and broadcast a PSBT.",
		SeeAlso: []string{"signpsbt"},
	}, n.sendPSBT)
}

func (n *node) sendPSBT(ctx context.Context, p *sendPSBTParams) (*sendPSBTResult, error) {
	inputs := wallet.Inputs(p.PSBT.Packet)
	tx, err := wallet.Finalize(p.PSBT.Packet)
	if err != nil {
		return nil, command.BadParam("psbt", "%w", err)
	}
	raw, err := encodeTx(tx)
	if err != nil {
		return nil, err
	}
	text, err := p.PSBT.B64Encode()
	if err != nil {
		return nil, err
	}
	if err := n.onWallet(ctx, func(w *wallet.Wallet) (*wallet.Changes, error) {
		_, changes, err := w.Reserve(inputs, p.Reserve, false)
		return changes, err
	}); err != nil {
		return nil, command.BadParam("psbt", "%w", err)
	}
	if err := n.sendTx(ctx, tx, text); mayBeSent(err) {
		return nil, err
	} else if err != nil {
		freed := n.onWallet(n.ctx, func(w *wallet.Wallet) (*wallet.Changes, error) {
			_, changes, err := w.Unreserve(inputs, p.Reserve)
			return changes, err
		})
		return nil, errors.Join(err, freed)
	}
	return &sendPSBTResult{Tx: raw, Txid: tx.TxHash().String()}, nil
}
