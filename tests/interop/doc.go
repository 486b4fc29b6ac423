// Package interop runs our real daemons against real nodes that others wrote, on a btcd of their own.
// It is a module of its own, and what it runs against is another (peers), so that no dependency of
// those nodes reaches ours, and they are built with the dependencies that their authors tested.
//
// A case is written once, as a function of a Scene, and runs against every Kind of peer through the
// interface Peer; TestInterop prints what became of each. Both nodes' logs of a case that failed are
// in the checkout's .build/interop. See docs/interop.md.
package interop
