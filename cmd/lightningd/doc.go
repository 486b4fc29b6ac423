// Command lightningd is the master of a Lightning node.
//
// It starts all other processes and hands them the descriptors that they talk over (topology.go is the
// whole graph); owns the database, the RPC socket and the plugins; and decides what is to be done with
// payments, invoices, coins and channels. It speaks to no peer and holds no private key.
//
// Usage: lightningd [--lightning-dir=DIR] [--network=NAME] [OPTION]...; --help lists the options.
//
// Trust: its children may be taken over. What they say is checked before it is stored or passed on, and
// a message that makes no sense ends that one child.
// Shutdown: SIGTERM, SIGINT and the RPC command stop end the node in order: no new commands, channels'
// processes, connections, plugins, hsmd, database. SIGHUP reopens the log files.
// Logic: one goroutine (loop.go) owns all state; packages invoices, payments, wallet and chain decide.
package main
