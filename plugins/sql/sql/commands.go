package sql

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"fulmen/internal/command"
	"fulmen/internal/rpc"
)

// Commands are all, for the plugin and for its pages.
func (s *SQL) Commands() []*command.Command {
	return []*command.Command{s.sqlCommand(), s.schemasCommand()}
}

type sqlParams struct {
	Query string `param:"query" doc:"One SELECT, as SQLite has it."`
}

type sqlResult struct {
	Rows []json.RawMessage `json:"rows" doc:"An array for each row, with an integer, real number, string, hex or null for each column."`
}

func (s *SQL) sqlCommand() *command.Command {
	return command.New(command.Doc{
		Name: "sql", Category: command.Utility,
		Short: "Ask a question about what the list commands say.",
		Long: "Each list command is a table: listinvoices is invoices, listpeerchannels is peerchannels; listsqlschemas has all. " +
			"The members of an object are columns with its name before theirs (alias_local). " +
			"An array is a table of its own (peerchannels_htlcs), whose column row is the rowid of the entry that it belongs to, and arrindex the place in the array; " +
			"a member named index is the column idx. Where a list has created_index, that is the rowid. " +
			"Hex is a BLOB: compare it with x'02ab'. true and false are 1 and 0.\n\n" +
			"Nothing can be written, and these functions alone can be used: " + strings.Join(functions, ", ") + ". " +
			fmt.Sprintf("A query has %d bytes at most, its rows %d MB, the tables and its work %d MB of memory; it ends after %s. ",
				MaxQuery, MaxResult>>20, maxMemory>>20, DefaultTime) +
			"A query that comes to such an end is an error: there are no rows then. What follows a first statement is not looked at.\n\n" +
			"Tables are brought up to date when they are asked for, with what was created or changed since the last time where the node counts that. " +
			"lightning-cli needs -o before a query with a = in it.",
		Errors: []command.Failure{
			{Code: rpc.CodeInvalidParams, When: "The query is not valid, does what it must not, or comes to a limit."},
		},
		SeeAlso: []string{"listsqlschemas"},
	}, s.sql)
}

func (s *SQL) sql(ctx context.Context, p *sqlParams) (*sqlResult, error) {
	rows, err := s.Query(ctx, p.Query)
	var wrong *queryError
	if errors.As(err, &wrong) {
		return nil, command.BadParam("query", "%w", err)
	}
	if err != nil {
		return nil, err
	}
	return &sqlResult{rows}, nil
}

type schemasParams struct {
	Table *string `param:"table" doc:"Only this table."`
}

type schemaColumn struct {
	Name string `json:"name" doc:"Its name."`
	Type Kind   `json:"type" doc:"INTEGER, REAL, TEXT or BLOB."`
}

type schemaEntry struct {
	TableName string         `json:"tablename" doc:"The table's name."`
	Columns   []schemaColumn `json:"columns" doc:"Its columns, in their order."`
	Indices   [][]string     `json:"indices,omitempty" doc:"The columns of each index of it."`
}

type schemasResult struct {
	Schemas []schemaEntry `json:"schemas" doc:"The tables."`
}

func (s *SQL) schemasCommand() *command.Command {
	return command.New(command.Doc{
		Name: "listsqlschemas", Category: command.Utility,
		Short:   "List the tables that sql has, with their columns.",
		Long:    "Columns may come in later versions: name those that you want, rather than to ask for *.",
		SeeAlso: []string{"sql"},
	}, s.schemas)
}

func (s *SQL) schemas(_ context.Context, p *schemasParams) (*schemasResult, error) {
	r := &schemasResult{}
	if p.Table != nil {
		t, _ := byName(*p.Table)
		if t == nil {
			return nil, command.BadParam("table", "there is no table %s", *p.Table)
		}
		r.Schemas = append(r.Schemas, t.show())
		return r, nil
	}
	for _, t := range tables {
		r.Schemas = append(r.Schemas, t.show())
		for _, related := range t.Related {
			r.Schemas = append(r.Schemas, related.show())
		}
	}
	return r, nil
}

func (t *Table) show() schemaEntry {
	e := schemaEntry{TableName: t.Name, Indices: t.allIndexes()}
	for _, c := range t.allColumns() {
		e.Columns = append(e.Columns, schemaColumn{c.Name, c.Kind})
	}
	return e
}
