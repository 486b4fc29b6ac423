package main

import (
	"context"
	"errors"
	"strings"

	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/command"
	"fulmen/internal/keys"
	"fulmen/internal/rpc"
)

type multiFundChannelParams struct {
	Destinations []fundDestination  `param:"destinations" doc:"The peers and their channels; each peer once."`
	Feerate      *command.Feerate   `param:"feerate" doc:"Of the funding transaction; opening if omitted."`
	MinConf      int64              `param:"minconf" default:"1" doc:"Confirmations that the coins must have."`
	Utxos        []btcwire.OutPoint `param:"utxos,optional" doc:"The coins to take, all of them; the wallet chooses if omitted."`
	MinChannels  *uint32            `param:"minchannels" doc:"How many of the destinations have to succeed; all if omitted."`
	CommitFee    *command.Feerate   `param:"commitment_feerate" doc:"Of the first commitments of channels without anchors; what the chain asks for if omitted."`
}

type fundDestination struct {
	ID           string           `param:"id" doc:"The peer, as id or id@host:port."`
	Amount       command.SatOrAll `param:"amount" doc:"The channel's capacity; all, for one of them, takes what the others leave of the wallet."`
	Announce     bool             `param:"announce" default:"true" doc:"Whether the channel may be announced to the network."`
	PushMsat     amount.Msat      `param:"push_msat" default:"0" doc:"A gift to the peer: its balance at the start."`
	CloseTo      string           `param:"close_to,optional" doc:"Address for our balance when the channel is closed by both."`
	RequestAmt   *amount.Sat      `param:"request_amt" doc:"Refused: liquidity cannot be leased yet."`
	CompactLease string           `param:"compact_lease,optional" doc:"Refused: liquidity cannot be leased yet."`
	MinDepth     *uint32          `param:"mindepth" doc:"Confirmations until we use the channel, should the peer ask for fewer."`
	Reserve      *amount.Sat      `param:"reserve" doc:"What the peer must keep on its side; one percent if omitted."`
}

// Validate implements the check after parsing.
func (p *multiFundChannelParams) Validate() error {
	switch {
	case len(p.Destinations) == 0:
		return command.BadParam("destinations", "is empty")
	case p.MinConf < 0 || p.MinConf > 1000:
		return command.BadParam("minconf", "should be between 0 and 1000")
	case p.MinChannels != nil && (*p.MinChannels == 0 || int(*p.MinChannels) > len(p.Destinations)):
		return command.BadParam("minchannels", "is %d, should be 1 to the number of destinations, %d", *p.MinChannels, len(p.Destinations))
	}
	seen, all := map[keys.PubKey]bool{}, false
	for i := range p.Destinations {
		d := &p.Destinations[i]
		id, _, err := d.peer()
		switch {
		case err != nil:
			return err
		case seen[id]:
			return command.BadParam("destinations", "%s is there twice", id)
		case all && d.Amount.All:
			return command.BadParam("destinations", "only one of them can get all")
		}
		seen[id], all = true, all || d.Amount.All
		if err := d.check(); err != nil {
			return err
		}
	}
	return nil
}

// peer is the destination's id, and where it is, as far as the caller says.
func (d *fundDestination) peer() (id keys.PubKey, host string, err error) {
	text, host, _ := strings.Cut(d.ID, "@")
	if id, err = keys.ParsePubKey(text); err != nil {
		return id, "", command.BadParam("destinations", "id: %w", err)
	}
	return id, host, nil
}

func (d *fundDestination) check() error {
	switch {
	case d.RequestAmt != nil || d.CompactLease != "":
		return command.BadParam("destinations", "request_amt: liquidity cannot be leased yet")
	case !d.Amount.All && d.PushMsat > d.Amount.Sat.Msat():
		return command.BadParam("destinations", "push_msat: is %s, more than the channel's %s", d.PushMsat, d.Amount.Sat)
	}
	return checkMinDepth(d.MinDepth)
}

type multiFundChannelResult struct {
	Tx         command.Hex         `json:"tx" doc:"The funding transaction."`
	Txid       string              `json:"txid" doc:"Its id."`
	ChannelIDs []fundedDestination `json:"channel_ids" doc:"The channels."`
	Failed     []failedDestination `json:"failed,omitempty" doc:"The destinations that failed."`
}

type fundedDestination struct {
	ID          string             `json:"id" doc:"The peer."`
	Outnum      uint32             `json:"outnum" doc:"Which output of the transaction is the channel."`
	ChannelID   string             `json:"channel_id" doc:"The channel."`
	ChannelType *channelTypeResult `json:"channel_type" doc:"The type that was agreed on."`
	CloseTo     command.Hex        `json:"close_to,omitempty" doc:"Where our balance goes when both close the channel, if it was chosen and the peer holds us to it."`
}

type failedDestination struct {
	ID     string     `json:"id" doc:"The peer."`
	Method string     `json:"method" doc:"The step that failed: connect, fundchannel_start or fundchannel_complete."`
	Error  *rpc.Error `json:"error" doc:"Why: its code and message."`
}

func (n *node) multiFundChannelCommand() *command.Command {
	return command.New(command.Doc{
		Name: "multifundchannel", Category: command.Channels,
		Short: "Open channels with several peers by one transaction.",
		Long: "It connects to the peers if it must. Each takes the same steps as with fundchannel. Destinations that fail are left out, and as long as " +
			"minchannels remain the transaction is made anew for those; otherwise none of the channels is opened. The transaction is broadcast " +
			"only when all channels that remain are stored.",
		Errors: []command.Failure{
			{Code: rpc.CodeFundMaxExceeded, When: "A peer takes no channel of this size."},
			{Code: rpc.CodeFundCannotAfford, When: "The wallet has not enough coins."},
			{Code: rpc.CodeFundOutputIsDust, When: "An amount is too small."},
			{Code: rpc.CodeFundBroadcastFail, When: "The backend did not take the funding transaction."},
			{Code: rpc.CodeFundStillSyncing, When: "The node has not seen all blocks yet."},
			{Code: rpc.CodeFundEmergencyReserve, When: "It would use up what is kept to close anchor channels."},
			{Code: rpc.CodeConnectAllAddressesFailed, When: "A peer was not reached; the other codes of connect are possible too."},
		},
		SeeAlso: []string{"fundchannel", "connect", "listpeerchannels", "multiwithdraw"},
	}, n.multiFundChannel)
}

func (n *node) multiFundChannel(ctx context.Context, p *multiFundChannelParams) (*multiFundChannelResult, error) {
	order := &fundOrder{least: len(p.Destinations), feerate: p.Feerate, minConf: int(p.MinConf), utxos: p.Utxos}
	if p.MinChannels != nil {
		order.least = int(*p.MinChannels)
	}
	var commitFee amount.FeeratePerKw
	if p.CommitFee != nil {
		var err error
		if commitFee, err = n.feerate(p.CommitFee, ""); err != nil {
			return nil, err
		}
	}
	for i := range p.Destinations {
		d, err := n.destinationOf(&p.Destinations[i])
		if err != nil {
			return nil, err
		}
		d.feerate = commitFee
		order.destinations = append(order.destinations, d)
	}
	f, err := n.fundChannels(ctx, order)
	if err != nil {
		var failed *openFailure
		if errors.As(err, &failed) {
			return nil, failed.rpcError().WithData(map[string]string{"id": failed.id.String(), "method": failed.method})
		}
		return nil, err
	}
	return n.showFunded(f), nil
}

func (n *node) destinationOf(p *fundDestination) (*destination, error) {
	id, host, err := p.peer()
	if err != nil {
		return nil, err
	}
	if id == n.id {
		return nil, command.BadParam("destinations", "%s is this node itself", id)
	}
	d := &destination{id: id, host: host, amount: p.Amount}
	d.announce, d.push, d.minDepth, d.reserve = p.Announce, p.PushMsat, p.MinDepth, p.Reserve
	d.closeTo, err = n.closeToParam(p.CloseTo)
	return d, err
}

// rpcError is the failure without what it was about.
func (f *openFailure) rpcError() *rpc.Error {
	var e *rpc.Error
	if errors.As(f.err, &e) {
		return e
	}
	return rpc.Errorf(rpc.CodeFailed, "%w", f.err)
}

func (n *node) showFunded(f *funder) *multiFundChannelResult {
	r := &multiFundChannelResult{Tx: f.tx.signed, Txid: f.tx.tx.TxHash().String()}
	for i, d := range f.left {
		r.ChannelIDs = append(r.ChannelIDs, fundedDestination{
			ID: d.id.String(), Outnum: uint32(f.tx.outputs[i]), ChannelID: d.secured.ChannelID.String(),
			ChannelType: showChannelType(d.secured.ChannelType), CloseTo: n.heldTo(&d.channelTerms, d.conn),
		})
	}
	for _, failed := range f.failed {
		r.Failed = append(r.Failed, failedDestination{failed.id.String(), failed.method, failed.rpcError()})
	}
	return r
}
