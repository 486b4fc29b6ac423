package main

import (
	"bytes"
	"fmt"
)

// emitter collects generated code.
type emitter struct{ bytes.Buffer }

func (e *emitter) f(format string, args ...any) { fmt.Fprintf(e, format+"\n", args...) }

// emit writes the types and codecs of all of d.
func (d *definitions) emit(e *emitter) {
	for _, m := range d.messages {
		m.emit(e)
	}
	for _, s := range d.streams {
		for _, r := range s.records {
			if len(r.fields) > 1 {
				r.emit(e)
			}
		}
	}
	for _, s := range d.subtypes {
		s.emit(e)
	}
}

func (m *message) emit(e *emitter) {
	name := goName(m.name)
	e.f("\n// %s is `%s`, type %d.\ntype %s struct {", name, m.name, m.number, name)
	emitFields(e, m.fields)
	if m.tlvs != nil {
		e.f("\n// Extension: nil or false if absent.")
		m.tlvs.emitFields(e)
	}
	e.f("}\n\n// Type is Msg%s.\nfunc (*%s) Type() MessageType { return Msg%s }", name, name, name)

	e.f("\nfunc (m *%s) appendTo(dst []byte) []byte {", name)
	emitEncode(e, m.fields, "m.")
	if m.tlvs != nil {
		m.tlvs.emitEncode(e)
	}
	e.f("return dst\n}")

	e.f("\nfunc (m *%s) decode(b []byte) error {\nr := newReader(%q, b)", name, m.name)
	emitDecode(e, m.fields, "m.")
	if m.tlvs != nil {
		m.tlvs.emitDecode(e)
	}
	e.f("return r.result()\n}")
}

// emit writes the struct for a record of several fields.
func (r *record) emit(e *emitter) {
	e.f("\n// %s is the value of the TLV record `%s`.\ntype %s struct {", goName(r.name), r.name, goName(r.name))
	emitFields(e, r.fields)
	e.f("}")
}

func (s *subtype) emit(e *emitter) {
	name := goName(s.name)
	e.f("\n// %s is the subtype `%s`.\ntype %s struct {", name, s.name, name)
	emitFields(e, s.fields)
	e.f("}\n\nfunc (m *%s) appendTo(dst []byte) []byte {", name)
	emitEncode(e, s.fields, "m.")
	e.f("return dst\n}\n\nfunc (m *%s) decode(r *reader) {", name)
	emitDecode(e, s.fields, "m.")
	e.f("}")
}

// emitFields writes struct fields; lengths are implied by the slices that they count.
func emitFields(e *emitter, fields []*field) {
	for _, f := range fields {
		if !f.isLen {
			e.f("%s %s", goName(f.name), f.goType())
		}
	}
}

func (s *stream) emitFields(e *emitter) {
	for _, r := range s.records {
		e.f("%s %s", goName(r.name), r.goType())
	}
	if s.keepsUnknown() {
		e.f("ExtraTLVs []byte // records that we do not know, as they stand")
	}
}

// keepsUnknown reports whether records that we do not know are kept for others, and can be sent. All that we know of
// such a stream have lower types than any of theirs.
func (s *stream) keepsUnknown() bool { return s.name == "update_add_htlc_tlvs" }

// goType is a type that has a value for "absent".
func (r *record) goType() string {
	switch {
	case len(r.fields) == 0:
		return "bool"
	case len(r.fields) > 1:
		return "*" + goName(r.name)
	case r.fields[0].isList():
		return r.fields[0].goType()
	default:
		return "*" + r.fields[0].elem()
	}
}
