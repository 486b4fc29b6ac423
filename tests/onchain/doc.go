// Package onchain closes channels of real daemons on a real chain, in every way that BOLT 5 knows, each
// until nothing is left to resolve, and counts the satoshis.
package onchain
