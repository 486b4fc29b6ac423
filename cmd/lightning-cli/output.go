package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"

	"fulmen/internal/jsonobject"
)

// format is how a result is printed.
type format int

const (
	auto format = iota // indented JSON, but help and lines of text for people
	indentedJSON
	rawJSON
	human
	flat
)

const indent = "   "

func (f format) print(w io.Writer, result json.RawMessage, isHelp bool) error {
	var b bytes.Buffer
	var err error
	switch {
	case isHelp && (f == auto || f == human):
		err = printHelp(&b, result)
	case (f == auto || f == human) && printLines(&b, result):
	case f == human:
		err = printHuman(&b, result, "")
	case f == flat:
		err = printFlat(&b, result, "")
	case f == rawJSON:
		err = json.Compact(&b, escapeControls(result))
		b.WriteByte('\n')
	default:
		err = json.Indent(&b, escapeControls(result), "", indent)
		b.WriteByte('\n')
	}
	if err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	_, err = w.Write(b.Bytes())
	return err
}

// printLines prints a result that is lines of text and says so (bkpr-report), false where it is another.
func printLines(b *bytes.Buffer, result json.RawMessage) bool {
	list, err := members(result)
	if err != nil || len(list) != 2 {
		return false
	}
	var lines []string
	var hint string
	for _, m := range list {
		if m.Name == "format-hint" {
			err = errors.Join(err, json.Unmarshal(m.Value, &hint))
		} else {
			err = errors.Join(err, json.Unmarshal(m.Value, &lines))
		}
	}
	if err != nil || hint != "simple" {
		return false
	}
	for _, line := range lines {
		b.WriteString(printable(line) + "\n")
	}
	return true
}

func members(object json.RawMessage) (list jsonobject.Object[json.RawMessage], err error) {
	err = json.Unmarshal(object, &list)
	return list, err
}

func elements(array json.RawMessage) (list []json.RawMessage, err error) {
	err = json.Unmarshal(array, &list)
	return list, err
}

// scalarText is a string's text, or any other scalar as it stands.
func scalarText(value json.RawMessage) string {
	var s string
	if json.Unmarshal(value, &s) == nil && value[0] == '"' {
		return printable(s)
	}
	return string(value)
}

// printable escapes what could move a terminal's cursor: peers choose some of the strings.
func printable(s string) string {
	var b strings.Builder
	for _, r := range s {
		if unicode.IsPrint(r) || r == '\n' || r == '\t' {
			b.WriteRune(r)
			continue
		}
		b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
	}
	return b.String()
}

// escapeControls is the same JSON, with what printable escapes as JSON does: outside of strings there is none of it.
func escapeControls(value json.RawMessage) json.RawMessage {
	isControl := func(r rune) bool { return r > '~' && !unicode.IsPrint(r) }
	if !bytes.ContainsFunc(value, isControl) {
		return value
	}
	var b bytes.Buffer
	for _, r := range string(value) {
		switch {
		case !isControl(r):
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.Bytes()
}

// printHuman prints NAME=VALUE, what is within indented, and an empty line between elements.
func printHuman(b *bytes.Buffer, value json.RawMessage, margin string) error {
	switch value[0] {
	case '{':
		list, err := members(value)
		if err != nil {
			return err
		}
		for _, m := range list {
			if isNested(m.Value) {
				fmt.Fprintf(b, "%s%s:\n", margin, printable(m.Name))
				if err := printHuman(b, m.Value, margin+indent); err != nil {
					return err
				}
				continue
			}
			fmt.Fprintf(b, "%s%s=%s\n", margin, printable(m.Name), indentLines(scalarText(m.Value), margin))
		}
	case '[':
		list, err := elements(value)
		if err != nil {
			return err
		}
		for i, e := range list {
			if i > 0 && isNested(e) {
				b.WriteByte('\n')
			}
			if err := printHuman(b, e, margin); err != nil {
				return err
			}
		}
	default:
		fmt.Fprintf(b, "%s%s\n", margin, indentLines(scalarText(value), margin))
	}
	return nil
}

func isNested(value json.RawMessage) bool { return value[0] == '{' || value[0] == '[' }

func indentLines(text, margin string) string {
	return strings.ReplaceAll(text, "\n", "\n"+margin+indent)
}

// printFlat prints PATH=VALUE, one scalar a line.
func printFlat(b *bytes.Buffer, value json.RawMessage, path string) error {
	switch value[0] {
	case '{':
		list, err := members(value)
		if err != nil {
			return err
		}
		if path != "" {
			path += "."
		}
		for _, m := range list {
			if err := printFlat(b, m.Value, path+printable(m.Name)); err != nil {
				return err
			}
		}
	case '[':
		list, err := elements(value)
		if err != nil {
			return err
		}
		for i, e := range list {
			if err := printFlat(b, e, fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
	default:
		text := strings.ReplaceAll(scalarText(value), "\n", `\n`)
		if path != "" {
			text = path + "=" + text
		}
		fmt.Fprintln(b, text)
	}
	return nil
}
