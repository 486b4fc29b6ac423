// Package block has the types that count blocks: absolute heights and relative delays.
package block

// Height is an absolute block height, and so also a `cltv_expiry`.
type Height uint32

// Delta is a number of blocks: a `cltv_expiry_delta`, or a relative (CSV) delay as in `to_self_delay`.
type Delta uint16

// Add is the height d blocks after h; it saturates.
func (h Height) Add(d Delta) Height {
	sum := h + Height(d)
	if sum < h {
		return ^Height(0)
	}
	return sum
}
