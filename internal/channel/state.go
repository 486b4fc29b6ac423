package channel

import (
	"fmt"
	"math"

	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// state is all that is durable about the channel. Only mutations change it.
type state struct {
	params *Params
	local  localSide
	remote remoteSide

	offered      map[uint64]*htlc // ours, until irrevocably removed
	received     map[uint64]*htlc // the peer's
	nextOffered  uint64           // id of the next that we offer
	nextReceived uint64

	// revokedLast says that of the messages that a reconnect may repeat, revoke_and_ack came after
	// commitment_signed.
	revokedLast bool

	localReady     bool // channel_ready was sent
	remoteReady    bool // and received
	remoteAlias    wire.ShortChannelID
	localShutdown  []byte // script of the shutdown that we sent; nil: none
	remoteShutdown []byte
	announced      *announcedTheirs // nil: none came yet

	effects effects // of the mutations since they were last taken; not stored
}

// localSide is our commitment, which we could broadcast, and what is to go into the next.
type localSide struct {
	current        *commitment
	point          keys.PubKey    // per_commitment_point of current
	signature      keys.Signature // the peer's on current
	htlcSignatures []keys.Signature
	acked          []change // ours: the peer has committed to them and revoked what was before
}

// remoteSide is the peer's commitment.
type remoteSide struct {
	current       *commitment // the oldest that is not revoked
	next          *commitment // signed by us; nil: no revocation is due
	point         keys.PubKey // per_commitment_point of current
	nextPoint     keys.PubKey // of the one after it; zero before channel_ready
	secrets       keys.SecretStore
	acked         []change // the peer's: we have committed to them, next does not have them
	unrevoked     []change // ours in next
	unrevokedPeer []change // the peer's in next
}

// latest is the newest commitment that we signed.
func (r *remoteSide) latest() *commitment {
	if r.next != nil {
		return r.next
	}
	return r.current
}

// effects are what mutations did that must be told.
type effects struct {
	committed []*htlc // the peer's, irrevocably
	failed    []Failed
	resolved  []uint64
}

// mutation is one durable change of the state, applied when it happens and again by Restore.
type mutation interface {
	kind() mutationKind
	encode(e *encoder)
	apply(s *state) error
}

// committedOurs is our commitment_signed.
type committedOurs struct{ changes []change }

func (m *committedOurs) apply(s *state) error {
	if s.remote.next != nil {
		return fmt.Errorf("commitment signed while commitment %d is not revoked: %w", s.remote.current.number, ErrBadRecord)
	}
	if err := s.take(m.changes, true); err != nil {
		return err
	}
	next, err := s.remote.current.next(s.remote.acked, m.changes)
	if err != nil {
		return fmt.Errorf("remote %w", err)
	}
	for i := range m.changes {
		if h := m.changes[i].remove; h != nil {
			h.onion, h.extraTLVs = nil, nil
		}
	}
	r := &s.remote
	r.next, r.unrevoked, r.unrevokedPeer, r.acked = next, m.changes, r.acked, nil
	s.revokedLast = false
	return nil
}

// committedTheirs is the peer's commitment_signed, and with it the revocation of what was before.
type committedTheirs struct {
	changes        []change
	point          keys.PubKey
	signature      keys.Signature
	htlcSignatures []keys.Signature
}

func (m *committedTheirs) apply(s *state) error {
	if err := s.take(m.changes, false); err != nil {
		return err
	}
	next, err := s.local.current.next(s.local.acked, m.changes)
	if err != nil {
		return fmt.Errorf("local %w", err)
	}
	for i := range s.local.acked {
		switch ch := &s.local.acked[i]; {
		case ch.add != nil:
			ch.add.committed = true
		case ch.remove != nil:
			delete(s.received, ch.remove.ID)
			s.effects.resolved = append(s.effects.resolved, ch.remove.ID)
		}
	}
	s.local = localSide{
		current: next, point: m.point, signature: m.signature, htlcSignatures: m.htlcSignatures,
	}
	s.remote.acked = joined(s.remote.acked, m.changes...)
	s.revokedLast = true
	return nil
}

// take enters the HTLCs of one side's new changes.
func (s *state) take(changes []change, ours bool) error {
	table, next := s.received, &s.nextReceived
	if ours {
		table, next = s.offered, &s.nextOffered
	}
	for i := range changes {
		switch ch := &changes[i]; {
		case ch.add != nil:
			if ch.add.ID != *next || *next == math.MaxUint64 || ch.add.committed {
				return fmt.Errorf("htlc id %d, want %d: %w", ch.add.ID, *next, ErrBadRecord)
			}
			*next++
			table[ch.add.ID] = ch.add
		case ch.remove != nil:
			if ch.remove.result != nil || !ch.remove.committed || ch.remove.Offered == ours {
				return fmt.Errorf("htlc %d removed out of turn: %w", ch.remove.ID, ErrBadRecord)
			}
			ch.remove.result = ch.result
			ch.remove.settling = false
		}
	}
	return nil
}

// revokedTheirs is the peer's revoke_and_ack.
type revokedTheirs struct {
	secret    keys.Secret
	nextPoint keys.PubKey
}

func (m *revokedTheirs) apply(s *state) error {
	r := &s.remote
	if r.next == nil {
		return fmt.Errorf("commitment %d revoked without a next one: %w", r.current.number, ErrBadRecord)
	}
	if err := r.secrets.Insert(r.current.number, m.secret); err != nil {
		return err
	}
	for i := range r.unrevokedPeer {
		switch ch := &r.unrevokedPeer[i]; {
		case ch.add != nil:
			ch.add.committed = true
			s.effects.committed = append(s.effects.committed, ch.add)
		case ch.remove != nil:
			delete(s.offered, ch.remove.ID)
			if ch.result.Kind != Fulfill {
				s.effects.failed = append(s.effects.failed, Failed{ch.remove.ID, *ch.result})
			}
		}
	}
	for i := range r.unrevoked {
		if h := r.unrevoked[i].add; h != nil {
			h.onion, h.extraTLVs = nil, nil
		}
	}
	s.local.acked = joined(s.local.acked, r.unrevoked...)
	r.current, r.next, r.unrevoked, r.unrevokedPeer = r.next, nil, nil, nil
	r.point, r.nextPoint = r.nextPoint, m.nextPoint
	return nil
}

// ready is a channel_ready, ours or the peer's.
type ready struct {
	local bool
	point keys.PubKey         // the peer's second
	alias wire.ShortChannelID // the peer's; 0: none
}

func (m *ready) apply(s *state) error {
	if m.local {
		s.localReady = true
		return nil
	}
	if !s.remoteReady {
		s.remoteReady, s.remote.nextPoint = true, m.point
	}
	s.remoteAlias = m.alias
	return nil
}

// shutdownSent is a shutdown, ours or the peer's.
type shutdownSent struct {
	local  bool
	script []byte
}

func (m *shutdownSent) apply(s *state) error {
	if m.local {
		s.localShutdown = m.script
	} else {
		s.remoteShutdown = m.script
	}
	return nil
}
