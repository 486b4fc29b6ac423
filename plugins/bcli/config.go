package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"fulmen/plugins/plugin"
)

var options = []plugin.Option{
	{Name: "bitcoin-datadir", Type: "string", Description: "bitcoind's data directory, for its cookie and bitcoin.conf (default ~/.bitcoin)"},
	{Name: "bitcoin-cli", Type: "string", Description: "accepted for compatibility; the server is asked over HTTP"},
	{Name: "bitcoin-rpcuser", Type: "string", Description: "user name at the server's RPC"},
	{Name: "bitcoin-rpcpassword", Type: "string-conceal", Description: "password at the server's RPC"},
	{Name: "bitcoin-rpcconnect", Type: "string", Description: "host of the server's RPC (default 127.0.0.1)"},
	{Name: "bitcoin-rpcport", Type: "int", Description: "port of the server's RPC (default: bitcoind's for the network)"},
	{Name: "bitcoin-rpcclienttimeout", Type: "int", Default: 60, Description: "seconds to wait for one answer of the server"},
	{Name: "bitcoin-retry-timeout", Type: "int", Default: 60, Description: "seconds to retry at start before giving up"},
	{Name: "bitcoin-rpccert", Type: "string", Description: "certificate of the server, which makes the connection TLS (btcd)"},
	{Name: "dev-ignore-ibd", Type: "bool", Default: false, Description: "with developer: never tell lightningd that the server still reads its first blocks"},
}

// A network is what bitcoind calls differently on each of them.
type network struct {
	folder string // in the data directory
	port   int
}

var networks = map[string]network{
	"bitcoin":  {"", 8332},
	"testnet":  {"testnet3", 18332},
	"testnet4": {"testnet4", 48332},
	"signet":   {"signet", 38332},
	"regtest":  {"regtest", 18443},
}

// config is where the server is, and how it knows us.
type config struct {
	network  string
	address  string // host:port
	user     string // empty: the cookie
	password string
	cookie   string // path
	cert     string // path; empty: no TLS
	timeout  time.Duration
	noIBD    bool // never say that it still syncs
}

func readConfig(i plugin.Init) (*config, error) {
	name := i.Configuration.Network
	netw, ok := networks[name]
	if !ok {
		return nil, fmt.Errorf("bcli does not know the network %q", name)
	}
	given, err := givenOptions(i)
	if err != nil {
		return nil, err
	}
	dir, err := dataDir(given)
	if err != nil {
		return nil, err
	}
	conf, err := readBitcoinConf(filepath.Join(dir, "bitcoin.conf"), name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	pick := func(option, key, fallback string) string {
		if v := given[option]; v != "" {
			return v
		}
		if v := conf[key]; v != "" {
			return v
		}
		return fallback
	}
	c := &config{
		network:  name,
		user:     pick("bitcoin-rpcuser", "rpcuser", ""),
		password: pick("bitcoin-rpcpassword", "rpcpassword", ""),
		cookie:   filepath.Join(dir, netw.folder, pick("", "rpccookiefile", ".cookie")),
		cert:     given["bitcoin-rpccert"],
	}
	if path := conf["rpccookiefile"]; filepath.IsAbs(path) {
		c.cookie = path
	}
	if (c.user == "") != (c.password == "") {
		return nil, errors.New("bitcoin-rpcuser and bitcoin-rpcpassword need each other")
	}
	c.address, err = address(pick("bitcoin-rpcconnect", "rpcconnect", "127.0.0.1"),
		pick("bitcoin-rpcport", "rpcport", strconv.Itoa(netw.port)))
	if err != nil {
		return nil, err
	}
	if c.timeout, err = clientTimeout(i); err != nil {
		return nil, err
	}
	if c.noIBD, err = i.Bool("dev-ignore-ibd"); err != nil {
		return nil, err
	}
	return c, nil
}

// dataDir is bitcoind's data directory.
func dataDir(given map[string]string) (string, error) {
	if dir := given["bitcoin-datadir"]; dir != "" {
		return dir, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("bitcoin-datadir is not set: %w", err)
	}
	return filepath.Join(home, ".bitcoin"), nil
}

// defaultTimeout is how long one answer of the server may take.
const defaultTimeout = 60 * time.Second

func clientTimeout(i plugin.Init) (time.Duration, error) {
	seconds, err := i.Int("bitcoin-rpcclienttimeout")
	if err != nil || seconds <= 0 {
		return defaultTimeout, err
	}
	return time.Duration(seconds) * time.Second, nil
}

func givenOptions(i plugin.Init) (map[string]string, error) {
	given := make(map[string]string)
	for _, o := range options {
		if o.Type == "int" || o.Type == "bool" {
			continue
		}
		v, err := i.String(o.Name)
		if err != nil {
			return nil, err
		}
		given[o.Name] = v
	}
	port, err := i.Int("bitcoin-rpcport")
	if err != nil {
		return nil, err
	}
	if port != 0 {
		given["bitcoin-rpcport"] = strconv.FormatInt(port, 10)
	}
	return given, nil
}

// address takes a port in host too, which wins, as it does in bitcoin-cli.
func address(host, port string) (string, error) {
	if h, p, err := net.SplitHostPort(host); err == nil {
		host, port = h, p
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", fmt.Errorf("bitcoin-rpcport: %q is no port", port)
	}
	return net.JoinHostPort(host, port), nil
}
