package main

import (
	"context"
	"fmt"
	"os"

	"fulmen/internal/ipc"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/subd"
)

// hsmd is the process that has the keys.
type hsmd struct{ child *subd.Child }

// startHsmd starts hsmd and hands it the opened secret. When hsmd ends, the node does.
func (n *node) startHsmd(ctx context.Context, secret *os.File, init *hsmdmsg.Init) (*hsmdmsg.InitReply, error) {
	child, err := n.spawn(subd.Spec{
		Name: "hsmd",
		Handle: func(f *ipc.Frame) error {
			return fmt.Errorf("message type %d from hsmd", f.Type)
		},
		OnExit: func(e subd.Exit) {
			if !e.Asked {
				n.die("hsmd died, nothing can be signed any more", fmt.Errorf("%s %s", e.Reason, e.Detail))
			}
		},
	})
	if err != nil {
		return nil, fmt.Errorf("start hsmd: %w", err)
	}
	n.hsm = &hsmd{child}
	var reply hsmdmsg.InitReply
	if _, err := child.Request(ctx, init, &reply, secret); err != nil {
		return nil, err
	}
	return &reply, nil
}

// request asks hsmd over lightningd's own link.
func (h *hsmd) request(ctx context.Context, m, reply ipc.Message) error {
	_, err := h.child.Request(ctx, m, reply)
	return err
}

// newClient makes a socket to hsmd for another process.
func (h *hsmd) newClient(ctx context.Context, c *hsmdmsg.NewClient) (*os.File, error) {
	var reply hsmdmsg.NewClientReply
	fds, err := h.child.Request(ctx, c, &reply)
	if err != nil {
		return nil, fmt.Errorf("make a socket to hsmd: %w", err)
	}
	if len(fds) != 1 {
		for _, f := range fds {
			f.Close()
		}
		return nil, fmt.Errorf("make a socket to hsmd: %d descriptors came, want 1", len(fds))
	}
	return fds[0], nil
}
