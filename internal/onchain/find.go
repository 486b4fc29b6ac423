package onchain

import (
	"bytes"

	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/tx"
)

// at is output i of the transaction that closed the channel.
func (m *Machine) at(i int, r role) *output {
	t := m.closing.tx
	return m.add(&output{
		outpoint: wire.OutPoint{Hash: t.TxHash(), Index: uint32(i)},
		amount:   amount.Sat(t.TxOut[i].Value), pkScript: t.TxOut[i].PkScript,
		height: m.started, role: r,
	})
}

// findPublished notes the outputs of a commitment that we could build ourselves.
func (m *Machine) findPublished() error {
	c, local := m.closing.commitment, m.closing.local()
	htlcs := make(map[int]int, len(c.HTLCs)) // by output
	for i := range c.HTLCs {
		htlcs[int(c.HTLCs[i].OutputIndex)] = i
	}
	owner, other, htlc := toThem, toUs, theirHTLC
	ownerAnchor, otherAnchor := theirAnchor, ourAnchor
	if local {
		owner, other, htlc = delayed, toThem, ourHTLC
		ownerAnchor, otherAnchor = ourAnchor, theirAnchor
	}
	for i := range c.Tx.TxOut {
		switch i {
		case c.ToOwner:
			m.at(i, owner)
		case c.ToOther:
			m.at(i, other)
		case c.OwnerAnchor:
			m.at(i, ownerAnchor)
		case c.OtherAnchor:
			m.at(i, otherAnchor)
		default:
			h := c.HTLCs[htlcs[i]].HTLC
			o := m.at(i, htlc)
			o.htlc, o.index = &h, htlcs[i]
			m.link(o, m.find(h.Offered == local, h.ID))
		}
	}
	return nil
}

// link notes which HTLC the output is of: p, or nil if that has ended long ago.
func (m *Machine) link(o *output, p *pending) {
	if o.role != revokedHTLC && !o.offeredByUs() {
		o.lapsesAt = o.htlc.CLTVExpiry // BOLT 5: irrevocably resolved once it has expired
	}
	if p == nil {
		return
	}
	o.pending, p.output = p, o
	if !p.Offered && p.Committed {
		o.preimage = p.Preimage
	}
}

// findByScript recognizes the outputs of a commitment whose content is not known: one of the peer's that
// is revoked, with the keys that we have by its secret; or one, of either side, that is newer than our state.
func (m *Machine) findByScript() {
	s, local, revoked := m.state, m.closing.local(), m.closing.Kind == TheirRevoked
	owner, other, htlc := toThem, toUs, theirHTLC
	switch {
	case revoked:
		owner, htlc = revokedDelayed, revokedHTLC
	case local:
		owner, other, htlc = delayed, toThem, ourHTLC
	}
	static := map[string]role{
		string(tx.ToRemotePkScript(s.Anchors, s.side(!local).Basepoints.Payment)): other,
	}
	if s.Anchors {
		static[string(tx.P2WSH(tx.AnchorScript(s.Local.FundingPubKey)))] = ourAnchor
		static[string(tx.P2WSH(tx.AnchorScript(s.Remote.FundingPubKey)))] = theirAnchor
	}
	var htlcs map[string]*candidate
	if m.closing.params != nil {
		static[string(m.closing.ownerDelayedScript())] = owner
		htlcs = m.candidates()
	}
	for i, out := range m.closing.tx.TxOut {
		if r, ok := static[string(out.PkScript)]; ok {
			m.at(i, r)
			continue
		}
		c := htlcs[string(out.PkScript)]
		if c == nil {
			m.at(i, unknownOutput).lapsesAt = m.lastExpiry()
			continue
		}
		o := m.at(i, htlc)
		h := c.htlc
		h.Amount = o.amount.Msat()
		o.htlc = &h
		m.link(o, c.take())
		if !revoked {
			o.lapsesAt = m.lastExpiry()
		}
	}
}

// lastExpiry is when the last of the HTLCs expires that still have to end.
func (m *Machine) lastExpiry() block.Height {
	last := m.started
	for _, list := range [][]*pending{m.offered, m.received} {
		for _, p := range list {
			last = max(last, p.CLTVExpiry)
		}
	}
	return last
}

// candidate is what an output with some script may be.
type candidate struct {
	htlc    tx.HTLC    // with the lowest cltv_expiry, where the script does not tell: the safe side
	pending []*pending // those that still have to end; other outputs are of HTLCs that have
}

// take is the next that still has to end, or nil.
func (c *candidate) take() *pending {
	if len(c.pending) == 0 {
		return nil
	}
	p := c.pending[0]
	c.pending = c.pending[1:]
	return p
}

// candidates are the HTLCs that the commitment may have, by output script. A channel can have had
// millions: only those are kept that an output is of.
func (m *Machine) candidates() map[string]*candidate {
	scripts := tx.NewHTLCScripts(m.closing.params.Keys, m.state.Anchors)
	all := make(map[string]*candidate)
	for _, out := range m.closing.tx.TxOut {
		all[string(out.PkScript)] = nil
	}
	add := func(h tx.HTLC, p *pending) {
		script := scripts.PkScript(&h)
		c, wanted := all[string(script)]
		if !wanted {
			return
		}
		if c == nil {
			c = &candidate{htlc: h}
			all[string(script)] = c
		}
		c.htlc.CLTVExpiry = min(c.htlc.CLTVExpiry, h.CLTVExpiry)
		if p != nil {
			c.pending = append(c.pending, p)
		}
	}
	for _, list := range [][]*pending{m.offered, m.received} {
		for _, p := range list {
			add(p.owned(m.closing.local()), p)
		}
	}
	if m.closing.Kind == TheirRevoked {
		for i := range m.state.Stubs {
			stub := &m.state.Stubs[i]
			h := HTLC{Offered: stub.Offered, ID: stub.ID, PaymentHash: stub.PaymentHash, CLTVExpiry: stub.CLTVExpiry}
			add(h.owned(false), nil)
		}
	}
	return all
}

// findCloses notes the outputs of a mutual close. It is resolved as it is.
func (m *Machine) findCloses() {
	for i, out := range m.closing.tx.TxOut {
		r := toThem
		for _, script := range m.state.LocalScripts {
			if bytes.Equal(script, out.PkScript) {
				r = closeOutput
			}
		}
		m.at(i, r)
	}
}
