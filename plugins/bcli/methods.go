package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"fulmen/plugins/plugin"
)

// codeBackend is the code of every error that is the server's or on the way to it.
const codeBackend = 400

// backend has the five methods.
type backend struct {
	config *config
	server *server
	// isBtcd is set once the server turned out to have no estimatesmartfee.
	isBtcd atomic.Bool
	cheap  cheap
}

func (b *backend) methods() []plugin.Method {
	return []plugin.Method{
		{Name: "getchaininfo", Params: []string{"[height]", "[last_height]"}, Run: explained(b.getChainInfo),
			Description: "Says which chain the backend has, and how far"},
		{Name: "getrawblockbyheight", Params: []string{"height"}, Run: explained(b.getRawBlockByHeight),
			Description: "Gets the block at a height"},
		{Name: "estimatefees", Run: explained(b.estimateFees),
			Description: "Estimates fee rates for some numbers of blocks"},
		{Name: "sendrawtransaction", Params: []string{"tx", "[allowhighfees]"}, Run: explained(b.sendRawTransaction),
			Description: "Broadcasts a transaction"},
		{Name: "getutxout", Params: []string{"txid", "vout"}, Run: explained(b.getUTXOut),
			Description: "Gets an output, if it is unspent"},
	}
}

// explained gives errors their code, and says of those for which it is so that they are permanent.
func explained(do func(context.Context, plugin.Args) (any, error)) func(context.Context, plugin.Args) (any, error) {
	return func(ctx context.Context, a plugin.Args) (any, error) {
		result, err := do(ctx, a)
		var coded *plugin.Error
		if err == nil || errors.As(err, &coded) {
			return result, err
		}
		coded = &plugin.Error{Code: codeBackend, Message: err.Error()}
		if errors.As(err, new(permanent)) {
			coded.Data = map[string]bool{"permanent": true}
		}
		return nil, coded
	}
}

// chainNames are btcd's names of the chains, and what BIP 70 calls them.
var chainNames = map[string]string{"mainnet": "main", "testnet3": "test"}

type chainInfo struct {
	Chain       string `json:"chain"`
	HeaderCount uint32 `json:"headercount"`
	BlockCount  uint32 `json:"blockcount"`
	IBD         bool   `json:"ibd"`
}

func (b *backend) getChainInfo(ctx context.Context, _ plugin.Args) (any, error) {
	var got struct {
		Chain   string `json:"chain"`
		Blocks  uint32 `json:"blocks"`
		Headers uint32 `json:"headers"`
		IBD     *bool  `json:"initialblockdownload"`
	}
	if err := b.server.call(ctx, &got, "getblockchaininfo"); err != nil {
		return nil, err
	}
	info := chainInfo{Chain: got.Chain, HeaderCount: got.Headers, BlockCount: got.Blocks}
	if name, ok := chainNames[got.Chain]; ok {
		info.Chain = name
	}
	if got.IBD != nil {
		info.IBD = *got.IBD
	} else {
		info.IBD = got.Blocks < got.Headers // btcd does not say
	}
	if b.config.noIBD {
		info.IBD = false
	}
	return info, nil
}

// rawBlock has nulls where there is no block.
type rawBlock struct {
	BlockHash *string `json:"blockhash"`
	Block     *string `json:"block"`
}

func (b *backend) getRawBlockByHeight(ctx context.Context, a plugin.Args) (any, error) {
	var height uint32
	if err := a.Get("height", &height); err != nil {
		return nil, err
	}
	var hash string
	err := b.server.call(ctx, &hash, "getblockhash", height)
	if code := answeredCode(err); code == codeBadParameter || code == codeMisc {
		return rawBlock{}, nil
	}
	if err != nil {
		return nil, err
	}
	var block string
	err = b.server.call(ctx, &block, "getblock", hash, 0)
	if answeredCode(err) == codeMisc && strings.Contains(err.Error(), "pruned") {
		return nil, permanent{fmt.Errorf("block %d is pruned there: point us to a node that still has it, or reindex that one with a larger prune target: %w", height, err)}
	}
	if err != nil {
		return nil, err
	}
	return rawBlock{&hash, &block}, nil
}

type sendResult struct {
	Success bool   `json:"success"`
	ErrMsg  string `json:"errmsg"`
}

func (b *backend) sendRawTransaction(ctx context.Context, a plugin.Args) (any, error) {
	var tx string
	var allowHighFees bool
	if err := errors.Join(a.Get("tx", &tx), a.Get("allowhighfees", &allowHighFees)); err != nil {
		return nil, err
	}
	params := []any{tx}
	if allowHighFees {
		params = append(params, 0) // maxfeerate: no limit
	}
	var txid string
	err := b.server.call(ctx, &txid, "sendrawtransaction", params...)
	var answered *serverError
	switch {
	case err == nil:
		return sendResult{Success: true}, nil
	case !errors.As(err, &answered) || answered.Code == codeWarmingUp:
		return nil, err
	case answered.Code == codeInChain || strings.Contains(answered.Message, "already have transaction"):
		return sendResult{Success: true, ErrMsg: answered.Message}, nil
	case isTooCheap(answered):
		b.cheap.note(tx)
	case answered.Code == codeMissingInputs:
		if r := b.sendWithParent(ctx, tx, allowHighFees); r != nil {
			return *r, nil
		}
	}
	return sendResult{ErrMsg: answered.Error()}, nil
}

// utxOut has nulls where the output is spent or unknown.
type utxOut struct {
	Amount *uint64 `json:"amount"`
	Script *string `json:"script"`
}

func (b *backend) getUTXOut(ctx context.Context, a plugin.Args) (any, error) {
	var txid string
	var vout uint32
	if err := errors.Join(a.Get("txid", &txid), a.Get("vout", &vout)); err != nil {
		return nil, err
	}
	var raw json.RawMessage
	if err := b.server.call(ctx, &raw, "gettxout", txid, vout); err != nil {
		return nil, err
	}
	return decodeUTXOut(raw)
}

func decodeUTXOut(raw json.RawMessage) (utxOut, error) {
	var out *struct {
		Value        json.Number `json:"value"`
		ScriptPubKey struct {
			Hex string `json:"hex"`
		} `json:"scriptPubKey"`
	}
	if err := json.Unmarshal(raw, &out); err != nil {
		return utxOut{}, fmt.Errorf("gettxout: %w", err)
	}
	if out == nil {
		return utxOut{}, nil
	}
	amount, err := satoshis(out.Value)
	if err != nil {
		return utxOut{}, fmt.Errorf("gettxout: value: %w", err)
	}
	return utxOut{&amount, &out.ScriptPubKey.Hex}, nil
}
