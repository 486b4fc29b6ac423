// Package sim joins two channel cores by a queue that delays and drops the connection, and kills
// either side between any two actions, from a seed that replays exactly. Both sides add, settle and
// change fees at once. What was not stored is lost; what was stored may or may not have been
// acknowledged.
//
//	go test ./tests/sim -run TestSim -seeds 5000
//	go test ./tests/sim -run TestSim -seed 4711 -v
//
// After every step the books must balance, and now and then what a restart would find on disk is
// compared with what runs. At the end all HTLCs are resolved as their receiver decided, and both
// sides have the same two commitment transactions, byte for byte.
//
// TestMiddle puts two such channels beside each other, with internal/htlcswitch and one disk in the node that
// they share: upstream and downstream agree about each HTLC, whenever it crashed, and it earned its fees.
//
// Most seeds use signatures that are only hashes of what is signed, so that thousands take minutes;
// they still prove that both sides build the same transactions. Every fiftieth uses package signer,
// with its refusals, and real verification.
package sim
