package books

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"fulmen/internal/amount"
	"fulmen/internal/scripttest"
)

// TestScripts folds movements and shows the books. Run it with -rewrite to write what they print.
//
//	chain ACCOUNT TAG utxo=TX:N [credit=] [debit=] [by=TX] [origin=] [count=] [hash=] [extra=] [peer=]   amounts in msat
//	channel ACCOUNT TAG [credit=] [debit=] [fees=] [hash=N]
//	block                                                       the next one is a block and ten minutes later
//	over CHANNEL                                                lightningd has done with it
//	balances | incomes [consolidate=false] | events [account=] [id=] | inspect ACCOUNT | earnings [height=]
//	report FORMAT, with _ for a space | csv FORMAT
//
// incomes says what they come to, and what the accounts have.
func TestScripts(t *testing.T) {
	scripttest.Run(t, "testdata/*.txtar", func(*testing.T) scripttest.Env { return &env{at: 1_700_000_000, height: 100} })
}

type env struct {
	books  Books
	index  uint64
	at     uint64
	height uint32
}

// Do implements scripttest.Env.
func (e *env) Do(c *scripttest.Command) []string {
	defer c.Done()
	switch c.Word(0) {
	case "chain":
		e.chain(c)
	case "channel":
		e.channel(c)
	case "block":
		e.at += 600
		e.height++
	case "over":
		e.books.Over(c.Word(1))
	case "balances":
		return e.balances()
	case "incomes":
		return e.incomes(c.Bool("consolidate", true))
	case "events":
		return e.events(c)
	case "inspect":
		return e.inspect(c)
	case "earnings":
		return e.earnings(uint32(c.Uint("height", uint64(e.height))))
	case "report":
		return e.report(c)
	case "csv":
		return e.csv(c)
	default:
		c.T.Fatalf("%s: no such command", c.Line)
	}
	return nil
}

func (e *env) next() uint64 {
	e.index++
	return e.index
}

func (e *env) chain(c *scripttest.Command) {
	m := ChainMove{
		CreatedIndex: e.next(), Account: c.Word(1), Tag: c.Word(2), Credit: msat(c, "credit"), Debit: msat(c, "debit"), Timestamp: e.at,
		PeerID: c.String("peer", ""), Origin: c.String("origin", ""), SpendingTxid: c.String("by", ""), Outpoint: c.String("utxo", ""),
		PaymentHash: c.String("hash", ""), OutputCount: uint32(c.Uint("count", 0)), Height: e.height,
	}
	m.Output = msat(c, "output")
	if m.Output == 0 {
		m.Output = m.Credit + m.Debit
	}
	if extra := c.String("extra", ""); extra != "" {
		m.ExtraTags = strings.Split(extra, ",")
	}
	e.books.AddChain(m)
	if e.books.LastChain() != m.CreatedIndex {
		c.T.Errorf("the last movement in the chain is %d, not %d", e.books.LastChain(), m.CreatedIndex)
	}
}

func (e *env) channel(c *scripttest.Command) {
	m := ChannelMove{
		CreatedIndex: e.next(), Account: c.Word(1), Tag: c.Word(2), Credit: msat(c, "credit"), Debit: msat(c, "debit"), Fees: msat(c, "fees"),
		Timestamp: e.at,
	}
	m.PaymentHash[0] = byte(c.Uint("hash", 0))
	e.books.AddChannel(m)
	if e.books.LastChannel() != m.CreatedIndex {
		c.T.Errorf("the last movement in a channel is %d, not %d", e.books.LastChannel(), m.CreatedIndex)
	}
}

func msat(c *scripttest.Command, name string) amount.Msat { return amount.Msat(c.Uint(name, 0)) }

func (e *env) balances() (lines []string) {
	for _, b := range e.books.Balances() {
		line := fmt.Sprintf("%s %d", b.Account, b.Msat)
		if b.WeOpened {
			line += " we_opened"
		}
		switch {
		case b.Resolved:
			line += fmt.Sprintf(" resolved=%d", b.ResolvedAt)
		case b.Closed:
			line += " closed"
		}
		lines = append(lines, line)
	}
	return lines
}

func (e *env) incomes(consolidate bool) (lines []string) {
	var sum, have net
	for _, i := range e.books.Incomes(Period{End: e.at}, consolidate) {
		line := fmt.Sprintf("%s %s %+d", i.Account, i.Tag, net(i.Credit)-net(i.Debit))
		sum += net(i.Credit) - net(i.Debit)
		for _, id := range []string{i.Outpoint, i.Txid, short(i.PaymentID)} {
			if id != "" {
				line += " " + id
			}
		}
		lines = append(lines, line)
	}
	for _, b := range e.books.Balances() {
		have += b.Msat
	}
	return append(lines, fmt.Sprintf("sum %d of %d", sum, have))
}

// short is the first byte of a payment_hash.
func short(hash string) string { return hash[:min(2, len(hash))] }

func (e *env) events(c *scripttest.Command) (lines []string) {
	var keep func(*Event) bool
	if name := c.String("account", ""); name != "" {
		keep = OfAccount(name)
	} else if id := c.String("id", ""); id != "" {
		keep = OfPayment(id)
	}
	for _, v := range e.books.Events(keep) {
		line := fmt.Sprintf("%s %s %s %+d", v.Type, v.Account, v.Tag, net(v.Credit)-net(v.Debit))
		for _, id := range []string{v.Outpoint, v.Txid, short(v.PaymentID)} {
			if id != "" {
				line += " " + id
			}
		}
		if v.Rebalance {
			line += " rebalance"
		}
		lines = append(lines, line)
	}
	return lines
}

func (e *env) inspect(c *scripttest.Command) (lines []string) {
	txs, ok := e.books.Inspect(c.Word(1))
	if !ok {
		return []string{"no such channel"}
	}
	for _, t := range txs {
		lines = append(lines, fmt.Sprintf("%s block=%d fees=%d", t.Txid, t.Height, t.Fees))
		for _, o := range t.Outputs {
			line := fmt.Sprintf("  %d %s %d", o.Index, o.Account, o.Value)
			if o.Credit != nil {
				line += fmt.Sprintf(" %s %+d", o.Tag, *o.Credit)
			}
			if o.Debit != nil {
				line += fmt.Sprintf(" %s -%d %s", o.SpendTag, *o.Debit, o.Spender)
			}
			lines = append(lines, line)
		}
	}
	return lines
}

func (e *env) earnings(height uint32) (lines []string) {
	for _, a := range e.books.Channels(Period{End: e.at}, height) {
		lines = append(lines, fmt.Sprintf("%s out=%d in=%d fees=%d,%d pushed=%d,%d start=%d of %d used=%s blocks=%d year=%s", a.Account, a.RoutedOut, a.RoutedIn,
			a.FeesOut, a.FeesIn, a.PushedOut, a.PushedIn, a.OurStart, a.AllStart, Share(a.RoutedOut, a.AllStart), a.Blocks, a.Yearly(a.FeesOut, a.AllStart)))
	}
	return lines
}

func (e *env) entries() (list []Entry) {
	for _, i := range e.books.Incomes(Period{End: e.at}, true) {
		i.PaymentID = short(i.PaymentID)
		entry := Entry{Income: i}
		if i.PaymentID != "" {
			entry.Description = "=for \"you\", me"
		}
		list = append(list, entry)
	}
	return list
}

func (e *env) report(c *scripttest.Command) (lines []string) {
	format, err := ParseReport(strings.ReplaceAll(c.Word(1), "_", " "), c.Bool("csv", false), time.UTC)
	if err != nil {
		return []string{err.Error()}
	}
	for _, entry := range e.entries() {
		lines = append(lines, format.Format(&entry))
	}
	return lines
}

func (e *env) csv(c *scripttest.Command) []string {
	var b strings.Builder
	if err := WriteCSV(&b, c.Word(1), "BTC", e.entries()); err != nil {
		return []string{err.Error()}
	}
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
}
