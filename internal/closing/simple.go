package closing

import (
	"bytes"
	"fmt"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/keys"
	"fulmen/internal/tx"
	"fulmen/internal/wire"
)

// simple negotiates with closing_complete and closing_sig: each side has the other sign a
// transaction whose fee it pays itself, as often as it likes.
type simple struct {
	config Config
	asked  *offer               // our closing_complete without an answer yet
	next   *amount.FeeratePerKw // the feerate of the one to send after that
}

// offer is a closing_complete of ours. Which of the variants gets signed is the peer's choice; nil
// is one that we do not offer.
type offer struct {
	msg                      *wire.ClosingComplete
	closerOnly, closeeOnly   *proposal
	both                     *proposal
	closerOnlySig, closeeSig keys.Signature
	bothSig                  keys.Signature
}

func (s *simple) start(m *Machine) ([]Action, error) {
	if s.config.Signed {
		return nil, nil
	}
	return s.sendClosingComplete(m, s.config.Feerate)
}

// bump sends another closing_complete, after the answer to the last one (BOLT 2: the sender MUST
// wait for it).
func (s *simple) bump(m *Machine, feerate amount.FeeratePerKw) ([]Action, error) {
	if s.asked != nil {
		s.next = &feerate
		return nil, nil
	}
	return s.sendClosingComplete(m, feerate)
}

func (s *simple) recv(m *Machine, msg wire.Message) ([]Action, error) {
	switch msg := msg.(type) {
	case *wire.ClosingComplete:
		return s.recvClosingComplete(m, msg)
	case *wire.ClosingSig:
		return s.recvClosingSig(m, msg)
	}
	return nil, warnAndClose("unexpected %s during the closing_complete negotiation", msg.Type())
}

// sendClosingComplete proposes transactions at feerate, unless our balance pays for none: then the
// peer's proposal will have to do.
func (s *simple) sendClosingComplete(m *Machine, feerate amount.FeeratePerKw) ([]Action, error) {
	fee, ok := s.closerFee(feerate)
	if !ok {
		return nil, nil
	}
	o, err := s.newOffer(fee)
	if err != nil {
		return nil, err
	}
	var ask []*proposal
	for _, p := range []*proposal{o.closerOnly, o.closeeOnly, o.both} {
		if p != nil {
			ask = append(ask, p)
		}
	}
	return m.ask(func(sigs []keys.Signature) ([]Action, error) {
		o.sign(sigs)
		s.asked = o
		return []Action{SendPeer{o.msg}}, nil
	}, ask...), nil
}

// closerFee is the fee at feerate, as far as we can pay it. It is false if the result would not
// relay.
func (s *simple) closerFee(feerate amount.FeeratePerKw) (amount.Sat, bool) {
	c := &s.config
	local, weight := c.ToLocal.Sat(), tx.ClosingWeight(c.LocalScript, c.RemoteScript)
	fee := min(feerate.Fee(weight), local)
	if !s.lesser() {
		// The side with more must keep its output, so that has to stay above dust.
		dust := tx.DustThreshold(c.LocalScript)
		if local < dust {
			return 0, false
		}
		fee = min(fee, local-dust)
	} else if s.isDust(local-fee, c.LocalScript) && s.isDust(c.ToRemote.Sat(), c.RemoteScript) {
		return 0, false
	}
	return fee, fee >= amount.FeerateFloor.Fee(weight)
}

// lesser reports whether we have less than the peer and so may leave out our own output.
func (s *simple) lesser() bool { return s.config.ToLocal < s.config.ToRemote }

func (s *simple) isDust(sat amount.Sat, script []byte) bool {
	o := tx.ClosingOutput{Amount: sat, PkScript: script}
	return o.IsDust()
}

// newOffer builds the variants that BOLT 2 has the closer sign.
func (s *simple) newOffer(fee amount.Sat) (*offer, error) {
	c := &s.config
	o := &offer{msg: &wire.ClosingComplete{
		ChannelID: c.ChannelID, CloserScriptPubkey: c.LocalScript, CloseeScriptPubkey: c.RemoteScript,
		FeeSatoshis: fee, Locktime: c.LockTime,
	}}
	full := s.content(c.ToLocal.Sat()-fee, c.ToRemote.Sat(), c.RemoteScript, c.LockTime)
	var err error
	build := func(content Content) *proposal {
		p, buildErr := c.propose(content)
		if buildErr != nil {
			err = fmt.Errorf("closing transaction with fee %s: %w", fee, buildErr)
		}
		return p
	}
	switch {
	case s.lesser() && s.isDust(full.LocalSat, full.LocalScript):
		o.closeeOnly = build(full.withoutLocal())
	case s.lesser():
		o.both = build(full)
	case s.isDust(full.RemoteSat, full.RemoteScript):
		o.closerOnly = build(full.withoutRemote())
	default:
		o.closerOnly, o.both = build(full.withoutRemote()), build(full)
	}
	return o, err
}

func (s *simple) content(local, remote amount.Sat, remoteScript []byte, lockTime uint32) Content {
	return Content{
		LocalSat: local, LocalScript: s.config.LocalScript,
		RemoteSat: remote, RemoteScript: remoteScript, LockTime: lockTime,
	}
}

// sign puts the signatures, in the order of the variants, into the message.
func (o *offer) sign(sigs []keys.Signature) {
	for _, v := range []struct {
		proposal *proposal
		own      *keys.Signature
		field    **keys.Signature
	}{
		{o.closerOnly, &o.closerOnlySig, &o.msg.CloserOutputOnly},
		{o.closeeOnly, &o.closeeSig, &o.msg.CloseeOutputOnly},
		{o.both, &o.bothSig, &o.msg.CloserAndCloseeOutputs},
	} {
		if v.proposal != nil {
			*v.own, sigs = sigs[0], sigs[1:]
			*v.field = v.own
		}
	}
}

// recvClosingSig completes the variant that the peer chose.
func (s *simple) recvClosingSig(m *Machine, msg *wire.ClosingSig) ([]Action, error) {
	o := s.asked
	if o == nil {
		return nil, warnAndClose("closing_sig without closing_complete")
	}
	if !bytes.Equal(msg.CloserScriptPubkey, o.msg.CloserScriptPubkey) || !bytes.Equal(msg.CloseeScriptPubkey, o.msg.CloseeScriptPubkey) ||
		msg.FeeSatoshis != o.msg.FeeSatoshis || msg.Locktime != o.msg.Locktime {
		return nil, warnAndClose("closing_sig: scripts, fee_satoshis or locktime are not those of closing_complete")
	}
	p, own, remote, err := o.chosen(msg)
	if err != nil {
		return nil, err
	}
	if err := s.config.verify(p, remote); err != nil {
		return nil, warnAndClose("closing_sig: %w", err)
	}
	s.asked = nil
	actions := []Action{s.config.complete(p, own, remote)}
	if s.next == nil {
		return actions, nil
	}
	feerate := *s.next
	s.next = nil
	more, err := s.sendClosingComplete(m, feerate)
	return append(actions, more...), err
}

// chosen is the variant of the one signature in closing_sig, with ours and the peer's.
func (o *offer) chosen(msg *wire.ClosingSig) (p *proposal, own, remote keys.Signature, err error) {
	n := 0
	for _, v := range []struct {
		field    *keys.Signature
		proposal *proposal
		own      keys.Signature
	}{
		{msg.CloserOutputOnly, o.closerOnly, o.closerOnlySig},
		{msg.CloseeOutputOnly, o.closeeOnly, o.closeeSig},
		{msg.CloserAndCloseeOutputs, o.both, o.bothSig},
	} {
		if v.field != nil {
			n++
			p, own, remote = v.proposal, v.own, *v.field
		}
	}
	switch {
	case n != 1:
		return nil, own, remote, warnAndClose("closing_sig: %d signatures, want 1", n)
	case p == nil:
		return nil, own, remote, warnAndClose("closing_sig: a signature that closing_complete did not have")
	}
	return p, own, remote, nil
}

// recvClosingComplete signs a transaction for which the peer pays.
func (s *simple) recvClosingComplete(m *Machine, msg *wire.ClosingComplete) ([]Action, error) {
	if err := s.checkClosingComplete(msg); err != nil {
		return nil, err
	}
	full := s.content(s.config.ToLocal.Sat(), s.config.ToRemote.Sat()-msg.FeeSatoshis, msg.CloserScriptPubkey, msg.Locktime)
	reply := &wire.ClosingSig{
		ChannelID: s.config.ChannelID, CloserScriptPubkey: msg.CloserScriptPubkey,
		CloseeScriptPubkey: msg.CloseeScriptPubkey, FeeSatoshis: msg.FeeSatoshis, Locktime: msg.Locktime,
	}
	content, remote, field := s.selectVariant(msg, full, reply)
	if remote == nil {
		return nil, warnAndClose("closing_complete: the signature that our output calls for is missing")
	}
	p, err := s.config.propose(content)
	if err != nil {
		return nil, warnAndClose("closing_complete: %w", err)
	}
	if err := s.config.verify(p, *remote); err != nil {
		return nil, warnAndClose("closing_complete: %w", err)
	}
	if err := s.checkMinable(p); err != nil {
		return nil, err
	}
	s.config.RemoteScript = msg.CloserScriptPubkey // from now on for our closing_complete, too
	return m.ask(func(sigs []keys.Signature) ([]Action, error) {
		*field = &sigs[0]
		return []Action{s.config.complete(p, sigs[0], *remote), SendPeer{reply}}, nil
	}, p), nil
}

// selectVariant says which transaction counts for the closee, with the peer's signature on it, nil
// if it sent none, and where in the reply ours belongs.
func (s *simple) selectVariant(msg *wire.ClosingComplete, full Content, reply *wire.ClosingSig) (Content, *keys.Signature, **keys.Signature) {
	switch {
	case s.isDust(full.LocalSat, full.LocalScript):
		return full.withoutLocal(), msg.CloserOutputOnly, &reply.CloserOutputOnly
	case msg.CloserAndCloseeOutputs != nil:
		return full, msg.CloserAndCloseeOutputs, &reply.CloserAndCloseeOutputs
	default:
		return full.withoutRemote(), msg.CloseeOutputOnly, &reply.CloseeOutputOnly
	}
}

const (
	// leastRelayed is the share of the usual floor that a peer's transaction has to pay: newer backends relay a
	// tenth of what others do.
	leastRelayed = 10
	// mostLockTime is how many blocks ahead it may be locked.
	mostLockTime block.Height = 2016
)

// checkMinable refuses what nobody relays or mines, though BOLT 2 has the closee sign it: it has the closee broadcast it,
// too, and a peer with nothing to lose could have the channel wait for ever.
func (s *simple) checkMinable(p *proposal) error {
	c := &s.config
	least := amount.FeerateFloor.Fee(tx.ClosingWeight(p.content.LocalScript, p.content.RemoteScript)) / leastRelayed
	switch {
	case p.closing.Fee < least:
		return warnAndClose("closing_complete: a transaction with a fee of %s, below %s, is not relayed", p.closing.Fee, least)
	case p.content.LockTime > c.LockTime+uint32(mostLockTime):
		return warnAndClose("closing_complete: locktime %d, at block %d", p.content.LockTime, c.LockTime)
	}
	return nil
}

func (s *simple) checkClosingComplete(msg *wire.ClosingComplete) error {
	c := &s.config
	switch {
	case msg.FeeSatoshis > c.ToRemote.Sat():
		return warnAndClose("closing_complete: fee_satoshis %s, the closer has %s", msg.FeeSatoshis, c.ToRemote.Sat())
	case !bytes.Equal(msg.CloseeScriptPubkey, c.LocalScript):
		return warnAndClose("closing_complete: closee_scriptpubkey %x, ours is %x", msg.CloseeScriptPubkey, c.LocalScript)
	case len(c.RemoteUpfront) > 0 && !bytes.Equal(msg.CloserScriptPubkey, c.RemoteUpfront):
		return warnAndClose("closing_complete: closer_scriptpubkey %x, upfront_shutdown_script was %x", msg.CloserScriptPubkey, c.RemoteUpfront)
	}
	if err := c.ScriptRules.CheckShutdownScript(msg.CloserScriptPubkey); err != nil {
		return warnAndClose("closing_complete: closer %w", err)
	}
	return nil
}
