package onchain

import (
	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/amount"
	"fulmen/internal/block"
	"fulmen/internal/keys"
)

// Action is what the caller must do or know. *Claim is one.
type Action interface{ isAction() }

// The actions.
type (
	// Started is the first: what spent the funding output.
	Started struct {
		Kind             Kind
		CommitmentNumber keys.CommitmentNumber // of a commitment
		Text             string                // in plain words
	}
	// Watch asks for OutputSpent of these outputs, from the block that made them on.
	Watch struct{ Outpoints []wire.OutPoint }
	// Unwatch ends Watch.
	Unwatch struct{ Outpoints []wire.OutPoint }
	// Unclaim ends claims: the outputs are spent, or given up.
	Unclaim struct{ Outpoints []wire.OutPoint }
	// Learned has preimages of HTLCs that we offered.
	Learned struct{ HTLCs []Preimage }
	// FailedUpstream names HTLCs that we offered and that can be failed back.
	FailedUpstream struct{ HTLCs []Failed }
	// Movement is one line of the channel's accounts.
	Movement struct {
		Account   Account
		Tag       string   // primary_tag of coin_movement
		ExtraTags []string // and extra_tags
		Outpoint  wire.OutPoint
		// SpendingTxid is set for a line about the outpoint's spending.
		SpendingTxid *[32]byte // internal byte order
		Credit       amount.Msat
		Debit        amount.Msat
		Output       amount.Sat // of the outpoint
		OutputCount  uint32     // of the spending transaction, for channel_close
		PaymentHash  *[32]byte
		Height       block.Height // of the transaction that made the output, or that spent it
	}
	// Status is the channel's state in plain words; it replaces the one before.
	Status struct{ Text string }
	// Processed ends what follows from a NewHeight.
	Processed struct{ Height block.Height }
	// Resolved says that all outputs are irrevocably resolved.
	Resolved struct{ Height block.Height }
)

// Failed is an HTLC that can be failed back.
type Failed struct {
	HTLCID uint64
	Reason string // in words, for the log
}

// Account is whose line a Movement is.
type Account uint8

// The accounts.
const (
	AccountChannel  Account = 1 + iota // the channel's own
	AccountExternal                    // the peer's, or anybody's
)

var accountNames = [...]string{AccountChannel: "channel", AccountExternal: "external"}

// String is coin_movement's word; the channel's own is its channel_id there.
func (a Account) String() string { return accountNames[a] }

func (*Claim) isAction()         {}
func (Started) isAction()        {}
func (Watch) isAction()          {}
func (Unwatch) isAction()        {}
func (Unclaim) isAction()        {}
func (Learned) isAction()        {}
func (FailedUpstream) isAction() {}
func (Movement) isAction()       {}
func (Status) isAction()         {}
func (Processed) isAction()      {}
func (Resolved) isAction()       {}
