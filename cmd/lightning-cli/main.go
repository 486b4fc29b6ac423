package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"fulmen/internal/rpc"
	"fulmen/internal/version"
)

// Exit statuses.
const (
	exitOK = iota
	exitCommandFailed
	exitUnreachable
	exitUsage
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is the whole program but for the process.
func run(args []string, stdout, stderr io.Writer) int {
	opts, err := parseOptions(args)
	if err != nil {
		fmt.Fprintf(stderr, "lightning-cli: %v\n", err)
		return exitUsage
	}
	switch {
	case opts.help:
		fmt.Fprint(stdout, usage)
		return exitOK
	case opts.version:
		fmt.Fprintln(stdout, version.Version)
		return exitOK
	}
	params, err := encodeParams(opts.input, opts.params)
	if err != nil {
		fmt.Fprintf(stderr, "lightning-cli: %v\n", err)
		return exitUsage
	}
	client, err := connect(opts)
	if err != nil {
		fmt.Fprintf(stderr, "lightning-cli: %v\n", err)
		return exitUnreachable
	}
	defer client.Close()
	return call(client, opts, params, stdout, stderr)
}

// call runs the command and prints its result, or its error, which is JSON like a result.
func call(client *rpc.Client, opts *options, params json.RawMessage, stdout, stderr io.Writer) int {
	ctx := context.Background()
	n := notifier{w: stderr, level: opts.notifications}
	if err := n.enable(ctx, client); err != nil {
		fmt.Fprintf(stderr, "lightning-cli: %v\n", err)
		return exitUnreachable
	}
	result, err := client.Do(ctx, rpc.Call{Method: opts.command, Params: params, Filter: opts.filter, Notify: n.notify})
	var failure *rpc.Error
	status := exitOK
	switch {
	case errors.As(err, &failure):
		status = exitCommandFailed
		if result, err = json.Marshal(failure); err == nil {
			err = opts.format.print(stdout, result, false)
		}
	case err == nil:
		err = opts.format.print(stdout, result, opts.command == "help")
	}
	if err != nil {
		fmt.Fprintf(stderr, "lightning-cli: %v\n", err)
		return exitUnreachable
	}
	return status
}
