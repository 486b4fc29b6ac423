package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// Exit codes, as Core Lightning's tool has them.
const (
	exitOK       = 0
	exitError    = 1
	exitUsage    = 2
	exitMismatch = 5
)

// method is one thing that the tool does.
type method struct {
	name     string
	args     string // as usage shows them
	min, max int    // how many
	help     string
	run      func(t *tool, args []string) error
}

// methods is all that the tool does, in the order of help.
var methods = []method{
	{"generatehsm", "PATH [en WORDS [PASSPHRASE]]", 1, 4,
		"Make a new hsm_secret and show its 12 words, once. With WORDS, a BIP 39 mnemonic in\nquotes, make it from these. It asks for a passphrase; an empty one is none.", (*tool).generate},
	{"checkhsm", "PATH", 1, 1,
		"Ask for the words that you wrote down and check that they give this hsm_secret.", (*tool).check},
	{"getsecret", "PATH", 1, 1,
		"Show the words of an hsm_secret; of the old 32-byte form, its 64 hex digits.", (*tool).getSecret},
	{"getnodeid", "PATH", 1, 1,
		"Show the id of the node that has this hsm_secret.", (*tool).getNodeID},
	{"getemergencyrecover", "PATH", 1, 1,
		"Show the content of an emergency.recover as one word, to print or to copy: `lightning-cli\ndecode` takes it.", (*tool).getEmergencyRecover},
}

// errUsage is a wrong command line.
var errUsage = errors.New("wrong arguments")

// errMismatch is what checkhsm may find.
var errMismatch = errors.New("these words do not give this hsm_secret")

func main() {
	t := &tool{in: newInput(os.Stdin, os.Stderr), out: os.Stdout}
	os.Exit(t.main(os.Args[1:], os.Stderr))
}

// tool is the program with its surroundings.
type tool struct {
	in  *input
	out io.Writer
}

// main runs one method and returns the exit code.
func (t *tool) main(args []string, errs io.Writer) int {
	if len(args) == 0 {
		usage(errs)
		return exitUsage
	}
	if slices.Contains([]string{"--help", "-h", "help"}, args[0]) {
		usage(t.out)
		return exitOK
	}
	err := t.run(args[0], args[1:])
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errUsage):
		fmt.Fprintf(errs, "lightning-hsmtool: %v\nTry: lightning-hsmtool --help\n", err)
		return exitUsage
	}
	fmt.Fprintf(errs, "lightning-hsmtool %s: %v\n", args[0], err)
	if errors.Is(err, errMismatch) {
		return exitMismatch
	}
	return exitError
}

func (t *tool) run(name string, args []string) error {
	for _, m := range methods {
		if m.name != name {
			continue
		}
		if len(args) < m.min || len(args) > m.max {
			return fmt.Errorf("%w: lightning-hsmtool %s %s", errUsage, m.name, m.args)
		}
		return m.run(t, args)
	}
	return fmt.Errorf("%w: unknown method %q", errUsage, name)
}

func usage(w io.Writer) {
	fmt.Fprint(w, "Usage: lightning-hsmtool METHOD ARGUMENTS\n\nMakes, checks and reads hsm_secret, the file that all keys of a node follow from.\n\nMethods:\n")
	for _, m := range methods {
		help := strings.ReplaceAll(m.help, "\n", "\n      ")
		fmt.Fprintf(w, "  %s %s\n      %s\n", m.name, m.args, help)
	}
}
