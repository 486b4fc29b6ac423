package onchain

import (
	"fmt"

	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/keys"
	"fulmen/internal/tx"
)

// State is the channel as it was when its funding output was spent.
type State struct {
	FundingOutpoint wire.OutPoint
	FundingAmount   amount.Sat
	Opener          bool // we opened it
	Anchors         bool // option_anchors; else static_remotekey alone
	Local           Side
	Remote          Side

	// LocalCommitment is our newest commitment, the only one of ours that is not revoked.
	LocalCommitment Commitment
	// HTLCSignatures are the peer's on its HTLC transactions, in the order of the outputs.
	HTLCSignatures []keys.Signature
	// RemoteCurrent is the peer's oldest commitment that is not revoked, RemoteNext the one after it
	// if we have signed it.
	RemoteCurrent Commitment
	RemoteNext    *Commitment
	// Secrets are those of the peer's revoked commitments: all below RemoteCurrent.Number.
	Secrets keys.SecretStore

	// HTLCs are all that are not irrevocably removed from both commitments, each side's in the order
	// of their ids.
	HTLCs []PendingHTLC

	// LocalScripts are those that a mutual close may pay us with; RemoteScripts the peer's.
	LocalScripts  [][]byte
	RemoteScripts [][]byte

	// FuturePoint is the my_current_per_commitment_point by which the peer proved to know of a state that is
	// newer than this one (BOLT 2, data loss), nil if none came. It tells what the outputs of a commitment are
	// that we do not know.
	FuturePoint *keys.PubKey

	// PublishedPoint is our per_commitment_point for the number of the commitment that was mined; only New for a
	// Closing with NeedsPoint looks at it.
	PublishedPoint *keys.PubKey

	// Upstream has, by id, when the incoming HTLCs expire that those we offered forward.
	Upstream map[uint64]block.Height
	// Stubs are all HTLCs that any commitment of the peer ever had, or those that a StubFilter keeps; only
	// New for a Closing with NeedsStubs looks at them.
	Stubs []Stub
}

// Side is one side of the channel.
type Side struct {
	FundingPubKey keys.PubKey
	Basepoints    keys.Basepoints
	DustLimit     amount.Sat
	// ToSelfDelay delays this side's own outputs in its commitments: the other asked for it.
	ToSelfDelay block.Delta
}

// Commitment is one commitment. Local is us, whoever's commitment it is.
type Commitment struct {
	Number   keys.CommitmentNumber
	Point    keys.PubKey // per_commitment_point
	Feerate  amount.FeeratePerKw
	ToLocal  amount.Msat // before fee and anchors
	ToRemote amount.Msat
	HTLCs    []HTLC
}

// HTLC is what commitments say of one.
type HTLC struct {
	Offered     bool // by us
	ID          uint64
	Amount      amount.Msat
	PaymentHash [32]byte
	CLTVExpiry  block.Height
}

// PendingHTLC is one that still has to end.
type PendingHTLC struct {
	HTLC
	// Committed says that it is irrevocably committed: only then is one that the peer offered ours to
	// take.
	Committed bool
	// Preimage is set if one side has given it to the other.
	Preimage *[32]byte
}

// Stub is what the script of an old HTLC's output depends on.
type Stub struct {
	Offered     bool // by us
	ID          uint64
	PaymentHash [32]byte
	CLTVExpiry  block.Height
}

// side is the commitments' owner, or the other one.
func (s *State) side(local bool) *Side {
	if local {
		return &s.Local
	}
	return &s.Remote
}

// obscuringFactor hides the number of all commitments of the channel.
func (s *State) obscuringFactor() uint64 {
	return tx.ObscuringFactor(s.side(s.Opener).Basepoints.Payment, s.side(!s.Opener).Basepoints.Payment)
}

// commitmentParams are those of the commitment with point that local says whose it is.
func (s *State) commitmentParams(local bool, point keys.PubKey) (*tx.CommitmentParams, error) {
	owner, other := s.side(local), s.side(!local)
	k, err := keys.DeriveCommitmentKeys(&owner.Basepoints, &other.Basepoints, point)
	if err != nil {
		return nil, fmt.Errorf("derive keys: %w", err)
	}
	return &tx.CommitmentParams{
		Funding: &tx.Funding{
			Outpoint: s.FundingOutpoint, Amount: s.FundingAmount,
			KeyA: s.Local.FundingPubKey, KeyB: s.Remote.FundingPubKey,
		},
		OwnerFundingKey: owner.FundingPubKey,
		OtherFundingKey: other.FundingPubKey,
		ObscuringFactor: s.obscuringFactor(),
		Anchors:         s.Anchors,
		OwnerIsOpener:   s.Opener == local,
		DustLimit:       owner.DustLimit,
		ToSelfDelay:     owner.ToSelfDelay,
		Keys:            k,
	}, nil
}

// build makes the commitment that local says whose it is.
func (s *State) build(c *Commitment, local bool) (*tx.Commitment, error) {
	params, err := s.commitmentParams(local, c.Point)
	if err != nil {
		return nil, err
	}
	toOwner, toOther := c.ToLocal, c.ToRemote
	if !local {
		toOwner, toOther = toOther, toOwner
	}
	htlcs := make([]tx.HTLC, len(c.HTLCs))
	for i := range c.HTLCs {
		htlcs[i] = c.HTLCs[i].owned(local)
	}
	return tx.BuildCommitment(params, c.Number, c.Feerate, toOwner, toOther, htlcs)
}

// owned is the HTLC as the owner of a commitment sees it.
func (h *HTLC) owned(local bool) tx.HTLC {
	return tx.HTLC{
		Offered: h.Offered == local, ID: h.ID, Amount: h.Amount,
		PaymentHash: h.PaymentHash, CLTVExpiry: h.CLTVExpiry,
	}
}
