package txwatch

import "fmt"

// Status says in plain words what of a channel waits to be mined, one line for each transaction.
func (m *Machine) Status(channel uint64) []string {
	var lines []string
	for _, j := range m.sortedJobs() {
		if j.channel != channel || j.last == nil && j.commitment == nil {
			continue
		}
		switch {
		case j.commitment != nil && j.last == nil:
			lines = append(lines, fmt.Sprintf("Our commitment %s, fee %s, waits to be mined", j.commitment.Tx.TxHash(), j.commitment.Fee))
		case j.commitment != nil:
			lines = append(lines, fmt.Sprintf("Our commitment %s, fee %s, waits to be mined with its child %s, fee %s",
				j.commitment.Tx.TxHash(), j.commitment.Fee, j.last.txid, j.last.fee))
		case m.mined(j.last):
			continue
		case len(j.claims) == 0:
			lines = append(lines, fmt.Sprintf("Transaction %s, fee %s, waits to be mined", j.last.txid, j.last.fee))
		default:
			value, _ := j.value()
			lines = append(lines, fmt.Sprintf("Transaction %s, fee %s, waits to be mined: %s", j.last.txid, j.last.fee, m.why(j, value, j.deadline())))
		}
		if j.refused != "" {
			lines[len(lines)-1] += "; the backend refused it: " + j.refused
		}
	}
	for _, c := range m.sortedClaims() {
		if c.Channel == channel && c.job == nil && c.said != "" && !c.left {
			lines = append(lines, fmt.Sprintf("%s, %s, waits for lower fees: %s", c.Name, c.Amount, c.said))
		}
	}
	return lines
}
