package main

import (
	"errors"
	"fmt"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	core "fulmen/internal/channel"
	"fulmen/internal/store"
	"fulmen/internal/tx"
	"fulmen/internal/txwatch"
)

// anchorWitness is the weight of the witness that spends an anchor: signature and script.
const anchorWitness = 1 + 1 + 73 + 1 + 40

// secondStage is how many blocks before an HTLC of the peer expires our commitment has to be mined, so
// that there is time for its HTLC-success transaction.
const secondStage = 6

// closeAlone has our commitment mined: it is signed first, if it was not. Each block tries again what failed.
func (n *node) closeAlone(c *channel) {
	if c.row.CloseTx == nil {
		n.dropToChain(c)
		return
	}
	n.pushCommitment(c)
}

// pushCommitment has our commitment mined, which is signed and stored. Repeated, it says what is at stake now.
func (n *node) pushCommitment(c *channel) {
	if c.pushing {
		return
	}
	c.pushing, c.pushed = true, true
	go func() {
		push, script, err := n.commitmentToPush(c)
		n.loop.post(func() {
			c.pushing = false
			switch {
			case err != nil:
				c.pushed = false
				c.log.Error("our commitment is not broadcast: the next block's try is another", "error", err)
			case c.mayPush():
				if c.anchorScript == nil {
					n.knowSent(c.row.ID)
				}
				c.anchorScript = script
				n.stepTxs(txwatch.Push{Commitment: *push})
				n.decideSoon = true
			}
		})
	}()
}

// commitmentToPush says what is at stake with our commitment, and the script of its anchor. It does not
// run in the loop.
func (n *node) commitmentToPush(c *channel) (*txwatch.Commitment, []byte, error) {
	var raw []byte
	var upstream map[uint64]block.Height
	if err := n.onLoop(func() error { raw, upstream = c.row.CloseTx, c.upstream(); return nil }); err != nil {
		return nil, nil, err
	}
	signed, err := decodeTx(raw)
	if err != nil {
		return nil, nil, err
	}
	state, err := n.restore(c.row.ID)
	if err != nil {
		return nil, nil, err
	}
	ours, err := state.LocalCommitment()
	if err != nil {
		return nil, nil, err
	}
	if ours.Tx.TxHash() != signed.TxHash() {
		return nil, nil, fmt.Errorf("transaction %s is not our newest commitment", signed.TxHash())
	}
	p := &txwatch.Commitment{
		Channel: c.row.ID, Tx: signed, Fee: ours.Fee, Anchor: ours.OwnerAnchor, AnchorWitness: anchorWitness,
		Stake: state.LocalContent().ToLocal.Sat(),
	}
	stake, deadline, err := n.htlcsAtStake(c.row.ID, state, upstream)
	if err != nil {
		return nil, nil, err
	}
	if deadline != 0 {
		p.Stake, p.Deadline = stake, deadline
	}
	return p, tx.AnchorScript(state.Params().Local.FundingPubKey), nil
}

// upstream is when the HTLCs expire that ours forward, by our ids.
func (c *channel) upstream() map[uint64]block.Height {
	list := map[uint64]block.Height{}
	for id, from := range c.outs {
		if o, ok := from.(*forwardOrigin); ok {
			list[id] = o.f.CLTVExpiry
		}
	}
	return list
}

// htlcsAtStake sums up the HTLCs that are lost if our commitment is not mined in time, and says until
// when: those of the peer that we have the preimage of, before they expire; those of ours that forward
// others, in the middle between their expiry, before which they cannot be taken back, and that of the others,
// as to take them back needs a block too. What we pay ourselves could come back later as well: half of
// cltv-delta is how long it may hang.
func (n *node) htlcsAtStake(channel uint64, state *core.Channel, upstream map[uint64]block.Height) (stake amount.Sat, deadline block.Height, err error) {
	for _, h := range state.HTLCs() {
		if h.LocalTrimmed {
			continue
		}
		at := h.CLTVExpiry.Add(n.policy.CLTVDelta / 2)
		if from := upstream[h.ID]; h.Offered && from != 0 {
			at = h.CLTVExpiry + (max(from, h.CLTVExpiry)-h.CLTVExpiry)/2
		}
		if !h.Offered {
			_, err := n.preimageOf(channel, h.ID)
			switch {
			case errors.Is(err, store.ErrNotFound):
				continue
			case err != nil:
				return 0, 0, err
			}
			at = max(h.CLTVExpiry, secondStage) - secondStage
		}
		stake += h.Amount.Sat()
		if deadline == 0 || at < deadline {
			deadline = at
		}
	}
	return stake, deadline, nil
}
