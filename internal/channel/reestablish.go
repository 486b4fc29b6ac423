package channel

import (
	"fmt"
	"maps"
	"slices"

	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// connect begins a connection.
func (c *Channel) connect() ([]Action, error) {
	switch c.phase {
	case fresh:
		c.phase = established
		return nil, nil
	case restored:
		c.waiting = forPoint
		return []Action{AskPoint{c.state.local.current.number + 1}}, nil
	}
	return nil, fmt.Errorf("second connection: %w", ErrOrder)
}

// afterPoint sends our channel_reestablish, and tells again what waits for a decision.
func (c *Channel) afterPoint(point keys.PubKey) []Action {
	c.next = point
	c.phase = reestablishing
	s := &c.state
	m := &wire.ChannelReestablish{
		ChannelID:                   s.params.ChannelID,
		NextCommitmentNumber:        uint64(s.local.current.number) + 1,
		NextRevocationNumber:        uint64(s.remote.current.number),
		MyCurrentPerCommitmentPoint: s.local.point,
	}
	if n := s.remote.current.number; n > 0 {
		m.YourLastPerCommitmentSecret, _ = s.remote.secrets.Lookup(n - 1) // there is one for each below n
	}
	for _, id := range slices.Sorted(maps.Keys(s.received)) {
		if h := s.received[id]; h.committed && h.result == nil {
			s.effects.committed = append(s.effects.committed, h)
		}
	}
	return c.tell([]Action{SendPeer{m}})
}

// recvReestablish asks whether the secret that the peer shows is ours, as all else depends on it.
func (c *Channel) recvReestablish(m *wire.ChannelReestablish) ([]Action, error) {
	// BOLT 2, Message Retransmission.
	if m.NextCommitmentNumber == 0 {
		return nil, failChannel("channel_reestablish: next_commitment_number 0")
	}
	c.shown = m
	if m.NextRevocationNumber == 0 {
		return c.afterSecretCheck(m.YourLastPerCommitmentSecret == keys.Secret{})
	}
	n := keys.CommitmentNumber(m.NextRevocationNumber - 1)
	if n > keys.MaxCommitmentNumber {
		return nil, failChannel("channel_reestablish: next_revocation_number %d: %w", m.NextRevocationNumber, keys.ErrNumberRange)
	}
	c.waiting = forSecretCheck
	return []Action{CheckSecret{n, m.YourLastPerCommitmentSecret}}, nil
}

// afterSecretCheck finds what the peer has missed, and sends it again.
func (c *Channel) afterSecretCheck(correct bool) ([]Action, error) {
	m := c.shown
	if err := c.checkRevocationNumber(m, correct); err != nil {
		return nil, err
	}
	if err := c.checkCommitmentNumber(m); err != nil {
		return nil, err
	}
	c.phase = established
	s := &c.state
	d := &c.due
	d.channelReady = s.localReady && s.local.current.number == 0 && m.NextCommitmentNumber == 1
	d.shutdown = s.localShutdown != nil
	d.reestablish = true
	return c.proceed(), nil
}

// checkRevocationNumber compares what the peer says it has of our revocations.
func (c *Channel) checkRevocationNumber(m *wire.ChannelReestablish, correct bool) error {
	sent := uint64(c.state.local.current.number) // the next one to be sent
	got := m.NextRevocationNumber
	switch {
	case got > sent && correct:
		return &Fault{LostState, fmt.Errorf("channel_reestablish: peer has our secret of commitment %d, we are at %d", got-1, sent)}
	case got > sent || got+1 < sent:
		return failChannel("channel_reestablish: next_revocation_number %d, we sent up to %d", got, sent)
	case !correct:
		return failChannel("channel_reestablish: your_last_per_commitment_secret is not what next_revocation_number %d needs", got)
	}
	c.due.revocation = got+1 == sent
	return nil
}

// checkCommitmentNumber compares what the peer says it has of our signatures.
func (c *Channel) checkCommitmentNumber(m *wire.ChannelReestablish) error {
	r := &c.state.remote
	signed := uint64(r.latest().number)
	switch got := m.NextCommitmentNumber; {
	case got == signed && r.next != nil:
		c.due.commitment = true
	case got != signed+1:
		return failChannel("channel_reestablish: next_commitment_number %d, we signed up to %d", got, signed)
	}
	return nil
}

// RemoteFuturePoint is the peer's my_current_per_commitment_point in this connection; after a
// LostState it is of the commitment that the peer has been asked to broadcast.
func (c *Channel) RemoteFuturePoint() keys.PubKey {
	if c.shown == nil {
		return keys.PubKey{}
	}
	return c.shown.MyCurrentPerCommitmentPoint
}
