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
	socket penaltySocket // tellRevocations' alone
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
	defer n.revoked.socket.close()
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

// telling is how far it came with one of them.
type telling int

const (
	toldOf      telling = iota
	notNow              // no penalty transaction could be made: the next block is another try
	nobodyThere         // a plugin ended meanwhile: the bell rings when it is back
)

// tellWaiting tells of those that wait, as long as a plugin is there to hear it.
func (n *node) tellWaiting() error {
	return n.tellEach(func(r *store.RevokedCommitment) telling {
		if !n.plugins.Hooked(revocationHook) {
			return nobodyThere
		}
		return n.tellRevoked(r)
	})
}

// tellEach tells of each that waits. One that nothing can be told of now keeps no other waiting.
func (n *node) tellEach(tell func(*store.RevokedCommitment) telling) error {
	const batch = 100
	for last := uint64(0); ; {
		list, err := n.db.RevokedCommitments(last, batch)
		if err != nil || len(list) == 0 {
			return err
		}
		var told []uint64
		stop := false
		for i := 0; i < len(list) && !stop; i++ {
			last = list[i].ID
			switch tell(&list[i]) {
			case toldOf:
				told = append(told, last)
			case nobodyThere:
				stop = true
			}
		}
		if len(told) > 0 {
			if err := n.db.Update(func(tx *storeTx) error { return tx.ForgetRevoked(told) }); err != nil {
				return err
			}
		}
		if stop {
			return nil
		}
	}
}

// tellRevoked tells the plugins of one.
func (n *node) tellRevoked(r *store.RevokedCommitment) telling {
	penalty, err := n.penaltyFor(r)
	switch {
	case n.ctx.Err() != nil:
		return nobodyThere
	case err != nil:
		n.log.Warn("no penalty transaction can be made of a revoked commitment now: the next block is another try",
			"channel", r.Channel, "commitment", uint64(r.Number), "error", err)
		return notNow
	case penalty == nil:
		return toldOf
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
	if err != nil || lost {
		return nobodyThere
	}
	return toldOf
}
