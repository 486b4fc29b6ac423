package wire

// FailureCode says why an HTLC failed. The codes, and the messages that they head, are inside onions:
// package onion has them.
type FailureCode uint16

// FailBadOnion is the flag that every failure_code of update_fail_malformed_htlc must have (BOLT 2,
// Removing an HTLC).
const FailBadOnion FailureCode = 0x8000
