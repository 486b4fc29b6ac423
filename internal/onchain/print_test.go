package onchain_test

import (
	"fmt"
	"strings"

	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/onchain"
)

// print is what the scripts show of actions.
func (s *script) print(actions []onchain.Action) (lines []string) {
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	for _, a := range actions {
		switch a := a.(type) {
		case onchain.Started:
			say("started %s number=%d: %s", a.Kind, a.CommitmentNumber, a.Text)
		case onchain.Watch:
			say("watch%s", s.outpoints(a.Outpoints))
		case onchain.Unwatch:
			say("unwatch%s", s.outpoints(a.Outpoints))
		case *onchain.Claim:
			say("%s", s.claimLine(a))
		case onchain.Unclaim:
			say("unclaim%s", s.outpoints(a.Outpoints))
		case onchain.Learned:
			for _, p := range a.HTLCs {
				say("learned preimage %x of htlc %d", p.Preimage[31:], p.HTLCID)
			}
		case onchain.FailedUpstream:
			for _, f := range a.HTLCs {
				say("failed htlc %d: %s", f.HTLCID, f.Reason)
			}
		case onchain.Movement:
			say("%s", s.movementLine(&a))
		case onchain.Status:
			say("status %s", a.Text)
		case onchain.Resolved:
			say("resolved in block %d", a.Height)
		}
	}
	return lines
}

func (s *script) name(o btcwire.OutPoint) string {
	if o == s.state.FundingOutpoint {
		return "funding"
	}
	return fmt.Sprintf("%s:%d", s.names[o.Hash], o.Index)
}

func (s *script) outpoints(list []btcwire.OutPoint) string {
	var b strings.Builder
	for _, o := range list {
		b.WriteString(" " + s.name(o))
	}
	return b.String()
}

// claimLine leaves out what is not set.
func (s *script) claimLine(c *onchain.Claim) string {
	line := fmt.Sprintf("claim %s %s %s after=%d", s.name(c.Outpoint), c.Kind, c.Amount, c.After)
	if c.Deadline != 0 {
		line += fmt.Sprintf(" deadline=%d", c.Deadline)
	}
	if c.ContestedFrom != 0 {
		line += fmt.Sprintf(" contested=%d", c.ContestedFrom)
	}
	if c.LockTime != 0 {
		line += fmt.Sprintf(" locktime=%d", c.LockTime)
	}
	if c.Fixed != nil {
		line += fmt.Sprintf(" fixed=%dsat", c.Fixed.Value)
	}
	if c.Final {
		line += " final"
	}
	return line
}

func (s *script) movementLine(m *onchain.Movement) string {
	sign, msat := "+", m.Credit
	if m.Debit != 0 {
		sign, msat = "-", m.Debit
	}
	line := fmt.Sprintf("account %s %s %s %s%s block=%d", m.Account, m.Tag, s.name(m.Outpoint), sign, msat, m.Height)
	if m.SpendingTxid != nil {
		line += " by=" + s.names[*m.SpendingTxid]
	}
	return line
}
