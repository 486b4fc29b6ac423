package invoices

import (
	"crypto/subtle"
	"slices"
	"time"

	"fulmen/internal/amount"
	"fulmen/internal/block"
)

// SetTimeout is how long the parts of a payment wait for the others (BOLT 4, Basic Multi-Part
// Payments: at least 60 seconds after the first).
const SetTimeout = 60 * time.Second

// Storage is where invoices are found.
type Storage interface {
	// InvoiceByHash returns nil without an error where there is none.
	InvoiceByHash(Hash) (*Invoice, error)
}

// Key names an incoming HTLC: the channel's number in the database, and the HTLC's id in it.
type Key struct {
	Channel uint64
	HTLC    uint64
}

// Part is an incoming HTLC whose onion says that it ends here, irrevocably committed.
type Part struct {
	Key
	PaymentHash Hash
	Amount      amount.Msat  // of the HTLC
	CLTVExpiry  block.Height // of the HTLC

	// From the onion's payload (BOLT 4, Payload Format).
	AmtToForward  amount.Msat
	OutgoingCLTV  block.Height
	PaymentSecret [32]byte
	TotalMsat     amount.Msat
	HasSecret     bool      // payment_data was there
	Keysend       *[32]byte // the preimage, where the sender made it (bLIP 3)

	// Asked is what the invoice asks for, where somebody says otherwise than it does itself; 0: nobody.
	Asked amount.Msat
}

// Action is what the caller must do.
type Action interface{ isAction() }

// Take settles all parts with the invoice's preimage: the invoice becomes paid and the parts'
// outcome is stored in the same transaction, before the first of them is fulfilled.
type Take struct {
	Invoice  *Invoice
	Parts    []Part
	Received amount.Msat
}

// Fail fails a part for a reason.
type Fail struct {
	Part
	Reason Reason
}

func (Take) isAction() {}
func (Fail) isAction() {}

// Reason is why a part is failed, as BOLT 4 tells it to the sender.
type Reason int

const (
	// UnknownDetails is incorrect_or_unknown_payment_details: the sender learns no more than that.
	UnknownDetails Reason = iota
	// FinalIncorrectCLTV is final_incorrect_cltv_expiry: the HTLC expires before its onion says.
	FinalIncorrectCLTV
	// FinalIncorrectAmount is final_incorrect_htlc_amount: the HTLC holds less than its onion says.
	FinalIncorrectAmount
	// MPPTimeout is mpp_timeout: the other parts did not come.
	MPPTimeout
)

// set is the parts of one payment that have come so far.
type set struct {
	invoice  *Invoice
	total    amount.Msat
	received amount.Msat
	parts    []Part
	deadline time.Time
	taken    bool // Take was returned; kept until Stored
	unasked  bool // the invoice is made for it (keysend)
}

// Machine holds the sets that are incomplete, or complete and not yet stored.
type Machine struct {
	// SetTimeout is how long the parts of a payment that comes from now on wait for the others.
	SetTimeout time.Duration

	storage Storage
	sets    map[Hash]*set
}

// New returns a machine that finds invoices in storage.
func New(storage Storage) *Machine {
	return &Machine{SetTimeout: SetTimeout, storage: storage, sets: map[Hash]*set{}}
}

// Arrive decides about a part. The error is the storage's.
func (m *Machine) Arrive(p Part, now time.Time, height block.Height) ([]Action, error) {
	if p.Amount < p.AmtToForward {
		return fail(FinalIncorrectAmount, p), nil
	}
	if p.CLTVExpiry < p.OutgoingCLTV {
		return fail(FinalIncorrectCLTV, p), nil
	}
	s := m.sets[p.PaymentHash]
	if s == nil {
		inv, err := m.storage.InvoiceByHash(p.PaymentHash)
		if err != nil {
			return nil, err
		}
		switch {
		case inv == nil && p.Keysend != nil:
			s = m.keysend(&p, now, height)
		case inv != nil && inv.StatusAt(now) == Unpaid:
			s = &set{invoice: inv, total: p.TotalMsat, deadline: now.Add(m.SetTimeout)}
		}
		if s == nil {
			return fail(UnknownDetails, p), nil
		}
	}
	if s.has(p.Key) {
		return nil, nil // its channel has a new process; it waits for the others already, or is being taken
	}
	said := p
	if s.unasked {
		said.whole()
	}
	if s.taken || !s.accepts(&said, height) {
		return fail(UnknownDetails, p), nil
	}
	m.sets[p.PaymentHash] = s
	s.parts = append(s.parts, p)
	s.received += p.Amount
	if s.received < s.total {
		return nil, nil
	}
	return m.take(s)
}

// take settles a set that is complete. Where nobody had asked for it, there may be an invoice by now: its payer has to
// show that it read that.
func (m *Machine) take(s *set) ([]Action, error) {
	if s.unasked {
		made, err := m.storage.InvoiceByHash(s.invoice.PaymentHash)
		if made != nil || err != nil {
			delete(m.sets, s.invoice.PaymentHash)
			return failAll(s, UnknownDetails), err
		}
		s.invoice.Amount = s.received
	}
	s.taken = true
	return []Action{Take{Invoice: s.invoice, Parts: s.parts, Received: s.received}}, nil
}

// Takes reports whether a part is among those of a Take that is not stored yet.
func (m *Machine) Takes(hash Hash, part Key) bool {
	s := m.sets[hash]
	return s != nil && s.taken && s.has(part)
}

func (s *set) has(part Key) bool {
	return slices.ContainsFunc(s.parts, func(p Part) bool { return p.Key == part })
}

// accepts checks what BOLT 4 ("Requirements" of incorrect_or_unknown_payment_details, and Basic
// Multi-Part Payments) asks of each part of a set.
func (s *set) accepts(p *Part, height block.Height) bool {
	if !p.HasSecret || subtle.ConstantTimeCompare(p.PaymentSecret[:], s.invoice.PaymentSecret[:]) != 1 {
		return false
	}
	if p.TotalMsat != s.total || p.TotalMsat > amount.MaxMsat || p.Amount > amount.MaxMsat {
		return false
	}
	want := s.invoice.Amount
	if p.Asked != 0 {
		want = p.Asked
	}
	if want != 0 && (p.TotalMsat < want || p.TotalMsat > 2*want) {
		return false
	}
	// An HTLC pays fees to be here: more than twice the total is a mistake of the sender's.
	if s.received+p.Amount > 2*s.total {
		return false
	}
	return p.CLTVExpiry >= height.Add(s.invoice.MinFinalCLTV)
}

// Stored tells that the Take for hash is on disk: from now on storage says that it is paid.
func (m *Machine) Stored(hash Hash) { delete(m.sets, hash) }

// Reject tells that the Take for hash is not to be: its parts are failed by the caller.
func (m *Machine) Reject(hash Hash) { delete(m.sets, hash) }

// Forget drops the parts of a channel whose process ended: they come again when it is back.
func (m *Machine) Forget(channel uint64) {
	for hash, s := range m.sets {
		if s.taken {
			continue
		}
		kept := s.parts[:0]
		s.received = 0
		for _, p := range s.parts {
			if p.Channel != channel {
				kept = append(kept, p)
				s.received += p.Amount
			}
		}
		if s.parts = kept; len(kept) == 0 {
			delete(m.sets, hash)
		}
	}
}

// Expire fails the parts of the sets whose time is over.
func (m *Machine) Expire(now time.Time) []Action {
	var actions []Action
	for hash, s := range m.sets {
		if s.taken || now.Before(s.deadline) {
			continue
		}
		actions = append(actions, failAll(s, MPPTimeout)...)
		delete(m.sets, hash)
	}
	return actions
}

// Deadline is when Expire has something to do; ok is false when nothing waits.
func (m *Machine) Deadline() (first time.Time, ok bool) {
	for _, s := range m.sets {
		if !s.taken && (!ok || s.deadline.Before(first)) {
			first, ok = s.deadline, true
		}
	}
	return first, ok
}

func fail(r Reason, p Part) []Action { return []Action{Fail{p, r}} }

func failAll(s *set, r Reason) (actions []Action) {
	for _, p := range s.parts {
		actions = append(actions, Fail{p, r})
	}
	return actions
}

// Holds reports whether parts for hash are waiting or being taken: then its invoice must stay.
func (m *Machine) Holds(hash Hash) bool { return m.sets[hash] != nil }
