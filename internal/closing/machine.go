package closing

import (
	"errors"
	"fmt"

	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/keys"
	"fulmen/internal/tx"
	"fulmen/internal/wire"
)

// Event is what happened: Start, PeerSent, Signed or Bump.
type Event interface{ isEvent() }

// The events.
type (
	// Start begins the negotiation, on our side.
	Start struct{}
	// PeerSent is a message of the peer about this channel.
	PeerSent struct{ Msg wire.Message }
	// Signed answers AskSigner, with a signature for each transaction in its order.
	Signed struct{ Signatures []keys.Signature }
	// Bump asks for another transaction at a higher feerate, which option_simple_close allows.
	Bump struct{ Feerate amount.FeeratePerKw }
)

func (Start) isEvent()    {}
func (PeerSent) isEvent() {}
func (Signed) isEvent()   {}
func (Bump) isEvent()     {}

// Action is what the process must do.
type Action interface{ isAction() }

// The actions.
type (
	// SendPeer sends a message.
	SendPeer struct{ Msg wire.Message }
	// AskSigner asks for our signature on each transaction; Signed answers.
	AskSigner struct{ Txs []Content }
	// Closed reports a transaction with both signatures, to broadcast. With option_simple_close
	// more of them may follow.
	Closed struct {
		Tx  *btcwire.MsgTx
		Fee amount.Sat
	}
	// PeerFailed ends the negotiation: the peer sent an error.
	PeerFailed struct{ Text []byte }
	// PeerWarned reports a warning.
	PeerWarned struct{ Text []byte }
)

func (SendPeer) isAction()   {}
func (AskSigner) isAction()  {}
func (Closed) isAction()     {}
func (PeerFailed) isAction() {}
func (PeerWarned) isAction() {}

// Content is what a closing transaction pays; an empty script is an output left out.
type Content struct {
	LocalSat     amount.Sat
	LocalScript  []byte
	RemoteSat    amount.Sat
	RemoteScript []byte
	Simple       bool // option_simple_close; otherwise the legacy kind, with LockTime 0
	LockTime     uint32
}

// Outcome is what a broken rule leads to.
type Outcome uint8

// The outcomes.
const (
	WarnAndClose Outcome = iota // a warning, and the connection ends: a reconnection may mend it
	FailChannel                 // an error, and our commitment goes to chain
)

// String is e.g. "fail_channel".
func (o Outcome) String() string {
	if o == FailChannel {
		return "fail_channel"
	}
	return "warn_and_close"
}

// Fault is a rule that the peer broke. Any other error is ours.
type Fault struct {
	Outcome Outcome
	Err     error
}

func (f *Fault) Error() string { return f.Err.Error() }
func (f *Fault) Unwrap() error { return f.Err }

func warnAndClose(format string, args ...any) *Fault {
	return &Fault{WarnAndClose, fmt.Errorf(format, args...)}
}

func failChannel(format string, args ...any) *Fault {
	return &Fault{FailChannel, fmt.Errorf(format, args...)}
}

// ErrOrder is ours: an event that cannot be now.
var ErrOrder = errors.New("event out of order")

// Config is the channel as shutdown left it, and what we want to pay.
type Config struct {
	ChannelID        wire.ChannelID
	Funding          tx.Funding
	Opener           bool // we opened the channel
	LocalFundingKey  keys.PubKey
	RemoteFundingKey keys.PubKey
	ToLocal          amount.Msat // of the last commitment, before its fee; together the whole funding
	ToRemote         amount.Msat
	LocalDustLimit   amount.Sat
	RemoteDustLimit  amount.Sat
	LocalScript      []byte // of our shutdown
	RemoteScript     []byte // of the peer's shutdown
	RemoteUpfront    []byte // its upfront_shutdown_script, if it gave one
	ScriptRules      tx.ScriptRules

	Simple   bool // option_simple_close is negotiated
	LockTime uint32
	// Fees that we pay, or as the accepter of a legacy close let the opener pay. An accepter has no
	// maximum.
	Feerate, MinFeerate, MaxFeerate amount.FeeratePerKw
	// StepSat, or StepPercent of the distance between the fees, is how far we give way with each
	// closing_signed to a peer without fee_range; both 0: half of the way.
	StepSat     amount.Sat
	StepPercent uint8
	// Signed says that an earlier connection had a transaction signed: with option_simple_close we ask for
	// another only when it is to pay more.
	Signed bool
}

// Machine is one negotiation, of either kind.
type Machine struct {
	kind kind
	// afterSigned continues once the signer has answered; nil while nothing is asked. No other event
	// comes in between.
	afterSigned func([]keys.Signature) ([]Action, error)
	signatures  int
	over        bool
}

// kind is what differs between the two negotiations.
type kind interface {
	start(m *Machine) ([]Action, error)
	recv(m *Machine, msg wire.Message) ([]Action, error)
	bump(m *Machine, feerate amount.FeeratePerKw) ([]Action, error)
}

// New prepares a negotiation.
func New(c Config) (*Machine, error) {
	if sum, err := c.ToLocal.Add(c.ToRemote); err != nil || sum != c.Funding.Amount.Msat() {
		return nil, fmt.Errorf("close of %s: %s and %s: %w", c.Funding.Amount, c.ToLocal, c.ToRemote, tx.ErrUnbalanced)
	}
	if c.Simple {
		return &Machine{kind: &simple{config: c}}, nil
	}
	return &Machine{kind: &legacy{config: c}}, nil
}

// Step applies one event and returns what the process must do, in this order. After a Fault or
// PeerFailed the machine takes nothing more.
func (m *Machine) Step(ev Event) ([]Action, error) {
	actions, err := m.step(ev)
	if err != nil {
		m.over = true
	}
	return actions, err
}

func (m *Machine) step(ev Event) ([]Action, error) {
	signed, isAnswer := ev.(Signed)
	if m.over || isAnswer != (m.afterSigned != nil) {
		return nil, fmt.Errorf("%T: %w", ev, ErrOrder)
	}
	if isAnswer {
		return m.answer(signed)
	}
	switch ev := ev.(type) {
	case Start:
		return m.kind.start(m)
	case PeerSent:
		return m.recv(ev.Msg)
	case Bump:
		return m.kind.bump(m, ev.Feerate)
	}
	panic(fmt.Sprintf("closing: unknown event %T", ev))
}

func (m *Machine) answer(signed Signed) ([]Action, error) {
	if len(signed.Signatures) != m.signatures {
		return nil, fmt.Errorf("%d signatures, asked for %d: %w", len(signed.Signatures), m.signatures, ErrOrder)
	}
	then := m.afterSigned
	m.afterSigned = nil
	return then(signed.Signatures)
}

func (m *Machine) recv(msg wire.Message) ([]Action, error) {
	switch msg := msg.(type) {
	case *wire.Error:
		m.over = true
		return []Action{PeerFailed{msg.Data}}, nil
	case *wire.Warning:
		return []Action{PeerWarned{msg.Data}}, nil
	case *wire.ChannelReady, *wire.AnnouncementSignatures:
		return nil, nil // late, and without meaning for a channel that closes
	}
	return m.kind.recv(m, msg)
}

// ask has transactions signed and goes on with then.
func (m *Machine) ask(then func([]keys.Signature) ([]Action, error), txs ...*proposal) []Action {
	m.afterSigned, m.signatures = then, len(txs)
	a := AskSigner{}
	for _, p := range txs {
		a.Txs = append(a.Txs, p.content)
	}
	return []Action{a}
}

// proposal is one closing transaction, unsigned, with its content as hsmd wants it.
type proposal struct {
	content Content
	closing *tx.Closing
}

// propose builds the transaction of content.
func (c *Config) propose(content Content) (*proposal, error) {
	content.Simple = c.Simple
	var outputs []tx.ClosingOutput
	if len(content.LocalScript) > 0 {
		outputs = append(outputs, tx.ClosingOutput{Amount: content.LocalSat, PkScript: content.LocalScript})
	}
	if len(content.RemoteScript) > 0 {
		outputs = append(outputs, tx.ClosingOutput{Amount: content.RemoteSat, PkScript: content.RemoteScript})
	}
	build := func() (*tx.Closing, error) { return tx.BuildLegacyClosing(&c.Funding, outputs...) }
	if c.Simple {
		build = func() (*tx.Closing, error) { return tx.BuildSimpleClosing(&c.Funding, content.LockTime, outputs...) }
	}
	closing, err := build()
	if err != nil {
		return nil, err
	}
	return &proposal{content, closing}, nil
}

// verify checks the peer's signature on a proposal.
func (c *Config) verify(p *proposal, sig keys.Signature) error {
	return keys.Verify(c.RemoteFundingKey, p.closing.SigHash(), sig)
}

// complete is the transaction with both signatures.
func (c *Config) complete(p *proposal, local, remote keys.Signature) Closed {
	return Closed{
		Tx:  p.closing.Signed(c.LocalFundingKey, local, c.RemoteFundingKey, remote),
		Fee: p.closing.Fee,
	}
}
