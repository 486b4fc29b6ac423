package interop

import (
	"fulmen/internal/amount"
	"fulmen/tests/harness"
)

// A Peer is a node that we did not write, on the chain of its case. Its methods end the case where
// they do not work; those that return an error may be refused by either side.
type Peer interface {
	// Version is which release of it this is.
	Version() string
	// ID is its node id.
	ID() string
	// Address is where it listens, with the port.
	Address() string
	// Start starts it, again after Stop or Kill with the same state, and waits until it answers.
	Start(options ...string)
	// Stop shuts it down in order.
	Stop()
	// Kill ends it as a power cut would.
	Kill()
	// Alive says whether it runs.
	Alive() bool
	// Log is all that it wrote.
	Log() []byte
	// Sync waits until it has seen all blocks.
	Sync()

	// NewAddress is a new address of its wallet.
	NewAddress() string
	// Connect dials a node.
	Connect(id, address string) error
	// Disconnect ends the connection with a node.
	Disconnect(id string) error
	// Connected says whether a node is connected.
	Connected(id string) bool
	// SendCustom sends a message that no BOLT defines.
	SendCustom(id string, messageType uint32, data []byte) error

	// Open opens a channel, and returns its funding output when that is broadcast.
	Open(to string, how Open) (string, error)
	// Channels are those that are open, in no order.
	Channels() []Channel
	// PaySmallest has it pay 1 msat over a channel, where its own terms ask for more.
	PaySmallest(point string)
	// Close begins to close a channel together, and returns once both agree.
	Close(point string, how Close) error

	// Invoice makes an invoice.
	Invoice(Invoice) string
	// Settle gives the preimages of held payments to who pays.
	Settle(preimages ...[32]byte)
	// Cancel fails held payments.
	Cancel(hashes ...[32]byte)
	// Held says whether the payment of a hold invoice has arrived.
	Held(hash [32]byte) bool
	// Expired says whether an invoice, by its hash in hex, can no longer be paid.
	Expired(hash string) bool
	// Received counts the invoices that were paid.
	Received() int
	// Pay pays an invoice; the amount is for one that names none.
	Pay(bolt11 string, msat amount.Msat) (Payment, error)
	// PayWrong pays over the one channel, with something that differs from what the invoice asks for.
	PayWrong(bolt11 string, wrong Wrong) Payment
}

// A Kind is an implementation of the protocol that peers run.
type Kind struct {
	Name   string
	Build  func() error // what New starts
	New    func(t harness.TB, btcd *harness.Btcd, how Setup) Peer
	Cannot map[string]string // why, by the name of the case
}

// Setup is what a case asks of its peer beyond the defaults.
type Setup struct {
	SimpleClose  bool       // option_simple_close
	SCIDAlias    bool       // option_scid_alias
	Large        bool       // option_support_large_channel
	NoPush       bool       // takes no channel with push_msat
	Confirms     int        // that a funding transaction needs; its own choice if 0
	ShortDelay   bool       // its to_self_delay for us is shortBlocks
	LeastChannel amount.Sat // that it takes
	Features     []uint16   // more bits to show in init
}

// shortBlocks is a to_self_delay that a case can wait for.
const shortBlocks = 10

// Open is how a channel is opened.
type Open struct {
	Sats    amount.Sat
	Push    amount.Sat
	Private bool
	Alias   bool   // named by its alias alone (option_scid_alias in channel_type)
	Type    string // anchors or static_remotekey; the peer's own choice if empty
	CloseTo string // upfront_shutdown_script, as an address
}

// Close is how a channel is closed.
type Close struct {
	SatPerByte uint64 // its own choice if 0
}

// Channel is an open channel as the peer sees it.
type Channel struct {
	Point       string // funding output, txid:index
	Active      bool   // payments find the way through it
	Linked      bool   // HTLCs pass, if the route is given
	Capacity    amount.Sat
	Local, OfUs amount.Sat // whole satoshi
	CommitFee   amount.Sat
	Feerate     amount.FeeratePerKw
	Type        string // as in Open
	Private     bool
	Opener      bool       // the peer opened it
	HTLCs       int        // under way
	Reserve     amount.Sat // that the peer keeps
	OurReserve  amount.Sat
	DustLimit   amount.Sat // of the peer's commitment
}

// Invoice is what an invoice asks for.
type Invoice struct {
	Amount amount.Msat // 0: any
	Expiry int         // seconds; its own choice if 0
	Hash   *[32]byte   // hold the payment of this hash
	Hints  bool        // route hints for private channels
}

// Payment is how a payment ended.
type Payment struct {
	Preimage string // hex; empty if it failed
	Parts    int    // that were paid
	Failure  string // the reason in the failure onion, as the BOLT names it, in lower case; empty if none came
	FailedAt int    // which node of the route failed it: 0 is who pays
}

// Wrong is what is wrong with a payment.
type Wrong int

// What PayWrong can do wrong.
const (
	Nothing Wrong = iota
	WrongSecret
	WrongHash
	TooLittle
	TooSoon // a final cltv_expiry that leaves too few blocks
)
