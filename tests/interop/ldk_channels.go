package interop

import (
	"fulmen/internal/amount"
)

// Open implements Peer.
func (l *ldk) Open(to string, how Open) (string, error) {
	script, err := scriptOf(how.CloseTo)
	if err != nil {
		return "", err
	}
	var opened struct{ Point string }
	err = l.try("open", map[string]any{
		"id": to, "sats": uint64(how.Sats), "push": uint64(how.Push), "private": how.Private, "alias": how.Alias,
		"type": how.Type, "closeTo": script,
	}, &opened)
	return opened.Point, err
}

// ldkChannel is a channel that both sides have called ready.
type ldkChannel struct {
	Point      string
	SCID       string
	Active     bool
	Capacity   amount.Sat
	Local      amount.Sat
	OfUs       amount.Sat
	Feerate    amount.FeeratePerKw
	Type       string
	Private    bool
	Opener     bool
	HTLCs      int
	Reserve    amount.Sat
	OurReserve amount.Sat
	DustLimit  amount.Sat
}

// Channels implements Peer.
func (l *ldk) Channels() (channels []Channel) {
	l.t.Helper()
	var list struct{ Channels []ldkChannel }
	l.must("channels", nil, &list)
	for _, c := range list.Channels {
		channels = append(channels, Channel{
			Point: c.Point, Active: c.Active, Linked: c.Active, Capacity: c.Capacity, Local: c.Local, OfUs: c.OfUs, Feerate: c.Feerate, Type: c.Type,
			Private: c.Private, Opener: c.Opener, HTLCs: c.HTLCs, Reserve: c.Reserve, OurReserve: c.OurReserve, DustLimit: c.DustLimit,
		})
	}
	return channels
}

// PaySmallest implements Peer: LDK pays 1 msat as it is.
func (l *ldk) PaySmallest(string) {}

// Close implements Peer.
func (l *ldk) Close(point string, how Close) error {
	const perKW = 250 // a weight unit is a quarter of a byte
	return l.try("close", map[string]any{"point": point, "perKW": how.SatPerByte * perKW}, nil)
}

// SetTerms implements Router. The least and the most that it forwards are its peer's.
func (l *ldk) SetTerms(point string, t Terms) {
	l.t.Helper()
	l.must("terms", map[string]any{"point": point, "base": uint64(t.Base), "ppm": t.PPM, "delta": t.Delta}, nil)
}

// Graph implements Gossiper.
func (l *ldk) Graph() Graph {
	l.t.Helper()
	var shown struct {
		Nodes    map[string]string
		Channels map[string]map[string]Terms
	}
	l.must("graph", nil, &shown)
	return Graph{Aliases: shown.Nodes, Channels: shown.Channels}
}

// ForceClose implements Closer.
func (l *ldk) ForceClose(point string) error {
	return l.try("forceclose", map[string]string{"point": point}, nil)
}

// Resolved implements Closer. LDK tells it of all closed channels together.
func (l *ldk) Resolved(string) bool {
	l.t.Helper()
	var reply struct{ Resolved bool }
	l.must("resolved", nil, &reply)
	return reply.Resolved
}

// OnChain implements Closer.
func (l *ldk) OnChain() amount.Sat {
	l.t.Helper()
	return amount.Sat(l.info().Sats)
}

// Copy implements Copier.
func (l *ldk) Copy() (restore func()) {
	l.t.Helper()
	return copyFolder(l.t, l.state())
}

// SetFeerate implements FeeChanger.
func (l *ldk) SetFeerate(rate amount.FeeratePerKw) {
	l.t.Helper()
	l.must("fees", map[string]any{"perKW": uint64(rate)}, nil)
}
