package main

import (
	"context"
	"slices"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/psbt/v2"
	btcwire "github.com/btcsuite/btcd/wire/v2"

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

// outputsParams are those of commands that pay several addresses.
type outputsParams struct {
	Outputs []command.Output   `param:"outputs" doc:"What to pay: an array of {\"address\": amount}; one amount may be all, if it is the only one."`
	Feerate *command.Feerate   `param:"feerate" doc:"The fee rate; opening if omitted."`
	MinConf uint32             `param:"minconf" default:"1" doc:"Confirmations that the coins must have."`
	Utxos   []btcwire.OutPoint `param:"utxos,optional" doc:"The coins to take, all of them; the wallet chooses if omitted."`
}

// Validate implements the check after parsing.
func (p *outputsParams) Validate() error {
	if len(p.Outputs) == 0 {
		return command.BadParam("outputs", "is empty")
	}
	if len(p.Outputs) > 1 && slices.ContainsFunc(p.Outputs, func(o command.Output) bool { return o.Amount.All }) {
		return command.BadParam("outputs", "one that gets all must be the only one")
	}
	return nil
}

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
	}, func(ctx context.Context, p *outputsParams) (*multiWithdrawResult, error) {
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

// release frees the inputs of a transaction that is not sent.
func (n *node) release(ctx context.Context, p *psbt.Packet) error {
	return n.onWallet(ctx, func(w *wallet.Wallet) (*wallet.Changes, error) {
		_, changes, err := w.Unreserve(wallet.Inputs(p), wallet.DefaultReserve)
		return changes, err
	})
}

// signAndSend signs and broadcasts a prepared transaction. One that is refused frees its inputs.
func (n *node) signAndSend(ctx context.Context, f *wallet.Funding) (*withdrawResult, error) {
	r, err := n.trySignAndSend(ctx, f)
	if mayBeSent(err) {
		return nil, err
	}
	if err != nil {
		if freed := n.release(n.ctx, f.PSBT); freed != nil {
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
		return nil, err
	}
	return &withdrawResult{Tx: raw, Txid: tx.TxHash().String(), PSBT: text}, nil
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

func (n *node) txPrepare(ctx context.Context, p *outputsParams) (*preparedResult, error) {
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
		Long:    "If the backend refuses it, its inputs are free again.",
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
		if err := n.release(ctx, f.PSBT); err != nil {
			return nil, err
		}
		return showPrepared(f.PSBT, false)
	})
}
