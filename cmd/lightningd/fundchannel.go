package main

import (
	"context"
	"errors"

	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/command"
	"fulmen/internal/features"
	"fulmen/internal/keys"
	"fulmen/internal/rpc"
)

type fundChannelParams struct {
	ID           keys.PubKey        `param:"id" doc:"The peer."`
	Amount       command.SatOrAll   `param:"amount" doc:"The channel's capacity; all takes what the wallet has."`
	Feerate      *command.Feerate   `param:"feerate" doc:"Of the funding transaction; opening if omitted."`
	Announce     bool               `param:"announce" default:"true" doc:"Whether the channel may be announced to the network."`
	MinConf      int64              `param:"minconf" default:"1" doc:"Confirmations that the coins must have."`
	PushMsat     amount.Msat        `param:"push_msat" default:"0" doc:"A gift to the peer: its balance at the start."`
	CloseTo      string             `param:"close_to,optional" doc:"Address for our balance when the channel is closed by both."`
	RequestAmt   *amount.Sat        `param:"request_amt" doc:"Refused: liquidity cannot be leased yet."`
	CompactLease string             `param:"compact_lease,optional" doc:"Refused: liquidity cannot be leased yet."`
	Utxos        []btcwire.OutPoint `param:"utxos,optional" doc:"The coins to take, all of them; the wallet chooses if omitted."`
	MinDepth     *uint32            `param:"mindepth" doc:"Confirmations until we use the channel, should the peer ask for fewer."`
	Reserve      *amount.Sat        `param:"reserve" doc:"What the peer must keep on its side; one percent if omitted."`
	ChannelType  []uint32           `param:"channel_type,optional" doc:"Feature bits of the type to ask for; the best that both know if omitted."`
}

// Validate implements the check after parsing.
func (p *fundChannelParams) Validate() error {
	switch {
	case p.RequestAmt != nil || p.CompactLease != "":
		return command.BadParam("request_amt", "liquidity cannot be leased yet")
	case p.MinConf < 0 || p.MinConf > 1000:
		return command.BadParam("minconf", "should be between 0 and 1000")
	case !p.Amount.All && p.PushMsat > p.Amount.Sat.Msat():
		return command.BadParam("push_msat", "is %s, more than the channel's %s", p.PushMsat, p.Amount.Sat)
	}
	if err := checkMinDepth(p.MinDepth); err != nil {
		return err
	}
	_, err := channelTypeOf(p.ChannelType)
	return err
}

// checkMinDepth refuses what nobody waits for.
func checkMinDepth(depth *uint32) error {
	if depth != nil && *depth > maxMinimumDepth {
		return command.BadParam("mindepth", "is %d, at most %d", *depth, maxMinimumDepth)
	}
	return nil
}

// channelTypeOf reads a channel_type that is given by its bits; nil for none.
func channelTypeOf(bits []uint32) (features.Vector, error) {
	if len(bits) == 0 {
		return nil, nil
	}
	var v features.Vector
	for _, bit := range bits {
		if bit > 1000 {
			return nil, command.BadParam("channel_type", "bit %d is not of a channel type", bit)
		}
		v = v.Set(features.Bit(bit))
	}
	if _, err := features.ParseChannelType(v); err != nil {
		return nil, command.BadParam("channel_type", "%w", err)
	}
	return v, nil
}

type fundChannelResult struct {
	Tx          command.Hex        `json:"tx" doc:"The funding transaction."`
	Txid        string             `json:"txid" doc:"Its id."`
	Outnum      uint32             `json:"outnum" doc:"Which of its outputs is the channel."`
	ChannelID   string             `json:"channel_id" doc:"The channel."`
	ChannelType *channelTypeResult `json:"channel_type" doc:"The type that was agreed on."`
	CloseTo     command.Hex        `json:"close_to,omitempty" doc:"Where our balance goes when both close the channel, if it was chosen and the peer holds us to it."`
	MinDepth    uint32             `json:"mindepth" doc:"Confirmations until the channel can be used."`
}

func (n *node) fundChannelCommand() *command.Command {
	return command.New(command.Doc{
		Name: "fundchannel", Category: command.Channels,
		Short: "Open a channel with coins of the wallet.",
		Long: "It connects to the peer if it must, and returns when the channel is stored and its funding transaction is broadcast. " +
			"The channel can be used when that is confirmed.",
		Errors: []command.Failure{
			{Code: rpc.CodeFundMaxExceeded, When: "The peer takes no channel of this size."},
			{Code: rpc.CodeFundCannotAfford, When: "The wallet has not enough coins."},
			{Code: rpc.CodeFundOutputIsDust, When: "The amount is too small."},
			{Code: rpc.CodeFundBroadcastFail, When: "The backend did not take the funding transaction."},
			{Code: rpc.CodeFundStillSyncing, When: "The node has not seen all blocks yet."},
			{Code: rpc.CodeFundEmergencyReserve, When: "It would use up what is kept to close anchor channels."},
		},
		SeeAlso: []string{"connect", "listpeerchannels", "close", "multifundchannel", "fundchannel_start"},
	}, n.fundChannel)
}

func (n *node) fundChannel(ctx context.Context, p *fundChannelParams) (*fundChannelResult, error) {
	d := &destination{id: p.ID, amount: p.Amount}
	d.announce, d.push, d.minDepth, d.reserve = p.Announce, p.PushMsat, p.MinDepth, p.Reserve
	var err error
	if d.channelType, err = channelTypeOf(p.ChannelType); err != nil {
		return nil, err
	}
	if d.closeTo, err = n.closeToParam(p.CloseTo); err != nil {
		return nil, err
	}
	f, err := n.fundChannels(ctx, &fundOrder{
		destinations: []*destination{d}, least: 1, feerate: p.Feerate, minConf: int(p.MinConf), utxos: p.Utxos,
	})
	if err != nil {
		var failed *openFailure
		if errors.As(err, &failed) {
			err = failed.err
		}
		return nil, err
	}
	return &fundChannelResult{
		Tx: f.tx.signed, Txid: f.tx.tx.TxHash().String(), Outnum: uint32(f.tx.outputs[0]), ChannelID: d.secured.ChannelID.String(),
		ChannelType: showChannelType(d.secured.ChannelType), MinDepth: d.secured.MinimumDepth, CloseTo: n.heldTo(&d.channelTerms, d.conn),
	}, nil
}

// closeToParam reads the parameter close_to into a script; nil if it was omitted.
func (n *node) closeToParam(address string) ([]byte, error) {
	if address == "" {
		return nil, nil
	}
	return n.decodeAddress("close_to", address)
}

// decodeAddress reads an address parameter into its script.
func (n *node) decodeAddress(param, address string) (script []byte, err error) {
	err = n.onLoop(func() error {
		script, err = n.wallet.Decode(address)
		return err
	})
	if err != nil {
		return nil, command.BadParam(param, "%w", err)
	}
	return script, nil
}
