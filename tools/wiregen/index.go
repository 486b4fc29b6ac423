package main

import "sort"

// emitIndex writes what goes over all messages: numbers, names, constructors, channel ids.
func emitIndex(e *emitter, all []*message) {
	sort.Slice(all, func(i, j int) bool { return all[i].number < all[j].number })
	e.f("\n// The message types of BOLT 1, 2, 4 and 7.\nconst (")
	for _, m := range all {
		e.f("Msg%s MessageType = %d", goName(m.name), m.number)
	}
	e.f(")\n\n// typeName is the BOLT's name, or empty for a type that we do not know.\nfunc typeName(t MessageType) string {\nswitch t {")
	for _, m := range all {
		e.f("case Msg%s:\nreturn %q", goName(m.name), m.name)
	}
	e.f("}\nreturn \"\"\n}\n\n// newMessage is an empty message, or nil for a type that we do not know.\nfunc newMessage(t MessageType) Message {\nswitch t {")
	for _, m := range all {
		e.f("case Msg%s:\nreturn new(%s)", goName(m.name), goName(m.name))
	}
	e.f("}\nreturn nil\n}\n\n// channelIDOffset is where the channel_id or temporary_channel_id is in an encoded message, or 0.\nfunc channelIDOffset(t MessageType) int {\nswitch t {")
	for _, m := range all {
		if at := m.channelIDOffset(); at > 0 {
			e.f("case Msg%s:\nreturn %d", goName(m.name), at)
		}
	}
	e.f("}\nreturn 0\n}")
}

// channelIDOffset counts the type and the fields, all fixed, before the first channel id.
func (m *message) channelIDOffset() int {
	at := 2
	for _, f := range m.fields {
		switch {
		case f.elem() == "ChannelID":
			return at
		case f.isList():
			return 0
		}
		at += f.size()
	}
	return 0
}
