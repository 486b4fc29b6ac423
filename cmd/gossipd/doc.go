// Command gossipd speaks BOLT #7 with all peers.
//
//	fd 3  lightningd  ipc/gossipdmsg  our channels in, what we learned of them out
//	fd 4  hsmd        ipc/hsmdmsg     right: gossip, which signs our channel_updates
//	fd 5  connectd    ipc/gossipmsg   gossip of all peers, both ways
//
// Started by lightningd once; ends when fd 3 or fd 5 closes, to be started again with connectd.
// Trust: what peers sent, in fd 5's messages, is hostile. Any other garbage is a bug of ours and
// ends the process.
// Security: holds no secret key and no state of a channel, opens no socket; of files it may only
// ever open gossip_store.
// Logic: package gossip. This command only moves messages and carries out actions.
package main
