//go:build !amd64 && !arm64

package sandbox

// auditArch 0: there is no filter for this architecture.
const (
	auditArch    = 0
	firstForeign = 0
)

var archAlways, archRefused []uint32
