// Package books keeps accounts: it folds the movements that lightningd lists (listchainmoves, listchannelmoves) into
// balances, events, income and expenses. It is pure: no input, output or clock.
//
// An account is the wallet, a channel by its channel_id, or "external", which is everybody else.
//
// The fee of a transaction is what its inputs from our accounts have more than its outputs to them and to those that we
// paid. It is the expense of the channels that the transaction is about, in equal parts; the wallet's where there is none.
//
// A channel that is closed has what its outputs in the chain have. What it had before, less the outputs of the
// closing transaction that became ours, was the cost of the close. It is known once all of these have come to their end:
// an HTLC that ends in the chain is a payment in the channel (listchannelmoves), and an output in the chain as well.
//
// Incomes are such that they add up, once all that goes on has ended: what all accounts have is the sum of all credits
// less that of all debits.
package books
