package channel

import (
	"fmt"

	"fulmen/internal/amount"
	"fulmen/internal/keys"
	"fulmen/internal/tx"
	"fulmen/internal/wire"
)

// Action is what the process must do. Those called Ask..., Check... and Verify end a step: their
// answer is the next event.
type Action interface{ isAction() }

// The actions.
type (
	// AskPoint asks for our per_commitment_point of Number.
	AskPoint struct{ Number keys.CommitmentNumber }
	// AskSigner asks for our signatures on the peer's commitment.
	AskSigner struct {
		PerCommitmentPoint keys.PubKey
		Commitment         Content
	}
	// AskRevocation asks for the secret that revokes our commitment Number. All Stores before it
	// must be durable first.
	AskRevocation struct{ Number keys.CommitmentNumber }
	// CheckSecret asks whether Secret is that of our commitment Number.
	CheckSecret struct {
		Number keys.CommitmentNumber
		Secret keys.Secret
	}
	// Verify asks for signature checks, many of them independent of each other.
	Verify struct {
		Commitment keys.CommitmentNumber
		Checks     []SignatureCheck
	}
	// AskAnnouncement asks for our signatures on a channel_announcement.
	AskAnnouncement struct{ Announcement []byte }

	// SendPeer sends a message. All Stores before it must be durable first.
	SendPeer struct{ Msg wire.Message }
	// Store makes Data durable: appended to the log, or with Snapshot in its place. The lists and
	// Data belong into one transaction; Data may be empty when only the lists say something.
	Store struct {
		Data     []byte
		Snapshot bool
		Offered  []Offered // have an id now
		Learned  []Learned // our offered HTLCs whose preimage the peer gave
		Failed   []Failed  // our offered HTLCs that are irrevocably removed without one
		Resolved []uint64  // the peer's HTLCs that are irrevocably removed
		// NewHTLCs are in a commitment of the peer that we are about to sign, and in none before it. If the
		// peer ever publishes that commitment, or another that has them, their scripts have to be known,
		// also after they are gone.
		NewHTLCs []HTLC
		// Revoked are the commitments that the peer revokes by what Data holds, where Policy.TellRevoked asks
		// for them and they pay the peer something.
		Revoked []Revoked
	}
	// OfferFailed says that an Offer never entered the channel.
	OfferFailed struct {
		Ref uint64
		Err error // a *Limit
	}
	// Received HTLCs of the peer are irrevocably committed: Settle is due for each.
	Received struct{ HTLCs []ReceivedHTLC }
	// Reestablished says that both sides know where they stand.
	Reestablished struct{}
	// Announced has the whole channel_announcement, encoded.
	Announced struct {
		Announcement []byte
		Again        bool // both halves were there before this connection
	}
	// ReadyToClose says that both sides have sent shutdown and nothing is left but two balances.
	ReadyToClose struct {
		LocalScript, RemoteScript []byte
		ToLocal, ToRemote         amount.Msat
		// CommitmentFee is that of our last commitment (BOLT 2, closing_signed).
		CommitmentFee amount.Sat
	}
	// PeerWarned and PeerErred pass on what the peer said; after an error the channel is dead.
	PeerWarned struct{ Text []byte }
	PeerErred  struct{ Text []byte }
)

func (AskPoint) isAction()        {}
func (AskSigner) isAction()       {}
func (AskRevocation) isAction()   {}
func (CheckSecret) isAction()     {}
func (Verify) isAction()          {}
func (AskAnnouncement) isAction() {}
func (SendPeer) isAction()        {}
func (Store) isAction()           {}
func (OfferFailed) isAction()     {}
func (Received) isAction()        {}
func (Reestablished) isAction()   {}
func (Announced) isAction()       {}
func (ReadyToClose) isAction()    {}
func (PeerWarned) isAction()      {}
func (PeerErred) isAction()       {}

// Offered links an Offer with the HTLC's id.
type Offered struct{ Ref, HTLCID uint64 }

// Learned is a preimage that the peer gave.
type Learned struct {
	HTLCID      uint64
	Preimage    [32]byte
	Attribution *[AttributionSize]byte // nil: it came without
}

// Failed says how an HTLC that we offered was failed.
type Failed struct {
	HTLCID uint64
	Result Result // Fail or Malformed
}

// Revoked is a commitment that the peer may not publish any more, and what it pays the peer.
type Revoked struct {
	Number keys.CommitmentNumber
	Secret keys.Secret // the per_commitment_secret by which it was revoked
	Txid   [32]byte    // internal byte order
	Output uint16      // its to_local
	Amount amount.Sat  // of that output
}

// ReceivedHTLC is what the process needs to decide about an HTLC of the peer.
type ReceivedHTLC struct {
	HTLC
	Onion       [OnionSize]byte
	BlindedPath *keys.PubKey
	ExtraTLVs   []byte  // records of update_add_htlc that we do not know
	Refuse      Refusal // why it has to be failed, whatever its onion says
}

// Refusal is a reason not to take an HTLC that the peer was allowed to offer.
type Refusal uint8

// The refusals.
const (
	RefuseNot          Refusal = iota
	RefuseDustExposure         // trimmed HTLCs exceed Policy.MaxDustExposure
	RefuseTooSoon              // it is past the height at which it could still be enforced on chain
	RefuseTooFar               // it would be locked for longer than Policy.MaxCLTVExpiry
)

var refusalNames = [...]string{"", "dust exposure", "expiry too soon", "expiry too far"}

// String is for logs.
func (r Refusal) String() string { return refusalNames[r] }

// SignatureCheck is one signature over one digest.
type SignatureCheck struct {
	What   string // for the error: "signature" or "htlc_signature"
	Index  int
	Key    keys.ParsedPubKey
	Digest [32]byte
	Sig    keys.Signature
}

// Check verifies the signature.
func (s *SignatureCheck) Check() error {
	if err := s.Key.Verify(s.Digest, s.Sig); err != nil {
		return fmt.Errorf("%s %d: %w", s.What, s.Index, err)
	}
	return nil
}

// All verifies one after the other; the process does better with several cores.
func (v *Verify) All() error {
	for i := range v.Checks {
		if err := v.Checks[i].Check(); err != nil {
			return err
		}
	}
	return nil
}

// Content is all that determines a commitment beyond the channel's parameters.
type Content struct {
	Number   keys.CommitmentNumber
	Feerate  amount.FeeratePerKw
	ToLocal  amount.Msat // ours, before the fee
	ToRemote amount.Msat
	HTLCs    []HTLC
}

// owned is the list with Offered as the commitment's owner sees it.
func (c *Content) owned(local bool) []tx.HTLC {
	list := make([]tx.HTLC, len(c.HTLCs))
	for i := range c.HTLCs {
		h := &c.HTLCs[i]
		list[i] = tx.HTLC{
			Offered: h.Offered == local, ID: h.ID, Amount: h.Amount,
			PaymentHash: h.PaymentHash, CLTVExpiry: h.CLTVExpiry,
		}
	}
	return list
}

// build makes the transaction.
func (c *Content) build(params *tx.CommitmentParams, local bool) (*tx.Commitment, error) {
	toOwner, toOther := c.ToLocal, c.ToRemote
	if !local {
		toOwner, toOther = toOther, toOwner
	}
	return tx.BuildCommitment(params, c.Number, c.Feerate, toOwner, toOther, c.owned(local))
}
