// Package tx builds the transactions of BOLT 3: the funding output, commitment transactions, the
// HTLC transactions that spend them, and both kinds of mutual close, with the digests that are
// signed for each, and the witnesses that claim what they leave on chain (BOLT 5). It takes public
// keys and amounts, holds no state and signs nothing.
//
// A commitment belongs to its owner, the side that may broadcast it; BOLT 3 calls that side local.
// The same code therefore builds our commitment and the peer's: only who is the owner changes.
package tx
