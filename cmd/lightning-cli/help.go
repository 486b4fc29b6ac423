package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// helpEntry is what the help command says of one command.
type helpEntry struct {
	Command     string `json:"command"` // with its parameters
	Category    string `json:"category"`
	Description string `json:"description"`
	Verbose     string `json:"verbose"`
}

func (e *helpEntry) name() string {
	name, _, _ := strings.Cut(e.Command, " ")
	return name
}

// printHelp prints the explanation of one command, or all with a line each.
func printHelp(b *bytes.Buffer, result json.RawMessage) error {
	var list struct {
		Help []helpEntry `json:"help"`
	}
	if err := json.Unmarshal(result, &list); err != nil {
		return err
	}
	if len(list.Help) == 1 && list.Help[0].Verbose != "" {
		b.WriteString(printable(list.Help[0].Verbose))
		return nil
	}
	width := 0
	byCategory := make(map[string][]helpEntry)
	for _, e := range list.Help {
		width = max(width, len(e.name()))
		byCategory[e.Category] = append(byCategory[e.Category], e)
	}
	for _, category := range slices.Sorted(maps.Keys(byCategory)) {
		fmt.Fprintf(b, "%s:\n", printable(category))
		for _, e := range byCategory[category] {
			fmt.Fprintf(b, "  %-*s  %s\n", width, printable(e.name()), printable(e.Description))
		}
		b.WriteByte('\n')
	}
	b.WriteString("\"lightning-cli help COMMAND\" explains one of them.\n")
	return nil
}
