package channel

import (
	"errors"

	"fulmen/internal/amount"
	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// sendRevocation gives up our previous commitment.
func (c *Channel) sendRevocation(actions []Action) []Action {
	if !c.due.revocation {
		return actions
	}
	return append(actions, SendPeer{&wire.RevokeAndAck{
		ChannelID:              c.state.params.ChannelID,
		PerCommitmentSecret:    c.due.revoked.Secret,
		NextPerCommitmentPoint: c.due.revoked.NextPoint,
	}})
}

// afterRevoking goes on with the secret, and with the point that the peer needs next.
func (c *Channel) afterRevoking(ev *Revocation) ([]Action, error) {
	c.due.revoked = ev
	c.next = ev.NextPoint
	return c.proceed(), nil
}

// recvRevokeAndAck makes the peer's previous commitment worthless to it.
func (c *Channel) recvRevokeAndAck(m *wire.RevokeAndAck) error {
	r := &c.state.remote
	if r.next == nil {
		return warnAndClose("unexpected revoke_and_ack")
	}
	revoked, before := r.current.number, r.current
	// BOLT 2, revoke_and_ack: a secret that does not yield the previous point fails the channel.
	point, err := keys.PerCommitmentPoint(m.PerCommitmentSecret)
	if err != nil || point != r.point {
		return failChannel("revoke remote commitment %d: %w", revoked, ErrWrongSecret)
	}
	if err := m.NextPerCommitmentPoint.Check(); err != nil {
		return failChannel("revoke remote commitment %d: next_per_commitment_point: %w", revoked, err)
	}
	err = c.do(&revokedTheirs{m.PerCommitmentSecret, m.NextPerCommitmentPoint})
	if errors.Is(err, keys.ErrSecretWrong) {
		return failChannel("revoke remote commitment %d: %w", revoked, err)
	}
	if err != nil {
		return err
	}
	c.nextLocal = nil // what the peer has acknowledged goes into our next commitment
	return c.noteRevoked(before, point, m.PerCommitmentSecret)
}

// noteRevoked has it told what the peer has revoked, where somebody wants to know.
func (c *Channel) noteRevoked(old *commitment, point keys.PubKey, secret keys.Secret) error {
	if !c.policy.TellRevoked {
		return nil
	}
	params, err := c.state.params.commitmentParams(false, point)
	if err != nil {
		return err
	}
	content := old.content()
	built, err := content.build(params, false)
	if err != nil {
		return err
	}
	if built.ToOwner < 0 {
		return nil // there is nothing to take but HTLCs, for which one transaction would not do
	}
	c.store.Revoked = append(c.store.Revoked, Revoked{
		Number: old.number, Secret: secret, Txid: built.Txid(),
		Output: uint16(built.ToOwner), Amount: amount.Sat(built.Tx.TxOut[built.ToOwner].Value),
	})
	return nil
}
