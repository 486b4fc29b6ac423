package main

import (
	"context"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/command"
)

type txInputResult struct {
	Txid     string `json:"txid" doc:"The transaction whose output it spends."`
	Index    uint32 `json:"index" doc:"Which output."`
	Sequence uint32 `json:"sequence" doc:"Its nSequence."`
}

type txOutputResult struct {
	Index        uint32      `json:"index" doc:"Its place."`
	AmountMsat   amount.Msat `json:"amount_msat" doc:"What it is worth."`
	ScriptPubKey command.Hex `json:"scriptPubKey" doc:"What locks it."`
}

type transactionResult struct {
	Hash        string           `json:"hash" doc:"The transaction's id."`
	RawTx       command.Hex      `json:"rawtx" doc:"The transaction."`
	BlockHeight block.Height     `json:"blockheight" doc:"The block that has it, 0 if none has."`
	TxIndex     uint32           `json:"txindex" doc:"Its place in the block."`
	LockTime    uint32           `json:"locktime" doc:"Its nLockTime."`
	Version     uint32           `json:"version" doc:"Its version."`
	Inputs      []txInputResult  `json:"inputs" doc:"Its inputs."`
	Outputs     []txOutputResult `json:"outputs" doc:"Its outputs."`
}

type listTransactionsResult struct {
	Transactions []*transactionResult `json:"transactions" doc:"The transactions, in the order in which the wallet met them."`
}

func (n *node) listTransactionsCommand() *command.Command {
	return command.New(command.Doc{
		Name: "listtransactions", Category: command.Bitcoin,
		Short:   "List the transactions that paid this wallet or that it made.",
		SeeAlso: []string{"listfunds"},
	}, n.listTransactions)
}

func (n *node) listTransactions(context.Context, *command.None) (*listTransactionsResult, error) {
	list, err := n.db.AllWalletTxs()
	if err != nil {
		return nil, err
	}
	r := &listTransactionsResult{Transactions: []*transactionResult{}}
	for _, t := range list {
		raw, err := encodeTx(t.Tx)
		if err != nil {
			return nil, err
		}
		shown := &transactionResult{
			Hash: t.Txid.String(), RawTx: raw, BlockHeight: t.Height, TxIndex: t.Index, LockTime: t.Tx.LockTime, Version: uint32(t.Tx.Version),
		}
		for _, in := range t.Tx.TxIn {
			shown.Inputs = append(shown.Inputs, txInputResult{in.PreviousOutPoint.Hash.String(), in.PreviousOutPoint.Index, in.Sequence})
		}
		for i, out := range t.Tx.TxOut {
			shown.Outputs = append(shown.Outputs, txOutputResult{uint32(i), amount.Sat(out.Value).Msat(), out.PkScript})
		}
		r.Transactions = append(r.Transactions, shown)
	}
	return r, nil
}
