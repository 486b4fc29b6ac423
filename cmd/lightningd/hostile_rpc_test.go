package main

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fulmen/internal/features"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/connectdmsg"
	"fulmen/internal/rpc"
	"fulmen/tests/hostile"
)

// words that some command takes for something.
var rpcWords = []string{
	"", "all", "any", "slow", "2s", "1000perkb", "0", "1", "-1", "1msat", "21000000btc", "18446744073709551615msat", "1e400", "0.000000000001",
	"hostile", "unpaid", "created", "c", "p2tr", "bech32", "103x1x0", "1x2x3/1", "cHNidP8=", "cHNidP8BAAoCAAAAAAAAAAAAAA==", "lnbcrt1", "lightning:",
	"bcrt1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqc8gma6", "\x00\xff", "0000000000000000000000000000000000000000000000000000000000000000:0",
	"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", "localhost:9735", "127.0.0.1:1",
}

// anyValue is a JSON value of any type, at most depth deep.
func anyValue(s *hostile.Source, depth int) any {
	switch s.Below(9) {
	case 0:
		return nil
	case 1:
		return s.Byte()&1 == 1
	case 2:
		return json.Number([]string{"0", "1", "-1", "1.5", "1e9", "1e308", "9223372036854775808", "18446744073709551616", "99999999999999999999999999", "2100000000000000000"}[s.Below(10)])
	case 3:
		return rpcWords[s.Below(len(rpcWords))]
	case 4:
		return strings.Repeat(rpcWords[s.Below(len(rpcWords))], 1+100*s.Below(100))
	case 5:
		return bobID.String()
	case 6:
		list := []any{}
		for range s.Below(4) {
			if depth > 0 {
				list = append(list, anyValue(s, depth-1))
			}
		}
		return list
	case 7:
		object := map[string]any{}
		for range s.Below(4) {
			if depth > 0 {
				object[rpcWords[s.Below(len(rpcWords))]] = anyValue(s, depth-1)
			}
		}
		return object
	}
	var deep any = "x"
	for range s.Below(200) * 100 {
		deep = []any{deep}
	}
	return deep
}

// anyParams are some of a command's own, or anything.
func anyParams(s *hostile.Source, names []string) any {
	if len(names) == 0 || s.Below(4) == 0 {
		return anyValue(s, 3)
	}
	if s.Byte()&1 == 1 {
		list := []any{}
		for range s.Below(len(names) + 1) {
			list = append(list, anyValue(s, 2))
		}
		return list
	}
	object := map[string]any{}
	for range 1 + s.Below(len(names)) {
		object[names[s.Below(len(names))]] = anyValue(s, 2)
	}
	return object
}

// callable are the commands that leave the node running.
func callable(n *node) []string {
	return slices.DeleteFunc(n.commands().Names(), func(name string) bool { return name == "stop" || name == "graceful" })
}

// namesOfParams are those of a command, as help tells them.
func namesOfParams(n *node, name string) []string {
	c, err := n.commands().Lookup(name)
	if err != nil {
		return nil
	}
	return strings.FieldsFunc(c.Usage(), func(r rune) bool { return strings.ContainsRune(" []|", r) })[1:]
}

// FuzzHostileRPC plays a local user: each call is answered or waits, none panics, and the node goes on.
func FuzzHostileRPC(f *testing.F) {
	for i := range 80 {
		for _, fill := range []byte{0, 3, 7, 90} {
			in := []byte{byte(i)}
			for j := range 40 {
				in = append(in, fill+byte(j*i))
			}
			f.Add(in)
		}
	}
	var growth hostile.Growth
	f.Fuzz(func(t *testing.T, in []byte) {
		w := surround(t)
		defer growth.Check(t)
		defer w.end()
		w.serveRPC()
		defer w.closeRPC()
		w.send(w.connectd, &connectdmsg.PeerConnected{ID: bobID, Conn: 1, Features: features.Ours(features.Init), Addr: "127.0.0.1:1", Incoming: true})
		w.next()
		calls := w.calls(hostile.NewSource(in, w.vocabulary()))
		hostile.Within(t, "answer calls", func() { w.callAll(calls) })
		w.alive()
		w.listed(bobID)
	})
}

func (w *surroundings) serveRPC() {
	var err error
	w.n.rpcServer, err = rpc.Listen(rpc.Options{
		Path: filepath.Join(w.t.TempDir(), "rpc"), Mode: 0o600, Log: w.n.log, Dispatch: w.n.dispatch,
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *surroundings) closeRPC() {
	w.n.cancel() // calls that wait give up
	hostile.Within(w.t, "close the RPC", func() {
		if err := w.n.rpcServer.Close(w.t.Context()); err != nil {
			w.t.Error(err)
		}
	})
}

// calls are the requests of an input, one at least of them malformed where it says so.
func (w *surroundings) calls(s *hostile.Source) (calls []string) {
	names := callable(w.n)
	for range 8 {
		name := names[s.Below(len(names))]
		raw, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": name, "params": anyParams(s, namesOfParams(w.n, name))})
		if err != nil {
			w.t.Fatal(err)
		}
		if s.Byte() == 1 {
			raw = raw[:s.Below(len(raw)%256+1)]
		}
		calls = append(calls, string(raw))
		if s.Done() {
			break
		}
	}
	return calls
}

// patienceRPC is for an answer: what comes later is a call that waits, as it may.
const patienceRPC = 100 * time.Millisecond

// callAll makes each call on a connection of its own, and hangs up when no answer comes soon.
func (w *surroundings) callAll(calls []string) {
	for _, call := range calls {
		conn, err := net.Dial("unix", w.n.rpcServer.Path())
		if err != nil {
			w.t.Errorf("the RPC: %v", err)
			return
		}
		if _, err := io.WriteString(conn, call); err == nil {
			_ = conn.SetReadDeadline(time.Now().Add(patienceRPC))
			answer, _ := bufio.NewReader(conn).ReadString('\n')
			if strings.Contains(answer, "internal error") {
				w.t.Errorf("%.2000s: %s", call, answer)
			}
		}
		conn.Close()
	}
}

// FuzzHostileHsmd plays hsmd, whose answers may be anything of their type, while commands run that ask it.
func FuzzHostileHsmd(f *testing.F) {
	for _, fill := range []byte{0, 1, 2, 3, 7, 90, 255} {
		f.Add([]byte(strings.Repeat(string([]byte{fill, 1}), 200)))
	}
	var growth hostile.Growth
	f.Fuzz(func(t *testing.T, in []byte) {
		w := surround(t)
		defer growth.Check(t)
		defer w.end()
		var mu sync.Mutex
		s := hostile.NewSource(in, w.vocabulary())
		w.setAnswer(func(reply ipc.Message) {
			mu.Lock()
			defer mu.Unlock()
			s.Fill(reply)
		})
		w.serveRPC()
		defer w.closeRPC()
		w.connect()
		hostile.Within(t, "answer calls", func() {
			w.callAll([]string{
				`{"id":1,"method":"signmessage","params":["x"]}`, `{"id":1,"method":"invoice","params":[1000,"a","b"]}`,
				`{"id":1,"method":"close","params":["` + malloryID.String() + `",1]}`, `{"id":1,"method":"listfunds","params":[]}`,
			})
		})
		w.n.loop.call(func() { w.n.channels[malloryChannel].failChannel(causeUser, "to have its commitment signed") })
		w.alive()
		w.listed(bobID)
	})
}
