package closing

import (
	"fmt"

	"fulmen/internal/amount"
	"fulmen/internal/keys"
	"fulmen/internal/tx"
	"fulmen/internal/wire"
)

// legacy negotiates with closing_signed.
type legacy struct {
	config Config
	sent   *legacyOffer // our last
	heard  *amount.Sat  // the peer's last fee, from one that had no fee_range
	done   bool
}

// legacyOffer is a closing_signed of ours.
type legacyOffer struct {
	fee       amount.Sat
	feeRange  wire.FeeRange
	proposal  *proposal
	signature keys.Signature
}

// start has the opener propose; the accepter waits for that.
func (l *legacy) start(m *Machine) ([]Action, error) {
	if !l.config.Opener || l.sent != nil {
		return nil, nil
	}
	ours := l.feeRange(nil)
	fee := min(max(l.config.Feerate.Fee(l.weight()), ours.MinFeeSatoshis), ours.MaxFeeSatoshis)
	return l.offer(m, fee, ours, nil)
}

func (l *legacy) bump(*Machine, amount.FeeratePerKw) ([]Action, error) {
	return nil, fmt.Errorf("a closing_signed negotiation agrees on one fee only: %w", ErrOrder)
}

func (l *legacy) recv(m *Machine, msg wire.Message) ([]Action, error) {
	signed, ok := msg.(*wire.ClosingSigned)
	if !ok {
		return nil, warnAndClose("unexpected %s during the closing_signed negotiation", msg.Type())
	}
	if l.done {
		return nil, nil // the echo of a fee that is agreed
	}
	return l.recvClosingSigned(m, signed)
}

// recvClosingSigned takes the peer's fee or answers with another.
func (l *legacy) recvClosingSigned(m *Machine, msg *wire.ClosingSigned) ([]Action, error) {
	theirs, err := l.signedVariant(msg)
	if err != nil {
		return nil, err
	}
	if err := checkNoDust(theirs.content); err != nil {
		return nil, err
	}
	fee := msg.FeeSatoshis
	agreed := func() ([]Action, error) { return l.agree(m, theirs, fee, msg) }
	switch {
	case l.sent != nil && (fee == l.sent.fee || contains(l.sent.feeRange, fee)):
		return agreed()
	case msg.FeeRange != nil:
		return l.withFeeRange(m, msg, agreed)
	default:
		return l.withoutFeeRange(m, fee, agreed)
	}
}

// withFeeRange follows the modern method: the accepter picks a fee that both ranges have.
func (l *legacy) withFeeRange(m *Machine, msg *wire.ClosingSigned, agreed func() ([]Action, error)) ([]Action, error) {
	fee, ours := msg.FeeSatoshis, l.feeRange(msg.FeeRange)
	both := wire.FeeRange{
		MinFeeSatoshis: max(ours.MinFeeSatoshis, msg.FeeRange.MinFeeSatoshis),
		MaxFeeSatoshis: min(ours.MaxFeeSatoshis, msg.FeeRange.MaxFeeSatoshis, l.openerFunds()),
	}
	switch {
	case both.MinFeeSatoshis > both.MaxFeeSatoshis:
		return nil, warnAndClose("closing_signed: fee_range %s to %s has nothing in common with ours, %s to %s",
			msg.FeeRange.MinFeeSatoshis, msg.FeeRange.MaxFeeSatoshis, ours.MinFeeSatoshis, ours.MaxFeeSatoshis)
	case l.config.Opener && !contains(both, fee):
		return nil, failChannel("closing_signed: fee_satoshis %s, both ranges have %s to %s",
			fee, both.MinFeeSatoshis, both.MaxFeeSatoshis)
	case !l.config.Opener && l.sent != nil:
		return nil, failChannel("closing_signed: fee_satoshis %s after ours of %s", fee, l.sent.fee)
	case contains(both, fee):
		return agreed()
	}
	return l.offer(m, min(max(fee, both.MinFeeSatoshis), both.MaxFeeSatoshis), ours, nil)
}

// withoutFeeRange approaches the peer's fee from ours, step by step, within our own limits.
func (l *legacy) withoutFeeRange(m *Machine, fee amount.Sat, agreed func() ([]Action, error)) ([]Action, error) {
	if l.sent != nil && l.heard != nil && !strictlyBetween(fee, l.sent.fee, *l.heard) {
		return nil, warnAndClose("closing_signed: fee_satoshis %s is not strictly between ours of %s and the last, %s",
			fee, l.sent.fee, *l.heard)
	}
	l.heard = &fee
	ours := l.feeRange(nil)
	switch {
	case contains(ours, fee):
		return agreed()
	case l.sent == nil:
		return l.offer(m, min(max(fee, ours.MinFeeSatoshis), ours.MaxFeeSatoshis), ours, nil)
	}
	// One step of the way to what we agree to at most: a peer that gives way in small steps, as lnd does
	// by a tenth, needs offers of ours to answer until it is there.
	limit := min(max(fee, ours.MinFeeSatoshis), ours.MaxFeeSatoshis)
	next := l.nextFee(limit)
	if !strictlyBetween(next, fee, l.sent.fee) {
		return nil, warnAndClose("closing_signed: no fee that we agree to is between %s and ours of %s", fee, l.sent.fee)
	}
	return l.offer(m, next, ours, nil)
}

// agree signs what the peer signed, answers if it has not seen that fee from us, and closes.
func (l *legacy) agree(m *Machine, theirs *proposal, fee amount.Sat, msg *wire.ClosingSigned) ([]Action, error) {
	l.done = true
	if l.sent == nil || l.sent.fee != fee {
		return l.offer(m, fee, l.feeRange(msg.FeeRange), func(offer *legacyOffer) ([]Action, error) {
			return l.finish(m, theirs, offer, msg.Signature)
		})
	}
	return l.finish(m, theirs, l.sent, msg.Signature)
}

// finish completes the variant that the peer signed; where it left its output out, that is not what
// we offered and needs a signature of its own.
func (l *legacy) finish(m *Machine, theirs *proposal, offer *legacyOffer, remote keys.Signature) ([]Action, error) {
	if theirs.closing.SigHash() == offer.proposal.closing.SigHash() {
		return []Action{l.config.complete(theirs, offer.signature, remote)}, nil
	}
	return m.ask(func(sigs []keys.Signature) ([]Action, error) {
		return []Action{l.config.complete(theirs, sigs[0], remote)}, nil
	}, theirs), nil
}

// offer signs and sends a fee, then goes on with then.
func (l *legacy) offer(m *Machine, fee amount.Sat, r wire.FeeRange, then func(*legacyOffer) ([]Action, error)) ([]Action, error) {
	p, err := l.config.propose(l.content(fee))
	if err != nil {
		return nil, fmt.Errorf("closing transaction with fee %s: %w", fee, err)
	}
	return m.ask(func(sigs []keys.Signature) ([]Action, error) {
		l.sent = &legacyOffer{fee: fee, feeRange: r, proposal: p, signature: sigs[0]}
		actions := []Action{SendPeer{&wire.ClosingSigned{
			ChannelID: l.config.ChannelID, FeeSatoshis: fee, Signature: sigs[0], FeeRange: &r,
		}}}
		if then == nil {
			return actions, nil
		}
		more, err := then(l.sent)
		return append(more, actions...), err // what both have signed is reported first
	}, p), nil
}

// content is the close with fee taken from the opener, without what is dust to us (BOLT 3, Legacy
// Closing Transaction). The fee is at most the opener's balance.
func (l *legacy) content(fee amount.Sat) Content {
	c := &l.config
	content := Content{
		LocalSat: c.ToLocal.Sat(), LocalScript: c.LocalScript,
		RemoteSat: c.ToRemote.Sat(), RemoteScript: c.RemoteScript,
	}
	if c.Opener {
		content.LocalSat -= fee
	} else {
		content.RemoteSat -= fee
	}
	if content.LocalSat < c.LocalDustLimit {
		content = content.withoutLocal()
	}
	if content.RemoteSat < c.LocalDustLimit {
		content = content.withoutRemote()
	}
	return content
}

func (c Content) withoutLocal() Content {
	c.LocalSat, c.LocalScript = 0, nil
	return c
}

func (c Content) withoutRemote() Content {
	c.RemoteSat, c.RemoteScript = 0, nil
	return c
}

// signedVariant finds the transaction that the peer signed: ours, or that without its own output,
// which it may give up, or that without ours if it is dust to the peer.
func (l *legacy) signedVariant(msg *wire.ClosingSigned) (*proposal, error) {
	if funds := l.openerFunds(); msg.FeeSatoshis > funds {
		return nil, warnAndClose("closing_signed: fee_satoshis %s, the opener has %s", msg.FeeSatoshis, funds)
	}
	full := l.content(msg.FeeSatoshis)
	variants := []Content{full}
	if full.RemoteScript != nil {
		variants = append(variants, full.withoutRemote())
	}
	if full.LocalScript != nil && full.LocalSat < l.config.RemoteDustLimit {
		variants = append(variants, full.withoutLocal())
	}
	err := tx.ErrNoOutputs
	for _, content := range variants {
		p, buildErr := l.config.propose(content)
		if buildErr != nil {
			continue // nobody gets anything
		}
		if err = l.config.verify(p, msg.Signature); err == nil {
			return p, nil
		}
	}
	return nil, warnAndClose("closing_signed: fee_satoshis %s: %w", msg.FeeSatoshis, err)
}

// checkNoDust fails a close that would not relay (BOLT 2, Legacy Closing Negotiation).
func checkNoDust(c Content) error {
	for _, o := range []tx.ClosingOutput{
		{Amount: c.LocalSat, PkScript: c.LocalScript}, {Amount: c.RemoteSat, PkScript: c.RemoteScript},
	} {
		if len(o.PkScript) > 0 && o.IsDust() {
			return failChannel("closing_signed: output of %s to %x is dust, below %s", o.Amount, o.PkScript, tx.DustThreshold(o.PkScript))
		}
	}
	return nil
}

func (l *legacy) openerFunds() amount.Sat {
	if l.config.Opener {
		return l.config.ToLocal.Sat()
	}
	return l.config.ToRemote.Sat()
}

func (l *legacy) weight() int { return tx.ClosingWeight(l.config.LocalScript, l.config.RemoteScript) }

// feeRange is what we agree to. As the accepter we do not pay: what the opener allows is no limit
// of ours, only relaying is.
func (l *legacy) feeRange(theirs *wire.FeeRange) wire.FeeRange {
	funds := l.openerFunds()
	r := wire.FeeRange{
		MinFeeSatoshis: min(l.config.MinFeerate.Fee(l.weight()), funds),
		MaxFeeSatoshis: min(l.config.MaxFeerate.Fee(l.weight()), funds),
	}
	if !l.config.Opener {
		r.MaxFeeSatoshis = funds
		if theirs != nil {
			r.MaxFeeSatoshis = max(funds, theirs.MaxFeeSatoshis)
		}
	}
	return r
}

func contains(r wire.FeeRange, fee amount.Sat) bool {
	return fee >= r.MinFeeSatoshis && fee <= r.MaxFeeSatoshis
}

// nextFee is our last one, a step closer to the goal: at least 1 sat, at most all of the way.
func (l *legacy) nextFee(goal amount.Sat) amount.Sat {
	fee := l.sent.fee
	distance := max(fee, goal) - min(fee, goal)
	step := l.config.StepSat
	if step == 0 {
		percent := l.config.StepPercent
		if percent == 0 {
			percent = 50
		}
		step = (distance*amount.Sat(percent) + 99) / 100
	}
	if step = min(step, distance); fee < goal {
		return fee + step
	}
	return fee - step
}

func strictlyBetween(fee, a, b amount.Sat) bool { return fee > min(a, b) && fee < max(a, b) }
