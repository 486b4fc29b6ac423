package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"fulmen/internal/amount"
	core "fulmen/internal/channel"
	"fulmen/internal/command"
	"fulmen/internal/features"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/keys"
	"fulmen/internal/store"
	"fulmen/internal/wire"
)

type listPeerChannelsParams struct {
	ID             *keys.PubKey         `param:"id" doc:"Only channels with this peer."`
	ShortChannelID *wire.ShortChannelID `param:"short_channel_id" doc:"Only the channel with this short_channel_id or alias."`
	ChannelID      *wire.ChannelID      `param:"channel_id" doc:"Only this channel."`
}

// Validate implements the check after parsing.
func (p *listPeerChannelsParams) Validate() error {
	given := 0
	for _, is := range []bool{p.ID != nil, p.ShortChannelID != nil, p.ChannelID != nil} {
		given += btoi(is)
	}
	if given > 1 {
		return command.BadParam("id", "only one of id, short_channel_id and channel_id may be given")
	}
	return nil
}

func (p *listPeerChannelsParams) matches(row *store.Channel) bool {
	switch {
	case p.ID != nil:
		return row.PeerID == *p.ID
	case p.ShortChannelID != nil:
		return row.ShortChannelID == *p.ShortChannelID || row.AliasLocal == *p.ShortChannelID
	case p.ChannelID != nil:
		return row.ChannelID == *p.ChannelID
	}
	return true
}

type listPeerChannelsResult struct {
	Channels []*peerChannelResult `json:"channels" doc:"The channels."`
}

func (n *node) listPeerChannelsCommand() *command.Command {
	return command.New(command.Doc{
		Name: "listpeerchannels", Category: command.Network,
		Short: "List the channels with peers.",
		Long: "All channels that are open, being opened or being closed, until they are settled in the chain; then " +
			"listclosedchannels has them.",
		SeeAlso: []string{"listpeers", "listclosedchannels", "fundchannel", "close"},
	}, n.listPeerChannels)
}

// channelView is a channel as the loop has it at one moment.
type channelView struct {
	c         *channel
	row       store.Channel
	tally     store.Tally
	proc      *channelProcess
	connected bool
	ready     bool
	onchain   bool     // an onchaind follows it
	waiting   []string // what of it waits to be mined, in words
}

func (c *channel) view() *channelView {
	return &channelView{
		c: c, row: *c.row, tally: c.tally, proc: c.proc, connected: c.peer.conn != nil, ready: c.ready,
		onchain: c.end != nil, waiting: c.n.txs.Status(c.row.ID),
	}
}

func (n *node) listPeerChannels(ctx context.Context, p *listPeerChannelsParams) (*listPeerChannelsResult, error) {
	var views []*channelView
	err := n.onLoop(func() error {
		for _, c := range n.channels {
			if p.matches(c.row) {
				views = append(views, c.view())
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(views, func(a, b *channelView) int { return int(a.row.ID) - int(b.row.ID) })
	r := &listPeerChannelsResult{Channels: []*peerChannelResult{}}
	for _, v := range views {
		params, err := n.paramsOf(v.c)
		if errors.Is(err, store.ErrNotFound) {
			continue // it opens at this moment, and is not on disk yet
		}
		var state *channeldmsg.DescribeReply
		if err == nil {
			state, err = n.describe(ctx, v)
		}
		if err != nil {
			v.c.log.Error("the state of the channel cannot be read", "error", err)
			continue // the others are still to be seen
		}
		changes, err := n.db.StateChanges(v.row.ID)
		if err != nil {
			return nil, err
		}
		r.Channels = append(r.Channels, n.showChannel(v, params, state, changes))
	}
	return r, nil
}

// describeTimeout is how long a channel's process may take before the stored state has to do.
const describeTimeout = 3 * time.Second

// describe asks the channel's process for what it is in; where there is none, the database.
func (n *node) describe(ctx context.Context, v *channelView) (*channeldmsg.DescribeReply, error) {
	if v.proc != nil {
		ctx, cancel := context.WithTimeout(ctx, describeTimeout)
		defer cancel()
		reply := new(channeldmsg.DescribeReply)
		_, err := v.proc.child.Request(ctx, &channeldmsg.Describe{}, reply)
		if err == nil && checkStatus(&reply.Status, v.row.FundingSats) == nil {
			return reply, nil
		}
	}
	state, err := n.restore(v.row.ID)
	if err != nil {
		return nil, err
	}
	return describeStored(state)
}

// describeStored says of a stored state what its process would.
func describeStored(state *core.Channel) (*channeldmsg.DescribeReply, error) {
	s := state.Summary()
	commitment, err := state.LocalCommitment()
	if err != nil {
		return nil, err
	}
	d := &channeldmsg.DescribeReply{
		Status: channeldmsg.Status{
			State: channeldmsg.State(s.State), ToLocal: s.ToLocal, Spendable: s.Spendable, Receivable: s.Receivable, FeeratePerKw: s.Feerate,
			NumHTLCs: uint32(s.NumHTLCs), LocalRevoked: s.LocalNumber, RemoteSigned: s.RemoteSigned, RemoteAlias: s.RemoteAlias,
			LocalReady: s.LocalReady, RemoteReady: s.RemoteReady,
			LocalShutdown: s.LocalShutdown != nil, RemoteShutdown: s.RemoteShutdown != nil, Deadline: s.Deadline,
		},
		LocalScript: s.LocalShutdown, RemoteScript: s.RemoteShutdown, LastTxFee: commitment.Fee, LastTxid: commitment.Txid(),
	}
	for _, h := range state.HTLCs() {
		d.HTLCs = append(d.HTLCs, channeldmsg.DescribedHTLC{
			Offered: h.Offered, ID: h.ID, AmountMsat: h.Amount, PaymentHash: h.PaymentHash, CLTVExpiry: h.CLTVExpiry,
			State: h.Progress, LocalTrimmed: h.LocalTrimmed,
		})
	}
	return d, nil
}

// showChannel makes the result of a channel.
func (n *node) showChannel(v *channelView, p *core.Params, d *channeldmsg.DescribeReply, changes []store.StateChange) *peerChannelResult {
	row, tally := &v.row, &v.tally
	r := &peerChannelResult{
		PeerID: row.PeerID[:], PeerConnected: v.connected, State: string(row.State), ScratchTxid: txidText(d.LastTxid),
		ChannelType: showChannelType(row.ChannelType), IgnoreFeeLimits: row.IgnoreLimits || n.policy.IgnoreFeeLimits,
		Updates:   updatesResult{Local: showPolicy(&row.Policy), Remote: showUpdate(decodeUpdate(row.RemoteUpdate))},
		LostState: row.LostState, Feerate: feerateResult{d.Status.FeeratePerKw, d.Status.FeeratePerKw.PerKvB()},
		ChannelID: row.ChannelID[:], FundingTxid: txidText(row.FundingTxid), FundingOutnum: row.FundingOutput,
		Private: row.Private, Opener: row.Opener, Closer: row.Closer, Features: channelFeatures(row.ChannelType),
		Funding:  showFunding(row),
		ToUsMsat: d.Status.ToLocal, MinToUsMsat: min(tally.MinToUs, d.Status.ToLocal), MaxToUsMsat: max(tally.MaxToUs, d.Status.ToLocal),
		TotalMsat: row.FundingSats.Msat(), FeeBaseMsat: row.Policy.FeeBase, FeeProportionalMillionths: row.Policy.FeePPM,
		DustLimitMsat: p.Local.DustLimit.Msat(), TheirMaxInFlightMsat: p.Remote.MaxHTLCValueInFlight, OurMaxInFlightMsat: p.Local.MaxHTLCValueInFlight,
		TheirReserveMsat: p.Local.ChannelReserve.Msat(), OurReserveMsat: p.Remote.ChannelReserve.Msat(),
		SpendableMsat: d.Status.Spendable, ReceivableMsat: d.Status.Receivable, MinimumHTLCInMsat: p.Local.HTLCMinimum,
		MinimumHTLCOutMsat: row.Policy.HTLCMin, MaximumHTLCOutMsat: row.Policy.HTLCMax,
		TheirToSelfDelay: p.Local.ToSelfDelay, OurToSelfDelay: p.Remote.ToSelfDelay, MaxAcceptedHTLCs: p.Local.MaxAcceptedHTLCs,
		Alias: showAlias(row), StateChanges: showStateChanges(changes), Status: append([]string{string(row.State) + ":" + row.Billboard}, v.waiting...),
		InPaymentsOffered: tally.InOffered.N, InOfferedMsat: tally.InOffered.Sum,
		InPaymentsFulfilled: tally.InFulfilled.N, InFulfilledMsat: tally.InFulfilled.Sum,
		OutPaymentsOffered: tally.OutOffered.N, OutOfferedMsat: tally.OutOffered.Sum,
		OutPaymentsFulfilled: tally.OutFulfilled.N, OutFulfilledMsat: tally.OutFulfilled.Sum,
		HTLCs: showHTLCs(d.HTLCs), LastTxFeeMsat: d.LastTxFee.Msat(),
	}
	if v.connected {
		r.Reestablished = &v.ready
	}
	if v.proc != nil {
		r.Owner = "channeld"
	}
	if v.onchain {
		r.Owner = "onchaind"
	}
	if row.ShortChannelID != 0 {
		direction := int(wire.Direction(n.id, row.PeerID))
		r.ShortChannelID, r.Direction = row.ShortChannelID.String(), &direction
	}
	if row.CloseTo != nil {
		r.CloseTo, r.CloseToAddr = row.CloseTo, addressOf(row.CloseTo, n.network.Params)
	}
	if !row.LastStable.IsZero() {
		r.LastStableConnection = row.LastStable.Unix()
	}
	return r
}

// channelFeatures names what a channel_type means for the channel.
func channelFeatures(raw []byte) []string {
	list := []string{}
	t, err := features.ParseChannelType(raw)
	if err != nil {
		return list
	}
	for _, b := range []features.Bit{features.StaticRemotekey, features.Anchors, features.SCIDAlias, features.Zeroconf} {
		if t.Has(b) {
			list = append(list, b.Name())
		}
	}
	return list
}

func showFunding(row *store.Channel) fundingResult {
	f := fundingResult{PushedMsat: row.Pushed, PSBT: row.FundingPSBT, Withheld: row.Withheld}
	if row.Opener == "local" {
		f.LocalFundsMsat = row.FundingSats.Msat()
	} else {
		f.RemoteFundsMsat = row.FundingSats.Msat()
	}
	return f
}

func showAlias(row *store.Channel) *aliasResult {
	a := &aliasResult{Local: row.AliasLocal.String()}
	if row.AliasRemote != 0 {
		a.Remote = row.AliasRemote.String()
	}
	return a
}

func showPolicy(p *store.Policy) *updateResult {
	return &updateResult{p.HTLCMin, p.HTLCMax, p.CLTVDelta, p.FeeBase, p.FeePPM}
}

func showUpdate(u *wire.ChannelUpdate) *updateResult {
	if u == nil {
		return nil
	}
	return &updateResult{u.HTLCMinimumMsat, u.HTLCMaximumMsat, u.CLTVExpiryDelta, amount.Msat(u.FeeBaseMsat), u.FeeProportionalMillionths}
}

func showStateChanges(changes []store.StateChange) []stateChangeResult {
	list := make([]stateChangeResult, len(changes))
	for i, s := range changes {
		list[i] = stateChangeResult{s.At.UTC().Format("2006-01-02T15:04:05.000Z"), string(s.Old), string(s.New), s.Cause, s.Message}
	}
	return list
}

func showHTLCs(htlcs []channeldmsg.DescribedHTLC) []htlcResult {
	list := make([]htlcResult, len(htlcs))
	for i, h := range htlcs {
		list[i] = htlcResult{
			Direction: "in", ID: h.ID, AmountMsat: h.AmountMsat, Expiry: h.CLTVExpiry, PaymentHash: h.PaymentHash[:],
			State: h.State, LocalTrimmed: h.LocalTrimmed,
		}
		if h.Offered {
			list[i].Direction = "out"
		}
	}
	return list
}
