package internal

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Who imports whom. A rule is one line: packages | packages | why. Paths begin below the module;
// a path that ends in /... is every package below it as well. A path without a slash is of the
// standard library.

// neverLinked: what the first packages must not have among all they depend on.
const neverLinked = `
cmd/hsmd | internal/noise internal/gossip internal/rpc internal/command internal/channel internal/opening internal/closing internal/onion internal/invoice internal/wire | the process with the secret parses nothing that a peer or a user wrote
cmd/hsmd | internal/store internal/chain internal/wallet internal/plugin internal/config internal/subd | the process with the secret serves requests and knows no node around it
cmd/hsmd | internal/ipc/channeldmsg internal/ipc/connectdmsg internal/ipc/gossipdmsg internal/ipc/gossipmsg internal/ipc/peermsg | hsmd speaks on its own links alone
cmd/hsmd cmd/channeld cmd/connectd cmd/gossipd cmd/onchaind | net/http net/rpc crypto/tls os/exec database/sql plugin | a daemon starts nothing, and speaks nothing but its links (net itself comes with btcd's types; connectd uses it)
cmd/channeld | internal/store internal/signer internal/hsmsecret | one channel's process holds no key and no database
cmd/channeld | internal/rpc internal/command internal/noise internal/gossip internal/plugin internal/config internal/chain internal/wallet internal/invoices internal/payments internal/subd | what it decides is about one channel
cmd/channeld | internal/ipc/connectdmsg internal/ipc/gossipdmsg internal/ipc/gossipmsg | it has no link on which they are spoken
cmd/onchaind | internal/store internal/signer internal/rpc internal/noise internal/plugin internal/hsmsecret | one channel's process holds no key and no database (of internal/channel it reads the stored state)
cmd/onchaind | internal/command internal/config internal/chain internal/wallet internal/invoices internal/payments internal/subd internal/opening internal/closing internal/onion internal/gossip | what it decides is about one channel's outputs
cmd/onchaind | internal/ipc/channeldmsg internal/ipc/connectdmsg internal/ipc/gossipdmsg internal/ipc/gossipmsg internal/ipc/peermsg | it has no link on which they are spoken
cmd/connectd | internal/store internal/signer internal/hsmsecret internal/rpc internal/command internal/plugin internal/config internal/subd | it moves messages: no key, no caller
cmd/connectd | internal/channel internal/opening internal/closing internal/tx internal/onion internal/invoice internal/gossip internal/ipc/channeldmsg internal/ipc/gossipdmsg | it knows no channel and no graph
cmd/gossipd | internal/store internal/signer internal/hsmsecret internal/rpc internal/command internal/noise internal/plugin internal/config internal/subd | it knows the public graph
cmd/gossipd | internal/channel internal/opening internal/closing internal/tx internal/onion internal/invoice internal/ipc/channeldmsg internal/ipc/connectdmsg internal/ipc/peermsg | and no channel's state
cmd/lightningd | internal/signer internal/noise internal/daemon | lightningd has no private key and speaks to no peer
cmd/lightning-hsmtool | internal/store internal/rpc internal/channel internal/gossip internal/noise internal/plugin internal/ipc/... net/http os/exec | it reads the secret, and no other
cmd/lightning-cli plugins/... | internal/store internal/channel internal/signer internal/hsmsecret internal/ipc/... internal/subd internal/daemon internal/wallet internal/chain internal/noise | programs over RPC know nothing of the inside
plugins/autoclean/... plugins/bookkeeper/... plugins/sql/... | internal/graph internal/route | what they know they ask lightningd for; of gossip_store sql reads what has changed
internal/... | cmd/... plugins/... tests/... tools/... | never upward
cmd/... | tests/... tools/... | a program needs nothing of its tests
internal/channel | internal/opening internal/closing internal/onchain | never from machine to machine
internal/opening | internal/channel internal/closing internal/onchain | never from machine to machine
internal/closing | internal/channel internal/opening internal/onchain | never from machine to machine
internal/onchain | internal/channel internal/opening internal/closing | never from machine to machine
internal/wire | internal/tx internal/channel internal/gossip internal/ipc/... | messages know nothing of what is done with them
internal/gossipstore | internal/gossip internal/tx internal/ipc internal/ipc/... internal/channel internal/store | a file's format: it knows no more than the messages' types
internal/amount internal/block | internal/keys internal/wire internal/tx internal/ipc/... | the lowest of all
internal/quiet internal/rawtx | internal/amount internal/keys internal/wire internal/tx internal/ipc internal/ipc/... | memory, and an encoding: everybody may have them
internal/ipc | internal/amount internal/keys internal/wire internal/daemon internal/subd internal/sandbox | frames know no message of any one process
internal/daemon internal/sandbox | internal/amount internal/keys internal/wire internal/tx internal/subd | no domain type
internal/subd | internal/amount internal/keys internal/wire internal/tx internal/daemon | no domain type
internal/rpc | internal/command internal/store internal/channel internal/ipc/... | no knowledge of any command's meaning
internal/plugin internal/config | internal/channel internal/store internal/ipc/... | knows nothing of channels
internal/graph internal/route | internal/gossip internal/channel internal/tx internal/store internal/rpc internal/plugin | announcements and amounts, and no node around them
internal/runes | internal/rpc internal/command internal/store internal/ipc/... | tokens and what they say, and no node around them
internal/signer | internal/channel internal/noise internal/store internal/rpc | secrets meet as little code as can be
`

// neverNamed: what the first packages' own files must not import. What libraries below them
// import is not theirs to choose.
const neverNamed = `
internal/channel internal/opening internal/closing internal/onchain | os net time crypto/rand math/rand math/rand/v2 log/slog internal/ipc internal/ipc/... | a pure machine: no input, output, clock, randomness or process
internal/route | os net time crypto/rand math/rand math/rand/v2 log/slog internal/gossipstore internal/rpc internal/ipc internal/ipc/... | pure: paths over a graph that somebody else reads
internal/graph | net time crypto/rand math/rand math/rand/v2 log/slog internal/rpc internal/ipc internal/ipc/... | it reads the one file, and nothing else
internal/runes | os net crypto/rand math/rand math/rand/v2 log/slog internal/ipc internal/ipc/... | pure: the caller has the clock
internal/gossip internal/noise internal/onion internal/tx internal/wire internal/keys | os net crypto/rand math/rand math/rand/v2 log/slog internal/ipc internal/ipc/... | pure: the caller has the socket, the clock and the dice
internal/amount internal/block | os net time | pure
internal/codex32 | os net time crypto/rand log/slog | pure: letters and a checksum
internal/multipart | os net crypto/rand math/rand math/rand/v2 log/slog internal/ipc internal/ipc/... internal/rpc | a pure machine: time comes with the event
plugins/... | internal/tx internal/config internal/plugin internal/schema | of the inside a plugin has the protocol's types and pure machines, and rpc
plugins/bcli plugins/plugin | internal/command internal/graph internal/route | what every plugin links is small; built-in ones with commands for people take package command's tables (plugins/builtin), one source of parameters, help and pages
plugins/bookkeeper/books | os net crypto/rand math/rand math/rand/v2 log/slog internal/rpc internal/command plugins/... | pure: movements in, books out; the caller has lightningd, the clock and the file
internal/scb | os net time crypto/rand log/slog internal/ipc internal/ipc/... internal/channel internal/store | pure: entries and their encryption; the caller has the file, the key and the dice
internal/signer | os net time internal/ipc internal/ipc/... | pure: cmd/hsmd has the socket and the file
internal/txwatch | os net time crypto/rand math/rand math/rand/v2 log/slog internal/wallet internal/chain internal/store internal/ipc internal/ipc/... | a pure machine: lightningd has the wallet, the backend and the clock
internal/htlcswitch internal/invoices internal/payments internal/wallet | os net database/sql internal/store internal/ipc internal/ipc/... internal/rpc | a machine over a small storage interface
`

// onlyBy: who alone may import the first packages.
const onlyBy = `
internal/store internal/chain internal/subd | cmd/lightningd | lightningd alone has the database, the chain and the children
github.com/mattn/go-sqlite3 | internal/store plugins/backup/... plugins/sql/... | C is in lightningd and the plugins that need SQLite
internal/signer | cmd/hsmd cmd/lightning-hsmtool internal/channel/channeltest tests/... | where the secret is
internal/daemon internal/sandbox | cmd/... internal/daemon internal/sandbox/... | the child's side
internal/hsmsecret | cmd/hsmd cmd/lightning-hsmtool internal/hsmsecret/... | the content of hsm_secret
internal/ipc/hsmdmsg | cmd/hsmd cmd/lightningd cmd/channeld cmd/onchaind cmd/connectd cmd/gossipd internal/ipc/channeldmsg internal/sandbox/... tests/... | the two ends of hsmd's links; a channel's setup is part of channeld's
internal/ipc/connectdmsg | cmd/lightningd cmd/connectd tests/... | its two ends
internal/ipc/gossipdmsg | cmd/lightningd cmd/gossipd tests/... | its two ends
internal/ipc/gossipmsg | cmd/connectd cmd/gossipd tests/... | its two ends
internal/ipc/peermsg | cmd/connectd cmd/channeld tests/... | its two ends
internal/ipc/channeldmsg | cmd/lightningd cmd/channeld tests/... | its two ends
internal/ipc/onchaindmsg | cmd/lightningd cmd/onchaind tests/... | its two ends
internal/scripttest internal/wire/wiretest internal/channel/channeltest internal/onchain/onchaintest internal/daemontest | tests/... internal/onchain/onchaintest | tests alone
internal/graph/graphtest | tools/graphgen tests/... | tests, and the program that makes such networks
internal/graph internal/route | internal/graph internal/graph/graphtest internal/route plugins/... tools/graphgen tests/... | the graph is in the plugins that look for routes: lightningd parses no gossip
internal/onchain/restore | cmd/onchaind internal/onchain/onchaintest tests/... | where both machines may be known
internal/ipc/... | cmd/... internal/ipc/... internal/daemon internal/subd internal/sandbox/... tests/... | a link's messages are for its two ends
`

// rule is one line.
type rule struct {
	who, whom []string
	reason    string
}

func parseRules(t *testing.T, text string) []rule {
	t.Helper()
	var rules []rule
	for line := range strings.Lines(strings.TrimSpace(text)) {
		parts := strings.Split(strings.TrimSpace(line), " | ")
		if len(parts) != 3 {
			t.Fatalf("rule %q: want three parts", line)
		}
		rules = append(rules, rule{who: strings.Fields(parts[0]), whom: strings.Fields(parts[1]), reason: parts[2]})
	}
	return rules
}

// pkg is what go list says of a package.
type pkg struct {
	ImportPath    string
	Imports, Deps []string
	Error         *struct{ Err string }
}

// name is the package's path as rules have it.
func name(importPath string) string { return strings.TrimPrefix(importPath, "fulmen/") }

func listPackages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Imports,Deps,Error", "./...")
	cmd.Dir = ".."
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var all []pkg
	for dec := json.NewDecoder(out); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if p.Error != nil {
			t.Errorf("%s: %s", p.ImportPath, p.Error.Err)
			continue
		}
		all = append(all, p)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	return all
}

// match reports whether the package is one of the patterns.
func match(importPath string, patterns []string) bool {
	n := name(importPath)
	for _, p := range patterns {
		if below, ok := strings.CutSuffix(p, "/..."); ok && strings.HasPrefix(n, below+"/") || n == p {
			return true
		}
	}
	return false
}

func TestWhoImportsWhom(t *testing.T) {
	all := listPackages(t)
	linked, named, only := parseRules(t, neverLinked), parseRules(t, neverNamed), parseRules(t, onlyBy)
	checkRulesNameFolders(t, linked, named, only)
	for _, p := range all {
		for _, r := range linked {
			forbid(t, p, p.Deps, r)
		}
		for _, r := range named {
			forbid(t, p, p.Imports, r)
		}
		for _, r := range only {
			for _, dep := range p.Imports {
				if match(dep, r.who) && !match(p.ImportPath, r.whom) && !match(p.ImportPath, r.who) {
					t.Errorf("%s imports %s: %s", name(p.ImportPath), name(dep), r.reason)
				}
			}
		}
	}
}

func forbid(t *testing.T, p pkg, deps []string, r rule) {
	t.Helper()
	if !match(p.ImportPath, r.who) {
		return
	}
	for _, dep := range deps {
		if match(dep, r.whom) && !match(dep, r.who) {
			t.Errorf("%s depends on %s: %s", name(p.ImportPath), name(dep), r.reason)
		}
	}
}

// checkRulesNameFolders finds a rule that a renamed package has escaped.
func checkRulesNameFolders(t *testing.T, sets ...[]rule) {
	t.Helper()
	for _, set := range sets {
		for _, r := range set {
			for _, n := range append(r.who, r.whom...) {
				if !strings.HasPrefix(n, "internal/") && !strings.HasPrefix(n, "cmd/") {
					continue
				}
				if _, err := os.Stat("../" + strings.TrimSuffix(n, "/...")); err != nil {
					t.Errorf("a rule names %s: %v", n, err)
				}
			}
		}
	}
}
