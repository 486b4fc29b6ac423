package hsmdmsg

import (
	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/ipc"
	"fulmen/internal/keys"
)

// ClaimInput names an input to sign and what it spends. Kind says which of the other fields count.
type ClaimInput struct {
	Index  uint32                // of the input
	Kind   uint8                 // package tx's ClaimKind
	Number keys.CommitmentNumber // of the commitment; not for to_remote and anchors
	// PerCommitmentPoint is the peer's of its commitment, for an HTLC output of that.
	PerCommitmentPoint keys.PubKey
	// PerCommitmentSecret is the peer's by which it revoked its commitment, for a penalty.
	PerCommitmentSecret keys.Secret
	HTLC                ClaimHTLC // of all kinds of HTLC outputs
	// FeeratePerKw is that of our commitment, for its HTLC transactions; with anchors they pay none.
	FeeratePerKw amount.FeeratePerKw
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
// each with SIGHASH_ALL. hsmd builds the scripts itself. Every output of the transaction either is that
// of an HTLC transaction of ours, at the index of its input, or pays to our wallet and is in WalletOutputs.
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

// GetPublishedPoint is onchaind's: it asks for our per_commitment_point of commitment Number, which was mined
// and which our state does not have.
type GetPublishedPoint struct {
	Number keys.CommitmentNumber
}

// GetPublishedPointReply answers GetPublishedPoint.
type GetPublishedPointReply struct {
	PerCommitmentPoint keys.PubKey
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
func (*SignClaim) IPCType() ipc.Type              { return TypeSignClaim }
func (*SignClaimReply) IPCType() ipc.Type         { return TypeSignClaimReply }
func (*GetPublishedPoint) IPCType() ipc.Type      { return TypeGetPublishedPoint }
func (*GetPublishedPointReply) IPCType() ipc.Type { return TypeGetPublishedPointReply }
func (*SignAnchor) IPCType() ipc.Type             { return TypeSignAnchor }
func (*SignAnchorReply) IPCType() ipc.Type        { return TypeSignAnchorReply }
