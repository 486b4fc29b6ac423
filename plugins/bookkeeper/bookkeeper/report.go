package bookkeeper

import (
	"context"
	"strings"

	"fulmen/internal/command"
	"fulmen/plugins/bookkeeper/books"
)

type reportParams struct {
	Format    string   `param:"format" default:"{localtime} {tag} {creditdebit} {account} {description:{outpoint:{txid:{payment_id}}}}" doc:"What each income or expense is written as, with tags in braces."`
	Headers   []string `param:"headers,optional" doc:"Lines to put before them."`
	Escape    string   `param:"escape" enum:"none,csv" default:"none" doc:"With csv, what a tag becomes is quoted where it has commas, quotes or line breaks; text beside tags is not."`
	StartTime *uint64  `param:"start_time" doc:"Only what was at this time or later, in unix seconds."`
	EndTime   *uint64  `param:"end_time" doc:"Only what was at this time or before."`
}

type reportResult struct {
	Report     []string `json:"report" doc:"The headers, and a line for each income or expense."`
	FormatHint string   `json:"format-hint" doc:"simple: lightning-cli shows the lines alone."`
}

func (b *Bookkeeper) reportCommand() *command.Command {
	return command.New(command.Doc{
		Name: "bkpr-report", Category: command.Utility,
		Short: "Write what the node earned and spent in a format of your own.",
		Long: "The tags are {" + strings.Join(books.ReportTags(), "}, {") + "}. credit, debit, fees and creditdebit are bitcoin with 11 decimal places, creditdebit with its sign; " +
			"times are YYYY-MM-DD HH:MM:SS. A tag of which there is nothing becomes an empty text, or 0 if it is an amount; those about currencies are always empty: this node knows no rates.\n\n" +
			"{tag?text} is the text if there is something, {tag:text} if there is not, {tag?text:text} one or the other; the texts have tags themselves. {{ is a brace.\n\n" +
			"lightning-cli takes a format that begins with { and ends with } for JSON: put a space before it.",
		SeeAlso: []string{"bkpr-listincome", "bkpr-dumpincomecsv", "bkpr-listaccountevents"},
	}, b.report)
}

func (b *Bookkeeper) report(ctx context.Context, p *reportParams) (*reportResult, error) {
	format, err := books.ParseReport(p.Format, p.Escape == "csv", b.config.Zone)
	if err != nil {
		return nil, command.BadParam("format", "%w", err)
	}
	r := &reportResult{Report: append([]string{}, p.Headers...), FormatHint: "simple"}
	err = b.withEntries(ctx, between(p.StartTime, p.EndTime), true, func(e *books.Entry) error {
		r.Report = append(r.Report, format.Format(e))
		return nil
	})
	return r, err
}
