package onchain

import "fulmen/internal/tx"

// StubFilter keeps, of all HTLCs that a channel ever had, those that an output of the revoked commitment
// may be of. There can have been millions, and an output has one script.
type StubFilter struct {
	scripts *tx.HTLCScripts
	byPk    map[string]int // index in kept, or -1; by output script
	kept    []Stub
}

// StubFilter is for State.Stubs, where NeedsStubs is true.
func (c *Closing) StubFilter() *StubFilter {
	f := &StubFilter{scripts: tx.NewHTLCScripts(c.params.Keys, c.params.Anchors), byPk: make(map[string]int)}
	for _, out := range c.tx.TxOut {
		f.byPk[string(out.PkScript)] = -1
	}
	return f
}

// Take looks at some more. Of those with one script the first to expire is kept: HTLCs that the
// commitment's owner offered do not tell their expiry.
func (f *StubFilter) Take(stubs []Stub) {
	for i := range stubs {
		h := HTLC{Offered: stubs[i].Offered, PaymentHash: stubs[i].PaymentHash, CLTVExpiry: stubs[i].CLTVExpiry}
		owned := h.owned(false)
		script := f.scripts.PkScript(&owned)
		k, wanted := f.byPk[string(script)]
		switch {
		case !wanted:
		case k < 0:
			f.byPk[string(script)] = len(f.kept)
			f.kept = append(f.kept, stubs[i])
		case stubs[i].CLTVExpiry < f.kept[k].CLTVExpiry:
			f.kept[k] = stubs[i]
		}
	}
}

// Stubs are those that were kept.
func (f *StubFilter) Stubs() []Stub { return f.kept }
