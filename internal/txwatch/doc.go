// Package txwatch decides what our transactions pay to be mined in time: the commitment that closes a
// channel without the peer, the second stage of its HTLCs, and the sweeps of what is ours. It does no
// I/O: events go in, and out come transactions to sign and send, and a line of words for each decision.
//
// # Rates
//
// A claim without a deadline pays what gets it mined within about a day, and waits when that is too
// much. One with a deadline, the height from which on somebody else can take the output, aims at half of
// the blocks that are left, by the backend's estimates. In the last 12 of them ("hurry") the rate leaves
// the estimates and rises to the ceiling, which it reaches in the last block that is in time: by the cube
// of the share of the 12 blocks that has gone by, so that it is slow at first and steep at the end.
//
// # Ceilings
//
// The fee of a transaction is at most this share of what it claims:
//
//	50 %  sweeps
//	90 %  penalties: what they burn is the cheater's
//	25 %  the HTLCs that a commitment's deadline is about, for its child (CPFP)
//	25 %  HTLC transactions of our own commitment, which come after that: both together take at most half
//	10 %  our balance, for the child of a commitment without such a deadline
//
// An output whose input alone would cost more than its share at 253 sat/kw, the lowest rate that relays
// anywhere, is given up at once. One that is too dear today waits for others to share a transaction with,
// or for lower rates, and is given up after 144 blocks.
//
// # Batches
//
// Sweeps of one channel that can wait share a transaction, and so do those with a deadline that is more
// than 24 blocks away, or with the same one. Outputs that the other side can spend already (contested) stay
// apart from others, and each alone once their deadline is close: whoever spends one bars its whole batch.
// A batch that is barred by a block is made again of what is left; one that the backend refuses for such a
// reason is split.
//
// # Replacement
//
// A transaction in the mempool is replaced (BIP 125) when the rate that it should have is 125 % of its
// own, or 110 % in a hurry. The new fee is at least the old one and the incremental relay fee of 1 sat/vB
// for the new size; all inputs that are added are confirmed. A refusal by the backend is an event: for its
// fee, or for another transaction in the mempool that takes an output with a deadline, the transaction is
// made again with the next block at 150 % of the rate, within the ceiling; a batch of which the other side
// has spent a part is split; anything else is tried again with the next block.
// Each refusal is said with its reason.
//
// # Commitments and their children
//
// The backend takes one transaction at a time. So a commitment is sent first, then its child, and both
// again with each block. A backend that refuses the commitment alone for its fee has to put it together with
// its child (bcli does, with a bitcoind that takes packages); otherwise it refuses the child as well, as its
// parent is missing. This is said, and both are offered again with every block, with a child that pays
// more, until the backend's minimum falls.
package txwatch
