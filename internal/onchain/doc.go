// Package onchain is the machine of BOLT 5: from the transaction that spends a channel's funding
// output to the last output that is irrevocably resolved.
//
// It is given the channel's final state and that transaction (New), then spends of the outputs that
// it watches, block heights, and preimages that became known elsewhere (Step). It says which outputs
// are ours to claim, and how; which HTLCs that we offered are paid, or can be failed back; what became
// of each satoshi; and when the channel can be forgotten. When to spend what, at what price and in
// whose company, is decided by the caller.
//
// The machine is a function of the history alone: a restart is a replay, and a reorganisation a replay
// of another history.
package onchain
