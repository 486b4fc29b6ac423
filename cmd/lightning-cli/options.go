package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const usage = `Usage: lightning-cli [OPTION]... COMMAND [PARAMETER]...

Parameters are positional, or all of the form NAME=VALUE. Options may also follow the command;
what follows "--" is parameters.
"lightning-cli help" lists the commands, "lightning-cli help COMMAND" explains one.

Where lightningd is:
  --lightning-dir=DIR   its folder (default: ~/.lightning)
  --network=NAME        bitcoin, testnet, testnet4, signet or regtest; also --mainnet,
                        --testnet, --testnet4, --signet, --regtest (default: what runs)
  --rpc-file=FILE       its socket (default: lightning-rpc)

What the parameters are:
  -k, --keywords        NAME=VALUE
  -o, --order           positional

What is printed:
  -J, --json            JSON, indented (the default but for help)
  -R, --raw             JSON as it came, on one line
  -H, --human-readable  NAME=VALUE, indented
  -F, --flat            NAME=VALUE, each line with the whole path
  -l, --filter=JSON     only these fields, such as '{"invoices":[{"label":true}]}'
  -N, --notifications=LEVEL
                        what to say while a command runs: none, debug, info, unusual
                        or broken and above (default: info)

  -h, --help            this text
  -V, --version         the version

Exit status: 0 success, 1 the command failed, 2 lightningd not reached, 3 wrong usage.
`

// networks are the folders that a socket may be in.
var networks = []string{"bitcoin", "testnet", "testnet4", "signet", "regtest"}

// options are the command line.
type options struct {
	dir, network, rpcFile string
	input                 input
	format                format
	filter                json.RawMessage
	notifications         string
	help, version         bool
	command               string
	params                []string
}

func parseOptions(args []string) (*options, error) {
	o := &options{}
	var filter, network string
	fs := flag.NewFlagSet("lightning-cli", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	fs.StringVar(&o.dir, "lightning-dir", defaultDir(), "")
	fs.StringVar(&network, "network", "", "")
	fs.StringVar(&o.rpcFile, "rpc-file", "", "")
	for _, name := range append([]string{"mainnet"}, networks...) {
		fs.BoolFunc(name, "", func(string) error { network = name; return nil })
	}
	either(fs, "k", "keywords", func() { o.input = keywords })
	either(fs, "o", "order", func() { o.input = ordered })
	either(fs, "J", "json", func() { o.format = indentedJSON })
	either(fs, "R", "raw", func() { o.format = rawJSON })
	either(fs, "H", "human-readable", func() { o.format = human })
	either(fs, "F", "flat", func() { o.format = flat })
	either(fs, "h", "help", func() { o.help = true })
	either(fs, "V", "version", func() { o.version = true })
	for _, name := range []string{"l", "filter"} {
		fs.StringVar(&filter, name, "", "")
	}
	for _, name := range []string{"N", "notifications"} {
		fs.StringVar(&o.notifications, name, "info", "")
	}
	if err := fs.Parse(args); err != nil {
		return nil, fmt.Errorf("%w; try --help", err)
	}
	rest, late := partOptions(fs, fs.Args())
	if err := fs.Parse(late); err != nil {
		return nil, fmt.Errorf("%w; try --help", err)
	}
	if o.help || o.version {
		return o, nil
	}
	return o, o.finish(network, filter, rest)
}

// partOptions parts the options of fs that come after the command from its parameters, of which every other argument
// is one, negative numbers among them. What follows "--" is none of ours.
func partOptions(fs *flag.FlagSet, args []string) (params, options []string) {
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "--" {
			return append(params, args[i+1:]...), options
		}
		name, _, assigned := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		dashes := len(arg) - len(strings.TrimLeft(arg, "-"))
		known := fs.Lookup(name)
		if known == nil || (dashes == 1) != (len(name) == 1) || dashes > 2 || dashes == 0 {
			params = append(params, arg)
			continue
		}
		options = append(options, arg)
		if sw, ok := known.Value.(interface{ IsBoolFlag() bool }); (!ok || !sw.IsBoolFlag()) && !assigned && i+1 < len(args) {
			i++
			options = append(options, args[i])
		}
	}
	return params, options
}

// either declares a flag of two names.
func either(fs *flag.FlagSet, short, long string, set func()) {
	for _, name := range []string{short, long} {
		fs.BoolFunc(name, "", func(string) error { set(); return nil })
	}
}

func (o *options) finish(network, filter string, rest []string) error {
	if network == "mainnet" {
		network = "bitcoin"
	}
	if network != "" && !slices.Contains(networks, network) {
		return fmt.Errorf("network %q should be one of %s", network, strings.Join(networks, ", "))
	}
	o.network = network
	if !slices.Contains(levels, o.notifications) {
		return fmt.Errorf("notifications: level %q should be one of %s", o.notifications, strings.Join(levels, ", "))
	}
	if filter != "" {
		if !json.Valid([]byte(filter)) {
			return fmt.Errorf("filter: %q is not JSON", filter)
		}
		o.filter = json.RawMessage(filter)
	}
	if len(rest) == 0 {
		return errors.New(`which command? "lightning-cli help" lists them, "lightning-cli --help" explains the options`)
	}
	o.command, o.params = rest[0], rest[1:]
	return nil
}

func defaultDir() string {
	home, err := os.UserHomeDir()
	if err != nil {
		home = "."
	}
	return filepath.Join(home, ".lightning")
}
