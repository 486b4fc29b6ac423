package interop

import (
	"crypto/rand"
	"crypto/sha256"
	"os"
	"sync"

	"fulmen/internal/amount"
	"fulmen/internal/wire"
	"fulmen/tests/interop/lndrpc"
)

// SetTerms implements Router.
func (l *lnd) SetTerms(point string, t Terms) {
	l.t.Helper()
	reply := lndMust(l, l.lightning.UpdateChannelPolicy, &lndrpc.PolicyUpdateRequest{
		Scope:       &lndrpc.PolicyUpdateRequest_ChanPoint{ChanPoint: l.pointOf(point)},
		BaseFeeMsat: int64(t.Base), FeeRatePpm: t.PPM, TimeLockDelta: uint32(t.Delta),
		MinHtlcMsat: uint64(t.Min), MinHtlcMsatSpecified: true, MaxHtlcMsat: uint64(t.Max),
	})
	if len(reply.FailedUpdates) != 0 {
		l.t.Fatalf("lnd: new terms of %s: %s", point, reply.FailedUpdates)
	}
}

// PayRoute implements Router.
func (l *lnd) PayRoute(bolt11s []string, hops []Hop) []Payment {
	l.t.Helper()
	outcomes := make([]Payment, len(bolt11s))
	var all sync.WaitGroup
	for i, bolt11 := range bolt11s {
		all.Go(func() { outcomes[i] = l.payRoute(bolt11, hops) })
	}
	all.Wait()
	return outcomes
}

func (l *lnd) payRoute(bolt11 string, hops []Hop) Payment {
	l.t.Helper()
	inv := l.decode(bolt11)
	height := l.info().BlockHeight
	route := &lndrpc.Route{TotalTimeLock: height + uint32(hops[0].Delay), TotalAmtMsat: int64(hops[0].Amount)}
	for i, hop := range hops {
		id, err := wire.ParseShortChannelID(hop.SCID)
		if err != nil {
			l.t.Fatalf("%v", err)
		}
		// lnd's hop has what its node passes on; the last one passes on all that it gets.
		next := hops[min(i+1, len(hops)-1)]
		h := &lndrpc.Hop{
			ChanId: uint64(id), PubKey: hop.To, AmtToForwardMsat: int64(next.Amount), FeeMsat: int64(hop.Amount - next.Amount),
			Expiry: height + uint32(next.Delay),
		}
		if i == len(hops)-1 {
			h.MppRecord = &lndrpc.MPPRecord{PaymentAddr: inv.PaymentAddr, TotalAmtMsat: int64(hop.Amount)}
		}
		route.Hops = append(route.Hops, h)
	}
	attempt, err := l.sendRoute(l.t.Context(), hexBytes(inv.PaymentHash), route)
	if err != nil {
		return Payment{Failure: lost}
	}
	return attempt
}

// Graph implements Gossiper.
func (l *lnd) Graph() Graph {
	l.t.Helper()
	shown := lndMust(l, l.lightning.DescribeGraph, &lndrpc.ChannelGraphRequest{})
	g := Graph{Aliases: map[string]string{}, Channels: map[string]map[string]Terms{}}
	for _, n := range shown.Nodes {
		if n.LastUpdate != 0 { // or it is only the end of a channel
			g.Aliases[n.PubKey] = n.Alias
		}
	}
	for _, e := range shown.Edges {
		sides := map[string]Terms{}
		for id, p := range map[string]*lndrpc.RoutingPolicy{e.Node1Pub: e.Node1Policy, e.Node2Pub: e.Node2Policy} {
			if p != nil {
				sides[id] = Terms{
					Base: amount.Msat(p.FeeBaseMsat), PPM: uint32(p.FeeRateMilliMsat), Delta: int(p.TimeLockDelta),
					Min: amount.Msat(p.MinHtlc), Max: amount.Msat(p.MaxHtlcMsat), Disabled: p.Disabled,
				}
			}
		}
		g.Channels[wire.ShortChannelID(e.ChannelId).String()] = sides
	}
	return g
}

// keysendRecord is the TLV record in which a payment without an invoice brings its preimage.
const keysendRecord = 5482373484

// Keysend implements Keysender.
func (l *lnd) Keysend(to string, msat amount.Msat) (Payment, error) {
	var preimage [32]byte
	rand.Read(preimage[:])
	hash := sha256.Sum256(preimage[:])
	return l.sendPayment(&lndrpc.SendPaymentRequest{
		Dest: hexBytes(to), AmtMsat: int64(msat), PaymentHash: hash[:], FinalCltvDelta: 40,
		DestCustomRecords: map[uint64][]byte{keysendRecord: preimage[:]},
	})
}

// Copy implements Copier.
func (l *lnd) Copy() (restore func()) {
	l.t.Helper()
	return copyFolder(l.t, l.dir)
}

// copyFolder copies a folder; restore puts the copy in its place.
func copyFolder(t interface {
	Helper()
	TempDir() string
	Fatalf(string, ...any)
}, folder string) (restore func()) {
	t.Helper()
	kept := t.TempDir() + "/copy"
	if err := os.CopyFS(kept, os.DirFS(folder)); err != nil {
		t.Fatalf("copy %s: %v", folder, err)
	}
	return func() {
		t.Helper()
		if err := os.RemoveAll(folder); err != nil {
			t.Fatalf("%v", err)
		}
		if err := os.CopyFS(folder, os.DirFS(kept)); err != nil {
			t.Fatalf("restore %s: %v", folder, err)
		}
	}
}
