// Command onchaind follows one channel whose funding output is spent, until all of its outputs are
// irrevocably resolved (BOLT 5).
//
//	fd 3  lightningd  ipc/onchaindmsg  the channel's history in; what to watch and claim out
//	fd 4  hsmd        ipc/hsmdmsg      right: onchain, this channel only
//
// Started by lightningd when it sees the spend in a block; ends when fd 3 closes. It holds nothing
// durable: the next one is told the same history and says the same. After a reorganisation lightningd
// ends it and starts another.
//
// Trust: transactions come from blocks, which anybody fills. Garbage on fd 3 or 4 otherwise is a bug of
// ours and ends the process.
//
// Security: holds no secret key, opens no file and no socket, and is confined so before it reads
// anything; see package sandbox. Whoever takes it over can lose this one channel's outputs to fees, and
// cannot move them anywhere but to our wallet: hsmd looks at where a claim pays to.
//
// Logic: package onchain. This command only moves messages, and has hsmd sign claims.
package main
