package sandbox

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_AARCH64

// firstForeign is where the numbers of another ABI of the same architecture begin: there is none.
const firstForeign = 0

// archAlways and archRefused are calls that only this architecture has.
var (
	archAlways  []uint32
	archRefused = []uint32{unix.SYS_FSTATAT}
)
