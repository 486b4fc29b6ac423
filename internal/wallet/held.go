package wallet

import (
	"fmt"
	"strings"

	"fulmen/internal/amount"
)

// held says what is in the wallet and may not be chosen now, as "; besides 5sat unconfirmed, 7sat reserved", for who
// wonders where it is; empty if that is nothing.
func (w *Wallet) held(minConf int) string {
	var unconfirmed, immature, reserved amount.Sat
	for _, c := range w.coins {
		switch status := w.Status(c); {
		case status == Spent:
		case status == Immature:
			immature += c.Amount
		case w.Reserved(c):
			reserved += c.Amount
		case w.confirmations(c) < minConf:
			unconfirmed += c.Amount
		}
	}
	var parts []string
	for _, part := range []struct {
		sum amount.Sat
		why string
	}{
		{unconfirmed, fmt.Sprintf("with less than %d confirmations", minConf)}, {immature, "in coinbases that are not mature"},
		{reserved, "reserved"},
	} {
		if part.sum > 0 {
			parts = append(parts, fmt.Sprintf("%s %s", part.sum, part.why))
		}
	}
	if parts == nil {
		return ""
	}
	return "; besides " + strings.Join(parts, ", ")
}
