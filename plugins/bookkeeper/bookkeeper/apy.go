package bookkeeper

import (
	"context"

	"fulmen/internal/amount"
	"fulmen/internal/command"
	"fulmen/plugins/bookkeeper/books"
)

type apyParams struct {
	StartTime *uint64 `param:"start_time" doc:"Count only what was at this time or later, in unix seconds."`
	EndTime   *uint64 `param:"end_time" doc:"Count only what was at this time or before."`
}

type earnings struct {
	Account                 string      `json:"account" doc:"The channel_id; net is the sum of all channels."`
	RoutedOutMsat           amount.Msat `json:"routed_out_msat" doc:"What it forwarded to its peer."`
	RoutedInMsat            amount.Msat `json:"routed_in_msat" doc:"What was forwarded that came by it."`
	LeaseFeePaidMsat        amount.Msat `json:"lease_fee_paid_msat" doc:"Nothing: this node leases no liquidity."`
	LeaseFeeEarnedMsat      amount.Msat `json:"lease_fee_earned_msat" doc:"Nothing."`
	PushedOutMsat           amount.Msat `json:"pushed_out_msat" doc:"What we gave the peer when we opened it."`
	PushedInMsat            amount.Msat `json:"pushed_in_msat" doc:"What the peer gave us when it opened it."`
	OurStartBalanceMsat     amount.Msat `json:"our_start_balance_msat" doc:"What was ours in it at first."`
	ChannelStartBalanceMsat amount.Msat `json:"channel_start_balance_msat" doc:"What all of it was."`
	FeesOutMsat             amount.Msat `json:"fees_out_msat" doc:"What we earned by what it forwarded to its peer."`
	FeesInMsat              amount.Msat `json:"fees_in_msat" doc:"What we earned by what came by it."`
	UtilizationOut          string      `json:"utilization_out" doc:"routed_out_msat of all of it."`
	UtilizationOutInitial   string      `json:"utilization_out_initial,omitempty" doc:"routed_out_msat of what was ours."`
	UtilizationIn           string      `json:"utilization_in" doc:"routed_in_msat of all of it."`
	UtilizationInInitial    string      `json:"utilization_in_initial,omitempty" doc:"routed_in_msat of what was ours."`
	APYOut                  string      `json:"apy_out" doc:"What a year would earn like fees_out_msat, of all of it."`
	APYOutInitial           string      `json:"apy_out_initial,omitempty" doc:"The same, of what was ours."`
	APYIn                   string      `json:"apy_in" doc:"What a year would earn like fees_in_msat, of all of it."`
	APYInInitial            string      `json:"apy_in_initial,omitempty" doc:"The same, of what was ours."`
	APYTotal                string      `json:"apy_total" doc:"What a year would earn like both, of all of it."`
	APYTotalInitial         string      `json:"apy_total_initial,omitempty" doc:"The same, of what was ours."`
}

type apyResult struct {
	ChannelsAPY []earnings `json:"channels_apy" doc:"All channels that were opened, and net as the last."`
}

func (b *Bookkeeper) apyCommand() *command.Command {
	return command.New(command.Doc{
		Name: "bkpr-channelsapy", Category: command.Utility,
		Short: "List what channels forwarded and earned, and what that is in a year.",
		Long: "A forward earns its fee in the channel that it came by and in that by which it left: the fees in and out are the same ones. A year is 52,560 blocks; what a year would earn " +
			"is what was earned in the blocks that the channel was open, times as many as a year has, without interest on it. Of net the blocks are an average by capacity. " +
			"Members that end in _initial are not there where nothing was ours at first.",
		SeeAlso: []string{"bkpr-listincome", "bkpr-listbalances", "listforwards"},
	}, b.apy)
}

func (b *Bookkeeper) apy(ctx context.Context, p *apyParams) (*apyResult, error) {
	var info struct {
		BlockHeight uint32 `json:"blockheight"`
	}
	if err := b.config.Node.Call(ctx, "getinfo", object{}, &info); err != nil {
		return nil, err
	}
	r := &apyResult{}
	err := b.with(ctx, func(l *ledger) error {
		for _, e := range l.books.Channels(between(p.StartTime, p.EndTime), info.BlockHeight) {
			r.ChannelsAPY = append(r.ChannelsAPY, showEarnings(&e))
		}
		return nil
	})
	return r, err
}

func showEarnings(e *books.Earnings) earnings {
	fees := e.FeesOut + e.FeesIn
	shown := earnings{
		Account: e.Account, RoutedOutMsat: e.RoutedOut, RoutedInMsat: e.RoutedIn, LeaseFeePaidMsat: e.LeasePaid, LeaseFeeEarnedMsat: e.LeaseEarned,
		PushedOutMsat: e.PushedOut, PushedInMsat: e.PushedIn, OurStartBalanceMsat: e.OurStart, ChannelStartBalanceMsat: e.AllStart,
		FeesOutMsat: e.FeesOut, FeesInMsat: e.FeesIn,
		UtilizationOut: books.Share(e.RoutedOut, e.AllStart), UtilizationIn: books.Share(e.RoutedIn, e.AllStart),
		APYOut: e.Yearly(e.FeesOut, e.AllStart), APYIn: e.Yearly(e.FeesIn, e.AllStart), APYTotal: e.Yearly(fees, e.AllStart),
	}
	if e.OurStart > 0 {
		shown.UtilizationOutInitial, shown.UtilizationInInitial = books.Share(e.RoutedOut, e.OurStart), books.Share(e.RoutedIn, e.OurStart)
		shown.APYOutInitial, shown.APYInInitial = e.Yearly(e.FeesOut, e.OurStart), e.Yearly(e.FeesIn, e.OurStart)
		shown.APYTotalInitial = e.Yearly(fees, e.OurStart)
	}
	return shown
}
