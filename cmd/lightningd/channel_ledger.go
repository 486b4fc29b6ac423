package main

import (
	"fmt"

	"fulmen/internal/amount"
	"fulmen/internal/ipc/channeldmsg"
)

// ledger holds what a channel's process tells of the peer's HTLCs against what the peer can have. Each HTLC is
// worth something elsewhere, as a forward or as a paid invoice, long before the channel is closed: with one that
// does not exist, or comes again and again, a process that was taken over would spend other channels' coins.
//
// It begins anew with lightningd, at what was stored as ours, and then counts only what lightningd itself decided:
// so never more than is ours in the channel's state, which has to_local, to_remote and all HTLCs add up to the
// capacity, and an HTLC of an honest process always fits.
type ledger struct {
	ours  amount.Msat              // at least
	htlcs map[uint64]*incomingHTLC // of the peer, irrevocably committed and not irrevocably gone, by id
}

// incomingHTLC is one of the peer, with the first outcome that was given it.
type incomingHTLC struct {
	amount        amount.Msat
	settled, paid bool
}

func newLedger(ours amount.Msat) ledger {
	return ledger{ours: ours, htlcs: map[uint64]*incomingHTLC{}}
}

// take adds HTLCs, some of which may be known from an earlier process, or fails and changes nothing.
func (l *ledger) take(list []channeldmsg.IncomingHTLC, capacity amount.Sat) error {
	sum, count := l.ours, len(l.htlcs)
	for _, h := range l.htlcs {
		sum += h.amount // at most the capacity together
	}
	for i := range list {
		h := &list[i]
		if known := l.htlcs[h.ID]; known != nil {
			if known.amount != h.AmountMsat {
				return fmt.Errorf("HTLC %d of %s was one of %s before", h.ID, h.AmountMsat, known.amount)
			}
			continue
		}
		var err error
		if sum, err = sum.Add(h.AmountMsat); err != nil || sum > capacity.Msat() {
			return fmt.Errorf("HTLC %d of %s: with what is ours and what else is under way it is more than the channel's %s", h.ID, h.AmountMsat, capacity)
		}
		if count++; count > maxIncoming {
			return fmt.Errorf("HTLC %d: %d are under way already", h.ID, maxIncoming)
		}
	}
	for i := range list {
		if h := &list[i]; l.htlcs[h.ID] == nil {
			l.htlcs[h.ID] = &incomingHTLC{amount: h.AmountMsat}
		}
	}
	return nil
}

// settle notes the outcome of an HTLC. The process ignores any but the first.
func (l *ledger) settle(s *channeldmsg.SettleHTLC) {
	if h := l.htlcs[s.ID]; h != nil && !h.settled {
		h.settled, h.paid = true, s.Preimage != nil
	}
}

// gone lets go of an HTLC that is irrevocably removed: what was paid by it is ours now.
func (l *ledger) gone(id uint64) {
	if h := l.htlcs[id]; h != nil && h.paid {
		l.ours += h.amount
	}
	delete(l.htlcs, id)
}

// spent notes that the peer showed the preimage of an HTLC of ours.
func (l *ledger) spent(amt amount.Msat) { l.ours -= min(amt, l.ours) }
