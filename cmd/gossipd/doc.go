// Command gossipd speaks BOLT 7 with all peers.
//
//	fd 3  lightningd  ipc/gossipdmsg  our channels in, what we learned of them out
//	fd 4  hsmd        ipc/hsmdmsg     right: gossip, which signs channel_update and node_announcement
//	fd 5  connectd    ipc/gossipmsg   gossip of all peers, both ways
//
// Started by lightningd once; ends when fd 3 or fd 5 closes, to be started again with connectd.
// Trust: what peers sent, in fd 5's messages, is hostile. Any other garbage is a bug of ours and
// ends the process.
// Security: holds no secret key and no state of a channel, opens no file and no socket: lightningd
// hands it gossip_store, and the file that takes its place.
// Logic: package gossip. This command only moves messages and carries out actions.
package main
