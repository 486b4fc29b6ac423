package bookkeeper

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"fulmen/internal/command"
	"fulmen/plugins/bookkeeper/books"
)

type csvParams struct {
	CSVFormat       string  `param:"csv_format" enum:"cointracker,koinly,harmony,quickbooks" doc:"Who is to read the file."`
	CSVFile         *string `param:"csv_file" doc:"Where it goes: a name that ends in .csv, in the node's folder unless it has another. Default is a name with the format and the time."`
	ConsolidateFees bool    `param:"consolidate_fees" default:"true" doc:"As bkpr-listincome has it."`
	StartTime       *uint64 `param:"start_time" doc:"Only what was at this time or later, in unix seconds."`
	EndTime         *uint64 `param:"end_time" doc:"Only what was at this time or before."`
}

type csvResult struct {
	CSVFile   string `json:"csv_file" doc:"The file."`
	CSVFormat string `json:"csv_format" doc:"The parameter."`
}

func (b *Bookkeeper) csvCommand() *command.Command {
	return command.New(command.Doc{
		Name: "bkpr-dumpincomecsv", Category: command.Utility,
		Short: "Write what the node earned and spent into a CSV file.",
		Long: "The entries are those of bkpr-listincome, in the form of CoinTracker, Koinly, Harmony 0.2 or QuickBooks; amounts are bitcoin with 11 decimal places, times are UTC. " +
			"For the first two the fee of a payment is in its row. The file's name has to end in .csv; one that exists is replaced. " +
			"Where the node is confined from outside, files can be written into its folder alone.",
		SeeAlso: []string{"bkpr-listincome", "bkpr-report"},
	}, b.dumpCSV)
}

func (b *Bookkeeper) dumpCSV(ctx context.Context, p *csvParams) (*csvResult, error) {
	r := &csvResult{CSVFormat: p.CSVFormat}
	if p.CSVFile != nil {
		r.CSVFile = *p.CSVFile
	} else {
		r.CSVFile = fmt.Sprintf("income_%s_%d.csv", p.CSVFormat, b.config.Now().Unix())
	}
	var entries []books.Entry
	err := b.withEntries(ctx, between(p.StartTime, p.EndTime), p.ConsolidateFees, func(e *books.Entry) error {
		entries = append(entries, *e)
		return nil
	})
	if err != nil {
		return nil, err
	}
	path := r.CSVFile
	if !filepath.IsAbs(path) {
		path = filepath.Join(b.config.Folder, path)
	}
	asset := b.config.Coin
	if asset == "bc" {
		asset = "BTC"
	}
	if err := writeFile(path, func(w *bufio.Writer) error { return books.WriteCSV(w, p.CSVFormat, asset, entries) }); err != nil {
		return nil, command.BadParam("csv_file", "%w", err)
	}
	return r, nil
}

// writeFile writes a file in one step: it is as it was before, or whole.
func writeFile(path string, write func(*bufio.Writer) error) (err error) {
	// Whoever may run commands must not come by this to the files that the node needs.
	if !strings.HasSuffix(path, ".csv") {
		return fmt.Errorf("%q does not end in .csv", path)
	}
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no file", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".income-*.new")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	w := bufio.NewWriter(f)
	err = write(w)
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
