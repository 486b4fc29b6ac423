package books

import (
	"strings"
	"testing"
	"time"
)

// FuzzReport: no format of a caller's breaks anything, and text without braces stays as it is.
func FuzzReport(f *testing.F) {
	for _, seed := range []string{
		"", "plain", "{tag}", "{{", "{credit?+{credit}:{debit?-{debit}:0}}", "{outpoint:{txid:{payment_id}}}", "{", "{tag", "{tag?", "{tag:", "{?:}",
		"}", "{nothing}", strings.Repeat("{tag?", 40), strings.Repeat("x", maxFormat+1),
	} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	entry := Entry{Income: Income{Account: Wallet, Tag: tagDeposit, Credit: 1}, Description: `a, "b"`}
	f.Fuzz(func(t *testing.T, format string, csv bool) {
		r, err := ParseReport(format, csv, time.UTC)
		if err != nil {
			return
		}
		if text := r.Format(&entry); !strings.Contains(format, "{") && text != format {
			t.Errorf("%q became %q", format, text)
		}
	})
}
