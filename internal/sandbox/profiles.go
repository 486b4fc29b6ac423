package sandbox

// Profile is what one daemon may do.
type Profile struct {
	Name string
	// network allows to dial, listen and accept TCP.
	network bool
	// files allows to open, rename and remove the files that Enter is given, no others.
	files bool
	// sync allows to write a descriptor it was given to the disk.
	sync bool
}

// The profiles, one a daemon. What is not said is not allowed: no file, no socket, no process, no
// signal to another.
var (
	Hsmd     = Profile{Name: "hsmd", sync: true} // writes a new hsm_secret through a descriptor
	Connectd = Profile{Name: "connectd", network: true}
	Gossipd  = Profile{Name: "gossipd", files: true, sync: true} // gossip_store
	Channeld = Profile{Name: "channeld"}
	Onchaind = Profile{Name: "onchaind"}
)
