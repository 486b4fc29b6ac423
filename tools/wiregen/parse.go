package main

import (
	"fmt"
	"strconv"
	"strings"
)

// definitions is one CSV file, in its order.
type definitions struct {
	messages []*message
	streams  []*stream
	subtypes []*subtype
}

type message struct {
	name   string
	number int
	fields []*field
	tlvs   *stream // nil: whatever follows the fields is ignored
}

type stream struct {
	name    string
	records []*record
	used    bool // some message ends with it
}

type record struct {
	name   string
	number uint64
	fields []*field
}

type subtype struct {
	name   string
	fields []*field
}

// field is one value, or several where count says so.
type field struct {
	name  string
	typ   string
	count string // "", a number, the name of the field that holds the count, or "..."
	sub   *subtype
	isLen bool // counts a later field, so it is not in the struct
}

// parse reads a whole definitions file and ties its parts together.
func parse(text string) (*definitions, error) {
	d := new(definitions)
	for i, line := range strings.Split(text, "\n") {
		if line == "" {
			continue
		}
		if err := d.line(strings.Split(line, ",")); err != nil {
			return nil, fmt.Errorf("line %d: %q: %w", i+1, line, err)
		}
	}
	return d, d.link()
}

func (d *definitions) line(w []string) error {
	column := func(i int) string { // columns at the end may be missing
		if i < len(w) {
			return w[i]
		}
		return ""
	}
	switch w[0] {
	case "msgtype":
		n, err := strconv.Atoi(column(2))
		if err != nil {
			return err
		}
		d.messages = append(d.messages, &message{name: w[1], number: n})
	case "msgdata":
		m := d.message(w[1])
		if m == nil {
			return fmt.Errorf("no message %s", w[1])
		}
		m.fields = append(m.fields, &field{name: column(2), typ: column(3), count: column(4)})
	case "tlvtype":
		n, err := strconv.ParseUint(column(3), 10, 64)
		if err != nil {
			return err
		}
		s := d.stream(w[1])
		if s == nil {
			s = &stream{name: w[1]}
			d.streams = append(d.streams, s)
		}
		s.records = append(s.records, &record{name: w[2], number: n})
	case "tlvdata":
		s := d.stream(w[1])
		if s == nil || s.records[len(s.records)-1].name != column(2) {
			return fmt.Errorf("no record %s", column(2))
		}
		r := s.records[len(s.records)-1]
		r.fields = append(r.fields, &field{name: column(3), typ: column(4), count: column(5)})
	case "subtype":
		d.subtypes = append(d.subtypes, &subtype{name: w[1]})
	case "subtypedata":
		s := d.subtype(w[1])
		if s == nil {
			return fmt.Errorf("no subtype %s", w[1])
		}
		s.fields = append(s.fields, &field{name: column(2), typ: column(3), count: column(4)})
	default:
		return fmt.Errorf("unknown kind of line %s", w[0])
	}
	return nil
}

// link resolves the names that fields use: streams, subtypes, and the fields that count others.
func (d *definitions) link() error {
	for _, m := range d.messages {
		m.tlvs = d.stream(m.name + "_tlvs")
		if n := len(m.fields) - 1; n >= 0 && m.fields[n].name == "tlvs" {
			m.tlvs = d.stream(m.fields[n].typ)
			m.fields = m.fields[:n]
		}
		if m.tlvs != nil {
			m.tlvs.used = true
		}
		if err := d.linkFields(m.name, m.fields); err != nil {
			return err
		}
	}
	for _, s := range d.streams {
		if !s.used {
			return fmt.Errorf("no message ends with stream %s", s.name)
		}
		for _, r := range s.records {
			if err := d.linkFields(s.name+" "+r.name, r.fields); err != nil {
				return err
			}
		}
	}
	for _, s := range d.subtypes {
		if err := d.linkFields(s.name, s.fields); err != nil {
			return err
		}
	}
	return nil
}

func (d *definitions) linkFields(where string, fields []*field) error {
	for i, f := range fields {
		if f.sub = d.subtype(f.typ); f.sub == nil && sizes[f.typ] == 0 {
			return fmt.Errorf("%s: field %s has unknown type %s", where, f.name, f.typ)
		}
		for _, earlier := range fields[:i] {
			earlier.isLen = earlier.isLen || earlier.name == f.count
		}
	}
	return nil
}

func (d *definitions) message(name string) *message {
	for _, m := range d.messages {
		if m.name == name {
			return m
		}
	}
	return nil
}

func (d *definitions) stream(name string) *stream {
	for _, s := range d.streams {
		if s.name == name {
			return s
		}
	}
	return nil
}

func (d *definitions) subtype(name string) *subtype {
	for _, s := range d.subtypes {
		if s.name == name {
			return s
		}
	}
	return nil
}
