// Command hsmd holds the node's secret and signs with it.
//
//	fd 3  lightningd  ipc/hsmdmsg  rights: master, ecdh, gossip, wallet
//
// Started by lightningd before everything else; ends when fd 3 closes. lightningd's first request,
// Init, carries the opened file hsm_secret. All other sockets are made here, on lightningd's NewClient,
// each with fixed rights and, for a channeld or onchaind, one fixed channel; lightningd hands the other end on.
//
// Trust: nobody. Every request is checked against the socket's rights (requests.go is the whole list)
// and the signing policy (package signer), whoever asks: any of the other processes may have been taken
// over. One refusal is logged with who asked, and ends that socket; lightningd gets an answer instead,
// unless it asks for what no table lists.
// Security: opens no file and no socket; never logs a secret; the master link's end is hsmd's end.
// Logic: package signer. This command only moves messages.
package main
