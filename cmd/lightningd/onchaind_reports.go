package main

import (
	"fmt"

	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/block"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/ipc/onchaindmsg"
	"fulmen/internal/onion"
	"fulmen/internal/store"
	"fulmen/internal/txwatch"
)

// maxStubs is how many old HTLCs one message carries.
const maxStubs = 50_000

// onNeedHTLCs sends the next of the HTLCs that the peer's commitments ever had.
func (e *closure) onNeedHTLCs(m *onchaindmsg.NeedHTLCs) {
	p, n, id := e.proc, e.c.n, e.c.row.ID
	p.sendingHTLCs = true
	go func() {
		next, err := n.oldHTLCs(id, m)
		n.loop.post(func() {
			p.sendingHTLCs = false
			if err != nil {
				p.kill(err)
				return
			}
			p.send(next)
		})
	}()
}

// oldHTLCs does not run in the loop.
func (n *node) oldHTLCs(channel uint64, m *onchaindmsg.NeedHTLCs) (*onchaindmsg.HTLCs, error) {
	list, err := n.db.ChannelHTLCs(channel, m.Offered, m.FromID, maxStubs)
	if err != nil {
		return nil, err
	}
	next := &onchaindmsg.HTLCs{Stubs: make([]onchaindmsg.HTLCStub, len(list)), Last: len(list) < maxStubs}
	for i := range list {
		h := &list[i]
		next.Stubs[i] = onchaindmsg.HTLCStub{Offered: h.Offered, ID: h.ID, PaymentHash: h.PaymentHash, CLTVExpiry: h.CLTVExpiry}
	}
	return next, nil
}

// onStarted tells the process all that the chain has of the channel.
func (e *closure) onStarted(m *onchaindmsg.Started) {
	c := e.c
	text := printable([]byte(m.Text))
	if m.Kind == onchaindmsg.TheirRevoked {
		c.log.Error("the peer has published a revoked commitment: it cheats, and all of the channel is claimed", "commitment_number", m.CommitmentNumber)
	}
	if m.Kind == onchaindmsg.TheirUnknown || m.Kind == onchaindmsg.OurUnknown || m.Kind == onchaindmsg.Unknown {
		c.log.Error("the channel was closed by a transaction that this node does not know", "kind", text)
		// Should it be lost in a reorganisation, our own commitment could be one that we revoked.
		c.row.LostState = true
		c.save()
	}
	if c.row.State != store.OnChain {
		c.setState(store.OnChain, causeOnchain, text)
	}
	e.live = true
	e.replay()
}

// replay tells the process of the chain since the close, and what was decided then.
func (e *closure) replay() {
	var batch []ipc.Message
	for i := range e.txs {
		x := &e.txs[i]
		raw, err := encodeTx(x.Tx)
		if err != nil {
			e.c.n.die("encode a transaction", err)
			return
		}
		batch = append(batch, &onchaindmsg.OutputSpent{Tx: raw, Height: x.Height, TxIndex: x.Index})
	}
	if known := append(e.proc.preimages, e.preimages...); len(known) > 0 {
		batch = append(batch, &onchaindmsg.Preimages{Preimages: known})
	}
	for i := range e.left {
		batch = append(batch, leftMsg(&e.left[i]))
	}
	e.proc.send(append(batch, &onchaindmsg.NewHeight{Height: e.c.n.blockHeight})...)
}

// settle gives the process preimages of HTLCs that the peer offered; what it is not there for it is told
// when it starts. A failure needs nothing: the peer takes the HTLC back when it times out.
func (e *closure) settle(settles []channeldmsg.SettleHTLC) {
	var list []onchaindmsg.Preimage
	for _, s := range settles {
		if s.Preimage != nil {
			list = append(list, onchaindmsg.Preimage{HTLCID: s.ID, Preimage: *s.Preimage})
		}
	}
	e.preimages = append(e.preimages, list...)
	if e.live && !e.stale && len(list) > 0 {
		// The height, for the second time, has it say when its claims are complete: they are sent now, and not with the
		// next block, which may bring the peer's claim.
		e.proc.send(&onchaindmsg.Preimages{Preimages: list}, &onchaindmsg.NewHeight{Height: e.c.n.blockHeight})
	}
}

func (e *closure) onWatch(m *onchaindmsg.Watch) {
	for _, o := range m.Outpoints {
		e.watch(outpointOf(o))
	}
}

func (e *closure) onUnwatch(m *onchaindmsg.Unwatch) {
	for _, o := range m.Outpoints {
		e.unwatch(outpointOf(o))
	}
}

// onProcessed ends what follows from a block: the claims are complete.
func (e *closure) onProcessed(m *onchaindmsg.Processed) {
	if m.Height == e.c.n.blockHeight {
		e.pause = 0
		e.c.n.decideSoon = true
	}
}

// claimNames says what outputs are, for people.
var claimNames = map[string]string{
	"delayed": "our balance", "to_remote": "our balance", "htlc_timeout": "an HTLC that timed out",
	"htlc_success": "an HTLC that we have the preimage of", "remote_htlc_timeout": "an HTLC that timed out",
	"remote_htlc_success": "an HTLC that we have the preimage of", "penalty_delayed": "the cheater's balance",
	"penalty_htlc": "an HTLC of the cheater", "anchor": "our anchor",
}

func (e *closure) onClaim(m *onchaindmsg.Claim) {
	claim := txwatch.Claim{
		Channel: e.c.row.ID, Outpoint: outpointOf(m.Outpoint), Amount: m.Amount, PkScript: m.PkScript, Name: claimNames[m.Kind.String()],
		Sequence: m.Sequence, LockTime: m.LockTime, NotBefore: m.After, WitnessWeight: int(m.WitnessWeight),
		Deadline: m.Deadline, ContestedFrom: m.ContestedFrom, Penalty: m.Kind.Penalty(), Whole: m.Final,
	}
	if m.Fixed != nil {
		claim.Fixed = btcwire.NewTxOut(int64(m.Fixed.Amount), m.Fixed.PkScript)
	}
	e.c.n.stepTxs(txwatch.Claimed{Claims: []txwatch.Claim{claim}})
}

func (e *closure) onUnclaim(m *onchaindmsg.Unclaim) {
	var gone txwatch.Unclaimed
	for _, o := range m.Outpoints {
		gone.Outpoints = append(gone.Outpoints, outpointOf(o))
	}
	e.c.n.stepTxs(gone)
}

// onLearned passes preimages that the chain shows on to what the HTLCs served, once they are on disk.
func (e *closure) onLearned(m *onchaindmsg.Learned) {
	var ended []ending
	for _, h := range m.HTLCs {
		if end, ok := e.c.outFulfilled(h.HTLCID, h.Preimage, nil); ok {
			e.c.log.Info("the chain shows the preimage of an HTLC that we offered", "htlc_id", h.HTLCID)
			ended = append(ended, end)
		}
	}
	if len(ended) > 0 {
		e.c.n.end(ended...)
	}
}

// onFailedUpstream fails HTLCs that we offered and that the peer cannot take any more.
func (e *closure) onFailedUpstream(m *onchaindmsg.FailedUpstream) {
	var ended []ending
	for _, h := range m.HTLCs {
		if e.c.n.bothOnChain(e.c.outs[h.HTLCID]) {
			continue
		}
		reason := printable([]byte(h.Reason))
		failure := outFailure{own: &onion.Failure{Code: onion.PermanentChannelFailure}, reason: "the channel was closed: " + reason}
		if end, ok := e.c.outFailed(h.HTLCID, failure); ok {
			e.c.log.Info("an HTLC that we offered has failed on chain", "htlc_id", h.HTLCID, "reason", reason)
			ended = append(ended, end)
		}
	}
	if len(ended) > 0 {
		e.c.n.end(ended...)
	}
}

// bothOnChain reports whether an HTLC that we offered forwards one whose own channel is on chain, too. To fail that
// one would do nothing there, and a preimage that comes late still claims it.
func (n *node) bothOnChain(o origin) bool {
	f, ok := o.(*forwardOrigin)
	return ok && switchChannels{n}.OnChain(f.f.Channel)
}

// failRest ends the HTLCs that we offered and that nothing more can become of.
func (c *channel) failRest() {
	var ended []ending
	for id := range c.outs {
		failure := outFailure{own: &onion.Failure{Code: onion.PermanentChannelFailure}, reason: "the channel is resolved for good"}
		if end, ok := c.outFailed(id, failure); ok {
			ended = append(ended, end)
		}
	}
	if len(ended) > 0 {
		c.n.end(ended...)
	}
}

// onStatus shows in plain words what is waited for.
func (e *closure) onStatus(m *onchaindmsg.Status) {
	text := printable([]byte(m.Text))
	if text == e.c.row.Billboard {
		return
	}
	e.c.log.Info("onchain", "status", text)
	e.c.row.Billboard = text
	e.c.save()
}

// onResolved archives the channel.
func (e *closure) onResolved(m *onchaindmsg.Resolved) {
	e.c.failRest()
	e.c.n.archive(e.c, causeOnchain, fmt.Sprintf("All outputs are irrevocably resolved as of block %d", m.Height))
}

// tellBlock tells the process of a block.
func (e *closure) tellBlock(h block.Height) {
	for i := range e.txs {
		x := &e.txs[i]
		if x.Height != h {
			continue
		}
		raw, err := encodeTx(x.Tx)
		if err != nil {
			e.c.n.die("encode a transaction", err)
			return
		}
		e.proc.send(&onchaindmsg.OutputSpent{Tx: raw, Height: x.Height, TxIndex: x.Index})
	}
	e.proc.send(&onchaindmsg.NewHeight{Height: h})
}

func leftMsg(l *store.LeftOutput) *onchaindmsg.GiveUp {
	return &onchaindmsg.GiveUp{Outpoints: []onchaindmsg.Outpoint{outpointMsg(l.Outpoint)}, Height: l.Height, Reason: l.Reason}
}
