package hsmdmsg

import (
	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/ipc"
	"fulmen/internal/keys"
)

// ClaimKind says what an output on chain is, and so which script and key it needs.
type ClaimKind uint8

// The outputs that we can claim (BOLT 5). Fields of a ClaimInput that a kind does not name are zero.
const (
	// ClaimDelayed is to_local of our commitment Number, or the output of one of its HTLC transactions.
	ClaimDelayed ClaimKind = 1
	// ClaimHTLCTx is the HTLC output of our commitment Number that HTLC describes, spent by its
	// HTLC-timeout or HTLC-success transaction: the transaction's output of the same index, its
	// version, locktime and sequence are prescribed (BOLT 3). Without anchors it also needs FeeratePerKw.
	ClaimHTLCTx ClaimKind = 2
	// ClaimToRemote is to_remote of any commitment of theirs.
	ClaimToRemote ClaimKind = 3
	// ClaimTheirHTLC is the HTLC output of their commitment Number with PerCommitmentPoint that HTLC
	// describes: claimed after its timeout if we offered it, with its preimage otherwise.
	ClaimTheirHTLC ClaimKind = 4
	// ClaimRevokedDelayed is to_local of their commitment Number, which PerCommitmentSecret revoked, or
	// the output of one of its HTLC transactions.
	ClaimRevokedDelayed ClaimKind = 5
	// ClaimRevokedHTLC is the HTLC output of their commitment Number, which PerCommitmentSecret revoked,
	// that HTLC describes.
	ClaimRevokedHTLC ClaimKind = 6
	// ClaimAnchor is our anchor, in either side's commitment.
	ClaimAnchor ClaimKind = 7
)

// ClaimInput names an input to sign and what it spends.
type ClaimInput struct {
	Index               uint32 // of the input
	Kind                ClaimKind
	Number              keys.CommitmentNumber
	PerCommitmentPoint  keys.PubKey
	PerCommitmentSecret keys.Secret
	HTLC                ClaimHTLC
	FeeratePerKw        amount.FeeratePerKw
}

// ClaimHTLC is what an HTLC output's script depends on.
type ClaimHTLC struct {
	Offered     bool // by us, whoever's commitment it is
	PaymentHash [32]byte
	CLTVExpiry  block.Height
}

// WalletOutput names the key of a wallet output of the transaction.
type WalletOutput struct {
	Index    uint32 // of the output
	Kind     AddressKind
	Change   bool // the chain of BIP 32: internal rather than external
	KeyIndex uint32
}

// SignClaim is onchaind's: it asks for the signatures of inputs that spend outputs of its one channel,
// each with SIGHASH_ALL. hsmd builds the scripts itself. Every output of the transaction either is
// prescribed (ClaimHTLCTx) or pays to our wallet and is in WalletOutputs.
type SignClaim struct {
	Tx            []byte // unsigned, in Bitcoin's serialization
	Prevouts      []Prevout
	Inputs        []ClaimInput
	WalletOutputs []WalletOutput
}

// SignClaimReply has one signature for each of Inputs, in their order.
type SignClaimReply struct {
	Signatures []keys.Signature
}

// SignAnchor is lightningd's: it asks for the signature, with SIGHASH_ALL, of the input that spends our
// anchor, to pay for a commitment that is not mined yet. An anchor is worth 330 sat, so the outputs
// are not looked at.
type SignAnchor struct {
	PeerID      keys.PubKey
	ChannelDBID uint64
	Setup       ChannelSetup
	Tx          []byte // unsigned, in Bitcoin's serialization
	Prevouts    []Prevout
	Index       uint32 // of the input
}

// SignAnchorReply answers SignAnchor.
type SignAnchorReply struct {
	Signature keys.Signature
}

// IPCType implements ipc.Message.
func (*SignClaim) IPCType() ipc.Type       { return TypeSignClaim }
func (*SignClaimReply) IPCType() ipc.Type  { return TypeSignClaimReply }
func (*SignAnchor) IPCType() ipc.Type      { return TypeSignAnchor }
func (*SignAnchorReply) IPCType() ipc.Type { return TypeSignAnchorReply }
