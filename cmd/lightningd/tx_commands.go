package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/psbt/v2"
	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/command"
	"fulmen/internal/rpc"
	"fulmen/internal/wallet"
)

type withdrawParams struct {
	Destination string             `param:"destination" doc:"The address to pay."`
	Satoshi     command.SatOrAll   `param:"satoshi" doc:"How much; all empties the wallet, but for the reserve that channels need."`
	Feerate     *command.Feerate   `param:"feerate" doc:"The fee rate; opening if omitted."`
	MinConf     uint16             `param:"minconf" default:"1" doc:"Confirmations that the coins must have."`
	Utxos       []btcwire.OutPoint `param:"utxos,optional" doc:"The coins to take, all of them; the wallet chooses if omitted."`
}

type withdrawResult struct {
	Tx   command.Hex `json:"tx" doc:"The transaction, signed."`
	Txid string      `json:"txid" doc:"Its id."`
	PSBT string      `json:"psbt" doc:"The same as a PSBT."`
}

// spendingErrors are those of commands that make transactions.
var spendingErrors = []command.Failure{
	{Code: rpc.CodeFundCannotAfford, When: "The wallet has not enough coins."},
	{Code: rpc.CodeFundOutputIsDust, When: "An output is too small to be relayed."},
	{Code: rpc.CodeFundEmergencyReserve, When: "It would use up what is kept to close anchor channels."},
}

func (n *node) withdrawCommand() *command.Command {
	return command.New(command.Doc{
		Name: "withdraw", Category: command.Bitcoin,
		Short:   "Send coins of the wallet to an address.",
		Errors:  spendingErrors,
		SeeAlso: []string{"listfunds", "txprepare", "feerates"},
	}, n.withdraw)
}

func (n *node) withdraw(ctx context.Context, p *withdrawParams) (*withdrawResult, error) {
	out := []command.Output{{Address: p.Destination, Amount: p.Satoshi}}
	f, err := n.prepare(ctx, "destination", out, p.Feerate, int(p.MinConf), p.Utxos)
	if err != nil {
		return nil, err
	}
	return n.signAndSend(ctx, f)
}

type multiWithdrawParams struct {
	Outputs []command.Output   `param:"outputs" doc:"What to pay: an array of {\"address\": amount}; one amount may be all, if it is the only one."`
	Feerate *command.Feerate   `param:"feerate" doc:"The fee rate; opening if omitted."`
	MinConf uint32             `param:"minconf" default:"1" doc:"Confirmations that the coins must have."`
	Utxos   []btcwire.OutPoint `param:"utxos,optional" doc:"The coins to take, all of them; the wallet chooses if omitted."`
}

// Validate implements the check after parsing.
func (p *multiWithdrawParams) Validate() error { return checkOutputs(p.Outputs) }

type multiWithdrawResult struct {
	Tx   command.Hex `json:"tx" doc:"The transaction, signed."`
	Txid string      `json:"txid" doc:"Its id."`
}

func (n *node) multiWithdrawCommand() *command.Command {
	return command.New(command.Doc{
		Name: "multiwithdraw", Category: command.Bitcoin,
		Short:   "Send coins of the wallet to several addresses.",
		Long:    "One transaction pays them all.",
		Errors:  spendingErrors,
		SeeAlso: []string{"withdraw", "listfunds", "feerates"},
	}, func(ctx context.Context, p *multiWithdrawParams) (*multiWithdrawResult, error) {
		f, err := n.prepare(ctx, "outputs", p.Outputs, p.Feerate, int(p.MinConf), p.Utxos)
		if err != nil {
			return nil, err
		}
		sent, err := n.signAndSend(ctx, f)
		if err != nil {
			return nil, err
		}
		return &multiWithdrawResult{sent.Tx, sent.Txid}, nil
	})
}

// prepare makes an unsigned transaction and reserves its inputs; param is what names the addresses.
func (n *node) prepare(ctx context.Context, param string, outputs []command.Output, fee *command.Feerate, minConf int, utxos []btcwire.OutPoint) (*wallet.Funding, error) {
	rate, err := n.feerate(fee, "opening")
	if err != nil {
		return nil, err
	}
	request := &wallet.SpendRequest{AllTo: -1, Feerate: rate, MinConf: minConf, Utxos: utxos}
	for i, o := range outputs {
		script, err := n.decodeAddress(param, o.Address)
		if err != nil {
			return nil, err
		}
		if o.Amount.All {
			request.AllTo = i
		}
		request.Outputs = append(request.Outputs, btcwire.NewTxOut(int64(o.Amount.Sat), script))
	}
	var f *wallet.Funding
	err = n.onWallet(ctx, func(w *wallet.Wallet) (changes *wallet.Changes, err error) {
		request.Emergency = n.anchorChannels()
		f, changes, err = w.Spend(request)
		return changes, err
	})
	if err != nil {
		return nil, fundingError(err)
	}
	return f, nil
}

// signAndSend signs and broadcasts a prepared transaction. One that is not taken frees its inputs.
func (n *node) signAndSend(ctx context.Context, f *wallet.Funding) (*withdrawResult, error) {
	r, err := n.trySignAndSend(ctx, f)
	if err != nil {
		freed := n.onWallet(n.ctx, func(w *wallet.Wallet) (*wallet.Changes, error) {
			_, changes, err := w.Unreserve(wallet.Inputs(f.PSBT), wallet.DefaultReserve)
			return changes, err
		})
		if freed != nil {
			n.log.Error("inputs of a transaction that was not sent stay reserved", "error", freed)
		}
		return nil, err
	}
	return r, nil
}

func (n *node) trySignAndSend(ctx context.Context, f *wallet.Funding) (*withdrawResult, error) {
	if err := n.signPSBT(ctx, f.PSBT, nil); err != nil {
		return nil, err
	}
	tx, err := wallet.Finalize(f.PSBT)
	if err != nil {
		return nil, err
	}
	raw, err := encodeTx(tx)
	if err != nil {
		return nil, err
	}
	text, err := f.PSBT.B64Encode()
	if err != nil {
		return nil, err
	}
	if err := n.sendTx(ctx, tx, text); err != nil {
		return nil, fmt.Errorf("send transaction %s: %w", tx.TxHash(), err)
	}
	return &withdrawResult{Tx: raw, Txid: tx.TxHash().String(), PSBT: text}, nil
}

type txPrepareParams struct {
	Outputs []command.Output   `param:"outputs" doc:"What to pay: an array of {\"address\": amount}; one amount may be all, if it is the only one."`
	Feerate *command.Feerate   `param:"feerate" doc:"The fee rate; opening if omitted."`
	MinConf uint32             `param:"minconf" default:"1" doc:"Confirmations that the coins must have."`
	Utxos   []btcwire.OutPoint `param:"utxos,optional" doc:"The coins to take, all of them; the wallet chooses if omitted."`
}

// Validate implements the check after parsing.
func (p *txPrepareParams) Validate() error { return checkOutputs(p.Outputs) }

// checkOutputs refuses outputs that no transaction can have.
func checkOutputs(outputs []command.Output) error {
	if len(outputs) == 0 {
		return command.BadParam("outputs", "is empty")
	}
	if len(outputs) > 1 && slices.ContainsFunc(outputs, func(o command.Output) bool { return o.Amount.All }) {
		return command.BadParam("outputs", "one that gets all must be the only one")
	}
	return nil
}

type preparedResult struct {
	PSBT       string      `json:"psbt,omitempty" doc:"The transaction as a PSBT."`
	UnsignedTx command.Hex `json:"unsigned_tx" doc:"The transaction, not signed."`
	Txid       string      `json:"txid" doc:"Its id: for txsend and txdiscard."`
}

func (n *node) txPrepareCommand() *command.Command {
	return command.New(command.Doc{
		Name: "txprepare", Category: command.Bitcoin,
		Short:   "Make a transaction without sending it.",
		Long:    "Its inputs are reserved until txsend sends or txdiscard forgets it. A restart forgets it too; the reservation ends by itself.",
		Errors:  spendingErrors,
		SeeAlso: []string{"txsend", "txdiscard", "withdraw"},
	}, n.txPrepare)
}

func (n *node) txPrepare(ctx context.Context, p *txPrepareParams) (*preparedResult, error) {
	f, err := n.prepare(ctx, "outputs", p.Outputs, p.Feerate, int(p.MinConf), p.Utxos)
	if err != nil {
		return nil, err
	}
	if err := n.onLoop(func() error { n.wallet.Keep(f); return nil }); err != nil {
		return nil, err
	}
	return showPrepared(f.PSBT, true)
}

func showPrepared(p *psbt.Packet, withPSBT bool) (*preparedResult, error) {
	raw, err := encodeTx(p.UnsignedTx)
	if err != nil {
		return nil, err
	}
	r := &preparedResult{UnsignedTx: raw, Txid: p.UnsignedTx.TxHash().String()}
	if withPSBT {
		r.PSBT, err = p.B64Encode()
	}
	return r, err
}

type preparedParams struct {
	Txid chainhash.Hash `param:"txid" doc:"The id that txprepare returned."`
}

// takePrepared is the transaction that txprepare made; it is not prepared any more.
func (n *node) takePrepared(txid chainhash.Hash) (f *wallet.Funding, err error) {
	err = n.onLoop(func() error {
		f, err = n.wallet.Take(txid)
		return err
	})
	if err != nil {
		return nil, rpc.Errorf(rpc.CodeFailed, "txid: %w", err)
	}
	return f, nil
}

func (n *node) txSendCommand() *command.Command {
	return command.New(command.Doc{
		Name: "txsend", Category: command.Bitcoin,
		Short:   "Sign and send a transaction that txprepare made.",
		Long:    "If the backend does not take it, its inputs are free again.",
		SeeAlso: []string{"txprepare", "txdiscard"},
	}, func(ctx context.Context, p *preparedParams) (*withdrawResult, error) {
		f, err := n.takePrepared(p.Txid)
		if err != nil {
			return nil, err
		}
		return n.signAndSend(ctx, f)
	})
}

func (n *node) txDiscardCommand() *command.Command {
	return command.New(command.Doc{
		Name: "txdiscard", Category: command.Bitcoin,
		Short:   "Forget a transaction that txprepare made.",
		Long:    "Its inputs are free again.",
		SeeAlso: []string{"txprepare", "txsend"},
	}, func(ctx context.Context, p *preparedParams) (*preparedResult, error) {
		f, err := n.takePrepared(p.Txid)
		if err != nil {
			return nil, err
		}
		err = n.onWallet(ctx, func(w *wallet.Wallet) (*wallet.Changes, error) {
			_, changes, err := w.Unreserve(wallet.Inputs(f.PSBT), wallet.DefaultReserve)
			return changes, err
		})
		if err != nil {
			return nil, err
		}
		return showPrepared(f.PSBT, false)
	})
}

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
