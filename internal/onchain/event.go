package onchain

import (
	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/block"
)

// Event is what happened: in the chain, or to an HTLC elsewhere.
type Event interface{ isEvent() }

// The events. Spends come in the order of the chain, and before their block's NewHeight.
type (
	// OutputSpent is a transaction in a block that spends at least one watched output; each comes once.
	OutputSpent struct {
		Tx     *wire.MsgTx // with its witnesses
		Height block.Height
	}
	// NewHeight is the newest block; blocks in which nothing happened may be left out.
	NewHeight struct{ Height block.Height }
	// Preimages are of HTLCs that the peer offered, and that are ours to take.
	Preimages struct{ Preimages []Preimage }
	// GiveUp says that outputs are left where they are, as they cost more than they are worth.
	GiveUp struct {
		Outpoints []wire.OutPoint
		Height    block.Height // of the newest block then
		Reason    string       // in words, for people
	}
)

// Preimage is the proof of payment for one HTLC.
type Preimage struct {
	HTLCID   uint64
	Preimage [32]byte
}

func (OutputSpent) isEvent() {}
func (NewHeight) isEvent()   {}
func (Preimages) isEvent()   {}
func (GiveUp) isEvent()      {}
