package hsmdmsg

import (
	"fulmen/internal/amount"
	"fulmen/internal/ipc"
	"fulmen/internal/keys"
)

// Limits on what one request may carry.
const (
	MaxPassphrase = 1024
	MaxMessage    = 65535 // SignMessage, SignWalletMessage
	MaxInfo       = 1024  // DeriveSecret
	MaxScript     = 10_000
)

// Init is lightningd's first request, once. One descriptor rides on it: hsm_secret, opened by
// lightningd, which never reads it. With Create it is a new empty file, open for writing: hsmd
// makes a mnemonic and writes it; to sync the file and give it its name is lightningd's part
// (package secretfile). What is wrong with the file or passphrase is answered by a Fail with one of
// the codes below; Init may then be tried again.
type Init struct {
	Network    string // bitcoin, testnet, testnet4, signet or regtest
	Passphrase []byte // of the mnemonic; empty is none
	Create     bool
	Words      string      // with Create: the mnemonic, or what else hsmsecret.Restore takes; empty: a new mnemonic
	Forced     *ForcedKeys // for protocol tests on regtest; nil, and refused on any other network
}

// ForcedKeys take the place of what follows from the secret, where they are not nil.
type ForcedKeys struct {
	NodeKey   *keys.Secret
	BIP32Seed *keys.Secret    // of the wallet's keys
	Channel   *ChannelSecrets // the same for every channel
}

// ChannelSecrets are those of BOLT 3.
type ChannelSecrets struct {
	Funding, Revocation, Payment, DelayedPayment, HTLC keys.Secret
	Seed                                               keys.Secret // of the per-commitment secrets
}

// The codes of a Fail that answers Init.
const (
	CodeDamaged             int32 = 1 // also: a form that is not supported
	CodePassphraseNeeded    int32 = 2
	CodePassphraseNotNeeded int32 = 3
	CodePassphraseWrong     int32 = 4
)

// CodeRefused is the code of a Fail that answers any other request of lightningd's which the policy
// refuses: what is wrong with one channel must not end the node.
const CodeRefused int32 = 5

// InitReply tells what follows from the secret and is public.
type InitReply struct {
	NodeID    keys.PubKey
	BIP84XPub string // m/84'/coin'/0', serialized as BIP 32 says
	BIP86XPub string // m/86'/coin'/0'
	Mnemonic  string // only after Create: for the operator's eyes, once; never logged
	Codex32   string // only after Create with Words, which say the same: for plugins with the hook recover; never logged
}

// NewClient asks for one more socket. The reply carries it as a descriptor.
//
// With RightCommitment or RightOnchain it is about the channel (PeerID, ChannelDBID); the other channel fields are
// what lightningd's database knows of it. What hsmd itself knows better, it keeps: counts never go
// back, and a Setup never changes.
type NewClient struct {
	Rights      ipc.Rights
	PeerID      keys.PubKey
	ChannelDBID uint64
	Setup       *ChannelSetup // nil until the channel has its funding outpoint; RightOnchain needs it
	// LocalRevoked is how many of our commitments are revoked: 0 to LocalRevoked-1.
	LocalRevoked keys.CommitmentNumber
	// RemoteSigned is how many of the remote's commitments we have signed: 0 to RemoteSigned-1.
	RemoteSigned keys.CommitmentNumber
	// ShutdownScripts are those that a mutual close may pay our balance to.
	ShutdownScripts [][]byte
}

// NewClientReply answers NewClient with one descriptor.
type NewClientReply struct {
}

// ForgetChannel frees what hsmd remembers of a channel that came to nothing. Of one that was set up
// nothing is forgotten while hsmd runs.
type ForgetChannel struct {
	PeerID      keys.PubKey
	ChannelDBID uint64
}

// ForgetChannelReply answers ForgetChannel.
type ForgetChannelReply struct {
}

// AllowShutdownScript lets a mutual close of the channel pay our balance to Script too; lightningd
// sends it when the operator closes to an address of their own.
type AllowShutdownScript struct {
	PeerID      keys.PubKey
	ChannelDBID uint64
	Script      []byte
}

// AllowShutdownScriptReply answers AllowShutdownScript.
type AllowShutdownScriptReply struct {
}

// RecoverableSignature is r, s and the recovery id, 0 to 3, as BOLT 11 has it.
type RecoverableSignature [65]byte

// SignInvoice asks for the signature of an invoice by the node key (BOLT 11, Data Part).
type SignInvoice struct {
	HRP  string
	Data []byte // 5-bit groups, without the signature
}

// SignInvoiceReply answers SignInvoice.
type SignInvoiceReply struct {
	Signature RecoverableSignature
}

// SignMessage asks for the node key's signature of a person's message, prefixed with "Lightning
// Signed Message:".
type SignMessage struct {
	Message []byte
}

// SignMessageReply answers SignMessage.
type SignMessageReply struct {
	Signature RecoverableSignature
}

// SignWalletMessage asks for the signature of a person's message, prefixed with "Bitcoin Signed Message:", by
// the key of a p2wpkh address of the wallet (BIP 137).
type SignWalletMessage struct {
	Message  []byte
	Change   bool // the chain of BIP 32: internal rather than external
	KeyIndex uint32
}

// SignWalletMessageReply answers SignWalletMessage.
type SignWalletMessageReply struct {
	PubKey    keys.PubKey
	Signature RecoverableSignature
}

// DeriveSecret asks for a pseudorandom secret that depends on hsm_secret and Info alone.
type DeriveSecret struct {
	Info []byte
}

// DeriveSecretReply answers DeriveSecret.
type DeriveSecretReply struct {
	Secret keys.Secret
}

// SignLocalCommitment asks for our signature on our own commitment, to broadcast it. From then on
// hsmd never reveals the secret of that commitment.
type SignLocalCommitment struct {
	PeerID       keys.PubKey
	ChannelDBID  uint64
	Setup        ChannelSetup
	LocalRevoked keys.CommitmentNumber // as in NewClient
	Commitment   Commitment
}

// SignLocalCommitmentReply answers SignLocalCommitment.
type SignLocalCommitmentReply struct {
	Signature keys.Signature
}

// AddressKind is how a wallet output is locked.
type AddressKind uint8

// The kinds of wallet outputs.
const (
	P2WPKH AddressKind = 1 // BIP 84
	P2TR   AddressKind = 2 // BIP 86, key path
)

// SignWallet asks for signatures of wallet inputs (SIGHASH_ALL, taproot SIGHASH_DEFAULT).
type SignWallet struct {
	Tx       []byte // unsigned, in Bitcoin's serialization
	Prevouts []Prevout
	Inputs   []WalletInput
}

// Prevout is what an input of the transaction spends; one for each input, in order.
type Prevout struct {
	Amount amount.Sat
	Script []byte
}

// WalletInput names an input to sign and the key for it.
type WalletInput struct {
	Index    uint32 // of the input
	Kind     AddressKind
	Change   bool // the chain of BIP 32: internal rather than external
	KeyIndex uint32
}

// SignWalletReply has one signature for each of Inputs, in their order.
type SignWalletReply struct {
	Signatures []WalletSignature
}

// WalletSignature is ready for a witness: p2wpkh in DER with its sighash byte, p2tr 64 bytes.
type WalletSignature struct {
	PubKey    keys.PubKey // the key of the script, before BIP 86's tweak
	Signature []byte
}

// IPCType implements ipc.Message.
func (*Init) IPCType() ipc.Type                     { return TypeInit }
func (*InitReply) IPCType() ipc.Type                { return TypeInitReply }
func (*NewClient) IPCType() ipc.Type                { return TypeNewClient }
func (*NewClientReply) IPCType() ipc.Type           { return TypeNewClientReply }
func (*ForgetChannel) IPCType() ipc.Type            { return TypeForgetChannel }
func (*ForgetChannelReply) IPCType() ipc.Type       { return TypeForgetChannelReply }
func (*AllowShutdownScript) IPCType() ipc.Type      { return TypeAllowShutdownScript }
func (*AllowShutdownScriptReply) IPCType() ipc.Type { return TypeAllowShutdownScriptReply }
func (*SignInvoice) IPCType() ipc.Type              { return TypeSignInvoice }
func (*SignInvoiceReply) IPCType() ipc.Type         { return TypeSignInvoiceReply }
func (*SignMessage) IPCType() ipc.Type              { return TypeSignMessage }
func (*SignMessageReply) IPCType() ipc.Type         { return TypeSignMessageReply }
func (*SignWalletMessage) IPCType() ipc.Type        { return TypeSignWalletMessage }
func (*SignWalletMessageReply) IPCType() ipc.Type   { return TypeSignWalletMessageReply }
func (*DeriveSecret) IPCType() ipc.Type             { return TypeDeriveSecret }
func (*DeriveSecretReply) IPCType() ipc.Type        { return TypeDeriveSecretReply }
func (*SignLocalCommitment) IPCType() ipc.Type      { return TypeSignLocalCommitment }
func (*SignLocalCommitmentReply) IPCType() ipc.Type { return TypeSignLocalCommitmentReply }
func (*SignWallet) IPCType() ipc.Type               { return TypeSignWallet }
func (*SignWalletReply) IPCType() ipc.Type          { return TypeSignWalletReply }
