package main

import (
	"context"

	"fulmen/internal/amount"
	"fulmen/internal/command"
	"fulmen/internal/keys"
	"fulmen/internal/store"
)

type listClosedChannelsParams struct {
	ID *keys.PubKey `param:"id" doc:"Only channels with this peer."`
}

// closedChannelResult is a channel that is forgotten.
type closedChannelResult struct {
	PeerID                 command.Hex        `json:"peer_id" doc:"The peer."`
	ChannelID              command.Hex        `json:"channel_id" doc:"Its channel_id."`
	ShortChannelID         string             `json:"short_channel_id,omitempty" doc:"Where its funding output is in the chain."`
	Alias                  *aliasResult       `json:"alias,omitempty" doc:"Other names of the channel."`
	Opener                 string             `json:"opener" doc:"local or remote."`
	Closer                 string             `json:"closer,omitempty" doc:"local or remote: who began to close it."`
	Private                bool               `json:"private" doc:"Whether it was not announced."`
	ChannelType            *channelTypeResult `json:"channel_type,omitempty" doc:"The channel_type."`
	TotalLocalCommitments  uint64             `json:"total_local_commitments" doc:"How many commitment transactions we had."`
	TotalRemoteCommitments uint64             `json:"total_remote_commitments" doc:"How many the peer had."`
	TotalHTLCsSent         uint64             `json:"total_htlcs_sent" doc:"How many HTLCs we offered."`
	FundingTxid            string             `json:"funding_txid" doc:"The transaction that opened it."`
	FundingOutnum          uint16             `json:"funding_outnum" doc:"Its output."`
	Leased                 bool               `json:"leased" doc:"Whether it was leased; none is."`
	FundingPushedMsat      amount.Msat        `json:"funding_pushed_msat,omitempty" doc:"What the opener gave the other side."`
	FundingPSBT            string             `json:"funding_psbt,omitempty" doc:"That transaction, as fundchannel_complete or sendpsbt had it."`
	FundingWithheld        bool               `json:"funding_withheld" doc:"Whether that was never broadcast."`
	TotalMsat              amount.Msat        `json:"total_msat" doc:"The capacity."`
	FinalToUsMsat          amount.Msat        `json:"final_to_us_msat" doc:"Our balance at the end."`
	MinToUsMsat            amount.Msat        `json:"min_to_us_msat" doc:"The least that it ever was."`
	MaxToUsMsat            amount.Msat        `json:"max_to_us_msat" doc:"The most that it ever was."`
	LastCommitmentTxid     string             `json:"last_commitment_txid,omitempty" doc:"The transaction of ours that closed it, or could have."`
	LastCommitmentFeeMsat  *amount.Msat       `json:"last_commitment_fee_msat,omitempty" doc:"The fee of that transaction."`
	CloseCause             string             `json:"close_cause" doc:"unknown, local, user, remote, protocol or onchain."`
	LastStableConnection   int64              `json:"last_stable_connection,omitempty" doc:"When it last was up for a minute, unix seconds."`
}

type listClosedChannelsResult struct {
	ClosedChannels []*closedChannelResult `json:"closedchannels" doc:"The channels, oldest first."`
}

func (n *node) listClosedChannelsCommand() *command.Command {
	return command.New(command.Doc{
		Name: "listclosedchannels", Category: command.Network,
		Short:   "List the channels that are settled in the chain.",
		Long:    "Until a close is deep enough in the chain, listpeerchannels has the channel.",
		SeeAlso: []string{"listpeerchannels"},
	}, n.listClosedChannels)
}

func (n *node) listClosedChannels(_ context.Context, p *listClosedChannelsParams) (*listClosedChannelsResult, error) {
	rows, err := n.db.ClosedChannels(p.ID)
	if err != nil {
		return nil, err
	}
	r := &listClosedChannelsResult{ClosedChannels: make([]*closedChannelResult, len(rows))}
	for i, row := range rows {
		tally, err := n.db.LoadTally(row.ID)
		if err != nil {
			return nil, err
		}
		r.ClosedChannels[i] = showClosed(row, tally)
	}
	return r, nil
}

func showClosed(row *store.Channel, tally *store.Tally) *closedChannelResult {
	r := &closedChannelResult{
		PeerID: row.PeerID[:], ChannelID: row.ChannelID[:], Alias: showAlias(row), Opener: row.Opener, Closer: row.Closer,
		Private: row.Private, ChannelType: showChannelType(row.ChannelType),
		TotalLocalCommitments: tally.LocalRevoked + 1, TotalRemoteCommitments: tally.RemoteSigned, TotalHTLCsSent: tally.OutOffered.N,
		FundingTxid: txidText(row.FundingTxid), FundingOutnum: row.FundingOutput, FundingPushedMsat: row.Pushed,
		FundingPSBT: row.FundingPSBT, FundingWithheld: row.Withheld,
		TotalMsat: row.FundingSats.Msat(), FinalToUsMsat: tally.ToUs, MinToUsMsat: tally.MinToUs, MaxToUsMsat: tally.MaxToUs,
		CloseCause: row.CloseCause,
	}
	if r.CloseCause == "" {
		r.CloseCause = "unknown"
	}
	if row.ShortChannelID != 0 {
		r.ShortChannelID = row.ShortChannelID.String()
	}
	if !row.LastStable.IsZero() {
		r.LastStableConnection = row.LastStable.Unix()
	}
	if tx, err := decodeTx(row.CloseTx); err == nil {
		fee := row.FundingSats
		for _, out := range tx.TxOut {
			fee -= amount.Sat(out.Value)
		}
		msat := fee.Msat()
		r.LastCommitmentTxid, r.LastCommitmentFeeMsat = tx.TxHash().String(), &msat
	}
	return r
}
