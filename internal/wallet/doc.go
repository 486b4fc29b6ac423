// Package wallet keeps the node's coins: it derives addresses from public account keys, follows
// what blocks do to its coins, chooses coins to spend, builds PSBTs and knows fee rates. It holds no
// private key and does no I/O: hsmd signs, lightningd broadcasts.
//
// A Wallet belongs to one goroutine. Every method that changes something durable returns the
// [Changes], which its caller stores in one transaction before anything relies on them; what is kept
// in memory is what can still change, not history.
package wallet
