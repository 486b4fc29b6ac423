package channel

import "fulmen/internal/wire"

// told is what this connection has seen.
type told struct {
	shutdown         bool // ours was ordered, or the peer's makes it due
	shutdownSent     bool
	shutdownReceived bool
	readyToClose     bool
}

// dueReady makes our channel_ready due once the funding transaction is deep enough (BOLT 2, The
// channel_ready Message).
func (c *Channel) dueReady() error {
	s := &c.state
	if s.localReady || c.depth < s.params.MinimumDepth || s.localShutdown != nil {
		return nil
	}
	c.due.channelReady = true
	return c.do(&ready{local: true})
}

// channelReady is ours; the peer knows us by the alias.
func (c *Channel) channelReady() *wire.ChannelReady {
	m := &wire.ChannelReady{ChannelID: c.state.params.ChannelID, SecondPerCommitmentPoint: c.next}
	if alias := c.policy.LocalAlias; alias != 0 {
		m.ShortChannelID = &alias
	}
	return m
}

// recvChannelReady takes the peer's second point, and its alias, which may change.
func (c *Channel) recvChannelReady(m *wire.ChannelReady) error {
	s := &c.state
	if err := m.SecondPerCommitmentPoint.Check(); err != nil {
		return failChannel("channel_ready: second_per_commitment_point: %w", err)
	}
	alias := s.remoteAlias
	if m.ShortChannelID != nil {
		alias = *m.ShortChannelID
	}
	if s.remoteReady && alias == s.remoteAlias {
		return nil
	}
	return c.do(&ready{point: m.SecondPerCommitmentPoint, alias: alias})
}
