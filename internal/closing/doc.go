// Package closing is the machine of a mutual close, from the moment when both sides have sent
// shutdown and no HTLC is left: BOLT 2's Closing Negotiation (closing_complete, closing_sig) and
// Legacy Closing Negotiation (closing_signed). It does no I/O: an event goes in, an ordered list
// of actions comes out.
//
// Negotiation restarts on reconnection, so a machine lives as long as its connection; the next one
// gets the scripts of the shutdown messages that follow channel_reestablish.
package closing
