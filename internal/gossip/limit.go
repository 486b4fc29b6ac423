package gossip

// limiter lets so many through at once and one more each so often in the long run. Its value is the
// time from which on the whole burst is there again.
type limiter uint32

// rate is what a limiter keeps to.
type rate struct {
	burst uint32
	every uint32 // seconds
}

// What is let through.
var (
	// updateRate is for each direction of a channel. Terms that change more often help nobody: they are
	// out of date before they have spread.
	updateRate = rate{burst: 8, every: 2 * 60 * 60}
	// nodeRate is for each node_announcement.
	nodeRate = rate{burst: 8, every: 2 * 60 * 60}
	// wrongRate is for what one peer makes us check in vain: channels that are not in the chain.
	wrongRate = rate{burst: 500, every: 10}
	// warnRate is for warnings to one peer, each of which is a line in the log.
	warnRate = rate{burst: 20, every: 10 * 60}
	// questionRate is for the queries of one peer.
	questionRate = rate{burst: 200, every: 2}
)

// take lets one more through, if it may.
func (l *limiter) take(now Timestamp, r rate) bool {
	if !l.has(now, r) {
		return false
	}
	*l = limiter(max(uint32(*l), uint32(now)) + r.every)
	return true
}

// has reports whether take would.
func (l limiter) has(now Timestamp, r rate) bool {
	return uint32(l) <= uint32(now) || uint32(l)-uint32(now) <= (r.burst-1)*r.every
}
