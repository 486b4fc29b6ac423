package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"fulmen/internal/keys"
	"fulmen/internal/rpc"
	"fulmen/internal/runes"
	"fulmen/internal/wire"
)

func TestCommandoMessages(t *testing.T) {
	for _, size := range []int{0, 1, commandoPart, commandoPart + 1, 3 * commandoPart} {
		content := bytes.Repeat([]byte("x"), size)
		list := commandoMessages(commandoReply, commandoReplyLast, 7, content)
		var got []byte
		for i, raw := range list {
			want := uint16(commandoReply)
			if i == len(list)-1 {
				want = commandoReplyLast
			}
			if binary.BigEndian.Uint16(raw) != want || binary.BigEndian.Uint64(raw[2:]) != 7 || len(raw) > wire.MaxMessage {
				t.Errorf("%d bytes, message %d: begins with %x, has %d bytes", size, i, raw[:commandoHeader], len(raw))
			}
			got = append(got, raw[commandoHeader:]...)
		}
		if !bytes.Equal(got, content) {
			t.Errorf("%d bytes came as %d", size, len(got))
		}
	}
}

func TestServeCommando(t *testing.T) {
	n := runeNode(t)
	n.commandTable = n.newCommandTable()
	free, narrow := madeRune(t, n, `[]`), madeRune(t, n, `[["method=listdatastore"]]`)
	for _, c := range []struct{ request, want string }{
		{`{"method":"datastore","params":["a","x"],"rune":"` + free + `","id":"i"}`, `{"jsonrpc":"2.0","id":"i","result":{"key":["a"],"generation":0,"hex":"78","string":"x"}}`},
		{`{"method":"listdatastore","params":{},"rune":"` + narrow + `","id":5,"filter":{"datastore":[{"string":true}]}}`, `{"jsonrpc":"2.0","id":5,"result":{"datastore":[{"string":"x"}]}}`},
		{`{"method":"listdatastore","rune":"` + narrow + `","filter":{"datastore":[{"key":true}]}}`, `{"jsonrpc":"2.0","id":null,"result":{"datastore":[{"key":["a"]}]}}`},
		{`{"method":"notifications","params":[true],"rune":"` + free + `","id":5}`, `{"jsonrpc":"2.0","id":5,"result":{}}`},
		{`{"method":"nothing","params":[],"rune":"` + free + `","id":5}`, `"code":-32601`},
		{`{"method":"datastore","params":[],"rune":"` + narrow + `","id":5}`, `"code":19537`},
		{`{"method":"datastore","params":[],"id":5}`, `"code":19537`},
		{`{"method":"datastore","params":7,"rune":"` + free + `"}`, `"code":19536`},
		{`{"method":`, `"code":19536`},
		{``, `"code":19536`},
	} {
		got := string(n.serveCommando(context.Background(), keys.PubKey{2}, []byte(c.request)))
		if !strings.Contains(got, c.want) {
			t.Errorf("%s\n got %s\nwant %s", c.request, got, c.want)
		}
	}
}

// Whoever is connected can have the log say something, but not much.
func TestRefusedCommandoIsLoggedShort(t *testing.T) {
	n := runeNode(t)
	var log bytes.Buffer
	n.log = slog.New(slog.NewTextHandler(&log, nil))
	long := strings.Repeat("x", 30_000)
	stranger := runes.New([]byte("another"), "0").Restrict(runes.Restriction{{Field: long, Condition: '=', Value: long}}).Encode()
	noRune := base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("y", 32) + long))
	for _, rune := range []string{stranger, noRune, long, madeRune(t, n, `[["method=`+long+`"]]`)} {
		log.Reset()
		n.serveCommando(context.Background(), keys.PubKey{2}, []byte(`{"method":"`+long+`m","rune":"`+rune+`"}`))
		if log.Len() == 0 || log.Len() > 1000 {
			t.Errorf("the log has %d bytes of it", log.Len())
		}
	}
	log.Reset()
	n.commandTable = n.newCommandTable()
	n.serveCommando(context.Background(), keys.PubKey{2}, []byte(`{"method":"`+long+`","rune":"`+madeRune(t, n, `[]`)+`"}`))
	if log.Len() == 0 || log.Len() > 1000 {
		t.Errorf("the log has %d bytes of a command that is run", log.Len())
	}
}

func TestReadCommandReply(t *testing.T) {
	if result, err := readCommandReply([]byte(`{"id":1,"result":{"a":1}}`)); err != nil || string(result) != `{"a":1}` {
		t.Errorf("%s, %v", result, err)
	}
	for raw, want := range map[string]rpc.Code{`{"error":{"code":7,"message":"m"}}`: 7, `{}`: rpc.CodeCommandoLocal, `x`: rpc.CodeCommandoLocal} {
		var e *rpc.Error
		if _, err := readCommandReply([]byte(raw)); !errors.As(err, &e) || e.Code != want {
			t.Errorf("%s: %v, want code %d", raw, err, want)
		}
	}
}

// Replies are put together for those who asked, and for nobody else.
func TestTakeCommandReply(t *testing.T) {
	n := runeNode(t)
	n.commanding = map[commandoKey]*commandoCall{}
	p := &peer{id: keys.PubKey{2}}
	call := func(id uint64) *commandoCall {
		c := &commandoCall{done: make(chan commandoOutcome, 1)}
		n.commanding[commandoKey{p.id, id}] = c
		return c
	}
	first, second, lost := call(1), call(2), call(3)
	for _, m := range [][][]byte{
		commandoMessages(commandoReply, commandoReplyLast, 2, []byte("two")),
		commandoMessages(commandoReply, commandoReplyLast, 1, bytes.Repeat([]byte("1"), commandoPart+1)),
		commandoMessages(commandoReply, commandoReplyLast, 9, []byte("nobody")),
		{{0x59, 0x4d, 1}, {0x59, 0x4b}},
	} {
		for _, raw := range m {
			if !n.takeCommando(p, raw) {
				t.Errorf("%x is not taken", raw)
			}
		}
	}
	if got := <-second.done; string(got.reply) != "two" || got.err != nil {
		t.Errorf("%+v", got)
	}
	if got := <-first.done; len(got.reply) != commandoPart+1 || got.err != nil {
		t.Errorf("%d bytes, %v", len(got.reply), got.err)
	}
	n.commandsLost(p)
	if got := <-lost.done; got.err == nil || len(n.commanding) != 0 {
		t.Errorf("%+v, %d are left", got, len(n.commanding))
	}
	if n.takeCommando(p, []byte{0x4c, 0x4e}) {
		t.Error("a message of another type is taken")
	}
}

func FuzzTakeCommando(f *testing.F) {
	f.Add([]byte{0x4c, 0x4f})
	request, _ := json.Marshal(commandoMessage{Method: "getinfo"})
	for _, raw := range commandoMessages(commandoRequest, commandoRequestLast, 1, request) {
		f.Add(raw)
	}
	f.Add(commandoMessages(commandoReply, commandoReplyLast, 1, []byte(`{"result":{}}`))[0])
	n := &node{log: slog.New(slog.DiscardHandler), commanding: map[commandoKey]*commandoCall{}}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) < 2 || binary.BigEndian.Uint16(raw) == commandoRequestLast {
			return // it would run
		}
		p := &peer{id: keys.PubKey{2}}
		call := &commandoCall{done: make(chan commandoOutcome, 1)}
		n.commanding[commandoKey{p.id, 1}] = call
		n.takeCommando(p, raw)
		n.commandsLost(p)
		if len(p.commando.got) > 0 || len(n.commanding) > 0 {
			t.Error("something is left of a peer that has gone")
		}
	})
}
