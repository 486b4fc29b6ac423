package main

import (
	"go/parser"
	"go/token"
	"strings"
	"testing"
)

func TestGoName(t *testing.T) {
	for name, want := range map[string]string{
		"update_fail_malformed_htlc": "UpdateFailMalformedHTLC", "short_channel_id": "ShortChannelID",
		"max_accepted_htlcs": "MaxAcceptedHTLCs", "node_id_1": "NodeID1",
	} {
		if got := goName(name); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"kind":        {"message,ping,18", "unknown kind of line message"},
		"number":      {"msgtype,ping,x", `line 1: "msgtype,ping,x": `},
		"message":     {"msgdata,ping,n,u16,", "no message ping"},
		"record":      {"tlvtype,s,a,1\ntlvdata,s,b,n,u16,", `line 2: "tlvdata,s,b,n,u16,": no record b`},
		"subtype":     {"subtypedata,s,n,u16,", "no subtype s"},
		"stream":      {"tlvtype,s,a,1", "no message ends with stream s"},
		"type":        {"msgtype,ping,18\nmsgdata,ping,n,u17,", "ping: field n has unknown type u17"},
		"record type": {"msgtype,s,18\nmsgdata,s,tlvs,s\ntlvtype,s,a,1\ntlvdata,s,a,n,u17,", "s a: field n has unknown type u17"},
	} {
		if _, err := parse(c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

// Every kind of field, in a message and in a record, gives code that parses.
func TestEmitParses(t *testing.T) {
	defs, err := parse(`msgtype,m,1
msgdata,m,skip,byte,4
msgdata,m,channel_id,channel_id,
msgdata,m,n,u16,
msgdata,m,list,point,n
msgdata,m,k,u16,
msgdata,m,subs,sub,k
msgdata,m,tlvs,extension,
tlvtype,extension,flag,1
tlvtype,extension,amount_msat,2
tlvdata,extension,amount_msat,amount_msat,tu64,
tlvtype,extension,several,3
tlvdata,extension,several,a,bigsize,
tlvdata,extension,several,b,sha256,...
subtype,sub
subtypedata,sub,x,s64,`)
	if err != nil {
		t.Fatal(err)
	}
	var e emitter
	e.f("package wire")
	defs.emit(&e)
	emitIndex(&e, defs.messages)
	if _, err := parser.ParseFile(token.NewFileSet(), "", e.Bytes(), 0); err != nil {
		t.Errorf("%v in\n%s", err, e.String())
	}
	if got := defs.messages[0].channelIDOffset(); got != 6 {
		t.Errorf("channel id at %d, want 6", got)
	}
}
