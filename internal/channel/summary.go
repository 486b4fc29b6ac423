package channel

import (
	"maps"
	"slices"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/keys"
	"fulmen/internal/tx"
	"fulmen/internal/wire"
)

// State is what people call the channel's phase of life.
type State uint8

// The states.
const (
	AwaitingLockin State = iota + 1
	Normal
	ShuttingDown
	SigExchange
)

// Summary is the channel in numbers.
type Summary struct {
	State        State
	ToLocal      amount.Msat // in our commitment, before the fee
	Spendable    amount.Msat // about the largest HTLC that we could offer
	Receivable   amount.Msat // and the peer
	Feerate      amount.FeeratePerKw
	LocalNumber  keys.CommitmentNumber // of our commitment: all below are revoked
	RemoteSigned keys.CommitmentNumber // how many of the peer's we have signed
	RemoteAlias  wire.ShortChannelID   // 0: none

	LocalReady, RemoteReady       bool
	LocalShutdown, RemoteShutdown []byte // scripts; nil: not sent

	NumHTLCs int
	Deadline block.Height // 0: none
}

// Summary describes the channel.
func (c *Channel) Summary() Summary {
	s := &c.state
	v := newView(s.params, s.remote.latest(), s.remote.acked)
	return Summary{
		State:          c.lifeState(),
		ToLocal:        s.local.current.toLocal,
		Spendable:      v.largestOffer(true),
		Receivable:     v.largestOffer(false),
		Feerate:        s.local.current.feerate,
		LocalNumber:    s.local.current.number,
		RemoteSigned:   s.remote.latest().number + 1,
		RemoteAlias:    s.remoteAlias,
		LocalReady:     s.localReady,
		RemoteReady:    s.remoteReady,
		LocalShutdown:  s.localShutdown,
		RemoteShutdown: s.remoteShutdown,
		NumHTLCs:       len(s.offered) + len(s.received),
		Deadline:       c.Deadline(),
	}
}

func (c *Channel) lifeState() State {
	s := &c.state
	switch {
	case c.closing():
		return SigExchange
	case s.localShutdown != nil || s.remoteShutdown != nil:
		return ShuttingDown
	case s.localReady && s.remoteReady:
		return Normal
	}
	return AwaitingLockin
}

// LocalCommitment builds our commitment transaction.
func (c *Channel) LocalCommitment() (*tx.Commitment, error) {
	params, err := c.localParams()
	if err != nil {
		return nil, err
	}
	content := c.LocalContent()
	return content.build(params, true)
}

// localParams are those of our commitment. Most of their cost is deriving keys, which Prepare may
// have done before.
func (c *Channel) localParams() (*tx.CommitmentParams, error) {
	if p := c.prepared; p.params != nil && p.point == c.state.local.point {
		return p.params, nil
	}
	return c.state.params.commitmentParams(true, c.state.local.point)
}

// Prepare derives the keys of our next commitment. It changes nothing but the time that the next
// commitment_signed takes: a process calls it when it has nothing better to do.
func (c *Channel) Prepare() error {
	if c.next == (keys.PubKey{}) || c.prepared.point == c.next {
		return nil
	}
	params, err := c.state.params.commitmentParams(true, c.next)
	c.prepared = prepared{c.next, params}
	return err
}

// prepared are the parameters of our commitment with point.
type prepared struct {
	point  keys.PubKey
	params *tx.CommitmentParams
}

// LocalContent is what our signature on our own commitment is asked for with, and RemoteSignatures
// what completes it and its HTLC transactions.
func (c *Channel) LocalContent() Content { return c.state.local.current.content() }

// RemoteSignatures are the peer's on our commitment and on its HTLC transactions, in their order.
func (c *Channel) RemoteSignatures() (keys.Signature, []keys.Signature) {
	return c.state.local.signature, c.state.local.htlcSignatures
}

// RemoteCommitment builds the newest commitment transaction of the peer that we signed.
func (c *Channel) RemoteCommitment() (*tx.Commitment, error) {
	r := &c.state.remote
	point := r.point
	if r.next != nil {
		point = r.nextPoint
	}
	params, err := c.state.params.commitmentParams(false, point)
	if err != nil {
		return nil, err
	}
	content := r.latest().content()
	return content.build(params, false)
}

// DescribedHTLC is an HTLC and how far it is.
type DescribedHTLC struct {
	HTLC
	Progress     string // as listpeerchannels names it
	LocalTrimmed bool   // has no output in our commitment
}

// HTLCs lists those that are not irrevocably removed, ours first, in the order of their ids.
func (c *Channel) HTLCs() []DescribedHTLC {
	s := &c.state
	where := make(map[*htlc]uint)
	for i, commitment := range []*commitment{s.local.current, s.remote.current, s.remote.next} {
		if commitment != nil {
			for _, h := range commitment.htlcs {
				where[h] |= 1 << i
			}
		}
	}
	var list []DescribedHTLC
	for _, table := range []map[uint64]*htlc{s.offered, s.received} {
		for _, id := range slices.Sorted(maps.Keys(table)) {
			h := table[id]
			list = append(list, DescribedHTLC{
				HTLC:         h.HTLC,
				Progress:     h.progress(where[h], s.remote.next != nil),
				LocalTrimmed: isTrimmed(s.params, s.local.current.feerate, &h.HTLC, true),
			})
		}
	}
	return list
}

// progress names how far an HTLC is by the commitments that have it; next says whether the peer
// owes a revocation.
func (h *htlc) progress(where uint, next bool) string {
	local, remote, coming := where>>inLocal&1 == 1, where>>inRemote&1 == 1, where>>inNext&1 == 1
	switch {
	case h.Offered && h.result != nil:
		if next && remote && !coming {
			return "SENT_REMOVE_ACK_COMMIT"
		}
		return "SENT_REMOVE_REVOCATION"
	case h.Offered && local:
		return "SENT_ADD_ACK_REVOCATION"
	case h.Offered && remote:
		return "RCVD_ADD_REVOCATION"
	case h.Offered:
		return "SENT_ADD_COMMIT"
	case h.result != nil && remote:
		return "SENT_REMOVE_COMMIT"
	case h.result != nil:
		return "RCVD_REMOVE_REVOCATION"
	case remote:
		return "RCVD_ADD_ACK_REVOCATION"
	case coming:
		return "SENT_ADD_ACK_COMMIT"
	}
	return "SENT_ADD_REVOCATION"
}
