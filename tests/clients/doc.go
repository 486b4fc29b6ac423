// Package clients runs what others wrote against the published RPC, unmodified from npm's registry, against
// real nodes: `make test-clients`. It is no part of `make test`, as it needs node, npm and the registry.
package clients
