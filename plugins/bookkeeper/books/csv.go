package books

import (
	"encoding/csv"
	"fmt"
	"io"
	"strings"
	"time"

	"fulmen/internal/amount"
)

// Entry is an income with what it was for, as formats show it.
type Entry struct {
	Income
	Description string
}

// Formats are the names of all formats of WriteCSV.
const Formats = "cointracker,koinly,harmony,quickbooks"

// WriteCSV writes incomes in the form of a program or service that reads such files. asset is the ticker. Texts that
// came from others never begin as a spreadsheet's formula does.
func WriteCSV(w io.Writer, format, asset string, entries []Entry) error {
	f := csvFormat{w: csv.NewWriter(w), asset: asset}
	row := map[string]func(*Entry) []string{
		"cointracker": f.coinTracker, "koinly": f.koinly, "harmony": f.harmony, "quickbooks": f.quickBooks,
	}[format]
	if row == nil {
		return fmt.Errorf("format %q is none of %s", format, Formats)
	}
	for _, line := range csvHeads[format] {
		if err := f.w.Write(line); err != nil {
			return err
		}
	}
	for i := range entries {
		fields := row(&entries[i])
		if fields == nil {
			continue
		}
		if err := f.w.Write(fields); err != nil {
			return err
		}
	}
	f.w.Flush()
	return f.w.Error()
}

var csvHeads = map[string][][]string{
	"cointracker": {{
		"Date", "Received Quantity", "Received Currency", "Sent Quantity", "Sent Currency", "Fee Amount", "Fee Currency", "Tag", "Account",
	}},
	"koinly": {{
		"Date", "Sent Amount", "Sent Currency", "Received Amount", "Received Currency", "Fee Amount", "Fee Currency", "Label", "Description", "TxHash",
	}},
	// Each row has as many fields, so that other readers take it too; version 0.2 of the format wants this of nobody.
	"harmony": {
		{"HarmonyCSV v0.2", "", "", "", "", "", "", "", "", ""},
		{"Provenance", "cln-bookkeeper", "", "", "", "", "", "", "", ""},
		{"", "", "", "", "", "", "", "", "", ""},
		{"Timestamp", "Venue", "Type", "Amount", "Asset", "Transaction ID", "Order ID", "Account", "Network ID", "Note"},
	},
	"quickbooks": {{"Date", "Description", "Credit", "Debit"}},
}

type csvFormat struct {
	w     *csv.Writer
	asset string
}

// pair is an amount and its asset, or neither.
func (f *csvFormat) pair(m amount.Msat) []string {
	if m == 0 {
		return []string{"", ""}
	}
	return []string{BTC(m), f.asset}
}

func (f *csvFormat) coinTracker(e *Entry) []string {
	if e.Tag == tagInvoiceFee {
		return nil // it is in the row of its invoice
	}
	row := []string{utc(e.Timestamp, "01/02/2006 15:04:05")}
	row = append(row, f.pair(e.Credit)...)
	row = append(row, f.pair(e.Debit)...)
	row = append(row, f.pair(e.Fees)...)
	return append(row, e.Tag, e.Account)
}

func (f *csvFormat) koinly(e *Entry) []string {
	if e.Tag == tagInvoiceFee {
		return nil
	}
	row := []string{utc(e.Timestamp, "2006-01-02 15:04:05 UTC")}
	row = append(row, f.pair(e.Debit)...)
	row = append(row, f.pair(e.Credit)...)
	row = append(row, f.pair(e.Fees)...)
	return append(row, e.Tag, noFormula(e.Description), e.id())
}

func (f *csvFormat) harmony(e *Entry) []string {
	value := BTC(e.Credit)
	if e.Debit > 0 {
		value = "-" + BTC(e.Debit)
	}
	network := e.Outpoint
	if network == "" {
		network = e.Txid
	}
	note := e.Tag
	if e.Description != "" {
		note += ": " + e.Description
	}
	return []string{
		utc(e.Timestamp, time.RFC3339), "cln", e.harmonyType(), value, f.asset, e.id(), e.PaymentID, e.Account, network, note,
	}
}

// harmonyType is one of the types that version 0.2 of the format has.
func (e *Entry) harmonyType() string {
	switch {
	case e.Tag == tagFee:
		return "fee:network"
	case e.Tag == tagInvoiceFee || e.Tag == tagRebalanceFee:
		return "fee"
	case e.Tag == tagDeposit:
		return "transfer:deposit"
	case e.Tag == tagWithdrawal:
		return "transfer:withdrawal"
	case e.Tag == tagIgnored || e.Tag == tagPenalized || e.Tag == tagStolen:
		return "loss"
	case e.Debit > 0:
		return "expense"
	}
	return "income"
}

func (f *csvFormat) quickBooks(e *Entry) []string {
	text := fmt.Sprintf("%s (%s)", e.Tag, e.Account)
	if e.Description != "" {
		text += " " + e.Description
	}
	// What is nothing stays empty: a 0 is refused there.
	return []string{utc(e.Timestamp, "01/02/2006"), text, f.pair(e.Credit)[0], f.pair(e.Debit)[0]}
}

// id is what tells an income best: there need not be any.
func (e *Entry) id() string {
	for _, id := range []string{e.Txid, e.PaymentID, e.Outpoint} {
		if id != "" {
			return id
		}
	}
	return ""
}

// noFormula keeps a text that somebody else wrote from being run by who opens the file.
func noFormula(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}

// BTC is an amount in bitcoin, to the msat.
func BTC(m amount.Msat) string { return fmt.Sprintf("%d.%011d", m/1e11, m%1e11) }

func utc(at uint64, layout string) string { return time.Unix(int64(at), 0).UTC().Format(layout) }
