// Package hsmdmsg has the messages between hsmd and those who may ask it: lightningd, connectd,
// gossipd, each channeld and each onchaind. All are requests to hsmd, each answered by its reply or by ipc.Fail.
// A refusal (no right, or against the signing policy) is logged by hsmd and ends that socket.
package hsmdmsg

import "fulmen/internal/ipc"

// What one socket to hsmd may ask; it is fixed when the socket is made. lightningd's own has all but
// RightCommitment and RightOnchain, which are bound to one channel.
const (
	RightMaster     ipc.Rights = 1 << iota // lightningd: start, new sockets, invoices, messages, unilateral close
	RightECDH                              // connectd's handshakes, channeld's onions
	RightGossip                            // gossipd: node_announcement, channel_update
	RightCommitment                        // channeld: everything about its one channel
	RightWallet                            // lightningd: inputs of the on-chain wallet, anchors
	RightOnchain                           // onchaind: claims of its one channel's outputs, and what finds them
)
