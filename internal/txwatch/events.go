package txwatch

import (
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
)

// ID names a job: the effort to get one or several claims, or a commitment, into the chain.
type ID uint64

// Claim is an output that we can take.
type Claim struct {
	Channel       uint64
	Outpoint      wire.OutPoint
	Amount        amount.Sat
	PkScript      []byte
	Name          string       // what it is, for people: "our balance"
	Sequence      uint32       // of the input that spends it
	LockTime      uint32       // at least, of the transaction that spends it
	NotBefore     block.Height // of the first block that may spend it
	WitnessWeight int          // of its whole witness, with the count of items
	// Deadline is the height of the first block in which somebody else can take it; 0: none.
	Deadline block.Height
	// ContestedFrom is the height of the first block in which somebody else can spend it, which need not
	// be a loss; 0: none. A transaction that it shares with others may be barred then.
	ContestedFrom block.Height
	Penalty       bool // it may cost more
	// Fixed is the output of the same index as the input, where the peer's signature prescribes it: an
	// HTLC transaction of our own commitment, whose fee further inputs pay. Nil: a free sweep.
	Fixed *wire.TxOut
	// Whole means that the peer's signature prescribes the whole transaction, which has Fixed as its only
	// output and pays a fee already: channels without anchors.
	Whole bool
}

// Commitment is our own commitment, which is not mined yet.
type Commitment struct {
	Channel uint64
	Tx      *wire.MsgTx // fully signed
	Fee     amount.Sat
	// Anchor is our anchor's output index, negative if there is none: then nothing can be done for it.
	Anchor        int
	AnchorWitness int // weight of the witness that spends it
	// Stake is what is lost if it is not mined by Deadline; without one, our balance in it.
	Stake    amount.Sat
	Deadline block.Height // 0: none
}

// Coin is a confirmed coin of the wallet that nothing else uses.
type Coin struct {
	Outpoint      wire.OutPoint
	Amount        amount.Sat
	PkScript      []byte
	WitnessWeight int // as of a Claim
}

// Fees are the backend's estimates, each at least Floor.
type Fees struct {
	Floor  amount.FeeratePerKw // the least that relays
	Slow   amount.FeeratePerKw // mined within 100 blocks
	Normal amount.FeeratePerKw // within 12
	Soon   amount.FeeratePerKw // within 6
	Urgent amount.FeeratePerKw // within 2
}

// Event is what the machine hears.
type Event interface{ isEvent() }

type (
	// Known is a transaction that was stored and perhaps sent before. It comes before the claims that it
	// takes.
	Known struct {
		Channel uint64
		Tx      *wire.MsgTx
		Fee     amount.Sat
		Rate    amount.FeeratePerKw // of the package, for a child
		Coins   []Coin              // of the wallet, among its inputs
		Script  []byte              // of its output to the wallet, if it has one
	}
	// Claimed tells of outputs to take; one that is known already is replaced by the new description.
	Claimed struct{ Claims []Claim }
	// Unclaimed tells that outputs need not be taken any more.
	Unclaimed struct{ Outpoints []wire.OutPoint }
	// Push gives a commitment to get into the chain.
	Push struct{ Commitment }
	// Spent is a transaction in a block that spends outputs of a channel.
	Spent struct {
		Channel uint64
		Tx      *wire.MsgTx
	}
	// Forget drops all that is known of a channel. After a reorganisation, or when onchaind was started
	// anew, what still holds is told again.
	Forget struct{ Channel uint64 }
	// Decide asks for decisions: after a block, or after new claims.
	Decide struct {
		Height block.Height // of the last block
		Fees   Fees
		Coins  []Coin
	}
	// Taken answers Publish or Send: the backend has the transaction.
	Taken struct {
		ID ID
		Tx *wire.MsgTx
	}
	// Refused answers Publish or Send: the backend does not take the transaction.
	Refused struct {
		ID     ID
		Tx     *wire.MsgTx
		Reason string
	}
	// Failed answers Publish: the transaction was not made, or the backend is away.
	Failed struct {
		ID     ID
		Script []byte // that was to be the wallet's; nil: none was chosen
		Reason string
	}
)

func (Known) isEvent()     {}
func (Claimed) isEvent()   {}
func (Unclaimed) isEvent() {}
func (Push) isEvent()      {}
func (Spent) isEvent()     {}
func (Forget) isEvent()    {}
func (Decide) isEvent()    {}
func (Taken) isEvent()     {}
func (Refused) isEvent()   {}
func (Failed) isEvent()    {}

// Action is what the machine wants done.
type Action interface{ isAction() }

type (
	// Publish asks to complete, sign, store and send a transaction. Taken, Refused or Failed answers.
	Publish struct {
		ID      ID
		Channel uint64
		Parent  *wire.MsgTx // to be sent before; nil: none
		// Tx is unsigned. An output without a script goes to the wallet, to a new address.
		Tx       *wire.MsgTx
		Prevouts []*wire.TxOut // of each input
		Claims   []int         // inputs that the channel's keys sign
		Coins    []int         // inputs that the wallet signs
		Anchor   int           // the input that spends our anchor, or negative
		Fee      amount.Sat
		Rate     amount.FeeratePerKw // with the parent's weight and fee, if it has one
		Replaces *chainhash.Hash     // the transaction that it takes the place of, or nil
		Why      string              // for the log
	}
	// Send asks to send a signed transaction, again or for the first time, after its parent if it has one.
	Send struct {
		ID     ID
		Parent *wire.MsgTx
		Tx     *wire.MsgTx // nil: the parent alone
	}
	// GiveUp tells that outputs are left for good.
	GiveUp struct {
		Channel   uint64
		Outpoints []wire.OutPoint
		Reason    string
	}
	// Void tells that a transaction that was sent can no longer be mined.
	Void struct {
		Channel uint64
		Txid    chainhash.Hash
	}
	// Say is a decision in words, for the log.
	Say struct {
		Channel uint64
		Text    string
	}
)

func (Publish) isAction() {}
func (Send) isAction()    {}
func (GiveUp) isAction()  {}
func (Void) isAction()    {}
func (Say) isAction()     {}

// CoinOutpoints are the coins of the wallet that the transaction spends.
func (p *Publish) CoinOutpoints() []wire.OutPoint {
	list := make([]wire.OutPoint, len(p.Coins))
	for i, in := range p.Coins {
		list[i] = p.Tx.TxIn[in].PreviousOutPoint
	}
	return list
}
