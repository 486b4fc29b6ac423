// Package hsmdmsg has the messages between hsmd and those who may ask it: lightningd, connectd,
// gossipd and each channeld. All are requests to hsmd, each answered by its reply or by ipc.Fail.
// A refusal (no right, or against the signing policy) is logged by hsmd and ends that socket.
package hsmdmsg

// Rights is the set of what one socket to hsmd may ask. It is fixed when the socket is made.
type Rights uint32

// The rights. lightningd's own socket has all but RightCommitment, which is bound to one channel.
const (
	RightMaster     Rights = 1 << iota // lightningd: start, new sockets, invoices, messages, unilateral close
	RightECDH                          // connectd's handshakes, channeld's onions
	RightGossip                        // gossipd: node_announcement, channel_update
	RightCommitment                    // channeld: everything about its one channel
	RightWallet                        // lightningd: inputs of the on-chain wallet
)

// Has reports whether r includes all of want.
func (r Rights) Has(want Rights) bool { return r&want == want }
