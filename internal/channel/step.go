package channel

import (
	"fmt"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// Channel is one channel. It is not safe for use from several goroutines.
type Channel struct {
	state  state
	record record

	policy Policy
	height block.Height
	scid   wire.ShortChannelID
	depth  uint32

	phase   phase
	waiting waiting     // for an answer
	next    keys.PubKey // our per_commitment_point of the next commitment; zero while not known

	prepared prepared // keys of our next commitment, or of the current

	// Ours that no commitment covers.
	queue       []order
	wantFeerate amount.FeeratePerKw // 0: as it is

	// The peer's that no commitment covers.
	received      []change
	nextLocal     *view // our next commitment as it would be now; nil: to be made again
	newReceived   uint64
	emptyReceived bool // the last commitment_signed changed nothing

	due   due
	told  told
	store Store // lists for the next one

	announcement announcement
	shown        *wire.ChannelReestablish // the peer's in this connection
}

// phase is where the connection is.
type phase uint8

const (
	fresh          phase = iota // just opened: nothing to reestablish
	restored                    // not connected yet
	reestablishing              // channel_reestablish was sent, the peer's is due
	established                 // all messages flow
	dead                        // after an error
)

// waiting names the answer that is due.
type waiting uint8

const (
	forNothing waiting = iota
	forPoint
	forSigner
	forVerification
	forRevocation
	forSecretCheck
	forAnnouncement
)

var waitingNames = [...]string{"nothing", "Point", "Signed", "Verified", "Revocation", "SecretChecked", "AnnouncementSigned"}

// New makes the channel that an opening agreed on. It is durable once its Snapshot is.
func New(p Params, o Opening) *Channel {
	c := &Channel{state: state{
		params:   &p,
		offered:  make(map[uint64]*htlc),
		received: make(map[uint64]*htlc),
		local: localSide{
			current:   &commitment{feerate: o.Feerate, toLocal: o.ToLocal, toRemote: o.ToRemote},
			point:     o.LocalFirstPoint,
			signature: o.RemoteSignature,
		},
		remote: remoteSide{
			current: &commitment{feerate: o.Feerate, toLocal: o.ToLocal, toRemote: o.ToRemote},
			point:   o.RemoteFirstPoint,
		},
	}}
	c.next = o.LocalSecondPoint
	return c
}

// Restore makes a channel of what was stored: a snapshot and the records since, oldest first.
func Restore(snapshot []byte, records [][]byte) (*Channel, error) {
	s, err := restoreSnapshot(snapshot)
	if err != nil {
		return nil, err
	}
	c := &Channel{state: *s, phase: restored}
	c.record.snapshotSize = len(snapshot)
	for i, r := range records {
		if err := c.state.replay(r); err != nil {
			return nil, fmt.Errorf("record %d: %w", i, err)
		}
		c.record.sinceSnapshot += len(r)
	}
	c.state.effects = effects{}
	c.newReceived = c.state.nextReceived
	c.announcement.before = c.state.announced
	return c, nil
}

// Snapshot is the durable state, as it was at the last Store.
func (c *Channel) Snapshot() []byte { return c.state.snapshot() }

// Params are those of the opening.
func (c *Channel) Params() *Params { return c.state.params }

// Step applies one event and returns what the process must do, in this order. An error is a *Fault
// of the peer, or ours; either way it was the last step, and what it returns beside the error is at
// most a Store of preimages, which are worth something in any case.
func (c *Channel) Step(ev Event) ([]Action, error) {
	if c.phase == dead {
		return nil, ErrDead
	}
	actions, err := c.step(ev)
	if err != nil {
		c.phase = dead
		return c.lastWords(), err
	}
	return actions, nil
}

// lastWords saves the preimages that no Store has yet. Nothing else may be stored after an error:
// the state may have gone as far as a commitment whose signature is wrong.
func (c *Channel) lastWords() []Action {
	if len(c.store.Learned) == 0 {
		return nil
	}
	return []Action{Store{Learned: c.store.Learned}}
}

func (c *Channel) step(ev Event) ([]Action, error) {
	if answers := answered(ev); answers != c.waiting {
		return nil, fmt.Errorf("%T while waiting for %s: %w", ev, waitingNames[c.waiting], ErrAnswer)
	}
	c.waiting = forNothing
	switch ev := ev.(type) {
	case Connected:
		return c.connect()
	case PeerSent:
		return c.recv(ev.Msg)
	case Idle:
		return c.idle()
	case Offer:
		return c.offer(&ev), nil
	case Settle:
		return nil, c.settle(&ev)
	case SetFeerate:
		c.wantFeerate = ev.Feerate
	case Shutdown:
		return c.orderShutdown(ev.Script)
	case FundingConfirmed:
		c.depth, c.scid = ev.Depth, ev.ShortChannelID
	case NewHeight:
		return c.newHeight(ev.Height)
	case SetPolicy:
		c.policy = ev.Policy
	case Point:
		return c.afterPoint(ev.PerCommitmentPoint), nil
	case Signed:
		return c.afterSigning(&ev)
	case Verified:
		return nil, c.afterVerifying(ev.Err)
	case Revocation:
		return c.afterRevoking(&ev)
	case SecretChecked:
		return c.afterSecretCheck(ev.Correct)
	case AnnouncementSigned:
		return c.afterAnnouncementSigned(&ev)
	default:
		panic(fmt.Sprintf("channel: unknown event %T", ev))
	}
	return nil, nil
}

// answered says which answer ev is.
func answered(ev Event) waiting {
	switch ev.(type) {
	case Point:
		return forPoint
	case Signed:
		return forSigner
	case Verified:
		return forVerification
	case Revocation:
		return forRevocation
	case SecretChecked:
		return forSecretCheck
	case AnnouncementSigned:
		return forAnnouncement
	}
	return forNothing
}

// recv takes a message of the peer.
func (c *Channel) recv(msg wire.Message) ([]Action, error) {
	switch m := msg.(type) {
	case *wire.Error:
		c.phase = dead
		return append(c.takeStore(), PeerErred{m.Data}), nil
	case *wire.Warning:
		return []Action{PeerWarned{m.Data}}, nil
	}
	if c.phase == reestablishing {
		if m, ok := msg.(*wire.ChannelReestablish); ok {
			return c.recvReestablish(m)
		}
	}
	if c.phase != established {
		// BOLT 2, Message Retransmission: channel_reestablish comes before everything else.
		return nil, warnAndClose("%s before channel_reestablish", msg.Type())
	}
	switch m := msg.(type) {
	case *wire.ChannelReady:
		return nil, c.recvChannelReady(m)
	case *wire.UpdateAddHTLC:
		return nil, c.recvAdd(m)
	case *wire.UpdateFulfillHTLC:
		return nil, c.recvFulfill(m)
	case *wire.UpdateFailHTLC:
		return nil, c.recvFail(m)
	case *wire.UpdateFailMalformedHTLC:
		return nil, c.recvFailMalformed(m)
	case *wire.UpdateFee:
		return nil, c.recvFee(m)
	case *wire.CommitmentSigned:
		return c.recvCommitmentSigned(m)
	case *wire.RevokeAndAck:
		return nil, c.recvRevokeAndAck(m)
	case *wire.Shutdown:
		return c.recvShutdown(m)
	case *wire.AnnouncementSignatures:
		return c.recvAnnouncementSignatures(m)
	}
	return nil, warnAndClose("unexpected %s", msg.Type())
}
