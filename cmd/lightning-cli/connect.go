package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

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
	var client *rpc.Client
	var running []string
	var fault error
	for _, network := range networks {
		c, err := dial(filepath.Join(o.dir, network, file))
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
		return nil, fmt.Errorf("no lightningd answers in %s; is it running?\n%w", o.dir, fault)
	case 1:
		return client, nil
	}
	client.Close()
	return nil, fmt.Errorf("lightningd runs on %s: choose one with --network", strings.Join(running, " and "))
}

func dial(path string) (*rpc.Client, error) {
	client, err := rpc.Dial(path)
	if err != nil {
		return nil, fmt.Errorf("reach lightningd: %w", err)
	}
	return client, nil
}
