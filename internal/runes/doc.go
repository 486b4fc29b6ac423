// Package runes has the bearer tokens by which a node lets others run some of its commands, in their published
// format: an authentication code, and restrictions that must all be met. It reads no clock and stores nothing.
//
// The code is the SHA256 of the node's secret and all restrictions, each padded as SHA256 pads a message's
// end. So a code is a state of SHA256 from which its owner can hash on: anybody can add restrictions, and
// nobody but the node can make a rune with fewer.
package runes
