package bookkeeper

import (
	"context"

	"fulmen/internal/amount"
	"fulmen/internal/command"
	"fulmen/plugins/bookkeeper/books"
)

type inspectParams struct {
	Account string `param:"account" doc:"The channel_id."`
}

type inspectOutput struct {
	Account            string       `json:"account" doc:"Whose it is: wallet, external, or a channel_id."`
	Outnum             uint32       `json:"outnum" doc:"Its index."`
	OutputValueMsat    amount.Msat  `json:"output_value_msat" doc:"What it has."`
	Currency           string       `json:"currency" doc:"The beginning of the chain's addresses."`
	CreditMsat         *amount.Msat `json:"credit_msat,omitempty" doc:"What of it came to the account."`
	DebitMsat          *amount.Msat `json:"debit_msat,omitempty" doc:"What left the account when it was spent."`
	OriginatingAccount string       `json:"originating_account,omitempty" doc:"The account that it came from."`
	OutputTag          string       `json:"output_tag,omitempty" doc:"What it was when it came."`
	SpendTag           string       `json:"spend_tag,omitempty" doc:"What it was when it was spent."`
	SpendingTxid       string       `json:"spending_txid,omitempty" doc:"The transaction that spent it."`
	PaymentID          string       `json:"payment_id,omitempty" doc:"Of an HTLC: its payment_hash."`
}

type inspectTx struct {
	Txid         string          `json:"txid" doc:"The transaction."`
	BlockHeight  uint32          `json:"blockheight,omitempty" doc:"The block of it."`
	FeesPaidMsat amount.Msat     `json:"fees_paid_msat" doc:"What our accounts paid for it."`
	Outputs      []inspectOutput `json:"outputs" doc:"Those of its outputs that are known to be somebody's."`
}

type inspectResult struct {
	Txs []inspectTx `json:"txs" doc:"The transactions, each before those that spend it."`
}

func (b *Bookkeeper) inspectCommand() *command.Command {
	return command.New(command.Doc{
		Name: "bkpr-inspect", Category: command.Utility,
		Short:   "Show a channel's transactions: what funded it, what closed it, and what came after.",
		Long:    "Coins that came to the wallet are not followed any further.",
		SeeAlso: []string{"bkpr-listaccountevents", "bkpr-listbalances", "listfunds"},
	}, b.inspect)
}

func (b *Bookkeeper) inspect(ctx context.Context, p *inspectParams) (*inspectResult, error) {
	r := &inspectResult{Txs: []inspectTx{}}
	err := b.with(ctx, func(l *ledger) error {
		txs, ok := l.books.Inspect(p.Account)
		if !ok {
			return command.BadParam("account", "%q is no channel that is known", p.Account)
		}
		for i := range txs {
			r.Txs = append(r.Txs, b.showTx(&txs[i]))
		}
		return nil
	})
	return r, err
}

func (b *Bookkeeper) showTx(t *books.Tx) inspectTx {
	shown := inspectTx{Txid: t.Txid, BlockHeight: t.Height, FeesPaidMsat: t.Fees, Outputs: []inspectOutput{}}
	for _, o := range t.Outputs {
		shown.Outputs = append(shown.Outputs, inspectOutput{
			Account: o.Account, Outnum: o.Index, OutputValueMsat: o.Value, Currency: b.config.Coin, CreditMsat: o.Credit, DebitMsat: o.Debit,
			OriginatingAccount: o.Origin, OutputTag: o.Tag, SpendTag: o.SpendTag, SpendingTxid: o.Spender, PaymentID: o.Payment,
		})
	}
	return shown
}
