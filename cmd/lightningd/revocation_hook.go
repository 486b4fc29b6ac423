package main

import (
	"encoding/hex"

	"github.com/btcsuite/btcd/chainhash/v2"

	"fulmen/internal/command"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/plugin"
	"fulmen/internal/store"
)

// revocationHook is asked by plugins that hand penalty transactions to watchtowers.
const revocationHook = "commitment_revocation"

// revocations are the commitments that peers have revoked and that plugins are still to be told of. They wait on
// disk, in the unit of the record that makes the revocation durable: none is lost with this node or with a
// plugin. Where no plugin wants them, channels' processes do not tell of any, and nothing is stored.
type revocations struct {
	wanted bool          // channels' processes are to tell of them; the loop's
	bell   chan struct{} // holds one: there are some
}

// ring wakes up who tells of them. From any goroutine.
func (r *revocations) ring() {
	select {
	case r.bell <- struct{}{}:
	default: // it will look anyhow
	}
}

// wantRevoked tells the channels' processes whether revoked commitments matter, after a plugin came or went. One
// that ended and is to be started again is told later of what it missed.
func (n *node) wantRevoked() {
	n.revoked.ring()
	wanted := n.plugins.Hooked(revocationHook) || n.plugins.Awaited(revocationHook)
	if wanted == n.revoked.wanted {
		return
	}
	n.revoked.wanted = wanted
	for _, c := range n.channels {
		c.tellPolicy()
	}
}

// tellPolicy tells the channel's process what it is to check the peer and us against from now on.
func (c *channel) tellPolicy() {
	if c.proc != nil {
		c.proc.send(&channeldmsg.SetPolicy{Policy: c.n.channelPolicy(c.row.IgnoreLimits)})
	}
}

// revokedIn are the commitments that the channel's peer revokes by what m stores.
func (c *channel) revokedIn(m *channeldmsg.Store) []store.RevokedCommitment {
	var list []store.RevokedCommitment
	for _, r := range m.Revoked {
		list = append(list, store.RevokedCommitment{
			Channel: c.row.ID, Number: r.Number, Secret: r.Secret, Txid: r.Txid, Output: r.Output, Amount: r.Amount,
		})
	}
	return list
}

// revocationFacts is the payload of the hook.
type revocationFacts struct {
	CommitmentTxid string      `json:"commitment_txid"`
	PenaltyTx      command.Hex `json:"penalty_tx"`
	ChannelID      string      `json:"channel_id"`
	CommitNum      uint64      `json:"commitnum"`
}

// tellRevocations tells plugins of revoked commitments, one after the other in their order, until the node
// stops. Payments do not wait for it.
func (n *node) tellRevocations() {
	for {
		select {
		case <-n.revoked.bell:
		case <-n.ctx.Done():
			return
		}
		if err := n.tellWaiting(); err != nil && n.ctx.Err() == nil {
			n.die("tell plugins of revoked commitments", err)
			return
		}
	}
}

// tellWaiting tells of those that wait, as long as a plugin is there to hear it.
func (n *node) tellWaiting() error {
	const batch = 100
	for n.plugins.Hooked(revocationHook) {
		list, err := n.db.RevokedCommitments(batch)
		if err != nil || len(list) == 0 {
			return err
		}
		var told uint64
		for i := range list {
			if !n.tellRevoked(&list[i]) {
				break
			}
			told = list[i].ID
		}
		if told == 0 {
			return nil // the bell rings when the plugin is back
		}
		if err := n.db.Update(func(tx *storeTx) error { return tx.ForgetRevoked(told) }); err != nil {
			return err
		}
	}
	return nil
}

// tellRevoked tells the plugins of one, and reports whether that is done with: it is not where a plugin ended
// meanwhile.
func (n *node) tellRevoked(r *store.RevokedCommitment) (done bool) {
	penalty, err := n.penaltyFor(r)
	if n.ctx.Err() != nil {
		return false
	}
	if err != nil {
		n.log.Warn("no penalty transaction can be made of a revoked commitment", "channel", r.Channel, "commitment", uint64(r.Number), "error", err)
		return true
	}
	if penalty == nil {
		return true
	}
	lost := false
	err = n.plugins.Ask(n.ctx, plugin.Question{
		Hook: revocationHook,
		Payload: func() any {
			return revocationFacts{
				CommitmentTxid: chainhash.Hash(r.Txid).String(), PenaltyTx: penalty.raw,
				ChannelID: hex.EncodeToString(penalty.channelID[:]), CommitNum: uint64(r.Number),
			}
		},
		Answer: plugin.Continue,
		Lost:   func(string) bool { lost = true; return false },
	})
	return err == nil && !lost
}
