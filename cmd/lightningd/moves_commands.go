package main

import (
	"context"
	"encoding/hex"

	"fulmen/internal/amount"
	"fulmen/internal/command"
	"fulmen/internal/keys"
	"fulmen/internal/store"
	"fulmen/internal/wire"
)

type listMovesParams struct {
	Index string `param:"index" enum:"created" default:"created" doc:"Which index orders the list."`
	Start uint64 `param:"start" default:"0" doc:"The first index to list."`
	Limit uint32 `param:"limit" default:"0" doc:"How many to list at most; 0 is no limit."`
}

func (p *listMovesParams) page() store.Page { return store.Page{Start: p.Start, Limit: p.Limit} }

type chainMove struct {
	CreatedIndex       uint64      `json:"created_index" doc:"Counts movements from 1; a reorganisation leaves gaps."`
	AccountID          string      `json:"account_id" doc:"wallet, external, or a channel_id."`
	CreditMsat         amount.Msat `json:"credit_msat" doc:"What came to the account."`
	DebitMsat          amount.Msat `json:"debit_msat" doc:"What left it."`
	Timestamp          int64       `json:"timestamp" doc:"When this node saw it, unix seconds."`
	PrimaryTag         string      `json:"primary_tag" doc:"What it was."`
	ExtraTags          []string    `json:"extra_tags" doc:"More about it."`
	PeerID             string      `json:"peer_id,omitempty" doc:"The channel's peer."`
	OriginatingAccount string      `json:"originating_account,omitempty" doc:"The account that it came from."`
	SpendingTxid       string      `json:"spending_txid,omitempty" doc:"The transaction that spent it."`
	UTXO               string      `json:"utxo" doc:"The output that came, or that was spent."`
	PaymentHash        string      `json:"payment_hash,omitempty" doc:"That of the HTLC."`
	OutputMsat         amount.Msat `json:"output_msat" doc:"What that output has; not all of it need be ours."`
	OutputCount        uint32      `json:"output_count,omitempty" doc:"How many outputs that transaction has."`
	BlockHeight        uint32      `json:"blockheight" doc:"The block of the output, or of its spending."`
}

type listChainMovesResult struct {
	ChainMoves []*chainMove `json:"chainmoves" doc:"The movements."`
}

func (n *node) listChainMovesCommand() *command.Command {
	return command.New(command.Doc{
		Name: "listchainmoves", Category: command.Bitcoin,
		Short:   "List what became of each satoshi in the chain.",
		Long:    "One entry for each output that came to an account, or left it; what a transaction's outputs lack was its fee.",
		SeeAlso: []string{"listchannelmoves", "listtransactions", "listfunds"},
	}, n.listChainMoves)
}

func (n *node) listChainMoves(_ context.Context, p *listMovesParams) (*listChainMovesResult, error) {
	list, err := n.db.ChainMoves(p.page())
	if err != nil {
		return nil, err
	}
	r := &listChainMovesResult{ChainMoves: make([]*chainMove, len(list))}
	for i := range list {
		r.ChainMoves[i] = showChainMove(&list[i])
	}
	return r, nil
}

func showChainMove(m *store.ChainMove) *chainMove {
	e := &chainMove{
		CreatedIndex: m.CreatedIndex, AccountID: m.Account, OriginatingAccount: m.Origin, PrimaryTag: m.Tag, ExtraTags: []string{},
		CreditMsat: m.Credit, DebitMsat: m.Debit, Timestamp: m.At.Unix(), UTXO: m.Outpoint.String(), OutputMsat: m.Output.Msat(),
		OutputCount: m.OutputCount, PaymentHash: hexOrEmpty(m.PaymentHash), BlockHeight: uint32(m.Height), PeerID: peerOrEmpty(m.PeerID),
	}
	e.ExtraTags = append(e.ExtraTags, m.ExtraTags...)
	if m.SpendingTxid != nil {
		e.SpendingTxid = txidText(*m.SpendingTxid)
	}
	return e
}

func peerOrEmpty(p *keys.PubKey) string {
	if p == nil {
		return ""
	}
	return p.String()
}

func hexOrEmpty(h *[32]byte) string {
	if h == nil {
		return ""
	}
	return hex.EncodeToString(h[:])
}

type channelMove struct {
	CreatedIndex uint64      `json:"created_index" doc:"Counts movements from 1."`
	AccountID    string      `json:"account_id" doc:"The channel_id."`
	CreditMsat   amount.Msat `json:"credit_msat" doc:"What came to our side."`
	DebitMsat    amount.Msat `json:"debit_msat" doc:"What left it."`
	Timestamp    int64       `json:"timestamp" doc:"When, unix seconds."`
	PrimaryTag   string      `json:"primary_tag" doc:"invoice, routed or pushed."`
	PaymentHash  string      `json:"payment_hash,omitempty" doc:"The payment's."`
	PartID       *uint64     `json:"part_id,omitempty" doc:"Which part of a payment of ours."`
	GroupID      *uint64     `json:"group_id,omitempty" doc:"Which attempt of it."`
	FeesMsat     amount.Msat `json:"fees_msat" doc:"What others earned by it, or we as we forwarded it."`
}

type listChannelMovesResult struct {
	ChannelMoves []*channelMove `json:"channelmoves" doc:"The movements."`
}

func (n *node) listChannelMovesCommand() *command.Command {
	return command.New(command.Doc{
		Name: "listchannelmoves", Category: command.Channels,
		Short:   "List what moved within channels.",
		Long:    "One entry for each HTLC that was fulfilled, and for what an opener gave the other side.",
		SeeAlso: []string{"listchainmoves", "listforwards", "listpays", "listinvoices"},
	}, n.listChannelMoves)
}

func (n *node) listChannelMoves(_ context.Context, p *listMovesParams) (*listChannelMovesResult, error) {
	list, err := n.db.ChannelMoves(p.page())
	if err != nil {
		return nil, err
	}
	ids, err := n.db.ChannelIDs()
	if err != nil {
		return nil, err
	}
	r := &listChannelMovesResult{ChannelMoves: make([]*channelMove, len(list))}
	for i := range list {
		r.ChannelMoves[i] = showChannelMove(&list[i], ids[list[i].Channel])
	}
	return r, nil
}

func showChannelMove(m *store.ChannelMove, id wire.ChannelID) *channelMove {
	return &channelMove{
		CreatedIndex: m.CreatedIndex, AccountID: id.String(), PrimaryTag: m.Tag.String(), CreditMsat: m.Credit, DebitMsat: m.Debit,
		Timestamp: m.At.Unix(), PaymentHash: hexOrEmpty(m.PaymentHash), PartID: m.Part, GroupID: m.Group, FeesMsat: m.Fees,
	}
}
