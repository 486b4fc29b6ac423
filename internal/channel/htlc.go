package channel

import (
	"crypto/sha256"
	"slices"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

const (
	// OnionSize is the length of onion_routing_packet.
	OnionSize = 1366
	// AttributionSize is the length of attribution_data.
	AttributionSize = 920
	// MaxExtraTLVs bounds what update_add_htlc may bring, or be given, of records that we do not know: they are
	// stored with the HTLC. What a peer sends beyond it is ignored, as all of it may be.
	MaxExtraTLVs = 1024
)

// HTLC is what both commitments say of one.
type HTLC struct {
	Offered     bool // by us
	ID          uint64
	Amount      amount.Msat
	PaymentHash [32]byte
	CLTVExpiry  block.Height
}

// htlc is one that is in a commitment or on its way there. Its fields change only by mutations,
// except for those that say so.
type htlc struct {
	HTLC
	onion       *[OnionSize]byte // of ours until the peer has revoked, of the peer's until settled
	blindedPath *keys.PubKey
	extraTLVs   []byte // records of update_add_htlc that we do not know, as long as onion; nil: none
	overDust    bool   // of the peer's: it exceeds our dust exposure and will be failed

	committed bool    // of the peer's: irrevocably, in both commitments
	result    *Result // once a commitment covers its removal

	settling bool // volatile: its removal is in a list that no commitment covers
}

// ResultKind is how an HTLC ends.
type ResultKind uint8

// The kinds, as in update_fulfill_htlc, update_fail_htlc and update_fail_malformed_htlc.
const (
	Fulfill ResultKind = iota + 1
	Fail
	Malformed
)

// MaxReason is the longest reason that update_fail_htlc has room for, after type, channel_id, id and len.
const MaxReason = wire.MaxMessage - 2 - 32 - 8 - 2

// attributionRecord is the size of attribution_data in the message's TLV stream, with type and length.
const attributionRecord = 1 + 3 + AttributionSize

// Result is how an HTLC ends.
type Result struct {
	Kind          ResultKind
	Preimage      [32]byte         // Fulfill
	Reason        []byte           // Fail
	SHA256OfOnion [32]byte         // Malformed
	FailureCode   wire.FailureCode // Malformed
	// Attribution is attribution_data of Fulfill and Fail, nil without. It is not stored: what a
	// restart repeats goes without it, which costs the origin hold times, nobody money.
	Attribution *[AttributionSize]byte
}

// fits reports whether the preimage is that of the payment hash; a failure always fits.
func (r *Result) fits(h *HTLC) bool {
	return r.Kind != Fulfill || sha256.Sum256(r.Preimage[:]) == h.PaymentHash
}

// message is the update message of ours that carries r.
func (r *Result) message(channel wire.ChannelID, id uint64) wire.Message {
	switch r.Kind {
	case Fulfill:
		return &wire.UpdateFulfillHTLC{ChannelID: channel, ID: id, PaymentPreimage: r.Preimage, AttributionData: r.Attribution}
	case Fail:
		m := &wire.UpdateFailHTLC{ChannelID: channel, ID: id, Reason: r.Reason, AttributionData: r.Attribution}
		if len(r.Reason) > MaxReason-attributionRecord { // the next node's reason may fill the message by itself
			m.AttributionData = nil
		}
		return m
	default:
		return &wire.UpdateFailMalformedHTLC{
			ChannelID: channel, ID: id, SHA256OfOnion: r.SHA256OfOnion, FailureCode: r.FailureCode,
		}
	}
}

// change is an update on its way through the lists: exactly one of an added HTLC, a removed one and
// a fee rate.
type change struct {
	add     *htlc
	remove  *htlc
	result  *Result // of remove
	feerate amount.FeeratePerKw
}

// isFeerate reports whether it is update_fee.
func (ch change) isFeerate() bool { return ch.add == nil && ch.remove == nil }

// joined appends later changes of the same side. Of all fee rates only the last counts, so the others go: a list has as
// many changes as there can be HTLCs, and one, however many update_fees an opener sends before it lets them be
// committed to. What a channel stores has to fit into a message between our processes.
func joined(list []change, later ...change) []change {
	if slices.ContainsFunc(later, change.isFeerate) {
		list = slices.DeleteFunc(list, change.isFeerate)
	}
	return append(list, later...)
}

// message is our update message.
func (ch *change) message(channel wire.ChannelID) wire.Message {
	switch {
	case ch.add != nil:
		h := ch.add
		m := &wire.UpdateAddHTLC{
			ChannelID: channel, ID: h.ID, AmountMsat: h.Amount, PaymentHash: h.PaymentHash,
			CLTVExpiry: h.CLTVExpiry, BlindedPath: h.blindedPath, ExtraTLVs: h.extraTLVs,
		}
		if h.onion != nil {
			m.OnionRoutingPacket = *h.onion
		}
		return m
	case ch.remove != nil:
		return ch.result.message(channel, ch.remove.ID)
	default:
		return &wire.UpdateFee{ChannelID: channel, FeeratePerKw: ch.feerate}
	}
}
