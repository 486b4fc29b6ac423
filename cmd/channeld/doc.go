// Command channeld speaks BOLT 2 with one peer about one channel: from its negotiation, or a
// reconnection, to its mutual close.
//
//	fd 3  lightningd  ipc/channeldmsg  orders in, state to store and reports out
//	fd 4  hsmd        ipc/hsmdmsg      rights: commitment, this channel only; ecdh
//	fd 5  peer        ipc/peermsg      BOLT messages in the clear; connectd does BOLT 8
//
// Started by lightningd for a channel whose peer is connected; ends when fd 3 or fd 5 closes, when
// the channel fails, or when the peer breaks a rule. What lightningd has stored by then is the
// channel: another channeld takes it up from there.
//
// Trust: everything on fd 5 is hostile, and so are the onions that it brings. Garbage on fd 3 or 4
// is a bug of ours and ends the process.
//
// Security: holds no secret key, opens no file and no socket, and is confined so before it reads
// anything; see package sandbox. Whoever takes it over has this one channel.
//
// Logic: packages opening, channel and closing, one after the other. This command only moves
// messages and carries out actions. It takes all input that is there before the channel commits to
// anything; it stores at once, and waits for that only when something is about to leave that relies
// on it; it asks hsmd once for all signatures of a commitment, once for all onions, and checks many
// signatures on all cores.
package main
