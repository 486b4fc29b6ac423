package main

import (
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/txscript/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/command"
)

// peerChannelResult is a channel as listpeerchannels shows it.
type peerChannelResult struct {
	PeerID                    command.Hex         `json:"peer_id" doc:"The peer."`
	PeerConnected             bool                `json:"peer_connected" doc:"Whether it is connected."`
	Reestablished             *bool               `json:"reestablished,omitempty" doc:"Whether both sides have agreed where the channel stands since they are connected."`
	ChannelType               *channelTypeResult  `json:"channel_type,omitempty" doc:"The channel_type."`
	IgnoreFeeLimits           bool                `json:"ignore_fee_limits" doc:"Whether the peer may set any fee rate."`
	Updates                   updatesResult       `json:"updates" doc:"What each side asks of those who forward."`
	LastStableConnection      int64               `json:"last_stable_connection,omitempty" doc:"When it last was up for a minute, unix seconds."`
	State                     string              `json:"state" doc:"The phase of its life."`
	ScratchTxid               string              `json:"scratch_txid" doc:"The commitment transaction that would be broadcast now."`
	LastTxFeeMsat             amount.Msat         `json:"last_tx_fee_msat" doc:"The fee of our commitment transaction."`
	LostState                 bool                `json:"lost_state" doc:"Whether this node lost state of the channel: it waits for the peer to close."`
	Feerate                   feerateResult       `json:"feerate" doc:"The fee rate of the commitment transaction."`
	Owner                     string              `json:"owner,omitempty" doc:"The process that runs it."`
	ShortChannelID            string              `json:"short_channel_id,omitempty" doc:"Where its funding output is in the chain."`
	Direction                 *int                `json:"direction,omitempty" doc:"0 if our id is the lesser, else 1."`
	ChannelID                 command.Hex         `json:"channel_id" doc:"Its channel_id."`
	FundingTxid               string              `json:"funding_txid" doc:"The transaction that opened it."`
	FundingOutnum             uint16              `json:"funding_outnum" doc:"Its output."`
	CloseToAddr               string              `json:"close_to_addr,omitempty" doc:"Where our balance goes in a mutual close, if that has an address."`
	CloseTo                   command.Hex         `json:"close_to,omitempty" doc:"The output script where our balance goes in a mutual close."`
	Private                   bool                `json:"private" doc:"Whether it is not announced."`
	Opener                    string              `json:"opener" doc:"local or remote."`
	Closer                    string              `json:"closer,omitempty" doc:"local or remote: who began to close it."`
	Alias                     *aliasResult        `json:"alias,omitempty" doc:"Other names of the channel."`
	Features                  []string            `json:"features" doc:"The features that matter for it."`
	Funding                   fundingResult       `json:"funding" doc:"Who paid for it."`
	ToUsMsat                  amount.Msat         `json:"to_us_msat" doc:"Our balance."`
	MinToUsMsat               amount.Msat         `json:"min_to_us_msat" doc:"The least that it ever was."`
	MaxToUsMsat               amount.Msat         `json:"max_to_us_msat" doc:"The most that it ever was."`
	TotalMsat                 amount.Msat         `json:"total_msat" doc:"The capacity."`
	FeeBaseMsat               amount.Msat         `json:"fee_base_msat" doc:"What we ask for each payment forwarded."`
	FeeProportionalMillionths uint32              `json:"fee_proportional_millionths" doc:"What we ask of its amount."`
	DustLimitMsat             amount.Msat         `json:"dust_limit_msat" doc:"The least output of our commitment transaction."`
	TheirMaxInFlightMsat      amount.Msat         `json:"their_max_htlc_value_in_flight_msat" doc:"The most that we may have under way to the peer."`
	OurMaxInFlightMsat        amount.Msat         `json:"our_max_htlc_value_in_flight_msat" doc:"The most that the peer may have under way to us."`
	TheirReserveMsat          amount.Msat         `json:"their_reserve_msat" doc:"What the peer has to keep."`
	OurReserveMsat            amount.Msat         `json:"our_reserve_msat" doc:"What we have to keep."`
	SpendableMsat             amount.Msat         `json:"spendable_msat" doc:"About the most that one HTLC could carry to the peer now."`
	ReceivableMsat            amount.Msat         `json:"receivable_msat" doc:"About the most that one HTLC could carry to us now."`
	MinimumHTLCInMsat         amount.Msat         `json:"minimum_htlc_in_msat" doc:"The least HTLC that we accept."`
	MinimumHTLCOutMsat        amount.Msat         `json:"minimum_htlc_out_msat" doc:"The least HTLC that we forward."`
	MaximumHTLCOutMsat        amount.Msat         `json:"maximum_htlc_out_msat" doc:"The greatest HTLC that we forward."`
	TheirToSelfDelay          block.Delta         `json:"their_to_self_delay" doc:"Blocks for which the peer's funds are locked if it closes unilaterally."`
	OurToSelfDelay            block.Delta         `json:"our_to_self_delay" doc:"Blocks for which ours are if we do."`
	MaxAcceptedHTLCs          uint16              `json:"max_accepted_htlcs" doc:"How many HTLCs the peer may have under way to us."`
	StateChanges              []stateChangeResult `json:"state_changes" doc:"The changes of its state, oldest first."`
	Status                    []string            `json:"status" doc:"What it does, in words."`
	InPaymentsOffered         uint64              `json:"in_payments_offered" doc:"HTLCs that the peer offered."`
	InOfferedMsat             amount.Msat         `json:"in_offered_msat" doc:"Their sum."`
	InPaymentsFulfilled       uint64              `json:"in_payments_fulfilled" doc:"Those that were fulfilled."`
	InFulfilledMsat           amount.Msat         `json:"in_fulfilled_msat" doc:"Their sum."`
	OutPaymentsOffered        uint64              `json:"out_payments_offered" doc:"HTLCs that we offered."`
	OutOfferedMsat            amount.Msat         `json:"out_offered_msat" doc:"Their sum."`
	OutPaymentsFulfilled      uint64              `json:"out_payments_fulfilled" doc:"Those that were fulfilled."`
	OutFulfilledMsat          amount.Msat         `json:"out_fulfilled_msat" doc:"Their sum."`
	HTLCs                     []htlcResult        `json:"htlcs" doc:"HTLCs under way."`
}

type updatesResult struct {
	Local  *updateResult `json:"local" doc:"This node."`
	Remote *updateResult `json:"remote,omitempty" doc:"The peer, once it told."`
}

type updateResult struct {
	HTLCMinimumMsat           amount.Msat `json:"htlc_minimum_msat" doc:"The least HTLC."`
	HTLCMaximumMsat           amount.Msat `json:"htlc_maximum_msat" doc:"The greatest HTLC."`
	CLTVExpiryDelta           block.Delta `json:"cltv_expiry_delta" doc:"The blocks that an HTLC must leave."`
	FeeBaseMsat               amount.Msat `json:"fee_base_msat" doc:"The price of each HTLC."`
	FeeProportionalMillionths uint32      `json:"fee_proportional_millionths" doc:"The price of its amount."`
}

type feerateResult struct {
	PerKw amount.FeeratePerKw `json:"perkw" doc:"Satoshi for 1000 weight units."`
	PerKb uint64              `json:"perkb" doc:"Satoshi for 1000 virtual bytes."`
}

type fundingResult struct {
	LocalFundsMsat  amount.Msat `json:"local_funds_msat" doc:"What we funded."`
	RemoteFundsMsat amount.Msat `json:"remote_funds_msat" doc:"What the peer funded."`
	PushedMsat      amount.Msat `json:"pushed_msat" doc:"What the opener gave the other side."`
	PSBT            string      `json:"psbt,omitempty" doc:"The funding transaction, as fundchannel_complete or sendpsbt had it."`
	Withheld        bool        `json:"withheld" doc:"Whether that is held back until sendpsbt: a close just forgets the channel."`
}

type aliasResult struct {
	Local  string `json:"local,omitempty" doc:"Our name for it."`
	Remote string `json:"remote,omitempty" doc:"The peer's name for it, by which others can pay us."`
}

type stateChangeResult struct {
	Timestamp string `json:"timestamp" doc:"When, UTC."`
	OldState  string `json:"old_state" doc:"The state before."`
	NewState  string `json:"new_state" doc:"The state after."`
	Cause     string `json:"cause" doc:"unknown, local, user, remote, protocol or onchain."`
	Message   string `json:"message" doc:"Why, in words."`
}

type htlcResult struct {
	Direction    string       `json:"direction" doc:"in or out."`
	ID           uint64       `json:"id" doc:"Its id in the channel."`
	AmountMsat   amount.Msat  `json:"amount_msat" doc:"What it carries."`
	Expiry       block.Height `json:"expiry" doc:"The block at which it expires."`
	PaymentHash  command.Hex  `json:"payment_hash" doc:"SHA256 of the preimage."`
	LocalTrimmed bool         `json:"local_trimmed,omitempty" doc:"It is too small for an output in our commitment transaction."`
	State        string       `json:"state" doc:"How far it is."`
}

// txidText is a txid as people write it.
func txidText(id [32]byte) string { return chainhash.Hash(id).String() }

// addressOf is the address of an output script; empty if it has none.
func addressOf(script []byte, params *chaincfg.Params) string {
	_, addresses, _, err := txscript.ExtractPkScriptAddrs(script, params)
	if err != nil || len(addresses) != 1 {
		return ""
	}
	return addresses[0].EncodeAddress()
}
