// Package chain follows the block chain through the backend's five methods: it tells, in order,
// which block came and which went in a reorganisation, broadcasts transactions until they confirm,
// and says what is wrong with the backend when something is.
//
// Follower decides, and does no I/O; Runner asks the backend and carries out what Follower says.
// What a block means is the receiver's concern: Watcher finds in it what was asked for.
package chain
