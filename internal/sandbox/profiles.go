package sandbox

// Profile is what one daemon may do beyond computing, and beyond using the descriptors that it has
// or is handed.
type Profile struct {
	Name string
	// dials allows to connect TCP sockets, and to accept from those that listen already.
	dials bool
	// pairs allows to make pairs of connected sockets, to hand one to another process.
	pairs bool
	// syncs allows to write a file's content to the disk.
	syncs bool
	// longest is the size that a file may grow to: 0 for a process that writes none.
	longest uint64
	// memory is how much data it may have. A Go process has some 40 MiB when it begins, of which it
	// uses little.
	memory uint64
	// descriptors is how many it may have.
	descriptors uint64
}

// Units of the table.
const (
	kib = 1 << 10
	mib = 1 << 20
	gib = 1 << 30

	unlimited = ^uint64(0)
)

// The profiles, one a daemon. What is not said is not allowed: no file, no socket, no process, no
// signal to another.
//
//   - hsmd makes a socket for each client, and writes a new hsm_secret through a descriptor.
//   - connectd has a descriptor for each peer and for each channel; it listens before it is confined.
//   - gossipd writes gossip_store through a descriptor, for as long as the network grows.
var (
	Hsmd     = Profile{Name: "hsmd", pairs: true, syncs: true, longest: 4 * kib, memory: 512 * mib, descriptors: 16384}
	Connectd = Profile{Name: "connectd", dials: true, memory: 2 * gib, descriptors: 16384}
	Gossipd  = Profile{Name: "gossipd", syncs: true, longest: unlimited, memory: 2 * gib, descriptors: 64}
	Channeld = Profile{Name: "channeld", memory: 512 * mib, descriptors: 32}
	Onchaind = Profile{Name: "onchaind", memory: 512 * mib, descriptors: 32}
)
