package channel

import (
	"fmt"

	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/keys"
	"fulmen/internal/tx"
	"fulmen/internal/wire"
)

// Params are fixed when the channel is opened.
type Params struct {
	ChannelID     wire.ChannelID
	FundingTxid   [32]byte // internal byte order
	FundingOutput uint16
	FundingSats   amount.Sat
	Opener        bool // we opened it, and so pay the fee
	Anchors       bool // option_anchors; else static_remotekey alone
	Announce      bool
	MinimumDepth  uint32 // before channel_ready is sent
	Local         Side
	Remote        Side
}

// Side is what one side said of itself in open_channel or accept_channel. Its limits and delays
// bind the other side.
type Side struct {
	FundingPubKey         keys.PubKey
	Basepoints            keys.Basepoints
	DustLimit             amount.Sat  // trims this side's commitments
	MaxHTLCValueInFlight  amount.Msat // of HTLCs that the other offers
	ChannelReserve        amount.Sat  // that the other has to keep
	HTLCMinimum           amount.Msat // of HTLCs that the other offers
	ToSelfDelay           block.Delta // of the other's own outputs
	MaxAcceptedHTLCs      uint16      // that the other offers
	UpfrontShutdownScript []byte      // this side's own; empty if it gave none
}

// Opening is what the opening leaves behind.
type Opening struct {
	Feerate          amount.FeeratePerKw
	ToLocal          amount.Msat // before fees
	ToRemote         amount.Msat
	LocalFirstPoint  keys.PubKey    // per_commitment_point of our commitment 0
	LocalSecondPoint keys.PubKey    // of our commitment 1
	RemoteFirstPoint keys.PubKey    // of the peer's commitment 0
	RemoteSignature  keys.Signature // on our commitment 0
}

// Policy is what may change while the channel lives, and is given anew at each start.
type Policy struct {
	// MinFeerate and MaxFeerate bound the peer's update_fee.
	MinFeerate amount.FeeratePerKw
	MaxFeerate amount.FeeratePerKw
	// MaxDustExposure bounds the sum of the HTLCs that a commitment trims.
	MaxDustExposure amount.Msat
	// MaxCLTVExpiry is how many blocks ahead an HTLC may expire.
	MaxCLTVExpiry block.Delta
	// FulfillBefore is how many blocks before its expiry an HTLC that we have fulfilled must be
	// gone; 0: 18, as BOLT 2 suggests.
	FulfillBefore block.Delta
	// ShutdownScript is where our balance goes if the peer begins a mutual close.
	ShutdownScript []byte
	ScriptRules    tx.ScriptRules
	// LocalAlias is the short_channel_id that our channel_ready tells; 0: none.
	LocalAlias wire.ShortChannelID
	// Node is what channel_announcement says of us.
	Node NodeInfo
	// TellRevoked asks for the commitments that the peer revokes (Store.Revoked).
	TellRevoked bool
}

// NodeInfo is what channel_announcement needs to know beyond the channel.
type NodeInfo struct {
	ChainHash [32]byte
	LocalID   keys.PubKey
	RemoteID  keys.PubKey
}

// Funding is the output that all commitments spend.
func (p *Params) Funding() tx.Funding {
	return tx.Funding{
		Outpoint: btcwire.OutPoint{Hash: p.FundingTxid, Index: uint32(p.FundingOutput)},
		Amount:   p.FundingSats,
		KeyA:     p.Local.FundingPubKey,
		KeyB:     p.Remote.FundingPubKey,
	}
}

// side is the one whose terms are asked for.
func (p *Params) side(local bool) *Side {
	if local {
		return &p.Local
	}
	return &p.Remote
}

// commitmentParams are those of the commitment that local says whose it is.
func (p *Params) commitmentParams(local bool, point keys.PubKey) (*tx.CommitmentParams, error) {
	owner, other := p.side(local), p.side(!local)
	k, err := keys.DeriveCommitmentKeys(&owner.Basepoints, &other.Basepoints, point)
	if err != nil {
		return nil, fmt.Errorf("derive keys: %w", err)
	}
	funding := p.Funding()
	opener, accepter := p.side(p.Opener), p.side(!p.Opener)
	return &tx.CommitmentParams{
		Funding:         &funding,
		OwnerFundingKey: owner.FundingPubKey,
		OtherFundingKey: other.FundingPubKey,
		ObscuringFactor: tx.ObscuringFactor(opener.Basepoints.Payment, accepter.Basepoints.Payment),
		Anchors:         p.Anchors,
		OwnerIsOpener:   p.Opener == local,
		DustLimit:       owner.DustLimit,
		ToSelfDelay:     other.ToSelfDelay,
		Keys:            k,
	}, nil
}
