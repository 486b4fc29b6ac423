package main

import (
	"context"
	"encoding/json"

	"fulmen/plugins/plugin"
)

// defaultFloor is the usual minimum relay fee rate, in satoshi per 1,000 virtual bytes.
const defaultFloor = 1000

// targets are the numbers of blocks that estimates are asked for, in ascending order.
var targets = []struct {
	blocks uint32
	mode   string
}{
	{2, "CONSERVATIVE"},
	{6, "ECONOMICAL"},
	{12, "ECONOMICAL"},
	{100, "ECONOMICAL"},
}

type feeRate struct {
	Blocks  uint32 `json:"blocks"`
	FeeRate uint64 `json:"feerate"` // satoshi per 1,000 virtual bytes
}

type feeRates struct {
	Floor    uint64    `json:"feerate_floor"`
	FeeRates []feeRate `json:"feerates"`
}

// estimateFees leaves out what the server cannot estimate. On regtest that is everything: with
// blocks made by hand, estimates mean nothing, and lightningd has a fallback there.
func (b *backend) estimateFees(ctx context.Context, _ plugin.Args) (any, error) {
	floor, err := b.floor(ctx)
	if err != nil {
		return nil, err
	}
	rates := feeRates{Floor: floor, FeeRates: []feeRate{}}
	if b.config.network == "regtest" {
		return rates, nil
	}
	for _, target := range targets {
		rate, ok, err := b.estimate(ctx, target.blocks, target.mode)
		if err != nil {
			return nil, err
		}
		if ok {
			rates.FeeRates = append(rates.FeeRates, feeRate{target.blocks, rate})
		}
	}
	return rates, nil
}

// floor is what a transaction must pay to be taken in now.
func (b *backend) floor(ctx context.Context) (uint64, error) {
	var info struct {
		MempoolMinFee json.Number `json:"mempoolminfee"`
		MinRelayTxFee json.Number `json:"minrelaytxfee"`
	}
	if err := b.server.call(ctx, &info, "getmempoolinfo"); err != nil {
		return 0, err
	}
	if info.MempoolMinFee == "" && info.MinRelayTxFee == "" {
		return defaultFloor, nil // btcd does not say
	}
	var floor uint64
	for _, n := range []json.Number{info.MempoolMinFee, info.MinRelayTxFee} {
		if n == "" {
			continue
		}
		rate, err := satoshis(n)
		if err != nil {
			return 0, err
		}
		floor = max(floor, rate)
	}
	return floor, nil
}

func (b *backend) estimate(ctx context.Context, blocks uint32, mode string) (rate uint64, ok bool, err error) {
	if b.isBtcd.Load() {
		return b.estimateBtcd(ctx, blocks)
	}
	var smart struct {
		FeeRate json.Number `json:"feerate"`
	}
	err = b.server.call(ctx, &smart, "estimatesmartfee", blocks, mode)
	if answeredCode(err) == codeMethodNotFound {
		b.isBtcd.Store(true)
		return b.estimateBtcd(ctx, blocks)
	}
	if err != nil || smart.FeeRate == "" {
		return 0, false, err
	}
	rate, err = satoshis(smart.FeeRate)
	return rate, err == nil, err
}

// estimateBtcd takes btcd's answers that are no estimates (0, negative, an error as long as it has
// seen too few blocks) for what they are.
func (b *backend) estimateBtcd(ctx context.Context, blocks uint32) (uint64, bool, error) {
	var n json.Number
	if err := b.server.call(ctx, &n, "estimatefee", blocks); err != nil {
		if answeredCode(err) != 0 {
			err = nil
		}
		return 0, false, err
	}
	rate, err := satoshis(n)
	return rate, err == nil && rate > 0, nil
}
