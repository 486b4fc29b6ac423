package channel

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// snapshotVersion is the first byte of a snapshot.
const snapshotVersion = 1

// snapshot writes the whole state.
func (s *state) snapshot() []byte {
	e := &encoder{snapshotVersion}
	e.params(s.params)
	e.flags(s.revokedLast, s.localReady, s.remoteReady, s.announced != nil)
	if s.announced != nil {
		s.announced.encode(e)
	}
	e.uint(uint64(s.remoteAlias))
	e.bytes(s.localShutdown)
	e.bytes(s.remoteShutdown)
	e.uint(s.nextOffered)
	e.uint(s.nextReceived)
	e.table(s, s.offered)
	e.table(s, s.received)

	e.commitment(s.local.current)
	e.raw(s.local.point[:])
	e.raw(s.local.signature[:])
	e.signatures(s.local.htlcSignatures)
	e.refs(s.local.acked)

	e.commitment(s.remote.current)
	e.flags(s.remote.next != nil)
	if s.remote.next != nil {
		e.commitment(s.remote.next)
	}
	e.raw(s.remote.point[:])
	e.raw(s.remote.nextPoint[:])
	secrets, _ := s.remote.secrets.MarshalBinary() // has no way to fail
	e.bytes(secrets)
	e.refs(s.remote.acked)
	e.refs(s.remote.unrevoked)
	e.refs(s.remote.unrevokedPeer)
	return *e
}

// restoreSnapshot reads it back and checks that what is read fits together.
func restoreSnapshot(snapshot []byte) (*state, error) {
	if len(snapshot) == 0 || snapshot[0] != snapshotVersion {
		return nil, fmt.Errorf("snapshot: not of version %d: %w", snapshotVersion, ErrBadRecord)
	}
	d := &decoder{b: snapshot[1:]}
	s := &state{params: d.params(), offered: make(map[uint64]*htlc), received: make(map[uint64]*htlc)}
	var announced bool
	d.flags("state", &s.revokedLast, &s.localReady, &s.remoteReady, &announced)
	if announced {
		s.announced = d.announced()
	}
	s.remoteAlias = wire.ShortChannelID(d.uint("alias", math.MaxUint64))
	s.localShutdown = d.bytes("local shutdown")
	s.remoteShutdown = d.bytes("remote shutdown")
	s.nextOffered = d.uint("next id", math.MaxUint64)
	s.nextReceived = d.uint("next id", math.MaxUint64)
	var in, out membership
	d.table(s, s.offered, true, &out)
	d.table(s, s.received, false, &in)
	member := func(i int) []*htlc { return append(out[i], in[i]...) }

	s.local.current = d.commitment(s.params, member(inLocal))
	d.raw("point", s.local.point[:])
	d.raw("signature", s.local.signature[:])
	s.local.htlcSignatures = d.signatures()
	s.local.acked = d.refs(s, true)

	s.remote.current = d.commitment(s.params, member(inRemote))
	var next bool
	d.flags("next", &next)
	if next {
		s.remote.next = d.commitment(s.params, member(inNext))
	}
	d.raw("point", s.remote.point[:])
	d.raw("next point", s.remote.nextPoint[:])
	secrets := d.bytes("secrets")
	if d.err == nil {
		if err := s.remote.secrets.UnmarshalBinary(secrets); err != nil {
			d.fail("%v", err)
		} else if s.remote.secrets.Count() != s.remote.current.number {
			d.fail("%d secrets for commitment %d", s.remote.secrets.Count(), s.remote.current.number)
		}
	}
	s.remote.acked = d.refs(s, false)
	s.remote.unrevoked = d.refs(s, true)
	s.remote.unrevokedPeer = d.refs(s, false)
	if err := d.end("snapshot"); err != nil {
		return nil, err
	}
	return s, nil
}

func (e *encoder) params(p *Params) {
	e.raw(p.ChannelID[:])
	e.raw(p.FundingTxid[:])
	e.uint(uint64(p.FundingOutput))
	e.uint(uint64(p.FundingSats))
	e.flags(p.Opener, p.Anchors, p.Announce)
	e.uint(uint64(p.MinimumDepth))
	e.side(&p.Local)
	e.side(&p.Remote)
}

func (d *decoder) params() *Params {
	p := &Params{}
	d.raw("channel_id", p.ChannelID[:])
	d.raw("funding txid", p.FundingTxid[:])
	p.FundingOutput = uint16(d.uint("funding output", math.MaxUint16))
	p.FundingSats = amount.Sat(d.uint("funding amount", uint64(amount.MaxSat)))
	d.flags("params", &p.Opener, &p.Anchors, &p.Announce)
	p.MinimumDepth = uint32(d.uint("minimum depth", math.MaxUint32))
	d.side(&p.Local)
	d.side(&p.Remote)
	return p
}

func (e *encoder) side(t *Side) {
	e.raw(t.FundingPubKey[:])
	for _, k := range []*keys.PubKey{&t.Basepoints.Revocation, &t.Basepoints.Payment, &t.Basepoints.DelayedPayment, &t.Basepoints.HTLC} {
		e.raw(k[:])
	}
	e.uint(uint64(t.DustLimit))
	e.uint(uint64(t.MaxHTLCValueInFlight))
	e.uint(uint64(t.ChannelReserve))
	e.uint(uint64(t.HTLCMinimum))
	e.uint(uint64(t.ToSelfDelay))
	e.uint(uint64(t.MaxAcceptedHTLCs))
	e.bytes(t.UpfrontShutdownScript)
}

func (d *decoder) side(t *Side) {
	d.raw("funding pubkey", t.FundingPubKey[:])
	for _, k := range []*keys.PubKey{&t.Basepoints.Revocation, &t.Basepoints.Payment, &t.Basepoints.DelayedPayment, &t.Basepoints.HTLC} {
		d.raw("basepoint", k[:])
	}
	t.DustLimit = amount.Sat(d.uint("dust limit", uint64(amount.MaxSat)))
	t.MaxHTLCValueInFlight = amount.Msat(d.uint("value in flight", math.MaxUint64))
	t.ChannelReserve = amount.Sat(d.uint("reserve", uint64(amount.MaxSat)))
	t.HTLCMinimum = amount.Msat(d.uint("htlc minimum", math.MaxUint64))
	t.ToSelfDelay = block.Delta(d.uint("to_self_delay", math.MaxUint16))
	t.MaxAcceptedHTLCs = uint16(d.uint("accepted htlcs", math.MaxUint16))
	t.UpfrontShutdownScript = d.bytes("upfront script")
}

// The commitments that an HTLC can be in.
const (
	inLocal = iota
	inRemote
	inNext
)

// membership has the HTLCs of each commitment.
type membership [3][]*htlc

// table writes HTLCs in the order of their ids, each with the commitments it is in.
func (e *encoder) table(s *state, table map[uint64]*htlc) {
	where := make(map[*htlc]uint64)
	for i, c := range []*commitment{s.local.current, s.remote.current, s.remote.next} {
		if c == nil {
			continue
		}
		for _, h := range c.htlcs {
			where[h] |= 1 << i
		}
	}
	e.uint(uint64(len(table)))
	for _, id := range slices.Sorted(maps.Keys(table)) {
		h := table[id]
		e.htlc(h)
		e.uint(where[h])
		e.flags(h.result != nil)
		if h.result != nil {
			e.result(h.result)
		}
	}
}

func (d *decoder) table(s *state, table map[uint64]*htlc, offered bool, where *membership) {
	for range d.count("htlcs", 36) {
		h := d.htlc(offered)
		bits := d.uint("commitments", 1<<len(where)-1)
		var settled bool
		d.flags("settled", &settled)
		if settled {
			h.result = d.result()
		}
		if d.err != nil {
			return
		}
		table[h.ID] = h
		for i := range where {
			if bits>>i&1 == 1 {
				where[i] = append(where[i], h)
			}
		}
	}
}

func (e *encoder) commitment(c *commitment) {
	e.uint(uint64(c.number))
	e.uint(uint64(c.feerate))
	e.uint(uint64(c.toLocal))
	e.uint(uint64(c.toRemote))
}

// commitment reads one whose HTLCs are known, and holds its sum against the funding amount: no
// later sum can overflow.
func (d *decoder) commitment(p *Params, htlcs []*htlc) *commitment {
	c := &commitment{
		number:   keys.CommitmentNumber(d.uint("number", uint64(keys.MaxCommitmentNumber))),
		feerate:  amount.FeeratePerKw(d.uint("feerate", math.MaxUint32)),
		toLocal:  amount.Msat(d.uint("to_local", uint64(amount.MaxMsat))),
		toRemote: amount.Msat(d.uint("to_remote", uint64(amount.MaxMsat))),
		htlcs:    htlcs,
	}
	left := p.FundingSats.Msat()
	for _, v := range []amount.Msat{c.toLocal, c.toRemote} {
		if v > left {
			d.fail("commitment %d exceeds the funding amount", c.number)
			return c
		}
		left -= v
	}
	for _, h := range htlcs {
		if h.Amount > left {
			d.fail("commitment %d exceeds the funding amount", c.number)
			return c
		}
		left -= h.Amount
	}
	if left != 0 && d.err == nil {
		d.fail("commitment %d is %s short of the funding amount", c.number, left)
	}
	return c
}

// refs writes updates whose HTLCs the tables have.
func (e *encoder) refs(list []change) {
	e.uint(uint64(len(list)))
	for i := range list {
		switch ch := &list[i]; {
		case ch.add != nil:
			e.uint(tagAdd)
			e.uint(ch.add.ID)
		case ch.remove != nil:
			e.uint(tagRemove)
			e.uint(ch.remove.ID)
		default:
			e.uint(tagFeerate)
			e.uint(uint64(ch.feerate))
		}
	}
}

func (d *decoder) refs(s *state, ours bool) []change {
	var list []change
	for range d.count("changes", 2) {
		var ch change
		switch tag := d.uint("change", tagFeerate); tag {
		case tagAdd:
			ch.add = d.known(s, ours)
		case tagRemove:
			ch.remove = d.known(s, !ours)
			if d.err == nil && ch.remove.result == nil {
				d.fail("htlc %d removed without a result", ch.remove.ID)
			}
			if d.err == nil {
				ch.result = ch.remove.result
			}
		case tagFeerate:
			ch.feerate = amount.FeeratePerKw(d.uint("feerate", math.MaxUint32))
		default:
			d.fail("change of unknown kind %d", tag)
		}
		if d.err != nil {
			return nil
		}
		list = append(list, ch)
	}
	return list
}
