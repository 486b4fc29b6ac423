package txwatch

import "strings"

// complaint is what a backend's refusal is about. Backends say it in words of their own: these are
// bitcoind's and btcd's.
type complaint int

const (
	otherwise complaint = iota
	tooCheap
	conflict // somebody else's transaction in the mempool spends an input
	missing  // an input is spent in a block, or its transaction is not there yet
)

var complaints = []struct {
	about complaint
	words []string
}{
	{tooCheap, []string{"insufficient fee", "min relay fee", "mempool min fee", "minrelaytxfee", "insufficient priority", "fee rate", "feerate", "fees which is under", "rejecting replacement", "absolute fee"}},
	{conflict, []string{"already spent", "txn-mempool-conflict", "double spend", "spent by transaction", "bad-txns-spends-conflicting"}},
	{missing, []string{"missingorspent", "missing inputs", "missing-inputs", "orphan", "does not exist"}},
}

func complaintOf(reason string) complaint {
	reason = strings.ToLower(reason)
	for _, c := range complaints {
		for _, w := range c.words {
			if strings.Contains(reason, w) {
				return c.about
			}
		}
	}
	return otherwise
}

// refuse decides what follows from a backend's refusal.
func (m *Machine) refuse(r Refused) []Action {
	j := m.jobs[r.ID]
	if j == nil {
		return nil
	}
	if j.isParent(r.Tx) {
		return m.commitmentRefused(j, r.Reason)
	}
	txid, tried := r.Tx.TxHash(), j.last
	switch {
	case j.isLast(r.Tx):
	case j.pending != nil:
		tried = j.pending
		j.answered(r.Tx)
	default:
		return nil
	}
	j.refused = r.Reason
	switch about := complaintOf(r.Reason); {
	case about != tooCheap && about != otherwise && len(j.claims) > 1:
		return m.split(j, r.Reason)
	case about == tooCheap && j.commitment == nil, about == conflict && j.deadline() != 0:
		j.atLeast = max(j.atLeast, afterRefusal(tried.rate))
		return j.say("backend refuses transaction %s at %s: %s; the next block's try pays at least %s", txid, tried.rate, r.Reason, j.atLeast)
	case about == tooCheap:
		j.atLeast = max(j.atLeast, afterRefusal(tried.rate))
		return j.say("backend refuses the child of our commitment, %s, at %s: %s; the next block's pays at least %s", txid, tried.rate, r.Reason, j.atLeast)
	}
	return j.say("backend refuses transaction %s: %s; it is tried again with the next block", txid, r.Reason)
}

func (m *Machine) commitmentRefused(j *job, reason string) []Action {
	j.refused = reason
	if complaintOf(reason) != tooCheap {
		return j.say("backend refuses our commitment %s: %s; it is sent again with each block", j.commitment.Tx.TxHash(), reason)
	}
	rate := rateOf(j.commitment.Fee, weightOf(j.commitment.Tx))
	j.atLeast = max(j.atLeast, m.fees.Urgent, afterRefusal(rate))
	return j.say("backend refuses our commitment for its fee rate of %s: %s; unless a child takes it along, both are sent again with each block until it asks for less",
		rate, reason)
}

// split makes a job of each claim of a batch of which the other side has spent a part, or that can no
// longer be mined for some other reason.
func (m *Machine) split(j *job, reason string) []Action {
	claims := j.claims
	actions := m.end(j)
	for _, c := range claims {
		single := m.newJob(j.channel)
		single.claims, c.job = []*claim{c}, single
	}
	return append(actions, Say{j.channel, "backend refuses a transaction for several outputs: " + reason + "; each is claimed on its own"})
}

// failed notes that a transaction was not made or not sent. It is made anew with the next block.
func (m *Machine) failed(f Failed) []Action {
	j := m.jobs[f.ID]
	if j == nil || j.pending == nil {
		return nil
	}
	j.pending = nil
	if f.Script != nil {
		j.script = f.Script
	}
	return j.say("transaction is not sent: %s; it is made again with the next block", f.Reason)
}
