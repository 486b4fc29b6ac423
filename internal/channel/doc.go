// Package channel is the machine of BOLT 2's Normal Operation, its Message Retransmission and the
// `shutdown` phase of Channel Close. It is pure: an Event goes in, an ordered list of Actions comes
// out, and what needs the outside (signing, checking many signatures, storing, sending) is an action.
//
// # State
//
// What is durable is in one struct, state, which changes only by mutations. A mutation is applied
// at once and encoded into the record of the next Store; Restore applies the same mutations to the
// last snapshot. All else in Channel is volatile and gone after a restart: orders and the peer's
// updates that no commitment covers, and where we are in a step.
//
// # Changes
//
// An update goes through the lists of BOLT 2. Ours waits in Channel.queue, goes out with a
// commitment_signed into state.remote.unrevoked, moves on to state.local.acked when the peer
// revokes, and leaves it when the peer commits to it. The peer's waits in Channel.received, goes
// with its commitment_signed into our commitment and into state.remote.acked, then with ours into
// the remote's next commitment and, as that is signed, into state.remote.unrevokedPeer until the
// peer revokes.
//
// # Order
//
// The process feeds all input that is there, then Idle. Idle commits what has piled up, if the peer
// owes no revocation, and gives one Store for everything since the last Idle, before any message
// that relies on it. So a lone payment goes at once, and a pile goes in one commitment.
package channel
