package channeldmsg

import (
	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/ipc"
	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// Store asks for Data to be appended to the channel's log, or with Snapshot to replace it, in one
// database transaction with what the rest of the message says. Stored answers.
type Store struct {
	Seq      uint64 // counts up from 1 in each channeld; Opened has one too
	Data     []byte
	Snapshot bool

	// Offered HTLCs now have an id: from here on they are the peer's to settle.
	Offered []OfferedHTLC
	// Learned preimages of HTLCs that we offered; the HTLC is as good as paid.
	Learned []LearnedPreimage
	// Failed HTLCs that we offered are irrevocably gone from both commitments.
	Failed []FailedHTLC
	// Resolved HTLCs that the peer offered are irrevocably gone from both commitments.
	Resolved []uint64
	// NewHTLCs are in a commitment of the peer that we are about to sign, and in none before it: their
	// scripts must be known as long as the peer could publish that commitment. Each side's come in the order
	// of their ids, once.
	NewHTLCs []NewHTLC
	// Revoked commitments of the peer, by what Data holds; only where Policy.TellRevoked asks for them.
	Revoked []RevokedCommitment

	Status Status
}

// RevokedCommitment is one that the peer may not publish any more, and what a penalty takes from it.
type RevokedCommitment struct {
	Number keys.CommitmentNumber
	Secret keys.Secret // the peer's per_commitment_secret
	Txid   [32]byte    // internal byte order
	Output uint16      // its to_local
	Amount amount.Sat  // of that output
}

// NewHTLC is what the script of an HTLC's output depends on, and its amount.
type NewHTLC struct {
	Offered     bool // by us
	ID          uint64
	PaymentHash [32]byte
	CLTVExpiry  block.Height
	AmountMsat  amount.Msat
}

// OfferedHTLC links an Offer's Ref with the HTLC's id.
type OfferedHTLC struct {
	Ref uint64
	ID  uint64
}

// LearnedPreimage is proof of payment.
type LearnedPreimage struct {
	ID          uint64
	Preimage    [32]byte
	Attribution []byte // attribution_data that came with it, 920 bytes or none
}

// FailedHTLC is one that the peer failed: Reason is the encrypted failure, for the sender to
// decrypt; empty where the peer could not read the onion, and then MalformedCode is set.
type FailedHTLC struct {
	ID            uint64
	Reason        []byte
	MalformedCode uint16
	SHA256OfOnion [32]byte
	Attribution   []byte // attribution_data that came with Reason, 920 bytes or none
}

// Status is the channel in numbers.
type Status struct {
	State          State
	ToLocal        amount.Msat // our side of our current commitment, before fees
	Spendable      amount.Msat // the largest HTLC that we could offer now
	Receivable     amount.Msat // the largest that the peer could
	FeeratePerKw   amount.FeeratePerKw
	NumHTLCs       uint32
	LocalRevoked   keys.CommitmentNumber // as hsmdmsg.NewClient wants it
	RemoteSigned   keys.CommitmentNumber
	RemoteAlias    wire.ShortChannelID // the peer's in its channel_ready; 0: none
	LocalReady     bool                // our channel_ready was sent
	RemoteReady    bool                // the peer's was received
	LocalShutdown  bool                // the same for shutdown
	RemoteShutdown bool
	// Deadline is the height at which the channel has to go to the chain because an HTLC was not
	// removed in time; 0: none.
	Deadline block.Height
}

// State is what a channel with a channeld is in.
type State uint8

// The states, in listpeerchannels' words.
const (
	AwaitingLockin State = 1 + iota // CHANNELD_AWAITING_LOCKIN
	Normal                          // CHANNELD_NORMAL
	ShuttingDown                    // CHANNELD_SHUTTING_DOWN
	SigExchange                     // CLOSINGD_SIGEXCHANGE
	Complete                        // CLOSINGD_COMPLETE
)

var stateNames = [...]string{
	AwaitingLockin: "CHANNELD_AWAITING_LOCKIN",
	Normal:         "CHANNELD_NORMAL",
	ShuttingDown:   "CHANNELD_SHUTTING_DOWN",
	SigExchange:    "CLOSINGD_SIGEXCHANGE",
	Complete:       "CLOSINGD_COMPLETE",
}

// String is listpeerchannels' word.
func (s State) String() string {
	if s == 0 || int(s) >= len(stateNames) {
		return "UNKNOWN"
	}
	return stateNames[s]
}

// OfferFailed tells of Offers that never entered the channel.
type OfferFailed struct {
	HTLCs []FailedOffer
}

// FailedOffer is one HTLC that was not offered.
type FailedOffer struct {
	Ref     uint64
	Reason  string // which limit, in words
	Failure []byte // BOLT 4 failure message for an HTLC that is forwarded
}

// Incoming tells of HTLCs that the peer offered and that are irrevocably committed, their onions
// peeled. Settle answers, sooner or later. A new channeld tells again of all without a Settle.
// HTLCs whose onion is unreadable are failed by channeld and never seen here.
type Incoming struct {
	HTLCs []IncomingHTLC
}

// IncomingHTLC is one HTLC and its decoded payload; Forward or Final is set.
type IncomingHTLC struct {
	ID          uint64
	AmountMsat  amount.Msat
	PaymentHash [32]byte
	CLTVExpiry  block.Height
	RawPayload  []byte // the TLV stream, for plugins
	ExtraTLVs   []byte // records of update_add_htlc that we do not know, for plugins; at most channel.MaxExtraTLVs bytes
	// SharedSecret is what the onion was decrypted with, for plugins: it lets one read and make what goes
	// back to the sender, and nothing else.
	SharedSecret [32]byte
	Forward      *Forward
	Final        *Final
}

// Forward is the payload for a node on the way.
type Forward struct {
	ShortChannelID wire.ShortChannelID
	AmtToForward   amount.Msat
	OutgoingCLTV   block.Height
	NextOnion      []byte // 1366 bytes
}

// Final is the payload for the recipient.
type Final struct {
	AmtToForward    amount.Msat
	OutgoingCLTV    block.Height
	PaymentSecret   *[32]byte // nil: the payload had no payment_data
	TotalMsat       amount.Msat
	PaymentMetadata []byte
	Keysend         *[32]byte // the preimage, of a payment that nobody asked for; nil: none
}

// Reestablished tells that the peer is back and that both sides know where they stand: from now on
// Offers are taken.
type Reestablished struct {
	Status Status
}

// StateChanged tells of a new state, after the Store that made it so.
type StateChanged struct {
	Status Status
	ByPeer bool // whose message made it so
}

// Announcement has the whole channel_announcement with all four signatures.
type Announcement struct {
	ChannelAnnouncement []byte
	Again               bool // it was there before this connection
}

// MutualClose has a closing transaction with both signatures, to broadcast. There may be several,
// as a later one pays more.
type MutualClose struct {
	Tx []byte
}

// PeerText tells of an error or a warning that the peer sent. After an error channeld ends, and
// the channel has to go to the chain.
type PeerText struct {
	Warning bool
	Text    []byte // as sent: not to be trusted to be text
}

// Failing tells that the peer broke a rule and was sent Text; channeld ends. With Warning the
// connection is closed and the channel goes on when the peer is back, otherwise it has to go to the
// chain, or, before Opened, to be forgotten.
type Failing struct {
	Warning bool
	Text    string
}

// FutureState tells that the peer proved to know of a state that we have lost. Our commitment must
// never be broadcast; the peer has been asked to broadcast its own. channeld ends.
type FutureState struct {
	// RemotePerCommitmentPoint is the peer's my_current_per_commitment_point.
	RemotePerCommitmentPoint keys.PubKey
}

// IPCType implements ipc.Message.
func (*Store) IPCType() ipc.Type         { return TypeStore }
func (*OfferFailed) IPCType() ipc.Type   { return TypeOfferFailed }
func (*Incoming) IPCType() ipc.Type      { return TypeIncoming }
func (*Reestablished) IPCType() ipc.Type { return TypeReestablished }
func (*StateChanged) IPCType() ipc.Type  { return TypeStateChanged }
func (*Announcement) IPCType() ipc.Type  { return TypeAnnouncement }
func (*MutualClose) IPCType() ipc.Type   { return TypeMutualClose }
func (*PeerText) IPCType() ipc.Type      { return TypePeerText }
func (*Failing) IPCType() ipc.Type       { return TypeFailing }
func (*FutureState) IPCType() ipc.Type   { return TypeFutureState }
