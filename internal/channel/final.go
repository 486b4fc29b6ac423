package channel

import (
	"maps"
	"slices"

	"fulmen/internal/keys"
)

// Final is what has to be known of the channel once its funding output is spent.
type Final struct {
	Params *Params

	Local          Content // our commitment
	LocalPoint     keys.PubKey
	HTLCSignatures []keys.Signature // the peer's, in the order of its outputs

	Remote          Content // the peer's oldest that is not revoked
	RemotePoint     keys.PubKey
	RemoteNext      *Content // nil: we have signed none after it
	RemoteNextPoint keys.PubKey
	RemoteSecrets   keys.SecretStore // of all before Remote

	HTLCs []FinalHTLC // not irrevocably removed, ours first, in the order of their ids

	LocalShutdown, RemoteShutdown []byte // scripts; nil: not sent
}

// FinalHTLC is an HTLC that has not ended.
type FinalHTLC struct {
	HTLC
	Committed bool      // of the peer's: irrevocably
	Preimage  *[32]byte // nil: neither side has given it to the other
}

// Final describes the channel for the chain. It shares memory with the channel, which must not be
// stepped any more.
func (c *Channel) Final() Final {
	s := &c.state
	f := Final{
		Params:         s.params,
		Local:          s.local.current.content(),
		LocalPoint:     s.local.point,
		HTLCSignatures: s.local.htlcSignatures,
		Remote:         s.remote.current.content(),
		RemotePoint:    s.remote.point,
		RemoteSecrets:  s.remote.secrets,
		LocalShutdown:  s.localShutdown,
		RemoteShutdown: s.remoteShutdown,
	}
	if s.remote.next != nil {
		next := s.remote.next.content()
		f.RemoteNext, f.RemoteNextPoint = &next, s.remote.nextPoint
	}
	for _, table := range []map[uint64]*htlc{s.offered, s.received} {
		for _, id := range slices.Sorted(maps.Keys(table)) {
			h := table[id]
			final := FinalHTLC{HTLC: h.HTLC, Committed: h.committed}
			if h.result != nil && h.result.Kind == Fulfill {
				final.Preimage = &h.result.Preimage
			}
			f.HTLCs = append(f.HTLCs, final)
		}
	}
	return f
}
