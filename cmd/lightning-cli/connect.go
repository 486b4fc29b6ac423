package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"fulmen/internal/rpc"
)

// connect finds the socket. Without a network, it is that of the one lightningd which runs.
func connect(o *options) (*rpc.Client, error) {
	file := o.rpcFile
	if file == "" {
		file = "lightning-rpc"
	}
	if filepath.IsAbs(file) {
		return dial(file)
	}
	if o.network != "" {
		return dial(filepath.Join(o.dir, o.network, file))
	}
	if _, err := os.Stat(filepath.Join(o.dir, "config")); errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("reach lightningd: %s is closed to this user: %w", o.dir, fs.ErrPermission)
	}
	var client *rpc.Client
	var running []string
	var fault error // what is there and does not answer
	for _, network := range networks {
		c, err := dial(filepath.Join(o.dir, network, file))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			fault = errors.Join(fault, err)
			continue
		}
		if client != nil {
			client.Close()
		}
		client = c
		running = append(running, network)
	}
	switch len(running) {
	case 0:
		if fault == nil {
			return nil, fmt.Errorf("no lightningd has a socket in %s; does it run, and with this --lightning-dir?", o.dir)
		}
		return nil, fmt.Errorf("no lightningd answers in %s:\n%w", o.dir, fault)
	case 1:
		return client, nil
	}
	client.Close()
	return nil, fmt.Errorf("lightningd runs on %s: choose one with --network", strings.Join(running, " and "))
}

func dial(path string) (*rpc.Client, error) {
	client, err := rpc.Dial(path)
	if err != nil {
		return nil, &dialError{path, err}
	}
	return client, nil
}

// A dialError says why nobody answers at path, in an operator's words.
type dialError struct {
	path string
	err  error
}

func (e *dialError) Error() string {
	switch {
	case errors.Is(e.err, fs.ErrNotExist):
		return fmt.Sprintf("reach lightningd: there is no socket %s; does it run, and on this network?", e.path)
	case errors.Is(e.err, syscall.ECONNREFUSED):
		return fmt.Sprintf("reach lightningd: nobody listens at %s; does it run?", e.path)
	}
	return fmt.Sprintf("reach lightningd: %v", e.err)
}

func (e *dialError) Unwrap() error { return e.err }
