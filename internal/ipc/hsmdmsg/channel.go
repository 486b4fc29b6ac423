package hsmdmsg

import (
	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/ipc"
	"fulmen/internal/keys"
)

// GetBasepoints is channeld's first request when a channel is opened. It needs no setup.
type GetBasepoints struct {
}

// GetBasepointsReply has our public keys of the channel, the same at each call.
type GetBasepointsReply struct {
	FundingPubKey keys.PubKey
	Basepoints    keys.Basepoints
	FirstPoint    keys.PubKey // per_commitment_point of our commitment 0
	SecondPoint   keys.PubKey // of our commitment 1
}

// ChannelSetup is what is fixed when the funding outpoint is known. Local is us, remote the peer.
type ChannelSetup struct {
	FundingTxid         [32]byte // internal byte order
	FundingOutput       uint16
	FundingSats         amount.Sat
	Opener              bool // we opened it
	Anchors             bool // option_anchors; else static_remotekey alone
	RemoteFundingPubKey keys.PubKey
	RemoteBasepoints    keys.Basepoints
	LocalToSelfDelay    block.Delta // delays our outputs in our commitments: what the remote asked for
	RemoteToSelfDelay   block.Delta // delays the remote's outputs in theirs: what we asked for
	LocalDustLimit      amount.Sat  // trims our commitments
	RemoteDustLimit     amount.Sat  // trims theirs
	// RemoteShutdownScript is the remote's upfront_shutdown_script: empty if it gave none.
	RemoteShutdownScript []byte
}

// SetupChannel fixes the channel's setup; asked again, it must be the same.
type SetupChannel struct {
	Setup ChannelSetup
}

// SetupChannelReply answers SetupChannel.
type SetupChannelReply struct {
}

// Commitment is the content of one commitment transaction, from which hsmd builds it.
type Commitment struct {
	Number       keys.CommitmentNumber
	FeeratePerKw amount.FeeratePerKw
	LocalMsat    amount.Msat // our balance before fee and anchors, without HTLCs
	RemoteMsat   amount.Msat // with LocalMsat and all HTLCs it is exactly the funding amount
	HTLCs        []HTLC
}

// HTLC is one HTLC of a commitment, dust or not.
type HTLC struct {
	Offered     bool // by us, whoever's commitment it is
	ID          uint64
	AmountMsat  amount.Msat
	PaymentHash [32]byte
	CLTVExpiry  block.Height
}

// SignRemoteCommitment asks for our signatures on the remote's commitment and all of its HTLCs.
// The number must be that of the last one signed or the next: signing the next says that the
// remote has revoked the last but one.
type SignRemoteCommitment struct {
	PerCommitmentPoint keys.PubKey
	Commitment         Commitment
}

// SignRemoteCommitmentReply has the HTLC signatures in the order of the transaction's outputs.
type SignRemoteCommitmentReply struct {
	Signature      keys.Signature
	HTLCSignatures []keys.Signature
}

// RevokeLocal asks for the secret that revokes our commitment Number. They go in order; a secret
// that was given before is given again. From then on hsmd never signs that commitment.
type RevokeLocal struct {
	Number keys.CommitmentNumber
}

// RevokeLocalReply has what revoke_and_ack carries.
type RevokeLocalReply struct {
	PerCommitmentSecret    keys.Secret
	NextPerCommitmentPoint keys.PubKey // of commitment Number+2
}

// GetPerCommitmentPoint asks for the point of our commitment Number.
type GetPerCommitmentPoint struct {
	Number keys.CommitmentNumber
}

// GetPerCommitmentPointReply answers GetPerCommitmentPoint.
type GetPerCommitmentPointReply struct {
	PerCommitmentPoint keys.PubKey
}

// CheckFutureSecret asks whether Secret is that of our commitment Number: then the peer knows of
// a state that we have lost (BOLT 2, Message Retransmission, data loss).
type CheckFutureSecret struct {
	Number keys.CommitmentNumber
	Secret keys.Secret
}

// CheckFutureSecretReply answers CheckFutureSecret.
type CheckFutureSecretReply struct {
	Correct bool
}

// SignMutualClose asks for our signature on the closing transaction with these outputs. Ours may
// only pay a script that lightningd has allowed.
type SignMutualClose struct {
	LocalSat     amount.Sat
	LocalScript  []byte // empty: no output for us
	RemoteSat    amount.Sat
	RemoteScript []byte // empty: no output for the remote
	Simple       bool   // option_simple_close; otherwise the legacy kind, with LockTime 0
	LockTime     uint32
}

// SignMutualCloseReply answers SignMutualClose.
type SignMutualCloseReply struct {
	Signature keys.Signature
}

// IPCType implements ipc.Message.
func (*GetBasepoints) IPCType() ipc.Type              { return TypeGetBasepoints }
func (*GetBasepointsReply) IPCType() ipc.Type         { return TypeGetBasepointsReply }
func (*SetupChannel) IPCType() ipc.Type               { return TypeSetupChannel }
func (*SetupChannelReply) IPCType() ipc.Type          { return TypeSetupChannelReply }
func (*SignRemoteCommitment) IPCType() ipc.Type       { return TypeSignRemoteCommitment }
func (*SignRemoteCommitmentReply) IPCType() ipc.Type  { return TypeSignRemoteCommitmentReply }
func (*RevokeLocal) IPCType() ipc.Type                { return TypeRevokeLocal }
func (*RevokeLocalReply) IPCType() ipc.Type           { return TypeRevokeLocalReply }
func (*GetPerCommitmentPoint) IPCType() ipc.Type      { return TypeGetPerCommitmentPoint }
func (*GetPerCommitmentPointReply) IPCType() ipc.Type { return TypeGetPerCommitmentPointReply }
func (*CheckFutureSecret) IPCType() ipc.Type          { return TypeCheckFutureSecret }
func (*CheckFutureSecretReply) IPCType() ipc.Type     { return TypeCheckFutureSecretReply }
func (*SignMutualClose) IPCType() ipc.Type            { return TypeSignMutualClose }
func (*SignMutualCloseReply) IPCType() ipc.Type       { return TypeSignMutualCloseReply }
