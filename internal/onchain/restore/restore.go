// Package restore makes the state that package onchain begins with from the channel's own. The two
// machines know nothing of each other.
package restore

import (
	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/channel"
	"fulmen/internal/keys"
	"fulmen/internal/onchain"
)

// State is the state of a channel that was restored from its log. What only lightningd knows is left
// for the caller: FuturePoint, Upstream, Stubs, and more LocalScripts.
func State(c *channel.Channel) *onchain.State {
	f := c.Final()
	p := f.Params
	s := &onchain.State{
		FundingOutpoint: wire.OutPoint{Hash: p.FundingTxid, Index: uint32(p.FundingOutput)},
		FundingAmount:   p.FundingSats,
		Opener:          p.Opener,
		Anchors:         p.Anchors,
		Local:           side(&p.Local, &p.Remote),
		Remote:          side(&p.Remote, &p.Local),
		LocalCommitment: commitment(&f.Local, f.LocalPoint),
		HTLCSignatures:  f.HTLCSignatures,
		RemoteCurrent:   commitment(&f.Remote, f.RemotePoint),
		Secrets:         f.RemoteSecrets,
		LocalScripts:    scripts(p.Local.UpfrontShutdownScript, f.LocalShutdown),
		RemoteScripts:   scripts(p.Remote.UpfrontShutdownScript, f.RemoteShutdown),
	}
	if f.RemoteNext != nil {
		next := commitment(f.RemoteNext, f.RemoteNextPoint)
		s.RemoteNext = &next
	}
	for i := range f.HTLCs {
		h := &f.HTLCs[i]
		s.HTLCs = append(s.HTLCs, onchain.PendingHTLC{
			HTLC: onchain.HTLC(h.HTLC), Committed: h.Committed, Preimage: h.Preimage,
		})
	}
	return s
}

// side takes the delay from the other side, which asked for it.
func side(s, other *channel.Side) onchain.Side {
	return onchain.Side{
		FundingPubKey: s.FundingPubKey, Basepoints: s.Basepoints,
		DustLimit: s.DustLimit, ToSelfDelay: other.ToSelfDelay,
	}
}

func commitment(c *channel.Content, point keys.PubKey) onchain.Commitment {
	htlcs := make([]onchain.HTLC, len(c.HTLCs))
	for i := range c.HTLCs {
		htlcs[i] = onchain.HTLC(c.HTLCs[i])
	}
	return onchain.Commitment{
		Number: c.Number, Point: point, Feerate: c.Feerate,
		ToLocal: c.ToLocal, ToRemote: c.ToRemote, HTLCs: htlcs,
	}
}

func scripts(list ...[]byte) (known [][]byte) {
	for _, s := range list {
		if len(s) > 0 {
			known = append(known, s)
		}
	}
	return known
}
