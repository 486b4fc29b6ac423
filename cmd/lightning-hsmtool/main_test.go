package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/address/v2/bech32"
)

const (
	abandon   = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about"
	abandonID = "03653e90c1ce4660fd8505dd6d643356e93cfe202af109d382787639dd5890e87d"
	ritual    = "ritual idle hat sunny universe pluck key alpha wing cake have wedding"
	ritualID  = "039020371fb803cd4ce1e9a909b502d7b0a9e0f10cccc35c3e9be959c52d3ba6bd"
)

// run is the tool with lines piped in.
func run(t *testing.T, stdin string, args ...string) (code int, out, errs string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "stdin")
	if err := os.WriteFile(path, []byte(stdin), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var o, e bytes.Buffer
	tool := &tool{in: newInput(f, &e), out: &o}
	code = tool.main(args, &e)
	return code, o.String(), e.String()
}

// mustRun returns what the tool printed.
func mustRun(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	code, out, errs := run(t, stdin, args...)
	if code != exitOK {
		t.Fatalf("%v: exit %d: %s", args, code, errs)
	}
	return out
}

func TestGenerateAndGetBack(t *testing.T) {
	for _, passphrase := range []string{"", "s3cret phrase"} {
		path := filepath.Join(t.TempDir(), "hsm_secret")
		out := mustRun(t, passphrase+"\n"+passphrase+"\n", "generatehsm", path)
		words := regexp.MustCompile(`(?m)^([a-z]+ ){11}[a-z]+$`).FindString(out)
		if words == "" {
			t.Fatalf("no words in %q", out)
		}
		if got := mustRun(t, passphrase+"\n", "getsecret", path); got != words+"\n" {
			t.Errorf("getsecret %q, want %q", got, words)
		}
		answers := words + "\n"
		if passphrase != "" {
			answers = passphrase + "\n" + answers
		}
		if got := mustRun(t, answers, "checkhsm", path); got != "OK\n" {
			t.Errorf("checkhsm %q", got)
		}
		if id := mustRun(t, passphrase+"\n", "getnodeid", path); len(id) != 67 {
			t.Errorf("node id %q", id)
		}
	}
}

func TestKnownWords(t *testing.T) {
	for _, c := range []struct{ words, passphrase, id, format string }{
		{abandon, "", abandonID, "without"},
		{ritual, "test_passphrase", ritualID, "with"},
	} {
		path := filepath.Join(t.TempDir(), "hsm_secret")
		out := mustRun(t, "", "generatehsm", path, "en", c.words, c.passphrase)
		if !strings.Contains(out, "Format: mnemonic "+c.format+" passphrase\n") || strings.Contains(out, c.words) {
			t.Errorf("generatehsm %q", out)
		}
		if id := mustRun(t, c.passphrase, "getnodeid", path); id != c.id+"\n" {
			t.Errorf("node id %q, want %s", id, c.id)
		}
	}
}

func TestOldForm(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hsm_secret")
	// The first half of the seed of these words with this passphrase, as the tool of old wrote it.
	raw := "\x16\x1d\x74\x0b\xcf\xd3\xc5\xe2\xa1\x76\x91\x59\xbe\xe8\x68\x68\xab\x35\xe7\x54\x4e\x83\xe8\x25\x04\x2a\x43\xb9\x29\xad\x95\x0c"
	if err := os.WriteFile(path, []byte(raw), 0o400); err != nil {
		t.Fatal(err)
	}
	if got := mustRun(t, "", "getsecret", path); got != "161d740bcfd3c5e2a1769159bee86868ab35e7544e83e825042a43b929ad950c\n" {
		t.Errorf("getsecret %q", got)
	}
	words := "blame expire peanut sell door zoo bundle motor truth outside artist siren"
	if got := mustRun(t, "passphrase\n"+words+"\n", "checkhsm", path); got != "OK\n" {
		t.Errorf("checkhsm %q", got)
	}
	if code, _, _ := run(t, "\n"+words+"\n", "checkhsm", path); code != exitMismatch {
		t.Errorf("checkhsm without the passphrase: exit %d", code)
	}
}

func TestErrors(t *testing.T) {
	dir := t.TempDir()
	plain, locked, cut := filepath.Join(dir, "plain"), filepath.Join(dir, "locked"), filepath.Join(dir, "cut")
	mustRun(t, "", "generatehsm", plain, "en", abandon)
	mustRun(t, "", "generatehsm", locked, "en", ritual, "right")
	if err := os.WriteFile(cut, []byte("cut"), 0o400); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		stdin string
		args  []string
		code  int
		text  string
	}{
		{"", nil, exitUsage, "Usage: lightning-hsmtool"},
		{"", []string{"encrypt"}, exitUsage, `unknown method "encrypt"`},
		{"", []string{"getnodeid"}, exitUsage, "getnodeid PATH"},
		{"", []string{"getnodeid", plain, "more"}, exitUsage, "getnodeid PATH"},
		{"", []string{"generatehsm", filepath.Join(dir, "new"), "fr", abandon}, exitUsage, `language "fr"`},
		{"", []string{"generatehsm", filepath.Join(dir, "new"), "en"}, exitUsage, "words come after"},
		{"", []string{"generatehsm", filepath.Join(dir, "new"), "en", "abandon"}, exitError, "words, have 1"},
		{"", []string{"generatehsm", plain}, exitError, "already exists"},
		{"one\nother\n", []string{"generatehsm", filepath.Join(dir, "new")}, exitError, "differ"},
		{"", []string{"getnodeid", filepath.Join(dir, "none")}, exitError, "no such file"},
		{"", []string{"getnodeid", dir}, exitError, "no regular file"},
		{"", []string{"getsecret", cut}, exitError, cut + ": 3 bytes"},
		{"wrong\n", []string{"getsecret", locked}, exitError, locked + ": wrong passphrase"},
		{"", []string{"getsecret", locked}, exitError, "needs its passphrase"},
		{ritual + "\n", []string{"checkhsm", plain}, exitMismatch, "do not give"},
		{"no words\n", []string{"checkhsm", plain}, exitError, "your words: want 12, 15, 18, 21 or 24 words, have 2"},
	} {
		code, _, errs := run(t, c.stdin, c.args...)
		if code != c.code || !strings.Contains(errs, c.text) {
			t.Errorf("%v: exit %d: %s; want %d with %q", c.args, code, errs, c.code, c.text)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "new")); err == nil {
		t.Error("a refused generatehsm left a file")
	}
	if id := mustRun(t, "", "getnodeid", plain); id != abandonID+"\n" {
		t.Errorf("the existing file has changed: node id %s", id)
	}
}

func TestHelp(t *testing.T) {
	out := mustRun(t, "", "--help")
	for _, m := range methods {
		if !strings.Contains(out, "  "+m.name+" "+m.args+"\n") {
			t.Errorf("help does not show %s", m.name)
		}
	}
}

func TestGetEmergencyRecover(t *testing.T) {
	path := filepath.Join(t.TempDir(), "emergency.recover")
	content := bytes.Repeat([]byte{0, 255, 7}, 5000)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	text := strings.TrimSuffix(mustRun(t, "", "getemergencyrecover", path), "\n")
	hrp, words, err := bech32.DecodeNoLimit(text)
	if err != nil || hrp != "clnemerg" {
		t.Fatalf("%q, %v", hrp, err)
	}
	if back, err := bech32.ConvertBits(words, 5, 8, false); err != nil || !bytes.Equal(back, content) {
		t.Errorf("%d bytes come back of %d, %v", len(back), len(content), err)
	}
	if code, _, errs := run(t, "", "getemergencyrecover", path+"x"); code != exitError || !strings.Contains(errs, "no such file") {
		t.Errorf("exit %d: %s", code, errs)
	}
}
