// Package network tests nodes that forward for each other, over the real daemons and a btcd.
package network
