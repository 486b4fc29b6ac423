// Package multipart decides how one payment is tried: which amounts to ask routes for, which parts to
// send, what a failure teaches about channels and nodes, and when to stop. It finds no route and sends
// nothing: it takes events, and gives actions.
package multipart

import (
	"fmt"
	"time"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// Order is what is to be paid.
type Order struct {
	Amount   amount.Msat // that the payee gets from us
	MaxFee   amount.Msat // for all parts together
	MaxParts int         // under way at once; 1 if the payee takes no payment in parts
	Until    time.Time   // no part is sent from then on
}

// Channel is one direction of a channel: 0 from the lesser node_id (BOLT 7, channel_update).
type Channel struct {
	ID        wire.ShortChannelID
	Direction int
}

// Hop is one channel of a route.
type Hop struct {
	Channel Channel
	Node    keys.PubKey // that it leads to
	Amount  amount.Msat // that it carries
	Delay   block.Delta // until the HTLC over it expires
}

// Route is a way to the payee that delivers Amount.
type Route struct {
	Hops   []Hop
	Amount amount.Msat
}

// Fee is what the nodes on the way take.
func (r *Route) Fee() amount.Msat {
	if len(r.Hops) == 0 {
		return 0
	}
	return r.Hops[0].Amount - min(r.Amount, r.Hops[0].Amount)
}

// Event is what happened.
type Event interface{ isEvent() }

type (
	// Begin starts the payment.
	Begin struct{}
	// Found answers AskRoutes.
	Found struct{ Routes []Route }
	// NotFound answers it too.
	NotFound struct {
		Code int // RPC error code
		Text string
	}
	// Delivered ends a part: the payee has taken it, and with it all others.
	Delivered struct{ Part uint64 }
	// Failed ends a part.
	Failed struct {
		Part    uint64
		Failure Failure
	}
	// Lost says that the outcome of a part will not be known here, or that it could not be sent for a
	// reason that is no route's.
	Lost struct {
		Part uint64
		Code int
		Text string
	}
	// Woken answers Sleep.
	Woken struct{}
)

// Failure is why a part did not arrive.
type Failure struct {
	Kind   Kind
	Index  int    // hops from us to the node that failed it; 0 is us
	Code   uint16 // BOLT 4 failure_code; 0: unreadable
	Text   string // of the code, for people
	Update []byte // channel_update that came with it; nil: none
}

// Kind says how much is known of a failure.
type Kind uint8

// The kinds.
const (
	AlongRoute    Kind = iota + 1 // a node on the way failed it, or we
	ByDestination                 // the payee did
	Unreadable                    // nobody can be held to it; Index is the last node that attributed it, 0 if none did
)

// Action is what is to be done.
type Action interface{ isAction() }

type (
	// AskRoutes wants routes that deliver Amount together. Found or NotFound answers; there is one
	// question at a time.
	AskRoutes struct {
		Amount   amount.Msat
		MaxFee   amount.Msat
		MaxParts int
	}
	// Send wants a part sent. Delivered, Failed or Lost answers.
	Send struct {
		Part  uint64
		Route Route
	}
	// Inform passes on what was learned of a channel.
	Inform struct {
		Channel Channel
		What    Lesson
		Amount  amount.Msat
	}
	// Avoid leaves a channel out of this payment; AvoidNode a node.
	Avoid     struct{ Channel Channel }
	AvoidNode struct{ Node keys.PubKey }
	// UseUpdate passes on a channel_update of a node that failed a part; it is not checked.
	UseUpdate struct {
		Channel Channel
		Update  []byte
	}
	// Sleep wants a Woken after a while.
	Sleep struct{ For time.Duration }
	// Tell is progress, for people.
	Tell struct{ Text string }
	// Done ends the payment: the payee took the part. Fail ends it too; Part is the one whose failure
	// decided, 0 if none did.
	Done struct{ Part uint64 }
	Fail struct {
		Code int
		Text string
		Part uint64
	}
)

// Lesson is what the outcome of a part says about a channel.
type Lesson uint8

// The lessons, in the words of askrene-inform-channel.
const (
	Constrained   Lesson = iota + 1 // it could not carry Amount
	Unconstrained                   // it could have
	Succeeded                       // it did
)

func (l Lesson) String() string {
	return [...]string{"", "constrained", "unconstrained", "succeeded"}[l]
}

func (Begin) isEvent()     {}
func (Found) isEvent()     {}
func (NotFound) isEvent()  {}
func (Delivered) isEvent() {}
func (Failed) isEvent()    {}
func (Lost) isEvent()      {}
func (Woken) isEvent()     {}

func (AskRoutes) isAction() {}
func (Send) isAction()      {}
func (Inform) isAction()    {}
func (Avoid) isAction()     {}
func (AvoidNode) isAction() {}
func (UseUpdate) isAction() {}
func (Sleep) isAction()     {}
func (Tell) isAction()      {}
func (Done) isAction()      {}
func (Fail) isAction()      {}

// String is the channel as askrene's commands write it.
func (c Channel) String() string { return fmt.Sprintf("%s/%d", c.ID, c.Direction) }
