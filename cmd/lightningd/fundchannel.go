package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/psbt/v2"
	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/chain"
	"fulmen/internal/command"
	"fulmen/internal/features"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/keys"
	"fulmen/internal/rpc"
	"fulmen/internal/wallet"
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
	MinDepth     *uint32            `param:"mindepth" doc:"Confirmations until we use the channel; the option funding-confirms if omitted."`
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
	return nil
}

type fundChannelResult struct {
	Tx          command.Hex        `json:"tx" doc:"The funding transaction."`
	Txid        string             `json:"txid" doc:"Its id."`
	Outnum      uint32             `json:"outnum" doc:"Which of its outputs is the channel."`
	ChannelID   string             `json:"channel_id" doc:"The channel."`
	ChannelType *channelTypeResult `json:"channel_type" doc:"The type that was agreed on."`
	CloseTo     command.Hex        `json:"close_to,omitempty" doc:"Where our balance goes when both close the channel, if it was chosen."`
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
		SeeAlso: []string{"connect", "listpeerchannels", "close"},
	}, n.fundChannel)
}

// maxSmallFunding is what a peer without option_support_large_channel takes (BOLT 2, open_channel).
const maxSmallFunding amount.Sat = 1<<24 - 1

// fundingTx is a funding transaction in the making: its inputs are reserved, its output has a
// placeholder until the peer's key is known.
type fundingTx struct {
	packet *psbt.Packet
	output int
	value  amount.Sat
	signed []byte
}

func (n *node) fundChannel(ctx context.Context, p *fundChannelParams) (*fundChannelResult, error) {
	if !n.chainCaughtUp() {
		return nil, rpc.Errorf(rpc.CodeFundStillSyncing, "this node has not seen all blocks of its backend yet")
	}
	order := &openOrder{}
	if p.CloseTo != "" {
		script, err := n.decodeAddress("close_to", p.CloseTo)
		if err != nil {
			return nil, err
		}
		order.closeTo = script
	}
	addrs, err := n.addressesOf(ctx, p.ID, "", nil)
	if err != nil {
		return nil, err
	}
	conn, err := n.connectTo(ctx, p.ID, addrs)
	if err != nil {
		return nil, connectError(err)
	}
	if order.funding, err = n.reserveFunding(ctx, p, conn); err != nil {
		return nil, err
	}
	open, err := n.openParams(p, order.funding.value, order.closeTo, conn)
	if err == nil {
		var opened *channeldmsg.Opened
		if opened, _, err = n.openChannel(ctx, conn, open, order); err == nil {
			return n.opened(ctx, p, order, opened)
		}
	}
	return nil, errors.Join(err, n.releaseFunding(order.funding))
}

// reserveFunding makes the funding transaction with a placeholder for its script, so that lack of coins
// is known before the peer is asked.
func (n *node) reserveFunding(ctx context.Context, p *fundChannelParams, conn *peerConn) (*fundingTx, error) {
	rate, err := n.feerate(p.Feerate, "opening")
	if err != nil {
		return nil, err
	}
	most := amount.MaxSat
	if !features.Negotiated(n.initFeatures, conn.features, features.SupportLargeChannel) {
		most = maxSmallFunding
	}
	if !p.Amount.All && p.Amount.Sat > most {
		return nil, rpc.Errorf(rpc.CodeFundMaxExceeded, "amount: %s is more than the %s that the peer takes", p.Amount.Sat, most)
	}
	// A p2wsh script: version 0 and 32 bytes.
	placeholder := append([]byte{0x00, 0x20}, make([]byte, 32)...)
	request := &wallet.SpendRequest{
		Outputs: []*btcwire.TxOut{btcwire.NewTxOut(int64(p.Amount.Sat), placeholder)}, AllTo: -1, Feerate: rate,
		MinConf: int(p.MinConf), Utxos: p.Utxos, Emergency: true,
	}
	if p.Amount.All {
		request.AllTo, request.AllAtMost = 0, most
	}
	var f *wallet.Funding
	err = n.onWallet(ctx, func(w *wallet.Wallet) (changes *wallet.Changes, err error) {
		f, changes, err = w.Spend(request)
		return changes, err
	})
	if err != nil {
		return nil, fundingError(err)
	}
	output := f.OutputIndex(0)
	return &fundingTx{packet: f.PSBT, output: output, value: amount.Sat(f.PSBT.UnsignedTx.TxOut[output].Value)}, nil
}

// fundingError gives an error of the wallet its code.
func fundingError(err error) error {
	for _, c := range []struct {
		is   error
		code rpc.Code
	}{
		{wallet.ErrInsufficient, rpc.CodeFundCannotAfford}, {wallet.ErrDust, rpc.CodeFundOutputIsDust},
		{wallet.ErrEmergency, rpc.CodeFundEmergencyReserve},
	} {
		if errors.Is(err, c.is) {
			return rpc.Errorf(c.code, "%w", err)
		}
	}
	if errors.Is(err, wallet.ErrFeerate) {
		return command.BadParam("feerate", "%w", err)
	}
	for _, is := range []error{wallet.ErrUnknown, wallet.ErrSpent, wallet.ErrReserved, wallet.ErrTwice} {
		if errors.Is(err, is) {
			return command.BadParam("utxos", "%w", err)
		}
	}
	return err
}

// releaseFunding frees the inputs of a funding transaction that came to nothing.
func (n *node) releaseFunding(f *fundingTx) error {
	return n.onWallet(n.ctx, func(w *wallet.Wallet) (*wallet.Changes, error) {
		_, changes, err := w.Unreserve(wallet.Inputs(f.packet), wallet.DefaultReserve)
		return changes, err
	})
}

// openParams are what the channel's process is told to open.
func (n *node) openParams(p *fundChannelParams, value amount.Sat, closeTo []byte, conn *peerConn) (*channeldmsg.Open, error) {
	open := &channeldmsg.Open{Funding: value, Push: p.PushMsat, Announce: p.Announce}
	if p.PushMsat > value.Msat() {
		return nil, command.BadParam("push_msat", "is %s, more than the channel's %s", p.PushMsat, value)
	}
	if len(p.ChannelType) > 0 {
		var v features.Vector
		for _, bit := range p.ChannelType {
			if bit > 1000 {
				return nil, command.BadParam("channel_type", "bit %d is not of a channel type", bit)
			}
			v = v.Set(features.Bit(bit))
		}
		if _, err := features.ParseChannelType(v); err != nil {
			return nil, command.BadParam("channel_type", "%w", err)
		}
		open.ChannelType = v
	}
	err := n.onLoop(func() error {
		expected := open.ChannelType
		if len(expected) == 0 && features.Negotiated(n.initFeatures, conn.features, features.Anchors) {
			expected = features.TypeAnchors.Vector()
		}
		open.Feerate = n.commitFeerate(expected)
		open.Terms, open.Limits = n.terms(), n.limits()
		return nil
	})
	if p.Reserve != nil {
		open.Terms.ChannelReserve = *p.Reserve
	}
	if features.Negotiated(n.initFeatures, conn.features, features.UpfrontShutdownScript) {
		open.Terms.UpfrontShutdownScript = closeTo // the peer then takes no other, from whoever owns us
	}
	return open, err
}

// choose puts the channel's script into the funding transaction; its id is final then.
func (f *fundingTx) choose(script []byte, value amount.Sat) (txid [32]byte, index uint32, err error) {
	out := f.packet.UnsignedTx.TxOut[f.output]
	if len(script) != len(out.PkScript) || value != f.value {
		return txid, 0, fmt.Errorf("the channel's process wants %s to a script of %d bytes, not %s to %d", value, len(script), f.value, len(out.PkScript))
	}
	out.PkScript, out.Value = script, int64(value)
	return f.packet.UnsignedTx.TxHash(), uint32(f.output), nil
}

// funds reports whether it is the signed transaction that a channel's process says its channel has.
func (f *fundingTx) funds(s *hsmdmsg.ChannelSetup) bool {
	return s.FundingTxid == f.packet.UnsignedTx.TxHash() && int(s.FundingOutput) == f.output && s.FundingSats == f.value
}

// sign has hsmd sign the funding transaction.
func (f *fundingTx) sign(ctx context.Context, n *node) error {
	if err := n.signPSBT(ctx, f.packet, nil); err != nil {
		return err
	}
	tx, err := wallet.Finalize(f.packet)
	if err != nil {
		return err
	}
	f.signed, err = encodeTx(tx)
	return err
}

// opened broadcasts the funding transaction of a channel that is stored.
func (n *node) opened(ctx context.Context, p *fundChannelParams, order *openOrder, m *channeldmsg.Opened) (*fundChannelResult, error) {
	tx, err := decodeTx(order.funding.signed)
	if err != nil {
		return nil, err
	}
	if err := n.onWallet(ctx, func(w *wallet.Wallet) (*wallet.Changes, error) { return w.Sent(tx), nil }); err != nil {
		return nil, err
	}
	// The channel exists and the peer knows of it: a backend that does not take the transaction now
	// gets it again with each block.
	if err := n.chain.Broadcast(ctx, chain.Broadcast{Tx: tx, Insist: true}); err != nil {
		return nil, rpc.Errorf(rpc.CodeFundBroadcastFail, "funding transaction %s is not taken yet, it will be sent again: %w", tx.TxHash(), err)
	}
	r := &fundChannelResult{
		Tx: order.funding.signed, Txid: tx.TxHash().String(), Outnum: uint32(m.Setup.FundingOutput), ChannelID: m.ChannelID.String(),
		ChannelType: showChannelType(m.ChannelType), MinDepth: m.MinimumDepth,
	}
	if p.CloseTo != "" {
		r.CloseTo = order.closeTo
	}
	return r, nil
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
