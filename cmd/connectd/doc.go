// Command connectd holds the connections to peers: it listens and dials, does BOLT 8 and the init
// exchange, answers pings, and moves every other message to the process that it is for.
//
//	fd 3  lightningd  ipc/connectdmsg  orders in, connections and unclaimed messages out
//	fd 4  hsmd        ipc/hsmdmsg      right: ECDH
//	fd 5  gossipd     ipc/gossipmsg    gossip, both ways
//	more  channeld    ipc/peermsg      one for each channel, handed over by AttachChannel
//
// Started by lightningd, once; ends when fd 3 closes. The order of a connection's life is told in
// package connectdmsg.
//
// Each connection has one goroutine that reads the peer, and one for each attached channel that reads
// that channel's link; whoever has something for the peer encrypts and writes it (outbox). A reader
// whose receiver is slow stops reading, so that nothing piles up: the peer's window closes, or
// channeld waits. Only up to a limit is queued for a peer, and no write waits for ever, so that two
// nodes which write to each other cannot stand still.
//
// Trust: everything from the network is hostile. A channeld may have been taken over: it can send
// what belongs to its own channel and nothing else. Garbage on fd 3 to 5 is a bug of ours and ends
// the process.
//
// Security: holds the transport keys and no other; opens no file; looks up no names. See package
// sandbox.
package main
