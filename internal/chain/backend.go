package chain

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/rawtx"
)

// Backend is the chain as the five methods of the plugin protocol show it.
type Backend interface {
	// ChainInfo is told our own height, so that a backend can say if it is behind us.
	ChainInfo(ctx context.Context, ours block.Height) (Info, error)
	// BlockAt returns nil where the backend has no block at that height.
	BlockAt(ctx context.Context, height block.Height) (*wire.MsgBlock, error)
	EstimateFees(ctx context.Context) (Fees, error)
	// SendTx returns a *Rejected if the backend refused the transaction.
	SendTx(ctx context.Context, tx *wire.MsgTx, allowHighFees bool) error
	// Output returns nil for one that is spent or unknown.
	Output(ctx context.Context, outpoint wire.OutPoint) (*Output, error)
}

// Info is how far a backend is.
type Info struct {
	Chain   string // BIP 70's name: main, test, regtest
	Headers block.Height
	Blocks  block.Height
	IBD     bool // in its initial download
}

// Fees is a backend's estimates.
type Fees struct {
	Floor amount.FeeratePerKw // what a transaction must pay to be relayed
	// Estimates are in ascending order of Blocks; none where the backend cannot estimate.
	Estimates []Estimate
}

// Estimate is the fee rate to be confirmed within so many blocks.
type Estimate struct {
	Blocks  uint32
	Feerate amount.FeeratePerKw
}

// Output is an unspent output.
type Output struct {
	Amount amount.Sat
	Script []byte
}

// Rejected is the error of a transaction that the backend does not take.
type Rejected struct{ Reason string }

func (r *Rejected) Error() string { return "transaction rejected: " + r.Reason }

// Caller is the plugins' commands. Errors that are JSON-RPC errors may carry data (see Permanent).
type Caller interface {
	Call(ctx context.Context, method string, params, result any) error
}

// Plugin is the backend that plugins are.
type Plugin struct {
	Caller Caller
	// Permanent tells an error that retrying does not cure; nil if none is.
	Permanent func(error) bool
}

// PermanentError is an error of the backend that somebody has to mend: retrying does not cure it.
type PermanentError struct{ Err error }

func (e *PermanentError) Error() string { return e.Err.Error() }

// Unwrap gives the backend's own error.
func (e *PermanentError) Unwrap() error { return e.Err }

func (p *Plugin) call(ctx context.Context, method string, params, result any) error {
	err := p.Caller.Call(ctx, method, params, result)
	switch {
	case err == nil:
		return nil
	case p.Permanent != nil && p.Permanent(err):
		return &PermanentError{err}
	}
	return err
}

// ChainInfo is getchaininfo.
func (p *Plugin) ChainInfo(ctx context.Context, ours block.Height) (Info, error) {
	var got struct {
		Chain       string       `json:"chain"`
		HeaderCount block.Height `json:"headercount"`
		BlockCount  block.Height `json:"blockcount"`
		IBD         bool         `json:"ibd"`
	}
	params := map[string]block.Height{"height": ours, "last_height": ours}
	if err := p.call(ctx, "getchaininfo", params, &got); err != nil {
		return Info{}, err
	}
	if got.Chain == "" {
		return Info{}, errors.New("getchaininfo: answer has no chain")
	}
	return Info{got.Chain, got.HeaderCount, got.BlockCount, got.IBD}, nil
}

// BlockAt is getrawblockbyheight.
func (p *Plugin) BlockAt(ctx context.Context, height block.Height) (*wire.MsgBlock, error) {
	var got struct {
		BlockHash *string `json:"blockhash"`
		Block     *string `json:"block"`
	}
	params := map[string]block.Height{"height": height}
	if err := p.call(ctx, "getrawblockbyheight", params, &got); err != nil {
		return nil, err
	}
	if got.BlockHash == nil || got.Block == nil {
		return nil, nil
	}
	b, err := decodeBlock(*got.BlockHash, *got.Block)
	if err != nil {
		return nil, fmt.Errorf("getrawblockbyheight %d: %w", height, err)
	}
	return b, nil
}

// decodeBlock refuses a block that does not have the hash it was announced with (a backend's bug
// must not look like a reorganisation), or whose transactions are not those of its header.
func decodeBlock(hash, text string) (*wire.MsgBlock, error) {
	want, err := chainhash.NewHashFromStr(hash)
	if err != nil {
		return nil, fmt.Errorf("blockhash: %w", err)
	}
	raw, err := hex.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("block: %w", err)
	}
	b, err := rawtx.Block(raw)
	if err != nil {
		return nil, fmt.Errorf("block: %w", err)
	}
	if got := b.BlockHash(); got != *want {
		return nil, fmt.Errorf("block has the hash %s, not %s", got, want)
	}
	return b, checkTransactions(b)
}

// EstimateFees is estimatefees; the plugin counts in satoshi per 1,000 virtual bytes.
func (p *Plugin) EstimateFees(ctx context.Context) (Fees, error) {
	var got struct {
		Floor    json.Number `json:"feerate_floor"`
		FeeRates []struct {
			Blocks  uint32      `json:"blocks"`
			FeeRate json.Number `json:"feerate"`
		} `json:"feerates"`
	}
	if err := p.call(ctx, "estimatefees", struct{}{}, &got); err != nil {
		return Fees{}, err
	}
	floor, err := perKw(got.Floor)
	if err != nil {
		return Fees{}, fmt.Errorf("estimatefees: feerate_floor: %w", err)
	}
	fees := Fees{Floor: floor}
	for _, r := range got.FeeRates {
		rate, err := perKw(r.FeeRate)
		if err != nil {
			return Fees{}, fmt.Errorf("estimatefees: feerate for %d blocks: %w", r.Blocks, err)
		}
		if n := len(fees.Estimates); n > 0 && fees.Estimates[n-1].Blocks >= r.Blocks {
			return Fees{}, errors.New("estimatefees: feerates are not in ascending order of blocks")
		}
		fees.Estimates = append(fees.Estimates, Estimate{r.Blocks, rate})
	}
	return fees, nil
}

// maxPerKvB is far above every fee rate that was ever paid; more is a backend's bug.
const maxPerKvB = 1_000_000_000

func perKw(n json.Number) (amount.FeeratePerKw, error) {
	perKvB, err := n.Int64()
	if err != nil || perKvB < 0 || perKvB > maxPerKvB {
		return 0, fmt.Errorf("%q is not between 0 and %d satoshi per 1,000 virtual bytes", n, maxPerKvB)
	}
	return amount.FeeratePerKw((perKvB + 3) / 4), nil // rounded up, so that the floor is met
}

// SendTx is sendrawtransaction.
func (p *Plugin) SendTx(ctx context.Context, tx *wire.MsgTx, allowHighFees bool) error {
	var raw bytes.Buffer
	if err := tx.Serialize(&raw); err != nil {
		return fmt.Errorf("serialize transaction: %w", err)
	}
	var got struct {
		Success bool   `json:"success"`
		ErrMsg  string `json:"errmsg"`
	}
	params := struct {
		Tx            string `json:"tx"`
		AllowHighFees bool   `json:"allowhighfees"`
	}{hex.EncodeToString(raw.Bytes()), allowHighFees}
	if err := p.call(ctx, "sendrawtransaction", params, &got); err != nil {
		return err
	}
	if !got.Success {
		return &Rejected{got.ErrMsg}
	}
	return nil
}

// Output is getutxout.
func (p *Plugin) Output(ctx context.Context, outpoint wire.OutPoint) (*Output, error) {
	var got struct {
		Amount *amount.Sat `json:"amount"`
		Script *string     `json:"script"`
	}
	params := struct {
		TxID string `json:"txid"`
		Vout uint32 `json:"vout"`
	}{outpoint.Hash.String(), outpoint.Index}
	if err := p.call(ctx, "getutxout", params, &got); err != nil {
		return nil, err
	}
	if got.Amount == nil || got.Script == nil {
		return nil, nil
	}
	script, err := hex.DecodeString(*got.Script)
	if err != nil {
		return nil, fmt.Errorf("getutxout: script: %w", err)
	}
	if *got.Amount > amount.MaxSat {
		return nil, fmt.Errorf("getutxout: amount %d is more than there is", *got.Amount)
	}
	return &Output{*got.Amount, script}, nil
}
