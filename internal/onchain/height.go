package onchain

import (
	"fmt"

	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/block"
)

// afterHeight takes in a block whose spends are all known.
func (m *Machine) afterHeight(h block.Height) {
	m.height = max(m.height, h)
	m.failUpstream()
	m.tellStatus()
	if !m.resolved && m.allIrrevocable() {
		m.resolved = true
		m.failRest()
		m.leaveAnchor()
		m.say(Resolved{m.height})
	}
	m.say(Processed{m.height})
}

// depth counts the block itself, as confirmations do.
func (m *Machine) depth(h block.Height) block.Height {
	if h > m.height {
		return 0
	}
	return m.height - h + 1
}

// failUpstream names the HTLCs that we offered and that can be failed back now.
func (m *Machine) failUpstream() {
	var failed []Failed
	for _, p := range m.offered {
		if p.ended() {
			continue
		}
		if reason := m.whyFailed(p); reason != "" {
			p.failed = true
			failed = append(failed, Failed{p.ID, reason})
		}
	}
	if len(failed) > 0 {
		m.say(FailedUpstream{failed})
	}
}

// whyFailed says why the HTLC, whose preimage is not known, can be failed back, or "".
func (m *Machine) whyFailed(p *pending) string {
	o := p.output
	switch {
	case p.upstream != 0 && m.height.Add(upstreamMargin) >= p.upstream:
		// BOLT 5: it is failed before the incoming HTLC's own timeout in any case.
		return fmt.Sprintf("the incoming htlc expires in block %d", p.upstream)
	case o != nil:
		// One that is left on chain as too small can still be taken by the peer: it has no outcome
		// until upstream cannot wait, or all else is resolved.
		if o.spent != 0 && m.depth(o.spent) >= reasonable {
			return fmt.Sprintf("resolved on chain without a preimage in block %d", o.spent)
		}
	case m.closing.stranger():
		// An output that we do not recognize may be its; until it has expired and all is resolved,
		// the peer may show the preimage.
	case !p.possible:
		// BOLT 5: no reorganisation can bring an output for it.
		return "no commitment has an output for it"
	case m.depth(m.started) >= reasonable:
		return fmt.Sprintf("it has no output in the transaction mined in block %d", m.started)
	}
	return ""
}

// failRest fails back what nothing can be learned about any more.
func (m *Machine) failRest() {
	var failed []Failed
	for _, p := range m.offered {
		if !p.ended() {
			p.failed = true
			failed = append(failed, Failed{p.ID, "the channel is irrevocably resolved"})
		}
	}
	if len(failed) > 0 {
		m.say(FailedUpstream{failed})
	}
}

// allIrrevocable says that nothing of the channel can change any more.
func (m *Machine) allIrrevocable() bool {
	if m.depth(m.started) < irrevocable {
		return false
	}
	for _, o := range m.outputs {
		if at := o.resolvedAt(m.height); at == 0 || m.depth(at) < irrevocable {
			return false
		}
	}
	return true
}

// leaveAnchor ends the claim on an anchor that nobody found worth its fee.
func (m *Machine) leaveAnchor() {
	for _, o := range m.outputs {
		if o.role == ourAnchor && o.claim != nil {
			m.leave(o, m.height)
			m.say(Unclaim{[]wire.OutPoint{o.outpoint}})
		}
	}
}

// leave gives an output up.
func (m *Machine) leave(o *output, height block.Height) {
	o.claim, o.givenUp = nil, max(height, o.height)
	m.recordIgnored(o)
}
