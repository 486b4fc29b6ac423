package channel

import (
	"fmt"
	"math"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// mutationKind is a mutation's tag in a record. A number is never used again.
type mutationKind uint64

const (
	kindCommittedOurs   mutationKind = 1
	kindCommittedTheirs mutationKind = 2
	kindRevokedTheirs   mutationKind = 3
	kindReady           mutationKind = 4
	kindShutdown        mutationKind = 5
	kindAnnounced       mutationKind = 6
)

func (*committedOurs) kind() mutationKind   { return kindCommittedOurs }
func (*committedTheirs) kind() mutationKind { return kindCommittedTheirs }
func (*revokedTheirs) kind() mutationKind   { return kindRevokedTheirs }
func (*ready) kind() mutationKind           { return kindReady }
func (*shutdownSent) kind() mutationKind    { return kindShutdown }
func (*announcedTheirs) kind() mutationKind { return kindAnnounced }

func (m *committedOurs) encode(e *encoder) { e.changes(m.changes) }

func (m *committedTheirs) encode(e *encoder) {
	e.changes(m.changes)
	e.raw(m.point[:])
	e.raw(m.signature[:])
	e.signatures(m.htlcSignatures)
}

func (m *revokedTheirs) encode(e *encoder) {
	e.raw(m.secret[:])
	e.raw(m.nextPoint[:])
}

func (m *ready) encode(e *encoder) {
	e.flags(m.local)
	e.raw(m.point[:])
	e.uint(uint64(m.alias))
}

func (m *shutdownSent) encode(e *encoder) {
	e.flags(m.local)
	e.bytes(m.script)
}

func (m *announcedTheirs) encode(e *encoder) {
	e.uint(uint64(m.scid))
	e.raw(m.node[:])
	e.raw(m.bitcoin[:])
}

// replay applies one record.
func (s *state) replay(record []byte) error {
	d := &decoder{b: record}
	for len(d.b) > 0 && d.err == nil {
		m := d.mutation(s)
		if d.err != nil {
			break
		}
		if err := m.apply(s); err != nil {
			return err
		}
	}
	return d.end("record")
}

// mutation reads one; it finds the HTLCs that are removed in s.
func (d *decoder) mutation(s *state) mutation {
	switch k := mutationKind(d.uint("kind", math.MaxUint64)); k {
	case kindCommittedOurs:
		return &committedOurs{changes: d.changes(s, true)}
	case kindCommittedTheirs:
		m := &committedTheirs{changes: d.changes(s, false)}
		d.raw("point", m.point[:])
		d.raw("signature", m.signature[:])
		m.htlcSignatures = d.signatures()
		return m
	case kindRevokedTheirs:
		m := &revokedTheirs{}
		d.raw("secret", m.secret[:])
		d.raw("next point", m.nextPoint[:])
		return m
	case kindReady:
		m := &ready{}
		d.flags("ready", &m.local)
		d.raw("point", m.point[:])
		m.alias = wire.ShortChannelID(d.uint("alias", math.MaxUint64))
		return m
	case kindShutdown:
		m := &shutdownSent{}
		d.flags("shutdown", &m.local)
		m.script = d.bytes("script")
		return m
	case kindAnnounced:
		return d.announced()
	default:
		d.fail("mutation of unknown kind %d", k)
		return nil
	}
}

func (d *decoder) announced() *announcedTheirs {
	m := &announcedTheirs{scid: wire.ShortChannelID(d.uint("short_channel_id", math.MaxUint64))}
	d.raw("node_signature", m.node[:])
	d.raw("bitcoin_signature", m.bitcoin[:])
	return m
}

// The tags of changes.
const (
	tagAdd uint64 = iota + 1
	tagRemove
	tagFeerate
)

// changes writes updates in full.
func (e *encoder) changes(list []change) {
	e.uint(uint64(len(list)))
	for i := range list {
		switch ch := &list[i]; {
		case ch.add != nil:
			e.uint(tagAdd)
			e.htlc(ch.add)
		case ch.remove != nil:
			e.uint(tagRemove)
			e.uint(ch.remove.ID)
			e.result(ch.result)
		default:
			e.uint(tagFeerate)
			e.uint(uint64(ch.feerate))
		}
	}
}

// changes reads the updates of one side.
func (d *decoder) changes(s *state, ours bool) []change {
	n := d.count("changes", 2)
	var list []change
	for range n {
		var ch change
		switch tag := d.uint("change", tagFeerate); tag {
		case tagAdd:
			ch.add = d.htlc(ours)
		case tagRemove:
			ch.remove = d.known(s, !ours)
			ch.result = d.result()
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

// known reads an id and finds its HTLC.
func (d *decoder) known(s *state, offered bool) *htlc {
	id := d.uint("htlc id", math.MaxUint64)
	table := s.received
	if offered {
		table = s.offered
	}
	h := table[id]
	if h == nil {
		d.fail("htlc %d is not known", id)
	}
	return h
}

// htlc writes all but who offered it and how it ends.
func (e *encoder) htlc(h *htlc) {
	e.uint(h.ID)
	e.uint(uint64(h.Amount))
	e.raw(h.PaymentHash[:])
	e.uint(uint64(h.CLTVExpiry))
	e.flags(h.onion != nil, h.blindedPath != nil, h.overDust, h.committed, len(h.extraTLVs) > 0)
	if h.onion != nil {
		e.raw(h.onion[:])
	}
	if h.blindedPath != nil {
		e.raw(h.blindedPath[:])
	}
	if len(h.extraTLVs) > 0 {
		e.bytes(h.extraTLVs)
	}
}

func (d *decoder) htlc(offered bool) *htlc {
	h := &htlc{HTLC: HTLC{
		Offered: offered,
		ID:      d.uint("htlc id", math.MaxUint64),
		Amount:  amount.Msat(d.uint("amount", uint64(amount.MaxMsat))),
	}}
	d.raw("payment hash", h.PaymentHash[:])
	h.CLTVExpiry = block.Height(d.uint("cltv_expiry", math.MaxUint32))
	var onion, blinded, extra bool
	d.flags("htlc", &onion, &blinded, &h.overDust, &h.committed, &extra)
	if onion && d.err == nil {
		h.onion = new([OnionSize]byte)
		d.raw("onion", h.onion[:])
	}
	if blinded {
		h.blindedPath = new(keys.PubKey)
		d.raw("path key", h.blindedPath[:])
	}
	if extra {
		h.extraTLVs = d.bytes("extra tlvs")
	}
	return h
}

func (e *encoder) result(r *Result) {
	e.uint(uint64(r.Kind))
	switch r.Kind {
	case Fulfill:
		e.raw(r.Preimage[:])
	case Fail:
		e.bytes(r.Reason)
	case Malformed:
		e.raw(r.SHA256OfOnion[:])
		e.uint(uint64(r.FailureCode))
	}
}

func (d *decoder) result() *Result {
	r := &Result{Kind: ResultKind(d.uint("result", uint64(Malformed)))}
	switch r.Kind {
	case Fulfill:
		d.raw("preimage", r.Preimage[:])
	case Fail:
		r.Reason = d.bytes("reason")
	case Malformed:
		d.raw("sha256 of onion", r.SHA256OfOnion[:])
		r.FailureCode = wire.FailureCode(d.uint("failure code", math.MaxUint16))
	default:
		d.fail("result of unknown kind %d", r.Kind)
	}
	return r
}

func (e *encoder) signatures(list []keys.Signature) {
	e.uint(uint64(len(list)))
	for i := range list {
		e.raw(list[i][:])
	}
}

func (d *decoder) signatures() []keys.Signature {
	n := d.count("signatures", len(keys.Signature{}))
	if n == 0 || d.err != nil {
		return nil
	}
	list := make([]keys.Signature, n)
	for i := range list {
		d.raw("signature", list[i][:])
	}
	return list
}

// record is the mutations since the last Store.
type record struct {
	data          encoder
	sinceSnapshot int // bytes of records that a snapshot would save
	snapshotSize  int // of the last one
}

const (
	// minRecords is how much is appended before a snapshot is worth it, whatever its size.
	minRecords = 64 << 10
	// maxRecords is how much is appended at most, but for the last: snapshot and records come back in one message.
	maxRecords = 2 << 20
)

// worthSnapshot keeps what has to be read at a restart, and what is written, in proportion.
func (r *record) worthSnapshot() bool {
	return r.sinceSnapshot > min(max(minRecords, 2*r.snapshotSize), maxRecords)
}

// do applies a mutation of ours now: one that does not fit is a bug, and err is not the peer's.
func (c *Channel) do(m mutation) error {
	if err := m.apply(&c.state); err != nil {
		return fmt.Errorf("channel %s: %w", c.state.params.ChannelID, err)
	}
	c.record.data.uint(uint64(m.kind()))
	m.encode(&c.record.data)
	return nil
}
