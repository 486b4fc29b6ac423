package channel

// What a channel stores in one step, and what is read when it is taken up again, has to fit into a message between
// our processes. The reasons of failures are strangers' choice and could be 64 kB each, so that a peer which fails 483
// HTLCs at once would exceed it; so long ones are kept up to a sum only.
const (
	// alwaysKept is what any failure may have as its reason; that of BOLT 4's own messages takes about 300 bytes.
	alwaysKept = 2 << 10
	// maxReasons bounds all reasons of one side's failures, beyond which one has to be short.
	maxReasons = 1 << 20
)

// recvReason is what is kept of the peer's reason: it, or nothing. An HTLC without a reason is failed all the same, and its
// sender hears of it from us.
func (c *Channel) recvReason(reason []byte) []byte {
	if len(reason) <= alwaysKept {
		return reason
	}
	sum := sumOfReasons(c.state.offered)
	for i := range c.received {
		sum += c.received[i].result.size()
	}
	if sum+len(reason) > maxReasons {
		return nil
	}
	return reason
}

// HasRoomFor reports whether an HTLC of the peer may be failed with a reason of size bytes.
func (c *Channel) HasRoomFor(size int) bool {
	if size <= alwaysKept {
		return true
	}
	sum := sumOfReasons(c.state.received)
	for i := range c.queue {
		sum += c.queue[i].result.size()
	}
	return sum+size <= maxReasons
}

// sumOfReasons counts those of HTLCs that a commitment has removed.
func sumOfReasons(table map[uint64]*htlc) (sum int) {
	for _, h := range table {
		sum += h.result.size()
	}
	return sum
}

// size is that of the reason; nil has none.
func (r *Result) size() int {
	if r == nil {
		return 0
	}
	return len(r.Reason)
}
