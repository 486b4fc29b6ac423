package main

import (
	"fmt"
	"strings"
)

// emitEncode writes the encoding of fields, which are reached through prefix.
func emitEncode(e *emitter, fields []*field, prefix string) {
	for i, f := range fields {
		if f.isLen {
			counted := fields[i+1:][indexCounted(fields[i+1:], f.name)]
			e.f("dst = %s", appendInt(f.typ, "len("+prefix+goName(counted.name)+")"))
			continue
		}
		f.emitEncode(e, prefix+goName(f.name))
	}
}

func indexCounted(fields []*field, length string) int {
	for i, f := range fields {
		if f.count == length {
			return i
		}
	}
	panic("wiregen: " + length + " counts nothing")
}

func (f *field) emitEncode(e *emitter, value string) {
	switch {
	case !f.isList():
		e.f("dst = %s", f.appendValue(value))
	case f.typ == "byte":
		e.f("dst = append(dst, %s...)", value)
	default:
		e.f("for i := range %s {\ndst = %s\n}", value, f.appendValue(value+"[i]"))
	}
}

// appendValue is the expression that appends one value.
func (f *field) appendValue(value string) string {
	switch {
	case f.sub != nil:
		return value + ".appendTo(dst)"
	case f.isArray():
		return "append(dst, " + value + "[:]...)"
	default:
		return appendInt(f.typ, value)
	}
}

// appendInt is the expression that appends a number.
func appendInt(typ, value string) string {
	switch typ {
	case "byte", "u8", "s8":
		return fmt.Sprintf("append(dst, byte(%s))", value)
	case "u16", "u32", "u64", "s16", "s32", "s64":
		return fmt.Sprintf("binary.BigEndian.AppendUint%s(dst, uint%s(%s))", typ[1:], typ[1:], value)
	case "tu16", "tu32", "tu64":
		return fmt.Sprintf("appendTruncated(dst, uint64(%s))", value)
	case "bigsize", "short_channel_id":
		if typ == "bigsize" {
			return fmt.Sprintf("AppendBigSize(dst, %s)", value)
		}
		return fmt.Sprintf("binary.BigEndian.AppendUint64(dst, uint64(%s))", value)
	}
	panic("wiregen: no encoding for " + typ)
}

func (s *stream) emitEncode(e *emitter) {
	for _, r := range s.records {
		r.emitEncode(e)
	}
	if s.keepsUnknown() {
		e.f("dst = append(dst, m.ExtraTLVs...)")
	}
}

// emitEncode writes the encoding of a record if it is present.
func (r *record) emitEncode(e *emitter) {
	value := "m." + goName(r.name)
	if len(r.fields) == 0 {
		e.f("if %s {\ndst = appendHeader(dst, %d, 0)\n}", value, r.number)
		return
	}
	e.f("if %s != nil {\ndst = appendHeader(dst, %d, %s)", value, r.number, r.size(value))
	switch {
	case len(r.fields) > 1:
		emitEncode(e, r.fields, value+".")
	case r.fields[0].isList():
		r.fields[0].emitEncode(e, value)
	case r.fields[0].isArray() || r.fields[0].sub != nil:
		r.fields[0].emitEncode(e, value) // an array behind a pointer slices by itself
	default:
		r.fields[0].emitEncode(e, "*"+value)
	}
	e.f("}")
}

// size is the expression for the length of a record's value.
func (r *record) size(value string) string {
	fixed := 0
	var sum []string
	for _, f := range r.fields {
		v := value + "." + goName(f.name)
		if len(r.fields) == 1 {
			v = value
			if !f.isList() && !f.isArray() && f.sub == nil {
				v = "*" + value
			}
		}
		switch {
		case f.isList() && f.size() == 1:
			sum = append(sum, "len("+v+")")
		case f.isList():
			sum = append(sum, fmt.Sprintf("%d*len(%s)", f.size(), v))
		case strings.HasPrefix(f.typ, "tu"):
			sum = append(sum, "truncatedLen(uint64("+v+"))")
		case f.typ == "bigsize":
			sum = append(sum, "bigSizeLen("+v+")")
		default:
			fixed += f.size()
		}
	}
	if fixed > 0 || len(sum) == 0 {
		sum = append([]string{fmt.Sprint(fixed)}, sum...)
	}
	return strings.Join(sum, " + ")
}
