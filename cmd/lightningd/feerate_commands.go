package main

import (
	"context"

	"fulmen/internal/amount"
	"fulmen/internal/command"
	"fulmen/internal/tx"
	"fulmen/internal/wallet"
)

type feeratesParams struct {
	Style string `param:"style" enum:"perkb,perkw" doc:"In satoshi per 1000 virtual bytes, or per 1000 weight units."`
}

type estimateResult struct {
	BlockCount      uint32 `json:"blockcount" doc:"Blocks until it is mined."`
	Feerate         uint64 `json:"feerate" doc:"The estimate."`
	SmoothedFeerate uint64 `json:"smoothed_feerate" doc:"The same over time."`
}

type feerateTable struct {
	MinAcceptable         uint64           `json:"min_acceptable" doc:"The least that a peer may ask for."`
	MaxAcceptable         uint64           `json:"max_acceptable" doc:"The most that a peer may ask for."`
	Floor                 uint64           `json:"floor" doc:"The least that is relayed."`
	Estimates             []estimateResult `json:"estimates" doc:"What the backend estimates."`
	Opening               uint64           `json:"opening,omitempty" doc:"Used for fundchannel and withdraw."`
	MutualClose           uint64           `json:"mutual_close,omitempty" doc:"Aimed at when both close a channel."`
	UnilateralClose       uint64           `json:"unilateral_close,omitempty" doc:"Used for commitments without anchors."`
	UnilateralAnchorClose uint64           `json:"unilateral_anchor_close,omitempty" doc:"Used for commitments with anchors."`
	Penalty               uint64           `json:"penalty,omitempty" doc:"Used against a peer that cheats."`
}

type onchainCosts struct {
	OpeningChannel            amount.Sat `json:"opening_channel_satoshis" doc:"To open a channel."`
	MutualClose               amount.Sat `json:"mutual_close_satoshis" doc:"To close one together."`
	UnilateralClose           amount.Sat `json:"unilateral_close_satoshis" doc:"To close an anchor channel alone."`
	UnilateralCloseNonAnchors amount.Sat `json:"unilateral_close_nonanchor_satoshis" doc:"To close one without anchors alone."`
	HTLCTimeout               amount.Sat `json:"htlc_timeout_satoshis" doc:"To take back an HTLC."`
	HTLCSuccess               amount.Sat `json:"htlc_success_satoshis" doc:"To claim an HTLC."`
}

type feeratesResult struct {
	Warning      string        `json:"warning_missing_feerates,omitempty" doc:"The backend has no estimates."`
	PerKB        *feerateTable `json:"perkb,omitempty" doc:"In satoshi per 1000 virtual bytes."`
	PerKW        *feerateTable `json:"perkw,omitempty" doc:"In satoshi per 1000 weight units."`
	OnchainCosts *onchainCosts `json:"onchain_fee_estimates,omitempty" doc:"What typical transactions cost now, in satoshi."`
}

func (n *node) feeratesCommand() *command.Command {
	return command.New(command.Doc{
		Name: "feerates", Category: command.Bitcoin,
		Short: "Show the fee rates in use.",
		Long: "They follow the backend's estimates. Where it has none, the fields are missing and a warning is there; " +
			"on regtest a fixed rate stands in.",
		SeeAlso: []string{"parsefeerate"},
	}, n.feerates)
}

func (n *node) feerates(_ context.Context, p *feeratesParams) (*feeratesResult, error) {
	var f wallet.Feerates
	if err := n.onLoop(func() error { f = n.wallet.Feerates(); return nil }); err != nil {
		return nil, err
	}
	r := &feeratesResult{}
	if len(f.Estimates) == 0 {
		r.Warning = "Some fee estimates unavailable: the chain backend has none"
	}
	if p.Style == "perkb" {
		r.PerKB = showFeerates(&f, amount.FeeratePerKw.PerKvB)
	} else {
		r.PerKW = showFeerates(&f, func(f amount.FeeratePerKw) uint64 { return uint64(f) })
	}
	if f.Opening != 0 {
		r.OnchainCosts = costs(&f)
	}
	return r, nil
}

func showFeerates(f *wallet.Feerates, unit func(amount.FeeratePerKw) uint64) *feerateTable {
	t := &feerateTable{
		MinAcceptable: unit(f.MinAcceptable), MaxAcceptable: unit(f.MaxAcceptable), Floor: unit(f.Floor), Estimates: []estimateResult{},
		Opening: unit(f.Opening), MutualClose: unit(f.MutualClose), UnilateralClose: unit(f.UnilateralClose),
		UnilateralAnchorClose: unit(f.UnilateralAnchorClose), Penalty: unit(f.Penalty),
	}
	for _, e := range f.Estimates {
		t.Estimates = append(t.Estimates, estimateResult{e.Blocks, unit(e.Feerate), unit(e.Smoothed)})
	}
	return t
}

// Weights of typical transactions: a funding transaction of one p2tr input with change, a close with
// two p2tr outputs.
const (
	typicalFunding = 700
	typicalClose   = 720
)

func costs(f *wallet.Feerates) *onchainCosts {
	return &onchainCosts{
		OpeningChannel: f.Opening.Fee(typicalFunding), MutualClose: f.MutualClose.Fee(typicalClose),
		UnilateralClose:           tx.CommitmentFee(true, f.UnilateralAnchorClose, 0),
		UnilateralCloseNonAnchors: tx.CommitmentFee(false, f.UnilateralClose, 0),
		HTLCTimeout:               tx.HTLCFee(false, true, f.UnilateralClose), HTLCSuccess: tx.HTLCFee(false, false, f.UnilateralClose),
	}
}

type parseFeerateParams struct {
	Feerate command.Feerate `param:"feerate_str" doc:"A fee rate as commands take it."`
}

type parseFeerateResult struct {
	PerKw amount.FeeratePerKw `json:"perkw" doc:"What it is in satoshi per 1000 weight units."`
}

func (n *node) parseFeerateCommand() *command.Command {
	return command.New(command.Doc{
		Name: "parsefeerate", Category: command.Bitcoin,
		Short:   "Show what a fee rate means now.",
		SeeAlso: []string{"feerates"},
	}, func(_ context.Context, p *parseFeerateParams) (*parseFeerateResult, error) {
		rate, err := n.feerate(&p.Feerate, "")
		if err != nil {
			return nil, err
		}
		return &parseFeerateResult{rate}, nil
	})
}
