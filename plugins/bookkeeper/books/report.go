package books

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"fulmen/internal/amount"
)

// A Report is a format for incomes: text with tags in braces, {tag}, {tag?if-set}, {tag:if-not-set} or
// {tag?if-set:if-not-set}. {{ is a brace. The parts have tags as well.
type Report struct {
	parts []reportPart
	zone  *time.Location
	csv   bool
}

// reportPart is text, or a tag.
type reportPart struct {
	text     string
	tag      string // empty: it is text
	set      []reportPart
	hasSet   bool
	unset    []reportPart
	hasUnset bool
}

// A format has at most so many bytes, and tags within tags are at most so deep.
const (
	maxFormat  = 8192
	maxNesting = 32
)

// reportTag is a tag and what it says of an entry, "" where there is nothing.
type reportTag struct {
	name  string
	money bool // nothing is 0
	value func(*Report, *Entry) string
}

// reportTags are all, in the order of the published list.
var reportTags = []reportTag{
	{"account", false, func(_ *Report, e *Entry) string { return e.Account }},
	{"tag", false, func(_ *Report, e *Entry) string { return e.Tag }},
	{"description", false, func(_ *Report, e *Entry) string { return e.Description }},
	{"credit", true, func(_ *Report, e *Entry) string { return money("", e.Credit) }},
	{"debit", true, func(_ *Report, e *Entry) string { return money("", e.Debit) }},
	{"fees", true, func(_ *Report, e *Entry) string { return money("", e.Fees) }},
	{"localtime", false, func(r *Report, e *Entry) string {
		return time.Unix(int64(e.Timestamp), 0).In(r.zone).Format(time.DateTime)
	}},
	{"utctime", false, func(_ *Report, e *Entry) string { return utc(e.Timestamp, time.DateTime) }},
	{"outpoint", false, func(_ *Report, e *Entry) string { return e.Outpoint }},
	{"txid", false, func(_ *Report, e *Entry) string { return e.Txid }},
	{"payment_id", false, func(_ *Report, e *Entry) string { return e.PaymentID }},
	// No rates are known here: what needs one is never there.
	{"bkpr-currency", false, nothing},
	{"currencyrate", false, nothing},
	{"creditdebit", true, func(_ *Report, e *Entry) string { return money("+", e.Credit) + money("-", e.Debit) }},
	{"currencycredit", false, nothing},
	{"currencydebit", false, nothing},
	{"currencycreditdebit", false, nothing},
}

func nothing(*Report, *Entry) string { return "" }

func money(sign string, m amount.Msat) string {
	if m == 0 {
		return ""
	}
	return sign + BTC(m)
}

// ParseReport reads a format. With csv, what a tag becomes is quoted where CSV wants that; text is left as it is.
func ParseReport(format string, csv bool, zone *time.Location) (*Report, error) {
	if len(format) > maxFormat {
		return nil, fmt.Errorf("has %d bytes, more than %d", len(format), maxFormat)
	}
	p := reportParser{rest: format}
	parts, err := p.parse("", 0)
	if err != nil {
		return nil, fmt.Errorf("at byte %d: %w", len(format)-len(p.rest), err)
	}
	return &Report{parts: parts, zone: zone, csv: csv}, nil
}

type reportParser struct{ rest string }

// parse reads up to one of the bytes of end, which it leaves, or to the end of all.
func (p *reportParser) parse(end string, depth int) ([]reportPart, error) {
	if depth > maxNesting {
		return nil, fmt.Errorf("tags within tags are %d deep at most", maxNesting)
	}
	var parts []reportPart
	for p.rest != "" {
		i := strings.IndexAny(p.rest, "{"+end)
		if i < 0 {
			i = len(p.rest)
		}
		if i > 0 {
			parts = append(parts, reportPart{text: p.rest[:i]})
			p.rest = p.rest[i:]
			continue
		}
		switch {
		case p.rest[0] != '{':
			return parts, nil
		case strings.HasPrefix(p.rest, "{{"):
			parts = append(parts, reportPart{text: "{"})
			p.rest = p.rest[2:]
		default:
			tag, err := p.tag(depth)
			if err != nil {
				return nil, err
			}
			parts = append(parts, tag)
		}
	}
	if end != "" {
		return nil, errors.New("a { has no }")
	}
	return parts, nil
}

// tag reads from a { to its }.
func (p *reportParser) tag(depth int) (part reportPart, err error) {
	i := strings.IndexAny(p.rest, "?:}")
	if i < 0 {
		return part, errors.New("a { has no }")
	}
	part.tag = p.rest[1:i]
	if !slices.ContainsFunc(reportTags, tagNamed(part.tag)) {
		return part, fmt.Errorf("there is no tag %.40q", part.tag)
	}
	p.rest = p.rest[i:]
	if p.rest[0] == '?' {
		p.rest, part.hasSet = p.rest[1:], true
		if part.set, err = p.parse(":}", depth+1); err != nil {
			return part, err
		}
	}
	if p.rest[0] == ':' {
		p.rest, part.hasUnset = p.rest[1:], true
		if part.unset, err = p.parse("}", depth+1); err != nil {
			return part, err
		}
	}
	p.rest = p.rest[1:]
	return part, nil
}

func tagNamed(name string) func(reportTag) bool {
	return func(t reportTag) bool { return t.name == name }
}

// Format writes an entry.
func (r *Report) Format(e *Entry) string {
	var b strings.Builder
	for i := range r.parts {
		p := &r.parts[i]
		text := r.expand(p, e)
		if p.tag != "" && r.csv {
			text = quoteCSV(text)
		}
		b.WriteString(text)
	}
	return b.String()
}

func (r *Report) expand(p *reportPart, e *Entry) string {
	if p.tag == "" {
		return p.text
	}
	t := &reportTags[slices.IndexFunc(reportTags, tagNamed(p.tag))]
	value := t.value(r, e)
	switch {
	case value != "" && p.hasSet:
		return r.all(p.set, e)
	case value == "" && p.hasUnset:
		return r.all(p.unset, e)
	case value == "" && t.money:
		return "0"
	}
	return value
}

func (r *Report) all(parts []reportPart, e *Entry) string {
	var b strings.Builder
	for i := range parts {
		b.WriteString(r.expand(&parts[i], e))
	}
	return b.String()
}

func quoteCSV(field string) string {
	if !strings.ContainsAny(field, "\",\r\n") {
		return field
	}
	return `"` + strings.ReplaceAll(field, `"`, `""`) + `"`
}

// ReportTags are the names of all tags.
func ReportTags() []string {
	var names []string
	for _, t := range reportTags {
		names = append(names, t.name)
	}
	return names
}
