package onchaindmsg

import (
	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/ipc"
	"fulmen/internal/keys"
)

// Init is lightningd's first message.
type Init struct {
	ChannelDBID uint64
	PeerID      keys.PubKey

	// Snapshot and Records are the channel's log, as channeldmsg.Resume has it.
	Snapshot []byte
	Records  [][]byte

	SpendTx     []byte       // that spends the funding output, with its witnesses
	SpendHeight block.Height // of its block

	// FuturePoint is the my_current_per_commitment_point by which the peer proved to know of a newer state than
	// the log's; nil: none.
	FuturePoint *keys.PubKey
	// LocalScripts are those that a mutual close may have paid our balance to.
	LocalScripts [][]byte
	// Upstream is when the incoming HTLCs expire that ours forward.
	Upstream []Upstream
}

// Upstream links an HTLC that we offered with the expiry of the one that it forwards. HTLCs that
// begin here have none.
type Upstream struct {
	HTLCID     uint64
	CLTVExpiry block.Height
}

// HTLCs answers NeedHTLCs with the next of all that any commitment of the peer ever had. A frame holds some
// 200,000, a channel can have had millions.
type HTLCs struct {
	Stubs []HTLCStub
	Last  bool // all have been sent
}

// HTLCStub is what the script of an old HTLC's output depends on.
type HTLCStub struct {
	Offered     bool // by us
	ID          uint64
	PaymentHash [32]byte
	CLTVExpiry  block.Height
}

// Outpoint is an output of a transaction.
type Outpoint struct {
	Txid  [32]byte // internal byte order
	Index uint32
}

// OutputSpent tells of a transaction in a block that spends at least one watched output. The block's
// NewHeight comes after all of its transactions. A transaction is told once.
type OutputSpent struct {
	Tx      []byte // with its witnesses
	Height  block.Height
	TxIndex uint32 // in the block
}

// NewHeight tells of the newest block. It may be many blocks after the one before: at a restart one
// NewHeight ends the replay. Processed answers.
type NewHeight struct {
	Height block.Height
}

// Preimages are of HTLCs that the peer offered, from wherever they became known: the invoice, or the
// channel that they were forwarded to. They are given only for HTLCs that are ours to take.
type Preimages struct {
	Preimages []Preimage
}

// Preimage is the proof of payment for one HTLC.
type Preimage struct {
	HTLCID   uint64 // offered by the peer
	Preimage [32]byte
}

// GiveUp tells that outputs are left where they are, as they cost more than they are worth. Their
// claims end. It is decided when that is clear for good, and stored.
type GiveUp struct {
	Outpoints []Outpoint
	Height    block.Height // of the newest block then
	Reason    string       // in words, for the status line
}

// SignClaims asks for the witnesses of inputs that are claims. The transaction pays only to our
// wallet, but for the fixed outputs of HTLC transactions.
type SignClaims struct {
	Tx       []byte // unsigned, in Bitcoin's serialization
	Prevouts []Prevout
	Inputs   []ClaimInput
	Outputs  []OwnOutput // those that pay our wallet
}

// Prevout is what an input of the transaction spends; one for each input, in order.
type Prevout struct {
	Amount amount.Sat
	Script []byte
}

// ClaimInput names an input that spends a claimed output.
type ClaimInput struct {
	Index    uint32 // of the input
	Outpoint Outpoint
}

// OwnOutput names the wallet key that an output pays to, so that hsmd can see that it is ours.
type OwnOutput struct {
	Index    uint32 // of the output
	Kind     uint8  // hsmdmsg.AddressKind
	Change   bool   // the chain of BIP 32: internal rather than external
	KeyIndex uint32
}

// SignClaimsReply has one complete witness for each of SignClaims.Inputs, in their order.
type SignClaimsReply struct {
	Witnesses [][][]byte
}

// CodeNoClaim is the code of a Fail that answers SignClaims: an input is not a claim. It may have been
// one when the request was sent.
const CodeNoClaim int32 = 1

// IPCType implements ipc.Message.
func (*Init) IPCType() ipc.Type            { return TypeInit }
func (*HTLCs) IPCType() ipc.Type           { return TypeHTLCs }
func (*OutputSpent) IPCType() ipc.Type     { return TypeOutputSpent }
func (*NewHeight) IPCType() ipc.Type       { return TypeNewHeight }
func (*Preimages) IPCType() ipc.Type       { return TypePreimages }
func (*GiveUp) IPCType() ipc.Type          { return TypeGiveUp }
func (*SignClaims) IPCType() ipc.Type      { return TypeSignClaims }
func (*SignClaimsReply) IPCType() ipc.Type { return TypeSignClaimsReply }
