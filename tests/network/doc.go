// Package network tests nodes that tell each other of the network and forward for each other, over the
// real daemons and a btcd.
package network
