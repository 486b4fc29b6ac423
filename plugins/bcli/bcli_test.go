package main

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"fulmen/plugins/plugin"
)

// fakeServer answers each method as bitcoind or btcd would: an HTTP status and a body.
type fakeServer struct {
	user, password string
	answers        map[string]string // "method params" or "method"
	status         int
}

func (f *fakeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if user, password, _ := r.BasicAuth(); user != f.user || password != f.password {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if f.status != 0 {
		w.WriteHeader(f.status)
	}
	var req struct {
		Method string
		Params json.RawMessage
	}
	json.NewDecoder(r.Body).Decode(&req)
	answer, ok := f.answers[req.Method+" "+string(req.Params)]
	if !ok {
		answer, ok = f.answers[req.Method]
	}
	if !ok {
		answer = `{"result":null,"error":{"code":-32601,"message":"Method not found"},"id":"bcli"}`
	}
	io.WriteString(w, answer)
}

func result(json string) string { return `{"result":` + json + `,"error":null,"id":"bcli"}` }

func failure(json string) string { return `{"result":null,"error":` + json + `,"id":"bcli"}` }

func newBackend(t *testing.T, f *fakeServer) *backend {
	t.Helper()
	f.user, f.password = "u", "p"
	srv := httptest.NewServer(f)
	t.Cleanup(srv.Close)
	c := &config{network: "bitcoin", address: srv.Listener.Addr().String(), user: "u", password: "p", timeout: 20 * time.Second}
	s, err := newServer(c)
	if err != nil {
		t.Fatal(err)
	}
	return &backend{config: c, server: s}
}

// ask calls a method the way that lightningd does, and gives its answer or error as JSON.
func ask(t *testing.T, b *backend, method, params string) string {
	t.Helper()
	args := make(plugin.Args)
	if err := json.Unmarshal([]byte(params), &args); err != nil {
		t.Fatal(err)
	}
	for _, m := range b.methods() {
		if m.Name != method {
			continue
		}
		var v any
		v, err := m.Run(t.Context(), args)
		if err != nil {
			v = err
		}
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	t.Fatalf("no method %s", method)
	return ""
}

func TestMethods(t *testing.T) {
	for name, test := range map[string]struct {
		answers              map[string]string
		method, params, want string
	}{
		"bitcoind synced": {
			map[string]string{"getblockchaininfo": result(`{"chain":"main","blocks":7,"headers":8,"initialblockdownload":true}`)},
			"getchaininfo", `{"height":3,"last_height":3}`,
			`{"chain":"main","headercount":8,"blockcount":7,"ibd":true}`,
		},
		"btcd does not say ibd": {
			map[string]string{"getblockchaininfo": result(`{"chain":"testnet3","blocks":8,"headers":8}`)},
			"getchaininfo", `{}`,
			`{"chain":"test","headercount":8,"blockcount":8,"ibd":false}`,
		},
		"block": {
			map[string]string{"getblockhash [7]": result(`"aa"`), `getblock ["aa",0]`: result(`"00ff"`)},
			"getrawblockbyheight", `{"height":7}`,
			`{"blockhash":"aa","block":"00ff"}`,
		},
		"bitcoind beyond its tip": {
			map[string]string{"getblockhash": failure(`{"code":-8,"message":"Block height out of range"}`)},
			"getrawblockbyheight", `{"height":7}`,
			`{"blockhash":null,"block":null}`,
		},
		"btcd beyond its tip": {
			map[string]string{"getblockhash": failure(`{"code":-1,"message":"Block number out of range"}`)},
			"getrawblockbyheight", `{"height":7}`,
			`{"blockhash":null,"block":null}`,
		},
		"fees of bitcoind": {
			map[string]string{
				"getmempoolinfo":                      result(`{"mempoolminfee":0.00001000,"minrelaytxfee":0.00000100}`),
				`estimatesmartfee [2,"CONSERVATIVE"]`: result(`{"feerate":0.00020001,"blocks":2}`),
				`estimatesmartfee [6,"ECONOMICAL"]`:   result(`{"errors":["Insufficient data or no feerate found"],"blocks":0}`),
				`estimatesmartfee [12,"ECONOMICAL"]`:  result(`{"feerate":2e-05,"blocks":12}`),
				`estimatesmartfee [100,"ECONOMICAL"]`: result(`{"feerate":0.00001,"blocks":100}`),
			},
			"estimatefees", `{}`,
			`{"feerate_floor":1000,"feerates":[{"blocks":2,"feerate":20001},{"blocks":12,"feerate":2000},{"blocks":100,"feerate":1000}]}`,
		},
		"fees of btcd": {
			map[string]string{
				"getmempoolinfo":    result(`{"size":0,"bytes":0}`),
				"estimatefee [2]":   result(`0.000123456789`),
				"estimatefee [6]":   result(`-1`),
				"estimatefee [12]":  result(`0`),
				"estimatefee [100]": failure(`{"code":-32603,"message":"not enough blocks have been observed"}`),
			},
			"estimatefees", `{}`,
			`{"feerate_floor":1000,"feerates":[{"blocks":2,"feerate":12346}]}`,
		},
		"sent": {
			map[string]string{`sendrawtransaction ["00",0]`: result(`"txid"`)},
			"sendrawtransaction", `{"tx":"00","allowhighfees":true}`,
			`{"success":true,"errmsg":""}`,
		},
		"refused": {
			map[string]string{`sendrawtransaction ["00"]`: failure(`{"code":-26,"message":"min relay fee not met"}`)},
			"sendrawtransaction", `{"tx":"00","allowhighfees":false}`,
			`{"success":false,"errmsg":"min relay fee not met (code -26)"}`,
		},
		"sent before": {
			map[string]string{`sendrawtransaction`: failure(`{"code":-27,"message":"in chain"}`)},
			"sendrawtransaction", `{"tx":"00"}`,
			`{"success":true,"errmsg":"in chain"}`,
		},
		"unspent": {
			map[string]string{`gettxout ["ab",1]`: result(`{"value":1.00000001,"scriptPubKey":{"hex":"0014"}}`)},
			"getutxout", `{"txid":"ab","vout":1}`,
			`{"amount":100000001,"script":"0014"}`,
		},
		"spent": {
			map[string]string{`gettxout`: result(`null`)},
			"getutxout", `{"txid":"ab","vout":1}`,
			`{"amount":null,"script":null}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBackend(t, &fakeServer{answers: test.answers})
			if got := ask(t, b, test.method, test.params); got != test.want {
				t.Errorf("got %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestIgnoreIBD(t *testing.T) {
	b := newBackend(t, &fakeServer{answers: map[string]string{"getblockchaininfo": result(`{"chain":"main","blocks":7,"headers":8,"initialblockdownload":true}`)}})
	b.config.noIBD = true
	if got, want := ask(t, b, "getchaininfo", `{}`), `{"chain":"main","headercount":8,"blockcount":7,"ibd":false}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestRegtestHasNoEstimates(t *testing.T) {
	b := newBackend(t, &fakeServer{answers: map[string]string{"getmempoolinfo": result(`{}`)}})
	b.config.network = "regtest"
	if got := ask(t, b, "estimatefees", `{}`); got != `{"feerate_floor":1000,"feerates":[]}` {
		t.Errorf("got %s", got)
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	pruned := &fakeServer{answers: map[string]string{
		"getblockhash": result(`"aa"`),
		"getblock":     failure(`{"code":-1,"message":"Block not available (pruned data)"}`),
	}}
	for name, test := range map[string]struct {
		server    *fakeServer
		break_    func(*backend)
		method    string
		want      string
		permanent bool
	}{
		"pruned": {pruned, nil, "getrawblockbyheight", "block 7 is pruned", true},
		"wrong password": {&fakeServer{}, func(b *backend) { b.config.password = "x" },
			"getchaininfo", "check bitcoin-rpcuser and bitcoin-rpcpassword", true},
		"not let in": {&fakeServer{status: 403}, nil, "getchaininfo", "rpcallowip", true},
		"warming up": {&fakeServer{status: 500, answers: map[string]string{
			"getblockchaininfo": failure(`{"code":-28,"message":"Loading block index..."}`),
		}}, nil, "getchaininfo", "warming up: Loading block index", false},
		"busy": {&fakeServer{status: 503, answers: map[string]string{
			"getblockchaininfo": "Work queue depth exceeded",
		}}, nil, "getchaininfo", "HTTP status 503", false},
		"no cookie": {&fakeServer{}, func(b *backend) { b.config.user, b.config.cookie = "", "/nonexistent/.cookie" },
			"getchaininfo", "no such file", false},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBackend(t, test.server)
			if test.break_ != nil {
				test.break_(b)
			}
			got := ask(t, b, test.method, `{"height":7}`)
			if !strings.Contains(got, test.want) || !strings.Contains(got, `"code":400`) {
				t.Errorf("got %s, want %q", got, test.want)
			}
			if strings.Contains(got, `"permanent":true`) != test.permanent {
				t.Errorf("permanent is not %v: %s", test.permanent, got)
			}
		})
	}
}

func TestServerAway(t *testing.T) {
	// A port that is taken, so that nobody else listens there, and at which nobody listens.
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	bound, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", bound.(*syscall.SockaddrInet4).Port)
	c := &config{network: "bitcoin", address: address, user: "u", password: "p", timeout: 20 * time.Second}
	s, err := newServer(c)
	if err != nil {
		t.Fatal(err)
	}
	err = s.call(t.Context(), new(string), "getblockhash", 1)
	if err == nil || !strings.Contains(err.Error(), "bitcoind at "+address+": getblockhash: dial tcp") || errors.As(err, new(permanent)) {
		t.Fatalf("error %v", err)
	}
}

func TestCookieIsReadAgainAfterARestart(t *testing.T) {
	f := &fakeServer{answers: map[string]string{"getblockhash": result(`"aa"`)}}
	b := newBackend(t, f)
	b.config.user, b.config.password = "", ""
	b.config.cookie = filepath.Join(t.TempDir(), ".cookie")
	for _, password := range []string{"first", "second"} {
		f.user, f.password = "__cookie__", password
		if err := os.WriteFile(b.config.cookie, []byte("__cookie__:"+password+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		var hash string
		if err := b.server.call(t.Context(), &hash, "getblockhash", 1); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTLS(t *testing.T) {
	srv := httptest.NewTLSServer(&fakeServer{user: "u", password: "p", answers: map[string]string{"getblockhash": result(`"aa"`)}})
	defer srv.Close()
	cert := filepath.Join(t.TempDir(), "rpc.cert")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
	if err := os.WriteFile(cert, block, 0o600); err != nil {
		t.Fatal(err)
	}
	c := &config{address: srv.Listener.Addr().String(), user: "u", password: "p", cert: cert, timeout: 20 * time.Second}
	s, err := newServer(c)
	if err != nil {
		t.Fatal(err)
	}
	var hash string
	if err := s.call(context.Background(), &hash, "getblockhash", 1); err != nil || hash != "aa" {
		t.Fatalf("%q, %v", hash, err)
	}
}

func TestSatoshis(t *testing.T) {
	for text, want := range map[json.Number]uint64{
		"1": 100000000, "0.00000001": 1, "1e-05": 1000, "1.5E-8": 2, "21000000.00000000": 2100000000000000,
		"0": 0, "2e2": 20000000000, "0.000000001": 1, "1e-20": 1,
	} {
		if got, err := satoshis(text); err != nil || got != want {
			t.Errorf("%s: %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []json.Number{"", "-1", "1e99", "x", "1.-5", "99999999999999", "1e-5e", "."} {
		if got, err := satoshis(text); err == nil {
			t.Errorf("%q is taken as %d", text, got)
		}
	}
}

func FuzzDecodeAnswer(f *testing.F) {
	for _, seed := range []string{
		result(`"00"`), result(`{"value":1e-8,"scriptPubKey":{"hex":""}}`), result(`null`),
		failure(`{"code":-28,"message":"x"}`), `<html>`, `{}`, result(`{"value":1e-9999}`),
	} {
		f.Add(200, []byte(seed))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		var raw json.RawMessage
		if err := decodeAnswer(status, body, &raw); err != nil {
			answeredCode(err)
			return
		}
		out, err := decodeUTXOut(raw)
		if err == nil && (out.Amount == nil) != (out.Script == nil) {
			t.Fatal("half an output")
		}
	})
}
