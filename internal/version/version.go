// Package version says which build this is.
package version

// Version begins with the version of the RPC interface that clients look for; ours follows. The
// build may set it with -X, and every process of a suite must have the same (package ipc).
var Version = "v26.06-fulmen0.1.0"
