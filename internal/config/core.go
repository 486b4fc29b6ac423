package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Core are lightningd's own options. Those of plugins, bitcoin-rpcuser among them, come from the
// plugins' manifests.
func Core() []*Option {
	options := []*Option{
		{Name: "lightning-dir", Group: General, Early: true, Check: notEmpty, Doc: "Folder for everything (default: ~/.lightning)"},
		{Name: "conf", Group: General, Early: true, Check: notEmpty, Doc: "Read this file and no other"},
		{Name: "network", Group: General, Default: "bitcoin", Check: checkNetwork, Doc: "Network: bitcoin, testnet, testnet4, signet or regtest"},
	}
	for _, n := range Networks {
		options = append(options, &Option{Name: n.networkFlag(), Kind: Flag, Group: General, Doc: "Short for network=" + n.Name})
	}
	options = append(options, general()...)
	options = append(options, logging()...)
	options = append(options, policy()...)
	options = append(options, connections()...)
	options = append(options, plugins()...)
	return append(options, developer()...)
}

func general() []*Option {
	return []*Option{
		{Name: "help", Kind: Flag, Group: General, Doc: "Print this text and exit"},
		{Name: "version", Kind: Flag, Group: General, Doc: "Print the version and exit"},
		{Name: "list-features-only", Kind: Flag, Group: General, Doc: "Print the features that are offered to peers and exit"},
		{Name: "daemon", Kind: Flag, Group: General, Doc: "Run in the background"},
		{Name: "pid-file", Group: General, Doc: "File for the process id (default: lightningd-<network>.pid)"},
		{Name: "rpc-file", Group: General, Default: "lightning-rpc", Check: notEmpty, Doc: "Socket for RPC"},
		{Name: "rpc-file-mode", Group: General, Default: "0600", Check: checkMode, Doc: "Mode of the RPC socket, octal"},
		{Name: "wallet", Group: General, Default: walletScheme + "lightningd.sqlite3", Check: checkWallet, Doc: "Database, as sqlite3://PATH"},
		{Name: "database-upgrade", Kind: Bool, Group: General, Default: "true", Doc: "Whether a database of an older version may be migrated"},
		{Name: "subdaemon", Multi: true, Group: General, Check: checkSubdaemon, Doc: "Run PATH for a daemon, as NAME:PATH"},
		{Name: "confine", Group: General, Default: "on", Check: oneOf("on", "warn", "off"), Doc: "Whether daemons lock themselves in: on, warn (a system call beyond a daemon's profile fails and is in the kernel's log, instead of ending the daemon) or off"},
		{Name: "alias", Group: General, Check: checkAlias, Doc: "Name of the node, up to 32 bytes"},
		{Name: "rgb", Group: General, Check: checkRGB, Doc: "Colour of the node, as RRGGBB"},
		{Name: "recover", Kind: Conceal, Group: General, Doc: "Make hsm_secret from its words, or of the 32-byte form from its codex32 (cl1...) or 64 hex digits, at the first start of a new node, and take up the channels that peers have stored a backup of"},
		{Name: "hsm-passphrase", Kind: Flag, Group: General, Doc: "Ask for the passphrase of hsm_secret"},
		{Name: "allow-deprecated-apis", Kind: Bool, Group: General, Default: "true", Doc: "Whether plugins are told that interfaces which will go away work, and their deprecated commands are run"},
		{Name: "rescan", Kind: Int, Group: General, Default: "15", Check: between(-maxHeight, maxHeight), Doc: "Blocks below the chain's tip from which a new node begins; if it is set, one that is known takes as many of its blocks back and reads them again. A negative number is the height to begin at"},
	}
}

func logging() []*Option {
	return []*Option{
		{Name: "log-level", Multi: true, ListLast: true, Group: Logging, Default: "info", Doc: "What to log: LEVEL, LEVEL:SUBSYSTEM or LEVEL:SUBSYSTEM:FILE, with level broken, unusual, info, debug, trace or io"},
		{Name: "log-prefix", Group: Logging, Doc: "Text before each line"},
		{Name: "log-file", Multi: true, Group: Logging, Check: notEmpty, Doc: "File to log to; - is standard output"},
		{Name: "log-timestamps", Kind: Bool, Group: Logging, Default: "true", Doc: "Whether each line starts with its time"},
	}
}

func policy() []*Option {
	return []*Option{
		{Name: "fee-base", Kind: Int, Group: Policy, Default: "1000", Check: between(0, 1<<32-1), Doc: "Fee for forwarding a payment, in millisatoshi"},
		{Name: "fee-per-satoshi", Kind: Int, Group: Policy, Default: "10", Check: between(0, 1<<32-1), Doc: "Fee for forwarding, in millionths of the amount"},
		{Name: "htlc-minimum-msat", Kind: Msat, Group: Policy, Default: "0", Doc: "Smallest payment through a channel"},
		{Name: "htlc-maximum-msat", Kind: Msat, Group: Policy, Default: "21000000btc", Doc: "Largest payment through a channel"},
		{Name: "max-concurrent-htlcs", Kind: Int, Group: Policy, Default: "483", Check: between(1, 483), Doc: "Payments that a channel's peer may have in flight (Core Lightning's default is 30)"},
		{Name: "max-dust-htlc-exposure-msat", Kind: Msat, Group: Policy, Default: "50000000msat", Doc: "What a channel may owe in payments too small for an output"},
		{Name: "min-capacity-sat", Kind: Int, Dynamic: true, Group: Policy, Default: "10000", Check: between(0, 21e14), Doc: "Smallest channel that a peer may open"},
		{Name: "funding-confirms", Kind: Int, Group: Policy, Default: "3", TestDefault: "1", Check: between(1, 1000), Doc: "Confirmations before a channel that a peer opened is used"},
		{Name: "cltv-delta", Kind: Int, Group: Policy, Default: "34", TestDefault: "6", Check: between(1, 2016), Doc: "Blocks between the expiry of an incoming payment and of the one that it pays for"},
		{Name: "cltv-final", Kind: Int, Group: Policy, Default: "18", TestDefault: "10", Check: between(1, 2016), Doc: "Blocks that an incoming payment must leave us"},
		{Name: "watchtime-blocks", Kind: Int, Group: Policy, Default: "144", TestDefault: "6", Check: between(1, 2016), Doc: "Blocks that the peer must wait for its coins after it closes a channel alone: our time to react"},
		{Name: "ignore-fee-limits", Kind: Bool, Group: Policy, Default: "false", TestDefault: "true", Doc: "Whether a peer may set any fee rate"},
		{Name: "commit-fee", Kind: Int, Group: Policy, Default: "100", Check: between(1, 1000), Doc: "Percentage of the estimate that a commitment pays"},
		{Name: "commit-feerate-offset", Kind: Int, Group: Policy, Default: "5", Check: between(0, 1<<32-1), Doc: "What a commitment pays above the estimate, in satoshi per 1000 weight"},
		{Name: "commit-time", Kind: Int, Group: Policy, Default: "10", Check: between(0, 1<<32-1), Doc: "Accepted and without effect: a change is committed at once"},
		{Name: "min-emergency-msat", Kind: Msat, Group: Policy, Default: "25000000msat", Doc: "What stays in the wallet to pay for closing channels"},
		{Name: "experimental-simple-close", Kind: Flag, Group: Policy, Doc: "Accepted and without effect: it is always offered"},
	}
}

func connections() []*Option {
	return []*Option{
		{Name: "addr", Multi: true, Group: Net, Check: notEmpty, Doc: "Listen at this address and announce it"},
		{Name: "bind-addr", Multi: true, Group: Net, Check: notEmpty, Doc: "Listen at this address"},
		{Name: "announce-addr", Multi: true, Group: Net, Check: notEmpty, Doc: "Announce this address"},
		{Name: "autolisten", Kind: Bool, Group: Net, Default: "true", Doc: "Whether to listen at the default port where no address is given"},
		{Name: "offline", Kind: Flag, Group: Net, Doc: "Neither listen nor connect"},
		{Name: "proxy", Group: Net, Check: notEmpty, Doc: "SOCKS5 proxy, as IP:PORT"},
		{Name: "always-use-proxy", Kind: Bool, Group: Net, Default: "false", Doc: "Whether the proxy is for all connections"},
		{Name: "autoconnect-seeker-peers", Kind: Int, Group: Net, Default: "10", TestDefault: "0", Check: between(0, 1000), Doc: "Connections below which announced nodes are connected to, for what they know of the network"},
		{Name: "disable-dns", Kind: Flag, Group: Net, Doc: "Never look up a host name"},
	}
}

func plugins() []*Option {
	return []*Option{
		{Name: "plugin", Multi: true, Group: Plugin, Check: notEmpty, Doc: "Start this plugin"},
		{Name: "important-plugin", Multi: true, Group: Plugin, Check: notEmpty, Doc: "Start this plugin, and stop when it dies"},
		{Name: "plugin-dir", Multi: true, Group: Plugin, Check: notEmpty, Doc: "Start all plugins of this folder"},
		{Name: "disable-plugin", Multi: true, Group: Plugin, Check: notEmpty, Doc: "Do not start this plugin, by name or path"},
	}
}

// maxHeight is above any block's height: from there on a locktime is a time.
const maxHeight = 500_000_000

func notEmpty(value string) error {
	if value == "" {
		return errors.New("should not be empty")
	}
	return nil
}

func oneOf(values ...string) func(string) error {
	return func(value string) error {
		if !slices.Contains(values, value) {
			return fmt.Errorf("should be one of %s", strings.Join(values, ", "))
		}
		return nil
	}
}

func between(low, high int64) func(string) error {
	return func(value string) error {
		if n, err := parseInt(value); err != nil || n < low || n > high {
			return fmt.Errorf("should be from %d to %d", low, high)
		}
		return nil
	}
}

func checkMode(value string) error {
	if n, err := strconv.ParseUint(value, 8, 32); err != nil || n > 0o777 || n&0o600 != 0o600 {
		return errors.New("should be an octal mode from 0600 to 0777 with which the owner can read and write")
	}
	return nil
}

// walletScheme is the only kind of database there is.
const walletScheme = "sqlite3://"

func checkWallet(value string) error {
	path, ok := strings.CutPrefix(value, walletScheme)
	if !ok || path == "" {
		return errors.New("should be sqlite3://PATH")
	}
	return nil
}

func checkSubdaemon(value string) error {
	if name, path, _ := strings.Cut(value, ":"); name == "" || path == "" {
		return errors.New("should be NAME:PATH")
	}
	return nil
}

// maxAlias is the length of the alias in a node_announcement (BOLT 7).
const maxAlias = 32

func checkAlias(value string) error {
	if len(value) > maxAlias {
		return fmt.Errorf("should have at most %d bytes, and has %d", maxAlias, len(value))
	}
	return nil
}

func checkRGB(value string) error {
	if _, err := strconv.ParseUint(value, 16, 32); err != nil || len(value) != 6 {
		return errors.New("should be six hex digits")
	}
	return nil
}
