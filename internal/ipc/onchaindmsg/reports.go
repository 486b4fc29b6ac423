package onchaindmsg

import (
	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/ipc"
	"fulmen/internal/keys"
	"fulmen/internal/tx"
)

// NeedHTLCs asks for the channel's old HTLCs, before Started: the peer's and then ours, each in the order of
// their ids. The first asks for all of them; each of the next for those that come after what HTLCs brought,
// until that says that it was the last.
type NeedHTLCs struct {
	Offered bool   // by us: all of the peer's have come
	FromID  uint64 // the lowest
}

// CloseKind is what spent the funding output.
type CloseKind uint8

// The kinds.
const (
	MutualClose     CloseKind = 1 + iota // a closing transaction
	OurUnilateral                        // our newest commitment
	TheirUnilateral                      // the peer's current commitment, or its next
	TheirRevoked                         // an older one of the peer's: it cheats
	TheirUnknown                         // one of the peer's that we do not know: our state is lost
	OurUnknown                           // one of ours that is newer than our state, which is lost
	Unknown                              // none of these: nothing of it is known to be ours
)

// Started tells what spent the funding output.
type Started struct {
	Kind             CloseKind
	CommitmentNumber keys.CommitmentNumber // of a commitment
	Text             string                // in plain words
}

// Watch asks for OutputSpent of these outputs, from the block that made them on.
type Watch struct {
	Outpoints []Outpoint
}

// Unwatch ends Watch.
type Unwatch struct {
	Outpoints []Outpoint
}

// Claim tells of an output that is ours to spend, and how. A second one for the same outpoint
// replaces the first.
type Claim struct {
	Outpoint Outpoint
	Amount   amount.Sat
	PkScript []byte
	Kind     tx.ClaimKind

	Sequence uint32 // of the input
	// LockTime is that of the transaction: exactly if Fixed is set, and at least otherwise.
	LockTime uint32
	// After is the lowest height of a block that can have the transaction, by sequence and locktime.
	After block.Height
	// Deadline is the lowest height of a block in which what the output is worth could be lost to
	// somebody else; 0: never. For HTLCs that we offered it is when the one that it forwards expires.
	Deadline block.Height
	// ContestedFrom is the lowest height of a block in which somebody else could spend the output; 0:
	// nobody can. From then on a transaction that spends others with it may become invalid at any
	// time. With penalties on HTLCs it can be long before Deadline, as the cheater's own transactions
	// only move what is ours to another output.
	ContestedFrom block.Height

	WitnessWeight uint32 // at most, with the count of elements and all lengths
	// Fixed is set for the HTLC transactions of our own commitment. They have version 2.
	Fixed *FixedOutput
	// Final says that the whole transaction is fixed (no option_anchors): one input, one output. It can
	// be broadcast, and nothing else.
	Final bool
}

// FixedOutput is what the peer's signature prescribes for the output of the same index as the
// input.
type FixedOutput struct {
	Amount   amount.Sat
	PkScript []byte
}

// Unclaim ends claims: somebody spent the outputs, or their turn has passed.
type Unclaim struct {
	Outpoints []Outpoint
}

// Learned has preimages of HTLCs that we offered, seen on chain. They are checked against their
// hashes.
type Learned struct {
	HTLCs []LearnedHTLC
}

// LearnedHTLC is one preimage.
type LearnedHTLC struct {
	HTLCID   uint64
	Preimage [32]byte
}

// FailedUpstream tells of HTLCs that we offered and that can be failed back now: the peer cannot
// take them any more, or upstream cannot wait longer.
type FailedUpstream struct {
	HTLCs []FailedHTLC
}

// FailedHTLC is one of them.
type FailedHTLC struct {
	HTLCID uint64
	Reason string // in words, for the log
}

// Movement is one line of the channel's accounts: what happened to an output, in the terms of
// coin_movement. The same one is told again after a restart: Outpoint, Spent and Tag name it.
type Movement struct {
	Account      Account
	Tag          string // primary_tag
	ExtraTags    []string
	Outpoint     Outpoint
	Spent        bool     // it is about the spending of the outpoint, by SpendingTxid
	SpendingTxid [32]byte // internal byte order
	Credit       amount.Msat
	Debit        amount.Msat
	Output       amount.Sat // of the outpoint
	OutputCount  uint32     // of the spending transaction, for channel_close; 0: not told
	PaymentHash  *[32]byte
	Height       block.Height
}

// Account is whose line it is.
type Account uint8

// The accounts.
const (
	AccountChannel  Account = 1 + iota // account_id is the channel_id
	AccountExternal                    // "external", the channel is originating_account
)

// Status is the channel's state in plain words, one line; it replaces the one before.
type Status struct {
	Text string
}

// Processed tells, after all other reports, that all that follows from the chain up to Height has
// been said. Until the first one the claims are those of some time in the past.
type Processed struct {
	Height block.Height
}

// Resolved tells that all outputs are irrevocably resolved: the channel may be forgotten.
type Resolved struct {
	Height block.Height
}

// IPCType implements ipc.Message.
func (*NeedHTLCs) IPCType() ipc.Type      { return TypeNeedHTLCs }
func (*Started) IPCType() ipc.Type        { return TypeStarted }
func (*Watch) IPCType() ipc.Type          { return TypeWatch }
func (*Unwatch) IPCType() ipc.Type        { return TypeUnwatch }
func (*Claim) IPCType() ipc.Type          { return TypeClaim }
func (*Unclaim) IPCType() ipc.Type        { return TypeUnclaim }
func (*Learned) IPCType() ipc.Type        { return TypeLearned }
func (*FailedUpstream) IPCType() ipc.Type { return TypeFailedUpstream }
func (*Movement) IPCType() ipc.Type       { return TypeMovement }
func (*Status) IPCType() ipc.Type         { return TypeStatus }
func (*Processed) IPCType() ipc.Type      { return TypeProcessed }
func (*Resolved) IPCType() ipc.Type       { return TypeResolved }
