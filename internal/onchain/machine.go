package onchain

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/block"
	"fulmen/internal/keys"
	"fulmen/internal/tx"
)

// How deep a transaction has to be.
const (
	// irrevocable is when an output is irrevocably resolved (BOLT 5, General Nomenclature).
	irrevocable = 100
	// reasonable is the reasonable depth at which an HTLC is failed back: BOLT 5 names no number.
	reasonable = 3
	// upstreamMargin is how many blocks before the expiry of the incoming HTLC ours is failed back,
	// whatever became of it: from then on upstream would go to the chain.
	upstreamMargin = 3
)

// The ways in which what the caller says does not fit.
var (
	ErrSignatures = errors.New("wrong number of htlc_signatures")
	ErrPreimage   = errors.New("preimage does not hash to the payment_hash")
	ErrNoPoint    = errors.New("our per_commitment_point is needed")
)

// Machine follows one channel's outputs on chain.
type Machine struct {
	state   *State
	closing *Closing
	height  block.Height // newest
	started block.Height // of the block that closed the channel

	outputs  []*output // in the order in which they were found
	byPoint  map[wire.OutPoint]*output
	offered  []*pending // by us, in the order of their ids
	received []*pending

	status   string
	resolved bool
	actions  []Action // of this step
}

// New begins with the transaction that spends the funding output, in a block of that height.
func New(s *State, spend *wire.MsgTx, height block.Height) (*Machine, []Action, error) {
	closing, err := Classify(s, spend)
	if err != nil {
		return nil, nil, err
	}
	if closing.NeedsPoint() {
		return nil, nil, fmt.Errorf("commitment %d: %w", closing.CommitmentNumber, ErrNoPoint)
	}
	m := &Machine{
		state: s, closing: closing, height: height, started: height,
		byPoint: make(map[wire.OutPoint]*output),
	}
	if err := m.findPending(); err != nil {
		return nil, nil, err
	}
	m.say(Started{closing.Kind, closing.CommitmentNumber, closing.text(height)})
	m.recordClose()
	switch closing.Kind {
	case OurUnilateral, TheirUnilateral:
		err = m.findPublished()
	case TheirRevoked, TheirUnknown, OurUnknown:
		m.findByScript()
	case MutualClose:
		m.findCloses()
	}
	if err != nil {
		return nil, nil, err
	}
	m.begin(m.outputs)
	m.tellKnownPreimages()
	m.tellStatus()
	return m, m.taken(), nil
}

// Step takes one event. An error is what the caller should not have said; nothing has changed then.
func (m *Machine) Step(ev Event) ([]Action, error) {
	var err error
	switch ev := ev.(type) {
	case OutputSpent:
		m.afterSpend(ev.Tx, ev.Height)
	case NewHeight:
		m.afterHeight(ev.Height)
	case Preimages:
		err = m.afterPreimages(ev.Preimages)
	case GiveUp:
		m.afterGiveUp(&ev)
	default:
		panic(fmt.Sprintf("onchain: unknown event %T", ev))
	}
	return m.taken(), err
}

// Claim is the claim on an output, or nil.
func (m *Machine) Claim(o wire.OutPoint) *Claim {
	if out := m.byPoint[o]; out != nil {
		return out.claim
	}
	return nil
}

func (m *Machine) say(a Action) { m.actions = append(m.actions, a) }

func (m *Machine) taken() []Action {
	actions := m.actions
	m.actions = nil
	return actions
}

// findPending lists the HTLCs that still have to end, and which of them a valid commitment has an
// output for.
func (m *Machine) findPending() error {
	s := m.state
	for i := range s.HTLCs {
		p := &pending{PendingHTLC: s.HTLCs[i]}
		if p.Offered {
			p.upstream = s.Upstream[p.ID]
			m.offered = append(m.offered, p)
		} else {
			m.received = append(m.received, p)
		}
	}
	for _, valid := range []struct {
		content *Commitment
		local   bool
	}{{&s.LocalCommitment, true}, {&s.RemoteCurrent, false}, {s.RemoteNext, false}} {
		if valid.content == nil {
			continue
		}
		built, err := s.build(valid.content, valid.local)
		if err != nil {
			return fmt.Errorf("commitment %d: %w", valid.content.Number, err)
		}
		if valid.local && len(built.HTLCs) != len(s.HTLCSignatures) {
			return fmt.Errorf("commitment %d: %d for %d htlcs: %w", valid.content.Number, len(s.HTLCSignatures), len(built.HTLCs), ErrSignatures)
		}
		for j := range built.HTLCs {
			if p := m.find(built.HTLCs[j].Offered == valid.local, built.HTLCs[j].ID); p != nil {
				p.possible = true
			}
		}
	}
	return nil
}

// find is the HTLC of that id which still has to end, or nil.
func (m *Machine) find(offered bool, id uint64) *pending {
	list := m.received
	if offered {
		list = m.offered
	}
	for _, p := range list {
		if p.ID == id {
			return p
		}
	}
	return nil
}

// add notes an output that was found.
func (m *Machine) add(o *output) *output {
	m.outputs = append(m.outputs, o)
	m.byPoint[o.outpoint] = o
	return o
}

// begin watches new outputs and claims what is ours of them.
func (m *Machine) begin(outputs []*output) {
	var watch []wire.OutPoint
	for _, o := range outputs {
		if o.watched() {
			watch = append(watch, o.outpoint)
		}
	}
	if len(watch) > 0 {
		m.say(Watch{watch})
	}
	for _, o := range outputs {
		m.recordFound(o)
		m.claimIt(o)
	}
}

// claimIt claims an output that is ours, or will be when its time comes.
func (m *Machine) claimIt(o *output) {
	kind, ok := m.claimKind(o)
	if !ok || o.spent != 0 || o.givenUp != 0 {
		return
	}
	o.claim = m.newClaim(o, kind)
	m.say(o.claim)
}

func (m *Machine) claimKind(o *output) (tx.ClaimKind, bool) {
	switch o.role {
	case toUs:
		return tx.ClaimToRemote, true
	case delayed:
		return tx.ClaimDelayed, true
	case ourAnchor:
		return tx.ClaimAnchor, true
	case revokedDelayed:
		return tx.ClaimPenaltyDelayed, true
	case revokedHTLC:
		return tx.ClaimPenaltyHTLC, true
	case ourHTLC:
		if m.closing.Kind == OurUnknown {
			return 0, false // what the peer signed of it is lost
		}
		if o.offeredByUs() {
			return tx.ClaimHTLCTimeout, true
		}
		return tx.ClaimHTLCSuccess, o.preimage != nil
	case theirHTLC:
		if m.closing.Kind == TheirUnknown {
			// BOLT 5: HTLCs cannot be salvaged when our state is lost. The signer would not know of the
			// commitment, and so refuse.
			return 0, false
		}
		if o.offeredByUs() {
			return tx.ClaimRemoteTimeout, true
		}
		return tx.ClaimRemoteSuccess, o.preimage != nil
	}
	return 0, false
}

// afterPreimages makes HTLCs that the peer offered ours.
func (m *Machine) afterPreimages(list []Preimage) error {
	for i := range list {
		p := m.find(false, list[i].HTLCID)
		if p != nil && sha256.Sum256(list[i].Preimage[:]) != p.PaymentHash {
			return fmt.Errorf("htlc %d: %w", p.ID, ErrPreimage)
		}
	}
	for i := range list {
		// BOLT 5: one that the peer is not irrevocably committed to is not taken.
		p := m.find(false, list[i].HTLCID)
		if p == nil || !p.Committed || p.output == nil || p.output.preimage != nil {
			continue
		}
		p.output.preimage = &list[i].Preimage
		if p.output.role != revokedHTLC { // where the penalty needs none
			m.claimIt(p.output)
		}
	}
	m.tellStatus()
	return nil
}

// afterGiveUp leaves outputs where they are.
func (m *Machine) afterGiveUp(ev *GiveUp) {
	var ended []wire.OutPoint
	for _, point := range ev.Outpoints {
		o := m.byPoint[point]
		if o == nil || o.claim == nil || o.givenUp != 0 || o.spent != 0 {
			continue
		}
		o.why = ev.Reason
		m.leave(o, ev.Height)
		ended = append(ended, point)
	}
	if len(ended) > 0 {
		m.say(Unclaim{ended})
		m.tellStatus()
	}
}

// staticKeys are those that are known without any per_commitment_point.
func (m *Machine) staticKeys() *keys.CommitmentKeys {
	return &keys.CommitmentKeys{OtherPayment: m.state.Local.Basepoints.Payment}
}
