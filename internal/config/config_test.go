package config

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"fulmen/internal/schema"
)

// home makes a home folder with files, given by their path in it.
func home(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for path, content := range files {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestPrecedence(t *testing.T) {
	dir := home(t, map[string]string{
		".lightning/config":         "# comment\n  alias = general \r\nfee-base=1\nfee-per-satoshi=1\nregtest\nlog-file=a\ninclude more\n",
		".lightning/more":           "log-file=b\nautolisten=no\n",
		".lightning/regtest/config": "fee-base=2\nfee-per-satoshi=2\nlog-file=c\n",
	})
	c, err := Load([]string{"--fee-base=3", "--log-file", "d", "--daemon"}, dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Finish(); err != nil {
		t.Error(err)
	}
	if c.String("alias") != "general" || c.Int("fee-base") != 3 || c.Int("fee-per-satoshi") != 2 || c.Bool("autolisten") || !c.Flag("daemon") {
		t.Errorf("alias %s, fee-base %d, fee-per-satoshi %d", c.String("alias"), c.Int("fee-base"), c.Int("fee-per-satoshi"))
	}
	if got := c.Strings("log-file"); !reflect.DeepEqual(got, []string{"a", "b", "c", "d"}) {
		t.Errorf("log-file %v", got)
	}
	if c.Network().Name != "regtest" || c.Network().Port != 19846 || c.Int("cltv-delta") != 6 {
		t.Errorf("network %v, cltv-delta %d", c.Network(), c.Int("cltv-delta"))
	}
	base := filepath.Join(dir, ".lightning")
	if c.Dir() != base || c.NetworkDir() != base+"/regtest" || c.Path("rpc-file") != base+"/regtest/lightning-rpc" || c.PIDFile() != base+"/lightningd-regtest.pid" {
		t.Errorf("paths %s %s %s %s", c.Dir(), c.NetworkDir(), c.Path("rpc-file"), c.PIDFile())
	}
	if c.DatabaseFile() != base+"/regtest/lightningd.sqlite3" || c.RPCFileMode() != 0o600 {
		t.Errorf("database %s, mode %v", c.DatabaseFile(), c.RPCFileMode())
	}
}

func TestDefaultsOnMainnet(t *testing.T) {
	c, err := Load(nil, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if c.Network().Name != "bitcoin" || c.Network().Port != 9735 || c.Int("cltv-delta") != 34 || c.Int("max-concurrent-htlcs") != 483 {
		t.Errorf("network %v, cltv-delta %d, max-concurrent-htlcs %d", c.Network(), c.Int("cltv-delta"), c.Int("max-concurrent-htlcs"))
	}
	if c.Msat("min-emergency-msat") != 25_000_000 || c.Flag("offline") || c.IsSet("alias") || c.Strings("addr") != nil {
		t.Error("defaults differ")
	}
	if got := c.Strings("log-level"); !reflect.DeepEqual(got, []string{"info"}) {
		t.Errorf("log-level %v", got)
	}
}

func TestConfFileReplacesBoth(t *testing.T) {
	dir := home(t, map[string]string{
		"only":                      "signet\nalias=only",
		".lightning/config":         "alias=general\nregtest\n",
		".lightning/signet/config":  "alias=signet\n",
		".lightning/regtest/config": "alias=regtest\n",
	})
	c, err := Load([]string{"--conf=" + filepath.Join(dir, "only")}, dir)
	if err != nil {
		t.Fatal(err)
	}
	if c.Network().Name != "signet" || c.String("alias") != "only" {
		t.Errorf("network %s, alias %s", c.Network().Name, c.String("alias"))
	}
}

func TestCommandLineNetworkOutweighsTheFile(t *testing.T) {
	dir := home(t, map[string]string{".lightning/config": "testnet\n"})
	c, err := Load([]string{"--network=signet"}, dir)
	if err != nil || c.Network().Name != "signet" {
		t.Errorf("got %v, %v", c.Network(), err)
	}
}

func TestRefusals(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files map[string]string
		args  []string
		want  string // HOME stands for the home folder
	}{
		{"unknown in a file", map[string]string{".lightning/config": "\nfoo=1"}, nil, "HOME/.lightning/config:2: foo: unknown option"},
		{"unknown argument", nil, []string{"--foo=1"}, "cmdline: foo: unknown option"},
		{"no number", nil, []string{"--fee-base=1k"}, `cmdline: fee-base: should be a whole number: "fee-base=1k"`},
		{"out of range", map[string]string{".lightning/bitcoin/config": "max-concurrent-htlcs=484"}, nil,
			`HOME/.lightning/bitcoin/config:1: max-concurrent-htlcs: should be from 1 to 483: "max-concurrent-htlcs=484"`},
		{"unmined channels", nil, []string{"--funding-confirms=0"}, `cmdline: funding-confirms: should be from 1 to 1000: "funding-confirms=0"`},
		{"no bool", nil, []string{"--autolisten=maybe"}, `cmdline: autolisten: should be true or false: "autolisten=maybe"`},
		{"no value", nil, []string{"--alias"}, `cmdline: alias: needs a value: alias=<text>: "alias"`},
		{"value for a flag", nil, []string{"--offline=true"}, `cmdline: offline: takes no value: "offline=true"`},
		{"amount", nil, []string{"--htlc-minimum-msat=1.5"}, "cmdline: htlc-minimum-msat: should be a millisatoshi amount"},
		{"mode", nil, []string{"--rpc-file-mode=0444"}, "cmdline: rpc-file-mode: should be an octal mode"},
		{"network", nil, []string{"--network=liquid"}, "cmdline: network: should be one of bitcoin, testnet, testnet4, signet, regtest"},
		{"two networks", nil, []string{"--regtest", "--testnet"}, "cmdline: testnet: contradicts regtest (cmdline)"},
		{"other network in a network's file", map[string]string{".lightning/regtest/config": "signet"}, []string{"--regtest"},
			"HOME/.lightning/regtest/config:1: signet: this file is only read for regtest"},
		{"folder in a file", map[string]string{".lightning/config": "lightning-dir=/tmp"}, nil, "HOME/.lightning/config:1: lightning-dir: only on the command line"},
		{"no dashes", nil, []string{"fee-base"}, `command line: "fee-base" is not an option`},
		{"dashes in a file", map[string]string{".lightning/config": "--alias=x"}, nil, "HOME/.lightning/config:1: --alias: in a file"},
		{"spaces", map[string]string{".lightning/config": "fee base=1"}, nil, `HOME/.lightning/config:1: "fee base": an option's name has no spaces`},
		{"not text", map[string]string{".lightning/config": "a=1\n\xff"}, nil, "HOME/.lightning/config:2: not text"},
		{"too large", map[string]string{".lightning/config": strings.Repeat("#", maxFile+1)}, nil, "HOME/.lightning/config: has 1048577 bytes"},
		{"missing conf", nil, []string{"--conf=/nowhere/config"}, "cmdline: conf: stat /nowhere/config: no such file or directory"},
		{"missing include", map[string]string{".lightning/config": "include gone"}, nil, "HOME/.lightning/config:1: include: stat HOME/.lightning/gone: no such file"},
		{"include of itself", map[string]string{".lightning/config": "include config"}, nil, "HOME/.lightning/config:1: include: HOME/.lightning/config: includes itself"},
		{"alias", nil, []string{"--alias=" + strings.Repeat("x", 33)}, "cmdline: alias: should have at most 32 bytes, and has 33"},
		{"colour", nil, []string{"--rgb=12345"}, "cmdline: rgb: should be six hex digits"},
		{"for developers", nil, []string{"--dev-no-reconnect"}, "cmdline: dev-no-reconnect: only with the option developer"},
		{"chosen keys", nil, []string{"--network=signet", "--developer", "--dev-force-privkey=" + strings.Repeat("01", 32)}, "cmdline: dev-force-privkey: keys can be chosen on regtest alone"},
		{"a plugin's for developers", map[string]string{".lightning/config": "dev-whatever=1"}, nil, "HOME/.lightning/config:1: dev-whatever: only with the option developer"},
		{"key", nil, []string{"--developer", "--dev-force-privkey=12"}, "cmdline: dev-force-privkey: each secret should be 64 hex digits"},
		{"too few keys", nil, []string{"--developer", "--dev-force-channel-secrets=12"}, "cmdline: dev-force-channel-secrets: should be as many secrets"},
		{"daemon", nil, []string{"--subdaemon=hsmd"}, "cmdline: subdaemon: should be NAME:PATH"},
		{"database", nil, []string{"--wallet=postgres://x"}, "cmdline: wallet: should be sqlite3://PATH"},
	} {
		dir := home(t, tt.files)
		c, err := Load(tt.args, dir)
		if err == nil {
			_, err = c.Finish()
		}
		if want := strings.ReplaceAll(tt.want, "HOME", dir); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s:\n got %v\nwant %s", tt.name, err, want)
		}
	}
}

func TestSecretsAreNotRepeated(t *testing.T) {
	c, err := Load([]string{"--secret=words"}, home(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	err = c.Declare(&Option{Name: "secret", Kind: Conceal, Plugin: "/p", Check: func(string) error { return errors.New("should be longer") }})
	if err == nil || !strings.HasPrefix(err.Error(), "cmdline: secret: should be longer") || strings.Contains(err.Error(), "words") {
		t.Errorf("got %v", err)
	}
}

func TestPluginOptions(t *testing.T) {
	dir := home(t, map[string]string{".lightning/config": "bitcoin-rpcpassword=secret\nbitcoin-rpcport=18443\n"})
	c, err := Load([]string{"--bitcoin-rpcuser", "me", "--bitcoin-fast", "--daemon"}, dir)
	if err != nil {
		t.Fatal(err)
	}
	err = c.Declare(
		&Option{Name: "bitcoin-rpcuser", Plugin: "/bcli"},
		&Option{Name: "bitcoin-rpcpassword", Kind: Conceal, Plugin: "/bcli"},
		&Option{Name: "bitcoin-rpcport", Kind: Int, Plugin: "/bcli"},
		&Option{Name: "bitcoin-retry-timeout", Kind: Int, Default: "60", Plugin: "/bcli"},
		&Option{Name: "bitcoin-fast", Kind: Flag, Plugin: "/bcli"},
	)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Finish(); err != nil {
		t.Error(err)
	}
	if c.String("bitcoin-rpcuser") != "me" || c.String("bitcoin-rpcpassword") != "secret" || c.Int("bitcoin-rpcport") != 18443 ||
		c.Int("bitcoin-retry-timeout") != 60 || !c.Flag("bitcoin-fast") {
		t.Error("values differ")
	}
	if err := c.Declare(&Option{Name: "alias", Plugin: "/other"}); err == nil || err.Error() != "option alias is declared twice" {
		t.Errorf("taken name: %v", err)
	}
	if err := c.Declare(&Option{Name: "n", Kind: Int, Default: "x", Plugin: "/other"}); err == nil {
		t.Error("malformed default: no error")
	}
	got, err := json.Marshal(c.List("bitcoin-rpcpassword"))
	if err != nil || strings.Contains(string(got), "secret") {
		t.Errorf("listed: %s, %v", got, err)
	}
}

func TestUnknownPluginOptionIsNamed(t *testing.T) {
	c, err := Load([]string{"--bitcoin-rpcuser", "me"}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Finish(); err == nil || err.Error() != "cmdline: bitcoin-rpcuser: unknown option" {
		t.Errorf("got %v", err)
	}
}

func TestList(t *testing.T) {
	dir := home(t, map[string]string{".lightning/config": "regtest\naddr=1.2.3.4\nfee-base=5\n"})
	c, err := Load([]string{"--addr=::1", "--log-level=debug:hsmd", "--secret=words"}, dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Declare(&Option{Name: "secret", Kind: Conceal, Plugin: "/p"}); err != nil {
		t.Fatal(err)
	}
	file := dir + "/.lightning/config"
	for name, want := range map[string]string{
		"lightning-dir":     `{"lightning-dir":{"value_str":"` + dir + `/.lightning","source":"default"}}`,
		"network":           `{"network":{"value_str":"regtest","source":"` + file + `:1"}}`,
		"regtest":           `{"regtest":{"set":true,"source":"` + file + `:1"}}`,
		"testnet":           `{"testnet":{"set":false,"source":"default"}}`,
		"addr":              `{"addr":{"values_str":["1.2.3.4","::1"],"sources":["` + file + `:2","cmdline"]}}`,
		"fee-base":          `{"fee-base":{"value_int":5,"source":"` + file + `:3"}}`,
		"autolisten":        `{"autolisten":{"value_bool":true,"source":"default"}}`,
		"htlc-minimum-msat": `{"htlc-minimum-msat":{"value_msat":0,"source":"default"}}`,
		"log-level":         `{"log-level":{"value_str":"debug:hsmd","source":"cmdline"}}`,
		"min-capacity-sat":  `{"min-capacity-sat":{"value_int":10000,"source":"default","dynamic":true}}`,
		"secret":            `{"secret":{"value_str":"...","source":"cmdline","plugin":"/p"}}`,
		"alias":             `{}`,
		"nonsense":          `null`,
	} {
		list := c.List(name)
		got, err := json.Marshal(list)
		if list == nil {
			got = []byte("null")
		}
		if err != nil || string(got) != want {
			t.Errorf("%s:\n got %s, %v\nwant %s", name, got, err, want)
		}
	}
	all, err := json.Marshal(c.List(""))
	if err != nil || !strings.HasPrefix(string(all), `{"lightning-dir":`) {
		t.Errorf("all: %s, %v", all, err)
	}
}

// TestListKeepsTheContract holds every option's form to the schema of listconfigs.
func TestListKeepsTheContract(t *testing.T) {
	s, err := schema.Load("listconfigs")
	if err != nil {
		t.Fatal(err)
	}
	dir := home(t, map[string]string{"conf": "alias=x\n"})
	args := []string{"--conf=" + dir + "/conf", "--addr=::1", "--plugin=a", "--subdaemon=hsmd:/x", "--log-file=-", "--proxy=::1", "--rgb=abcdef"}
	c, err := Load(args, dir)
	if err != nil {
		t.Fatal(err)
	}
	result, err := json.Marshal(map[string]Listing{"configs": c.List("")})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.ValidateResponse(result); err != nil {
		t.Error(err)
	}
}

func TestMalformedNamesThePlace(t *testing.T) {
	c, err := Load([]string{"--addr=a", "--addr=b"}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Malformed("addr", "b", errors.New("no such address")); err.Error() != `cmdline: addr: no such address: "addr=b"` {
		t.Errorf("got %v", err)
	}
}

func TestHelpReadsNoFile(t *testing.T) {
	dir := home(t, map[string]string{".lightning/config": "broken line"})
	c, err := Load([]string{"-h"}, dir)
	if err != nil || !c.Flag("help") {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := c.WriteHelp(&b); err != nil {
		t.Fatal(err)
	}
	for _, o := range Core() {
		if o.Doc == "" || !strings.Contains(b.String(), "  --"+o.Name) {
			t.Errorf("help lacks %s", o.Name)
		}
	}
}

func TestCoreDefaultsAreValid(t *testing.T) {
	for _, o := range Core() {
		for _, value := range []string{o.Default, o.TestDefault} {
			if value == "" {
				continue
			}
			if err := o.validate(value, true); err != nil {
				t.Errorf("default of %s: %v", o.Name, err)
			}
		}
	}
}

func FuzzParseFile(f *testing.F) {
	f.Add([]byte("alias=x\n# comment\n\n include other \r\nflag\n"))
	f.Add([]byte("--a=1"))
	f.Add([]byte("=\x00\xff"))
	f.Fuzz(func(t *testing.T, content []byte) {
		settings, err := parseFile("config", content)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "config:") {
				t.Fatalf("%q: the error has no place: %v", content, err)
			}
			return
		}
		for _, s := range settings {
			if s.name == "" || strings.TrimSpace(s.name) != s.name || !strings.HasPrefix(s.place, "config:") {
				t.Fatalf("%q: setting %+v", content, s)
			}
			again, err := parseFile("config", []byte(s.text()))
			if s.name != include && (err != nil || len(again) != 1 || again[0].text() != s.text()) {
				t.Fatalf("%q: %q is read as %v, %v", content, s.text(), again, err)
			}
		}
	})
}
