package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fulmen/plugins/plugin"
)

func initWith(t *testing.T, network, options string) plugin.Init {
	t.Helper()
	var i plugin.Init
	i.Configuration.Network = network
	if err := json.Unmarshal([]byte(options), &i.Options); err != nil {
		t.Fatal(err)
	}
	return i
}

func TestReadConfig(t *testing.T) {
	dir := t.TempDir()
	conf := "rpcuser=alice # comment\nrpcpassword=secret\nrpcport=1\n[regtest]\nrpcport = 2222\n[test]\nrpcport=3\n"
	if err := os.WriteFile(filepath.Join(dir, "bitcoin.conf"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		network, options string
		want             config
	}{
		"file, section": {"regtest", `{}`, config{address: "127.0.0.1:2222", user: "alice", password: "secret"}},
		"file, main":    {"bitcoin", `{}`, config{address: "127.0.0.1:1", user: "alice", password: "secret"}},
		"default port":  {"signet", `{}`, config{address: "127.0.0.1:38332", user: "alice", password: "secret"}},
		"options win": {"regtest", `{"bitcoin-rpcuser":"bob","bitcoin-rpcpassword":"x","bitcoin-rpcport":7,"bitcoin-rpcconnect":"::1"}`,
			config{address: "[::1]:7", user: "bob", password: "x"}},
		"port in host": {"regtest", `{"bitcoin-rpcconnect":"node:99"}`, config{address: "node:99", user: "alice", password: "secret"}},
	} {
		t.Run(name, func(t *testing.T) {
			i := initWith(t, test.network, test.options)
			i.Options["bitcoin-datadir"], _ = json.Marshal(dir)
			c, err := readConfig(i)
			if err != nil {
				t.Fatal(err)
			}
			if c.address != test.want.address || c.user != test.want.user || c.password != test.want.password {
				t.Errorf("got %s %s %s", c.address, c.user, c.password)
			}
		})
	}
}

func TestReadConfigRefusals(t *testing.T) {
	dir, _ := json.Marshal(t.TempDir())
	for options, want := range map[string]string{
		`{"bitcoin-rpcuser":"bob"}`: "need each other",
		`{"bitcoin-rpcport":70000}`: "is no port",
		`{"bitcoin-rpcport":"x"}`:   "option bitcoin-rpcport",
		`{"bitcoin-rpccert":"/no"}`: "",
	} {
		i := initWith(t, "regtest", options)
		i.Options["bitcoin-datadir"] = dir
		c, err := readConfig(i)
		if err == nil {
			_, err = newServer(c)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", options, err)
		}
	}
	if _, err := readConfig(initWith(t, "moonnet", `{}`)); err == nil || !strings.Contains(err.Error(), "moonnet") {
		t.Errorf("unknown network: %v", err)
	}
}

func TestCookieOfTheNetwork(t *testing.T) {
	dir := t.TempDir()
	i := initWith(t, "testnet", `{}`)
	i.Options["bitcoin-datadir"], _ = json.Marshal(dir)
	c, err := readConfig(i)
	if err != nil || c.cookie != filepath.Join(dir, "testnet3", ".cookie") {
		t.Errorf("cookie %q, %v", c.cookie, err)
	}
}
