// Package gossipstore reads and writes gossip_store, the file of the public network's announcements.
//
// The layout is the one that Core Lightning publishes (version 0.16), so that its tools read ours. A
// byte of version is followed by records, each a header of 12 bytes, big-endian,
//
//	flags     2  Deleted, Push, Completed, Dying; others are ignored
//	length    2  of the message
//	checksum  4  CRC32C of the message, continued from the timestamp
//	timestamp 4  of the message, or 0
//
// and a message, type first: a channel_announcement, node_announcement or channel_update as BOLT 7
// has it, or one of the types below, which are the store's own.
//
// The file only grows, but for the flags, which change in place. A writer that finds too much of it
// deleted writes a new file, which takes the old one's name; then the old one ends with Ended, by
// which who follows it knows where to go on.
//
// One process writes. Others read at the same time, without a lock: a record counts once it is
// whole.
package gossipstore
