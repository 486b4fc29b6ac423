package opening

import (
	"errors"
	"fmt"

	"fulmen/internal/amount"
	"fulmen/internal/features"
	"fulmen/internal/keys"
	"fulmen/internal/tx"
	"fulmen/internal/wire"
)

// Event is what happened: Start, PeerSent, FundingChosen or Signed.
type Event interface{ isEvent() }

// The events.
type (
	// Start makes the opener propose.
	Start struct{}
	// PeerSent is a message of the peer about this channel.
	PeerSent struct{ Msg wire.Message }
	// FundingChosen answers AskFunding: the transaction exists, signed or not, and is not broadcast.
	FundingChosen struct {
		Txid        [32]byte // internal byte order
		OutputIndex uint32
	}
	// Signed answers AskSigner.
	Signed struct{ Signature keys.Signature }
)

func (Start) isEvent()         {}
func (PeerSent) isEvent()      {}
func (FundingChosen) isEvent() {}
func (Signed) isEvent()        {}

// Action is what the process must do.
type Action interface{ isAction() }

// The actions.
type (
	// SendPeer sends a message.
	SendPeer struct{ Msg wire.Message }
	// AskFunding tells what both sides have agreed on, and asks for a transaction with exactly this output;
	// FundingChosen answers.
	AskFunding struct {
		PkScript     []byte
		Amount       amount.Sat
		Type         features.ChannelType
		MinimumDepth uint32
	}
	// SetupSigner fixes the channel in hsmd.
	SetupSigner struct{ Channel *Channel }
	// AskSigner asks for our signature on the remote's commitment 0; Signed answers.
	AskSigner struct {
		PerCommitmentPoint keys.PubKey
		Feerate            amount.FeeratePerKw
		ToLocal, ToRemote  amount.Msat
	}
	// AlsoKnownAs routes messages with the final channel_id here as well.
	AlsoKnownAs struct{ ChannelID wire.ChannelID }
	// Opened ends the opening. The channel must be durable before the next action, and before the
	// funding transaction is broadcast.
	Opened struct{ Channel *Channel }
	// PeerFailed ends the opening: the peer sent an error.
	PeerFailed struct{ Text []byte }
	// PeerWarned reports a warning.
	PeerWarned struct{ Text []byte }
)

func (SendPeer) isAction()    {}
func (AskFunding) isAction()  {}
func (SetupSigner) isAction() {}
func (AskSigner) isAction()   {}
func (AlsoKnownAs) isAction() {}
func (Opened) isAction()      {}
func (PeerFailed) isAction()  {}
func (PeerWarned) isAction()  {}

// Fault is a rule that the peer broke: it gets an error for the channel, which is forgotten. Any
// other error is ours.
type Fault struct{ Err error }

func (f *Fault) Error() string { return f.Err.Error() }
func (f *Fault) Unwrap() error { return f.Err }

func fault(format string, args ...any) *Fault { return &Fault{fmt.Errorf(format, args...)} }

// ErrOrder is ours: an answer to nothing that was asked.
var ErrOrder = errors.New("event out of order")

// Channel is what both sides have agreed on. It is immutable once Opened.
type Channel struct {
	ChannelID    wire.ChannelID
	Funding      tx.Funding
	Opener       bool // we opened it
	Type         features.ChannelType
	Announce     bool
	Local        Terms
	Remote       Terms
	Feerate      amount.FeeratePerKw
	ToLocal      amount.Msat // before fees
	ToRemote     amount.Msat
	MinimumDepth uint32 // that accept_channel asks for, or more where the opener wants more

	RemoteSignature keys.Signature // on our commitment 0
}

// Config is what both kinds of opening need.
type Config struct {
	ChainHash          [32]byte
	TemporaryChannelID wire.ChannelID // random, the opener's choice
	Local              Terms          // a ChannelReserve of 0 is chosen by the funding amount
	Features           Features
	Limits             Limits
	MinimumDepth       uint32 // that we wait for as opener, should the accepter ask for less
}

// waiting says what comes next.
type waiting uint8

const (
	forStart waiting = iota
	forOpenChannel
	forAcceptChannel
	forFunding
	forFundingCreated
	forSignature
	forFundingSigned
	forNothing
)

var waitingNames = [...]string{
	"start", "open_channel", "accept_channel", "the funding transaction", "funding_created",
	"the signer", "funding_signed", "nothing",
}

// Machine is one opening.
type Machine struct {
	config  Config
	opener  bool
	depth   uint32 // the minimum_depth that we ask for as accepter
	waiting waiting

	proposal Proposal
	channel  *Channel
}

// Step applies one event and returns what the process must do, in this order. After an error the
// opening is over.
func (m *Machine) Step(ev Event) ([]Action, error) {
	actions, err := m.step(ev)
	if err != nil {
		m.waiting = forNothing
	}
	return actions, err
}

func (m *Machine) step(ev Event) ([]Action, error) {
	switch ev := ev.(type) {
	case Start:
		if m.waiting == forStart {
			return m.sendOpenChannel(), nil
		}
	case PeerSent:
		return m.recv(ev.Msg)
	case FundingChosen:
		if m.waiting == forFunding {
			return m.afterFunding(ev)
		}
	case Signed:
		if m.waiting == forSignature {
			return m.afterSigning(ev.Signature), nil
		}
	default:
		panic(fmt.Sprintf("opening: unknown event %T", ev))
	}
	return nil, fmt.Errorf("%T while waiting for %s: %w", ev, waitingNames[m.waiting], ErrOrder)
}

func (m *Machine) recv(msg wire.Message) ([]Action, error) {
	switch msg := msg.(type) {
	case *wire.Error:
		m.waiting = forNothing
		return []Action{PeerFailed{msg.Data}}, nil
	case *wire.Warning:
		return []Action{PeerWarned{msg.Data}}, nil
	case *wire.OpenChannel:
		if m.waiting == forOpenChannel {
			return m.recvOpenChannel(msg)
		}
	case *wire.AcceptChannel:
		if m.waiting == forAcceptChannel {
			return m.recvAcceptChannel(msg)
		}
	case *wire.FundingCreated:
		if m.waiting == forFundingCreated {
			return m.recvFundingCreated(msg)
		}
	case *wire.FundingSigned:
		if m.waiting == forFundingSigned {
			return m.recvFundingSigned(msg)
		}
	}
	return nil, fault("unexpected %s while waiting for %s", msg.Type(), waitingNames[m.waiting])
}

// agree makes the Channel of both sides' terms, still without its funding outpoint.
func (m *Machine) agree(local, remote Terms, minimumDepth uint32) {
	c := &Channel{
		Funding:      tx.Funding{Amount: m.proposal.Funding, KeyA: local.FundingPubkey, KeyB: remote.FundingPubkey},
		Opener:       m.opener,
		Type:         m.proposal.Type,
		Announce:     m.proposal.Announce,
		Local:        local,
		Remote:       remote,
		Feerate:      m.proposal.Feerate,
		ToLocal:      m.proposal.toOpener(),
		ToRemote:     m.proposal.Push,
		MinimumDepth: minimumDepth,
	}
	if !m.opener {
		c.ToLocal, c.ToRemote = c.ToRemote, c.ToLocal
	}
	m.channel = c
}

// fund completes the channel with its outpoint.
func (m *Machine) fund(txid [32]byte, outputIndex uint16) {
	m.channel.Funding.Outpoint.Hash = txid
	m.channel.Funding.Outpoint.Index = uint32(outputIndex)
	m.channel.ChannelID = wire.NewChannelID(txid, outputIndex)
}

// askSigner asks for our signature on the remote's first commitment.
func (m *Machine) askSigner() []Action {
	m.waiting = forSignature
	c := m.channel
	return []Action{
		SetupSigner{c},
		AskSigner{
			PerCommitmentPoint: c.Remote.FirstPerCommitmentPoint, Feerate: c.Feerate,
			ToLocal: c.ToLocal, ToRemote: c.ToRemote,
		},
	}
}

// checkSignature verifies the peer's signature on our first commitment.
func (m *Machine) checkSignature(sig keys.Signature) error {
	c := m.channel
	commitment, err := c.localCommitment()
	if err != nil {
		return fmt.Errorf("our commitment 0: %w", err)
	}
	if err := keys.Verify(c.Remote.FundingPubkey, commitment.SigHash(), sig); err != nil {
		return fault("signature on our commitment 0: %w", err)
	}
	c.RemoteSignature = sig
	return nil
}

// localCommitment builds our commitment 0.
func (c *Channel) localCommitment() (*tx.Commitment, error) {
	k, err := keys.DeriveCommitmentKeys(&c.Local.Basepoints, &c.Remote.Basepoints, c.Local.FirstPerCommitmentPoint)
	if err != nil {
		return nil, err
	}
	opener, accepter := c.Local.Basepoints.Payment, c.Remote.Basepoints.Payment
	if !c.Opener {
		opener, accepter = accepter, opener
	}
	return tx.BuildCommitment(&tx.CommitmentParams{
		Funding:         &c.Funding,
		OwnerFundingKey: c.Local.FundingPubkey,
		OtherFundingKey: c.Remote.FundingPubkey,
		ObscuringFactor: tx.ObscuringFactor(opener, accepter),
		Anchors:         c.Type.Has(features.Anchors),
		OwnerIsOpener:   c.Opener,
		DustLimit:       c.Local.DustLimit,
		ToSelfDelay:     c.Remote.ToSelfDelay,
		Keys:            k,
	}, 0, c.Feerate, c.ToLocal, c.ToRemote, nil)
}
