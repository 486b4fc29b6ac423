package channel

import (
	"fmt"

	"fulmen/internal/wire"
)

// due is what has to be sent, in a fixed order, once the signer has given what it takes.
type due struct {
	commitment   bool // update messages and commitment_signed
	revocation   bool // revoke_and_ack
	channelReady bool
	shutdown     bool
	announcement bool // announcement_signatures
	reestablish  bool // tell that both sides know where they stand

	signed  *Signed     // for commitment
	revoked *Revocation // for revocation
}

// idle begins what the input since the last Idle asks for.
func (c *Channel) idle() ([]Action, error) {
	if c.phase != established {
		return nil, nil
	}
	if err := c.dueReady(); err != nil {
		return nil, err
	}
	actions, err := c.dueCommitment()
	if err != nil {
		return nil, err
	}
	if err := c.dueShutdown(); err != nil {
		return nil, err
	}
	return append(actions, c.proceed()...), nil
}

// dueCommitment commits to what waits, if the peer owes no revocation.
func (c *Channel) dueCommitment() ([]Action, error) {
	s := &c.state
	if s.remote.next != nil || len(c.queue)+len(s.remote.acked) == 0 && c.wantFeerate == 0 {
		return nil, nil
	}
	changes, failed := c.takeQueue()
	if len(changes)+len(s.remote.acked) == 0 {
		return failed, nil // BOLT 2, commitment_signed: never without updates
	}
	if err := c.do(&committedOurs{changes}); err != nil {
		return nil, err
	}
	c.due.commitment = true
	c.noteNew(s.remote.unrevokedPeer)
	c.noteNew(s.remote.unrevoked)
	return failed, nil
}

// noteNew has the HTLCs stored that a commitment of the peer brings.
func (c *Channel) noteNew(list []change) {
	for i := range list {
		if h := list[i].add; h != nil {
			c.store.NewHTLCs = append(c.store.NewHTLCs, h.HTLC)
		}
	}
}

// proceed takes the step on to its next question, or to its end.
func (c *Channel) proceed() []Action {
	actions := c.takeStore() // before the signatures, which need not be stored: both take their time
	if c.due.commitment && c.due.signed == nil {
		c.waiting = forSigner
		return append(actions, AskSigner{c.state.remote.nextPoint, c.state.remote.next.content()})
	}
	if c.due.revocation && c.due.revoked == nil {
		c.waiting = forRevocation
		return append(actions, AskRevocation{c.state.local.current.number - 1})
	}
	if raw := c.dueAnnouncement(); raw != nil {
		c.waiting = forAnnouncement
		return append(actions, AskAnnouncement{raw})
	}
	actions = c.sendDue(actions)
	return c.tell(actions)
}

// takeStore is what has to be durable, if anything.
func (c *Channel) takeStore() []Action {
	s, e := c.store, &c.state.effects
	s.Failed, s.Resolved = e.failed, e.resolved
	e.failed, e.resolved = nil, nil
	c.store = Store{}
	s.Data = c.record.data
	if len(s.Data)+len(s.Offered)+len(s.Learned)+len(s.Failed)+len(s.Resolved) == 0 {
		return nil
	}
	c.record.data = nil
	c.record.sinceSnapshot += len(s.Data)
	if len(s.Data) > 0 && c.record.worthSnapshot() {
		s.Data, s.Snapshot = c.state.snapshot(), true
		c.record.sinceSnapshot, c.record.snapshotSize = 0, len(s.Data)
	}
	return []Action{s}
}

// sendDue sends what is due, in the order that a reconnect would repeat.
func (c *Channel) sendDue(actions []Action) []Action {
	d := &c.due
	if d.channelReady {
		actions = append(actions, SendPeer{c.channelReady()})
	}
	if c.state.revokedLast {
		actions = c.sendRevocation(c.sendCommitment(actions))
	} else {
		actions = c.sendCommitment(c.sendRevocation(actions))
	}
	if d.shutdown {
		actions = append(actions, SendPeer{&wire.Shutdown{ChannelID: c.state.params.ChannelID, ScriptPubkey: c.state.localShutdown}})
		c.told.shutdownSent = true
	}
	if d.announcement {
		actions = append(actions, SendPeer{c.announcementSignatures()})
	}
	reestablished := d.reestablish
	*d = due{}
	if reestablished {
		actions = append(actions, Reestablished{})
	}
	return actions
}

// sendCommitment sends our updates that the commitment covers, and commitment_signed.
func (c *Channel) sendCommitment(actions []Action) []Action {
	if !c.due.commitment {
		return actions
	}
	id := c.state.params.ChannelID
	for i := range c.state.remote.unrevoked {
		actions = append(actions, SendPeer{c.state.remote.unrevoked[i].message(id)})
	}
	signed := c.due.signed
	return append(actions, SendPeer{&wire.CommitmentSigned{
		ChannelID: id, Signature: signed.Signature, HTLCSignature: signed.HTLCSignatures,
		FundingTxid: &c.state.params.FundingTxid,
	}})
}

// tell reports what has become irrevocable, after what was sent.
func (c *Channel) tell(actions []Action) []Action {
	if committed := c.state.effects.committed; len(committed) > 0 {
		c.state.effects.committed = nil
		list := make([]ReceivedHTLC, 0, len(committed))
		for _, h := range committed {
			r := ReceivedHTLC{HTLC: h.HTLC, BlindedPath: h.blindedPath, ExtraTLVs: h.extraTLVs, Refuse: c.refuse(h)}
			if h.onion != nil {
				r.Onion = *h.onion
			}
			list = append(list, r)
		}
		actions = append(actions, Received{list})
	}
	return c.readyToClose(c.tellAnnouncement(actions))
}

// afterSigning goes on with our signature on the peer's commitment.
func (c *Channel) afterSigning(ev *Signed) ([]Action, error) {
	c.due.signed = ev
	return c.proceed(), nil
}

// recvCommitmentSigned makes the peer's updates part of our commitment. The signatures are checked
// before anything comes of it.
func (c *Channel) recvCommitmentSigned(m *wire.CommitmentSigned) ([]Action, error) {
	s := &c.state
	n := s.local.current.number + 1
	switch {
	case !s.localReady || !s.remoteReady:
		return nil, warnAndClose("commitment_signed before channel_ready")
	case c.due.revocation:
		return nil, warnAndClose("commitment_signed %d before our revoke_and_ack", n)
	case m.FundingTxid != nil && *m.FundingTxid != s.params.FundingTxid:
		return nil, warnAndClose("commitment_signed %d: funding_txid %x is not ours", n, *m.FundingTxid)
	}
	// BOLT 2 forbids a commitment_signed without updates; some peers send one now and then, and
	// only a repetition shows that they would go on for ever.
	empty := len(c.received)+len(s.local.acked) == 0
	if empty && c.emptyReceived {
		return nil, warnAndClose("commitment_signed %d without updates, like the one before", n)
	}
	c.emptyReceived = empty
	err := c.do(&committedTheirs{
		changes: c.received, point: c.next, signature: m.Signature, htlcSignatures: m.HTLCSignature,
	})
	if err != nil {
		return nil, err
	}
	c.received, c.nextLocal = nil, nil
	return c.verifyLocal()
}

// verifyLocal asks for the checks of the peer's signatures on our commitment.
func (c *Channel) verifyLocal() ([]Action, error) {
	l := &c.state.local
	n := l.current.number
	params, err := c.localParams()
	if err != nil {
		return nil, err
	}
	content := l.current.content()
	built, err := content.build(params, true)
	if err != nil {
		return nil, err
	}
	if len(l.htlcSignatures) != len(built.HTLCs) {
		return nil, warnAndClose("commitment_signed %d: num_htlcs %d, commitment has %d htlc outputs", n, len(l.htlcSignatures), len(built.HTLCs))
	}
	funding, err := c.state.params.Remote.FundingPubKey.Parse()
	if err != nil {
		return nil, fmt.Errorf("remote funding_pubkey: %w", err)
	}
	checks := make([]SignatureCheck, 1, 1+len(built.HTLCs))
	checks[0] = SignatureCheck{What: "signature", Key: funding, Digest: built.SigHash(), Sig: l.signature}
	if len(built.HTLCs) > 0 {
		key, err := params.Keys.OtherHTLC.Parse()
		if err != nil {
			return nil, fmt.Errorf("remote htlcpubkey: %w", err)
		}
		for i, digest := range built.OtherHTLCSigHashes() {
			checks = append(checks, SignatureCheck{What: "htlc_signature", Index: i, Key: key, Digest: digest, Sig: l.htlcSignatures[i]})
		}
	}
	c.waiting = forVerification
	return []Action{Verify{n, checks}}, nil
}

// afterVerifying owes the peer the revocation of our previous commitment.
func (c *Channel) afterVerifying(err error) error {
	if err != nil {
		return warnAndClose("commitment_signed %d: %w", c.state.local.current.number, err)
	}
	c.due.revocation = true
	return nil
}
