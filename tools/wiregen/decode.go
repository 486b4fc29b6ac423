package main

import "fmt"

// emitDecode writes the decoding of fields into what prefix reaches.
func emitDecode(e *emitter, fields []*field, prefix string) {
	for i, f := range fields {
		if f.isLen {
			counted := fields[i+1:][indexCounted(fields[i+1:], f.name)]
			e.f("n%s := int(%s)", goName(counted.name), f.readInt())
			continue
		}
		f.emitDecode(e, prefix+goName(f.name), "&"+prefix+goName(f.name))
	}
}

// emitDecode writes the decoding of one field; target is what to assign to, pointer its address.
func (f *field) emitDecode(e *emitter, target, pointer string) {
	switch {
	case f.isList():
		f.emitDecodeList(e, target)
	case f.sub != nil:
		e.f("%s.decode(&r)", target)
	case f.typ == "point":
		e.f("r.point(%s, %q)", pointer, f.name)
	case f.isArray():
		e.f("r.fill(%s[:], %q)", target, f.name)
	default:
		e.f("%s = %s", target, f.readValue())
	}
}

// emitDecodeList checks the count against what is left before it makes the slice. A counted list
// of none is nil; a list that is a whole record is not, as nil there means absent.
func (f *field) emitDecodeList(e *emitter, target string) {
	counted := f.count != "..."
	n := "n" + goName(f.name)
	switch {
	case f.typ == "byte" && counted:
		e.f("%s = r.bytes(%s, %q)", target, n, f.name)
		return
	case f.typ == "byte":
		e.f("%s = r.remaining()", target)
		return
	case counted:
		e.f("if n := r.fits(%s, %d, %q); n > 0 {", n, f.size(), f.name)
	default:
		e.f("{\nn := r.whole(%d, %q)", f.size(), f.name)
	}
	e.f("%s = make([]%s, n)\nfor i := range %s {", target, f.elem(), target)
	switch {
	case f.sub != nil:
		e.f("%s[i].decode(&r)", target)
	case f.typ == "point":
		e.f("r.point(&%s[i], %q)", target, f.name)
	case f.isArray():
		e.f("r.fill(%s[i][:], %q)", target, f.name)
	default:
		e.f("%s[i] = %s", target, f.readValue())
	}
	e.f("}\n}")
}

// readValue is readInt as the field's own Go type.
func (f *field) readValue() string {
	if f.elem() == plain[f.typ] && f.typ != "short_channel_id" && f.typ[0] != 's' {
		return f.readInt()
	}
	return fmt.Sprintf("%s(%s)", f.elem(), f.readInt())
}

// readInt is the expression that reads a number, unsigned.
func (f *field) readInt() string {
	method := f.typ
	switch f.typ {
	case "byte", "u8", "s8":
		method = "byte"
	case "s16", "s32", "s64":
		method = "u" + f.typ[1:]
	case "short_channel_id":
		method = "u64"
	case "bigsize":
		method = "bigSize"
	}
	return fmt.Sprintf("r.%s(%q)", method, f.name)
}

// emitDecode writes the loop over a stream's records.
func (s *stream) emitDecode(e *emitter) {
	e.f("for r.nextRecord() {\nswitch r.recordType {")
	for _, r := range s.records {
		e.f("case %d:\nr.record = %q", r.number, r.name)
		r.emitDecode(e)
	}
	skip := "r.skipRecord()"
	if s.keepsUnknown() {
		skip = "m.ExtraTLVs = r.keepRecord(m.ExtraTLVs)"
	}
	e.f("default:\n%s\n}\nr.endRecord()\n}", skip)
}

func (r *record) emitDecode(e *emitter) {
	target := "m." + goName(r.name)
	switch {
	case len(r.fields) == 0:
		e.f("%s = true", target)
	case len(r.fields) > 1:
		e.f("%s = new(%s)", target, goName(r.name))
		emitDecode(e, r.fields, target+".")
	case r.fields[0].isList():
		r.fields[0].emitDecode(e, target, "")
	case r.fields[0].isArray():
		e.f("%s = new(%s)", target, r.fields[0].elem())
		r.fields[0].emitDecode(e, target, target)
	default:
		e.f("%s = new(%s)", target, r.fields[0].readValue())
	}
}
