package channeldmsg

import (
	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// Setup is lightningd's first message. Exactly one of Open, Accept and Resume is not nil.
type Setup struct {
	ChannelDBID    uint64
	NodeID         keys.PubKey // ours
	PeerID         keys.PubKey
	ChainHash      [32]byte
	Height         block.Height
	LocalFeatures  []byte // of both init messages
	RemoteFeatures []byte
	Policy         Policy
	// ShutdownScript is where our balance goes in a mutual close that does not say otherwise.
	ShutdownScript []byte
	// LocalAlias is the short_channel_id that our channel_ready tells the peer.
	LocalAlias wire.ShortChannelID

	Open   *Open
	Accept *Accept
	Resume *Resume
}

// Policy is what may change while the channel lives.
type Policy struct {
	// MinFeerate and MaxFeerate bound the peer's update_fee.
	MinFeerate amount.FeeratePerKw
	MaxFeerate amount.FeeratePerKw
	// MaxDustExposure bounds the sum of the HTLCs that a commitment trims.
	MaxDustExposure amount.Msat
	// MaxCLTVExpiry is how many blocks ahead an HTLC may expire.
	MaxCLTVExpiry block.Delta
	// FulfillBefore is how many blocks before its expiry an HTLC that we have fulfilled must be
	// gone, or the channel goes to the chain; 0: 18. HTLCs that come later are refused.
	FulfillBefore block.Delta
	Close         CloseFeerates
	// TellRevoked asks for Store.Revoked.
	TellRevoked bool
}

// CloseFeerates are what we want and what we take in a mutual close.
type CloseFeerates struct {
	Target amount.FeeratePerKw
	Min    amount.FeeratePerKw
	Max    amount.FeeratePerKw
	// StepSat or StepPercent is how far we give way with each closing_signed to a peer without
	// fee_range; both 0: half of the way.
	StepSat     amount.Sat
	StepPercent uint8
}

// Terms are what we ask for in a new channel.
type Terms struct {
	DustLimit            amount.Sat
	MaxHTLCValueInFlight amount.Msat
	ChannelReserve       amount.Sat // that the peer has to keep; 0: one percent, and no dust
	HTLCMinimum          amount.Msat
	ToSelfDelay          block.Delta // of the peer's own outputs
	MaxAcceptedHTLCs     uint16
	// UpfrontShutdownScript binds our closes to one script; empty: none.
	UpfrontShutdownScript []byte
}

// Limits are the peer's terms that we still take.
type Limits struct {
	MinFunding           amount.Sat // of a channel that the peer opens
	MaxFunding           amount.Sat
	MinFeerate           amount.FeeratePerKw
	MaxFeerate           amount.FeeratePerKw
	MaxToSelfDelay       block.Delta
	MaxDustLimit         amount.Sat
	MaxReservePercent    uint8
	MaxHTLCMinimum       amount.Msat
	MinHTLCValueInFlight amount.Msat
	MinAcceptedHTLCs     uint16
	MaxMinimumDepth      uint32
}

// Open makes channeld open a channel.
type Open struct {
	TemporaryChannelID wire.ChannelID // random
	Funding            amount.Sat
	Push               amount.Msat
	Feerate            amount.FeeratePerKw
	Announce           bool
	ChannelType        []byte // BOLT 9 feature vector; empty: the best that both know
	MinimumDepth       uint32 // that we wait for, should the peer ask for less
	Terms              Terms
	Limits             Limits
}

// Accept makes channeld answer a peer that opens a channel.
type Accept struct {
	OpenChannel  []byte // open_channel as the peer sent it, with its type
	MinimumDepth uint32
	Terms        Terms
	Limits       Limits
}

// Resume makes channeld take up a channel with a peer that has come back.
type Resume struct {
	Snapshot []byte   // the last Data stored with Snapshot set
	Records  [][]byte // what was stored since, oldest first
	// Closed says that a closing transaction has both signatures: with option_simple_close the next is for
	// whoever wants one that pays more.
	Closed bool
}

// NeedFunding tells that the peer has accepted the channel, and asks for a funding transaction with this output;
// FundingChosen answers.
type NeedFunding struct {
	PkScript     []byte
	Amount       amount.Sat
	ChannelType  []byte // BOLT 9 feature vector
	MinimumDepth uint32
}

// FundingChosen answers NeedFunding. The transaction must not be broadcast before Opened.
type FundingChosen struct {
	Txid        [32]byte // internal byte order
	OutputIndex uint32
}

// Opened is sent once, by a channeld that opened or accepted, when the channel exists: it has
// everything that a row of the database wants. It counts as a Store, with its Seq.
type Opened struct {
	Seq          uint64
	Snapshot     []byte
	ChannelID    wire.ChannelID
	Setup        hsmdmsg.ChannelSetup
	Announce     bool
	ChannelType  []byte // BOLT 9 feature vector
	Push         amount.Msat
	MinimumDepth uint32
	Status       Status
}

// IPCType implements ipc.Message.
func (*Setup) IPCType() ipc.Type         { return TypeSetup }
func (*NeedFunding) IPCType() ipc.Type   { return TypeNeedFunding }
func (*FundingChosen) IPCType() ipc.Type { return TypeFundingChosen }
func (*Opened) IPCType() ipc.Type        { return TypeOpened }
