package channeldmsg

import (
	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/ipc"
	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// Offer orders HTLCs to be offered to the peer. Each is answered by its Ref, in Store.Offered or
// in OfferFailed; or not at all if channeld ends first, and then it never was.
type Offer struct {
	HTLCs []OfferHTLC
}

// OfferHTLC is one HTLC to offer.
type OfferHTLC struct {
	Ref         uint64 // lightningd's, never looked at
	AmountMsat  amount.Msat
	PaymentHash [32]byte
	CLTVExpiry  block.Height
	Onion       []byte       // onion_routing_packet, 1366 bytes
	BlindedPath *keys.PubKey // update_add_htlc's path_key
	ExtraTLVs   []byte       // further records of update_add_htlc, with odd types; at most channel.MaxExtraTLVs bytes
}

// Settle orders what becomes of HTLCs that the peer offered (see Incoming). It may be repeated: a
// second one for the same HTLC is ignored.
type Settle struct {
	HTLCs []SettleHTLC
}

// SettleHTLC is one outcome: exactly one of the three.
type SettleHTLC struct {
	ID       uint64
	Preimage *[32]byte
	Failure  []byte // BOLT 4 failure message of ours; channeld encrypts it
	Relay    []byte // encrypted reason from the next node; channeld wraps it once more
	// Attribution is what came from the next node with Preimage or Relay, 920 bytes or none.
	Attribution []byte
}

// SetFeerate orders update_fee; only if we are the opener.
type SetFeerate struct {
	FeeratePerKw amount.FeeratePerKw
}

// Shutdown orders a mutual close; it may be repeated with other fee rates.
type Shutdown struct {
	Script []byte // empty: Setup.ShutdownScript
	Close  CloseFeerates
}

// FundingDepth tells how deep the funding transaction is, at each block until it is deep enough to
// be announced.
type FundingDepth struct {
	Depth          uint32
	ShortChannelID wire.ShortChannelID
}

// NewHeight tells of a new block.
type NewHeight struct {
	Height block.Height
}

// SetPolicy replaces the policy.
type SetPolicy struct {
	Policy Policy
}

// Stored acknowledges Store Seq (or Opened) and all before it.
type Stored struct {
	Seq uint64
}

// SendError makes channeld send an error for the channel and end: lightningd fails the channel.
type SendError struct {
	Text string
}

// Describe asks for the whole channel, as listpeerchannels shows it. For a channel without a
// channeld lightningd asks the stored state itself (channel.Restore, Summary).
type Describe struct {
}

// DescribeReply answers Describe.
type DescribeReply struct {
	Status       Status
	HTLCs        []DescribedHTLC
	LocalScript  []byte // of our shutdown, if sent
	RemoteScript []byte // of the peer's, if received
	// LastTxFee is the fee of our current commitment, LastTxid its id.
	LastTxFee amount.Sat
	LastTxid  [32]byte
}

// DescribedHTLC is one HTLC that is not yet resolved on both sides.
type DescribedHTLC struct {
	Offered      bool // by us
	ID           uint64
	AmountMsat   amount.Msat
	PaymentHash  [32]byte
	CLTVExpiry   block.Height
	State        string // as listpeerchannels names it, e.g. SENT_ADD_ACK_REVOCATION
	LocalTrimmed bool   // has no output in our commitment
}

// IPCType implements ipc.Message.
func (*Offer) IPCType() ipc.Type         { return TypeOffer }
func (*Settle) IPCType() ipc.Type        { return TypeSettle }
func (*SetFeerate) IPCType() ipc.Type    { return TypeSetFeerate }
func (*Shutdown) IPCType() ipc.Type      { return TypeShutdown }
func (*FundingDepth) IPCType() ipc.Type  { return TypeFundingDepth }
func (*NewHeight) IPCType() ipc.Type     { return TypeNewHeight }
func (*SetPolicy) IPCType() ipc.Type     { return TypeSetPolicy }
func (*Stored) IPCType() ipc.Type        { return TypeStored }
func (*SendError) IPCType() ipc.Type     { return TypeSendError }
func (*Describe) IPCType() ipc.Type      { return TypeDescribe }
func (*DescribeReply) IPCType() ipc.Type { return TypeDescribeReply }
