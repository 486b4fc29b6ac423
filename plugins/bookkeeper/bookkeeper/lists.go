package bookkeeper

import (
	"context"
	"math"

	"fulmen/internal/amount"
	"fulmen/internal/command"
	"fulmen/plugins/bookkeeper/books"
)

// Commands are all, for the plugin and for its pages.
func (b *Bookkeeper) Commands() []*command.Command {
	return []*command.Command{
		b.balancesCommand(), b.incomeCommand(), b.eventsCommand(), b.inspectCommand(), b.apyCommand(), b.csvCommand(), b.reportCommand(),
		b.editOutpointCommand(), b.editPaymentCommand(),
	}
}

type balancesParams struct{}

type balance struct {
	BalanceMsat amount.Msat `json:"balance_msat" doc:"What it has."`
	CoinType    string      `json:"coin_type" doc:"The beginning of the chain's addresses."`
}

type accountEntry struct {
	Account         string    `json:"account" doc:"wallet, or a channel_id."`
	PeerID          string    `json:"peer_id,omitempty" doc:"The channel's peer."`
	WeOpened        *bool     `json:"we_opened,omitempty" doc:"Whether this node opened the channel."`
	AccountClosed   *bool     `json:"account_closed,omitempty" doc:"Whether the channel's funding output is spent."`
	AccountResolved *bool     `json:"account_resolved,omitempty" doc:"Whether all that it left in the chain has come to its end."`
	ResolvedAtBlock uint32    `json:"resolved_at_block,omitempty" doc:"In which block."`
	Balances        []balance `json:"balances" doc:"One."`
}

type balancesResult struct {
	Accounts []accountEntry `json:"accounts" doc:"The wallet, and all channels that ever were confirmed."`
}

func (b *Bookkeeper) balancesCommand() *command.Command {
	return command.New(command.Doc{
		Name: "bkpr-listbalances", Category: command.Utility,
		Short: "List what the wallet and each channel have.",
		Long: "The wallet has its confirmed coins. A channel has our side of it; once its funding output is spent, those of its outputs in the chain that " +
			"are known to be ours and are not in the wallet yet, and nothing at the end.",
		SeeAlso: []string{"bkpr-listincome", "bkpr-listaccountevents", "listfunds"},
	}, b.balances)
}

func (b *Bookkeeper) balances(ctx context.Context, _ *balancesParams) (*balancesResult, error) {
	r := &balancesResult{Accounts: []accountEntry{}}
	err := b.with(ctx, func(l *ledger) error {
		for _, a := range l.books.Balances() {
			e := accountEntry{
				Account: a.Account, PeerID: a.PeerID, ResolvedAtBlock: a.ResolvedAt,
				Balances: []balance{{BalanceMsat: amount.Msat(max(a.Msat, 0)), CoinType: b.config.Coin}},
			}
			if a.PeerID != "" {
				e.WeOpened, e.AccountClosed, e.AccountResolved = &a.WeOpened, &a.Closed, &a.Resolved
			} else {
				e.ResolvedAtBlock = 0
			}
			r.Accounts = append(r.Accounts, e)
		}
		return nil
	})
	return r, err
}

// between is a time of which either end may be open.
func between(start, end *uint64) books.Period {
	p := books.Period{End: math.MaxUint64}
	if start != nil {
		p.Start = *start
	}
	if end != nil {
		p.End = *end
	}
	return p
}

type incomeParams struct {
	ConsolidateFees bool    `param:"consolidate_fees" default:"true" doc:"Whether the fee of a transaction is one entry for each account, rather than one for each time that more of it became known."`
	StartTime       *uint64 `param:"start_time" doc:"Only what was at this time or later, in unix seconds."`
	EndTime         *uint64 `param:"end_time" doc:"Only what was at this time or before."`
}

type income struct {
	Account     string      `json:"account" doc:"wallet, or a channel_id."`
	Tag         string      `json:"tag" doc:"What it was."`
	CreditMsat  amount.Msat `json:"credit_msat" doc:"What came."`
	DebitMsat   amount.Msat `json:"debit_msat" doc:"What it cost."`
	Currency    string      `json:"currency" doc:"The beginning of the chain's addresses."`
	Timestamp   uint64      `json:"timestamp" doc:"When this node saw it, unix seconds; of several, the last time."`
	Description string      `json:"description,omitempty" doc:"What it was for: the invoice's description, or what bkpr-editdescription... set."`
	Outpoint    string      `json:"outpoint,omitempty" doc:"The output."`
	Txid        string      `json:"txid,omitempty" doc:"The transaction whose fee it is."`
	PaymentID   string      `json:"payment_id,omitempty" doc:"The payment_hash."`
}

type incomeResult struct {
	IncomeEvents []income `json:"income_events" doc:"Incomes and expenses, in their order in time."`
}

func (b *Bookkeeper) incomeCommand() *command.Command {
	return command.New(command.Doc{
		Name: "bkpr-listincome", Category: command.Utility,
		Short: "List what the node earned and spent.",
		Long: "What moves between the wallet and channels of this node is no income. " + incomeTags + "\n\n" +
			"What a close cost is known when all of the channel's outputs in the chain have come to their end; until then it is missing here.",
		SeeAlso: []string{"bkpr-listbalances", "bkpr-listaccountevents", "bkpr-dumpincomecsv", "bkpr-report"},
	}, b.income)
}

const incomeTags = "Tags are deposit and withdrawal (of the wallet), invoice (received, or paid), invoice_fee (of routing what was paid), routed (fees earned), " +
	"pushed (given when a channel was opened), rebalance_fee (of a payment to ourselves), onchain_fee (of transactions; what a close cost), penalty and " +
	"penalty_adj (taken from a peer that cheated), ignored, penalized and stolen (lost after a close), and journal_entry (of a channel whose opening is not known, or of which it is not known where all outputs went)."

func (b *Bookkeeper) income(ctx context.Context, p *incomeParams) (*incomeResult, error) {
	r := &incomeResult{IncomeEvents: []income{}}
	err := b.withEntries(ctx, between(p.StartTime, p.EndTime), p.ConsolidateFees, func(e *books.Entry) error {
		r.IncomeEvents = append(r.IncomeEvents, income{
			Account: e.Account, Tag: e.Tag, CreditMsat: e.Credit, DebitMsat: e.Debit, Currency: b.config.Coin, Timestamp: e.Timestamp,
			Description: e.Description, Outpoint: e.Outpoint, Txid: e.Txid, PaymentID: e.PaymentID,
		})
		return nil
	})
	return r, err
}

// withEntries runs do for all incomes of a time.
func (b *Bookkeeper) withEntries(ctx context.Context, p books.Period, consolidate bool, do func(*books.Entry) error) error {
	return b.with(ctx, func(l *ledger) error {
		if err := b.describe(ctx, l); err != nil {
			return err
		}
		for _, i := range l.books.Incomes(p, consolidate) {
			if err := do(&books.Entry{Income: i, Description: l.ofIncome(&i)}); err != nil {
				return err
			}
		}
		return nil
	})
}
