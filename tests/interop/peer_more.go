package interop

import "fulmen/internal/amount"

// What not every kind of peer can do is an interface of its own. A case asks for it by able; a kind without it
// says in Cannot why those cases are not for it.

// A Router forwards, and pays over routes of the case's choice.
type Router interface {
	// SetTerms changes what it asks for, and takes, over a channel (BOLT 7, channel_update).
	SetTerms(point string, t Terms)
	// PayRoute makes one attempt at each invoice, all at once, over these channels; total_msat is what the last
	// hop gets. It returns the outcomes once it has all, which may take as long as the case: if the peer is
	// stopped meanwhile, Payment.Failure is lost.
	PayRoute(bolt11s []string, hops []Hop) []Payment
}

// lost is the failure of a payment whose payer was stopped.
const lost = "lost"

// A Gossiper shows what it knows of the public network.
type Gossiper interface {
	Graph() Graph
}

// A Keysender pays without an invoice, by the record 5482373484 in the onion, and takes such payments.
type Keysender interface {
	Keysend(to string, msat amount.Msat) (Payment, error)
}

// A Closer closes channels alone, and has a wallet.
type Closer interface {
	// ForceClose publishes its newest commitment.
	ForceClose(point string) error
	// Resolved says whether nothing more is to come of a channel that is closed.
	Resolved(point string) bool
	// OnChain is the confirmed coins of its wallet.
	OnChain() amount.Sat
}

// A Quitter ends itself when it hears that its state of a channel is old.
type Quitter interface {
	// WaitEnd waits until it has.
	WaitEnd()
}

// A Copier can be taken back to what it was.
type Copier interface {
	// Copy keeps all that a stopped peer has stored; restore puts it back, while it is stopped again.
	Copy() (restore func())
}

// A FeeChanger follows, as opener of a channel, the fee rate that it is told of.
type FeeChanger interface {
	SetFeerate(rate amount.FeeratePerKw)
}

// Hop is one channel of a route.
type Hop struct {
	SCID   string      // its short_channel_id
	To     string      // the node at its end
	Amount amount.Msat // that this node gets
	Delay  int         // blocks that this node's HTLC has left
}

// Terms are one side's of a channel.
type Terms struct {
	Base     amount.Msat
	PPM      uint32
	Delta    int // cltv_expiry_delta
	Min, Max amount.Msat
	Disabled bool
}

// Graph is the public network.
type Graph struct {
	Aliases  map[string]string           // of nodes that have announced themselves, by node id
	Channels map[string]map[string]Terms // by short_channel_id, and the node id of whose terms they are
}

// able is a peer that can do something more than every Peer.
func able[T any](s *Scene, p Peer) T {
	s.Helper()
	t, ok := p.(T)
	if !ok {
		s.Fatalf("the peer is no %T, and its kind does not say why it cannot do this", *new(T))
	}
	return t
}
