package main

import (
	"bytes"
	"context"
	"fmt"

	"github.com/btcsuite/btcd/psbt/v2"
	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/command"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/keys"
	"fulmen/internal/rpc"
	"fulmen/internal/wallet"
)

// fundchannel_start and fundchannel_complete open a channel with a transaction that somebody else makes. The first
// gives its caller the output, the second is given the transaction. In between the opening is in memory only.

type fundChannelStartParams struct {
	ID          keys.PubKey      `param:"id" doc:"The peer, which must be connected."`
	Amount      amount.Sat       `param:"amount" doc:"The channel's capacity: exactly what the funding output will have."`
	Feerate     *command.Feerate `param:"feerate" doc:"Of the first commitments, in a channel without anchors; what the chain asks for if omitted."`
	Announce    bool             `param:"announce" default:"true" doc:"Whether the channel may be announced to the network."`
	CloseTo     string           `param:"close_to,optional" doc:"Address for our balance when the channel is closed by both."`
	PushMsat    amount.Msat      `param:"push_msat" default:"0" doc:"A gift to the peer: its balance at the start."`
	MinDepth    *uint32          `param:"mindepth" doc:"Confirmations until we use the channel, should the peer ask for fewer."`
	Reserve     *amount.Sat      `param:"reserve" doc:"What the peer must keep on its side; one percent if omitted."`
	ChannelType []uint32         `param:"channel_type,optional" doc:"Feature bits of the type to ask for; the best that both know if omitted."`
}

// Validate implements the check after parsing.
func (p *fundChannelStartParams) Validate() error {
	if err := checkMinDepth(p.MinDepth); err != nil {
		return err
	}
	_, err := channelTypeOf(p.ChannelType)
	return err
}

type fundChannelStartResult struct {
	FundingAddress string             `json:"funding_address" doc:"The address to pay, by a transaction that goes to fundchannel_complete first."`
	ScriptPubKey   command.Hex        `json:"scriptpubkey" doc:"Its output script."`
	ChannelType    *channelTypeResult `json:"channel_type" doc:"The type that was agreed on."`
	CloseTo        command.Hex        `json:"close_to,omitempty" doc:"Where our balance goes when both close the channel, if it was chosen and the peer holds us to it."`
	WarningUsage   string             `json:"warning_usage" doc:"Not to broadcast the transaction before fundchannel_complete has returned."`
	MinDepth       uint32             `json:"mindepth" doc:"Confirmations until the channel can be used."`
}

const startWarning = "The funding transaction MUST NOT be broadcast before fundchannel_complete has returned: until then nobody can get back what it pays to this address."

func (n *node) fundChannelStartCommand() *command.Command {
	return command.New(command.Doc{
		Name: "fundchannel_start", Category: command.Channels,
		Short: "Begin to open a channel with a transaction of your own.",
		Long: "It returns the address that the funding transaction has to pay. The transaction then goes to fundchannel_complete. " +
			"It MUST NOT be broadcast before that has returned: what it pays could never be got back. With each peer one channel can be begun at a time. " +
			"If the peer disconnects or the node ends before fundchannel_complete, the channel is forgotten.",
		Errors: []command.Failure{
			{Code: rpc.CodeFundMaxExceeded, When: "The peer takes no channel of this size."},
			{Code: rpc.CodeFundCannotAfford, When: "push_msat is more than amount."},
			{Code: rpc.CodeFundStillSyncing, When: "The node has not seen all blocks yet."},
			{Code: rpc.CodeFundPeerNotConnected, When: "The peer is not connected."},
			{Code: rpc.CodeFundUnknownPeer, When: "The peer is not known."},
		},
		SeeAlso: []string{"fundchannel_complete", "fundchannel_cancel", "fundchannel", "connect"},
	}, n.fundChannelStart)
}

func (n *node) fundChannelStart(ctx context.Context, p *fundChannelStartParams) (*fundChannelStartResult, error) {
	if !n.chainCaughtUp() {
		return nil, rpc.Errorf(rpc.CodeFundStillSyncing, "this node has not seen all blocks of its backend yet")
	}
	terms := &channelTerms{announce: p.Announce, push: p.PushMsat, minDepth: p.MinDepth, reserve: p.Reserve}
	var err error
	if terms.closeTo, err = n.closeToParam(p.CloseTo); err != nil {
		return nil, err
	}
	if terms.channelType, err = channelTypeOf(p.ChannelType); err != nil {
		return nil, err
	}
	if p.Feerate != nil {
		if terms.feerate, err = n.feerate(p.Feerate, ""); err != nil {
			return nil, err
		}
	}
	var conn *peerConn
	if err := n.onLoop(func() error {
		peer, err := n.connectedPeer(p.ID)
		if err == nil {
			conn = peer.conn
		}
		return err
	}); err != nil {
		return nil, err
	}
	if err := n.checkFundingSize(p.Amount, conn); err != nil {
		return nil, err
	}
	open, err := n.openParams(terms, p.Amount, conn)
	if err != nil {
		return nil, err
	}
	o, err := n.openChannel(ctx, conn, open, &openOrder{value: p.Amount, external: true, closeTo: terms.closeTo})
	if err != nil {
		return nil, err
	}
	news, err := o.next(ctx)
	if err != nil {
		return nil, err
	}
	m := news.accepted
	return &fundChannelStartResult{
		FundingAddress: addressOf(m.PkScript, n.network.Params), ScriptPubKey: m.PkScript, ChannelType: showChannelType(m.ChannelType),
		CloseTo: n.heldTo(terms, conn), WarningUsage: startWarning, MinDepth: m.MinimumDepth,
	}, nil
}

// connectedPeer is a peer to begin a channel with.
func (n *node) connectedPeer(id keys.PubKey) (*peer, error) {
	p := n.peers[id]
	switch {
	case p == nil:
		return nil, rpc.Errorf(rpc.CodeFundUnknownPeer, "id: peer %s is not known", id)
	case p.conn == nil:
		return nil, rpc.Errorf(rpc.CodeFundPeerNotConnected, "id: peer %s is not connected", id)
	}
	return p, nil
}

type fundChannelCompleteParams struct {
	ID       keys.PubKey `param:"id" doc:"The peer."`
	PSBT     psbtParam   `param:"psbt" doc:"The funding transaction, whole but for the signatures, all inputs segwit."`
	Withhold bool        `param:"withhold" default:"false" doc:"The transaction will not be broadcast before sendpsbt sends it: until then a close just forgets the channel."`
}

type fundChannelCompleteResult struct {
	ChannelID          string `json:"channel_id" doc:"The channel."`
	CommitmentsSecured bool   `json:"commitments_secured" doc:"True: the funding transaction may be broadcast."`
}

func (n *node) fundChannelCompleteCommand() *command.Command {
	return command.New(command.Doc{
		Name: "fundchannel_complete", Category: command.Channels,
		Short: "Go on with a channel that fundchannel_start has begun.",
		Long: "When it has returned, the channel is stored, and both sides could close it: the funding transaction may be broadcast, by sendpsbt or " +
			"in any other way. Its id must not change by that. If it is not to be broadcast after all, fundchannel_cancel ends the channel.",
		Errors: []command.Failure{
			{Code: rpc.CodeFundPeerNotConnected, When: "The peer is not connected."},
			{Code: rpc.CodeFundUnknownPeer, When: "The peer is not known."},
			{Code: rpc.CodeFundPSBTInvalid, When: "The transaction has not exactly one output as it must be, or signatures could change its id."},
		},
		SeeAlso: []string{"fundchannel_start", "fundchannel_cancel", "sendpsbt"},
	}, n.fundChannelComplete)
}

// fundChannelComplete goes on without its caller, once the peer has our signature: the channel may be funded then.
func (n *node) fundChannelComplete(ctx context.Context, p *fundChannelCompleteParams) (*fundChannelCompleteResult, error) {
	var o *opening
	if err := n.onLoop(func() error {
		peer, err := n.connectedPeer(p.ID)
		if err != nil {
			return err
		}
		if o = peer.started(); o == nil || o.accepted == nil {
			return rpc.Errorf(rpc.CodeFailed, "no channel with peer %s was begun by fundchannel_start", p.ID)
		}
		return nil
	}); err != nil {
		return nil, err
	}
	outpoint, err := n.fundingIn(ctx, p.PSBT.Packet, o.accepted)
	if err != nil {
		return nil, rpc.Errorf(rpc.CodeFundPSBTInvalid, "psbt: %w", err)
	}
	text, err := p.PSBT.B64Encode()
	if err != nil {
		return nil, err
	}
	if err := n.onLoop(func() error { return o.fund(*outpoint) }); err != nil {
		return nil, err
	}
	news, err := o.next(n.ctx)
	if err != nil {
		return nil, err
	}
	stored := make(chan struct{})
	if err := n.onLoop(func() error {
		return n.storeOpened([]*opening{o}, &fundedBy{psbt: text, withheld: p.Withhold}, func() { close(stored) })
	}); err != nil {
		o.abandon(err)
		return nil, err
	}
	select {
	case <-stored:
		return &fundChannelCompleteResult{news.secured.ChannelID.String(), true}, nil
	case <-n.ctx.Done():
		return nil, rpc.ErrShutdown
	}
}

// fundingIn finds the one output of a PSBT that funds a channel, as it will be when the transaction is signed.
func (n *node) fundingIn(ctx context.Context, p *psbt.Packet, m *channeldmsg.NeedFunding) (*btcwire.OutPoint, error) {
	index, err := fundingOutput(p.UnsignedTx, m)
	if err != nil {
		return nil, err
	}
	var prevouts []*btcwire.TxOut
	if err := n.onLoop(func() error { prevouts = n.wallet.Prevouts(p); return nil }); err != nil {
		return nil, err
	}
	for i, o := range wallet.Inputs(p) {
		if prevouts[i] != nil {
			continue
		}
		out, err := n.funding.backend.Output(ctx, o)
		if err != nil {
			return nil, fmt.Errorf("input %d: ask the backend for %s: %w", i, o, err)
		}
		if out != nil {
			prevouts[i] = btcwire.NewTxOut(int64(out.Amount), out.Script)
		}
	}
	txid, err := wallet.FinalTxid(p, prevouts)
	return &btcwire.OutPoint{Hash: txid, Index: index}, err
}

// fundingOutput is the output of a transaction that is as the channel needs it; there must be just one that pays to
// the channel.
func fundingOutput(tx *btcwire.MsgTx, m *channeldmsg.NeedFunding) (uint32, error) {
	found := -1
	for i, out := range tx.TxOut {
		if !bytes.Equal(out.PkScript, m.PkScript) {
			continue
		}
		if found >= 0 {
			return 0, fmt.Errorf("outputs %d and %d both pay to the channel", found, i)
		}
		if out.Value != int64(m.Amount) {
			return 0, fmt.Errorf("output %d has %d satoshi, the channel %s", i, out.Value, m.Amount)
		}
		found = i
	}
	if found < 0 {
		return 0, fmt.Errorf("no output pays %s to script %x", m.Amount, m.PkScript)
	}
	if found > maxOutputIndex {
		return 0, fmt.Errorf("output %d funds the channel, it must be one of the first %d", found, maxOutputIndex+1)
	}
	return uint32(found), nil
}

// maxOutputIndex is the greatest that funding_created can name (BOLT 2).
const maxOutputIndex = 1<<16 - 1
