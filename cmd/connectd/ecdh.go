package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fulmen/internal/ipc"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/keys"
)

// ecdhClient asks hsmd for the Diffie-Hellman of the node's key; many handshakes may ask at once.
type ecdhClient struct{ hsmd *ipc.Client }

func newECDHClient(link *ipc.Conn) *ecdhClient { return &ecdhClient{ipc.NewClient(link, nil)} }

// ecdhTimeout is for an hsmd that is very busy: it never takes that long.
const ecdhTimeout = 30 * time.Second

// shared is a noise.StaticECDH.
func (c *ecdhClient) shared(point keys.PubKey) (keys.Secret, error) {
	ctx, cancel := context.WithTimeout(context.Background(), ecdhTimeout)
	defer cancel()
	var reply hsmdmsg.ECDHReply
	if _, err := c.hsmd.Request(ctx, &hsmdmsg.ECDH{Points: []keys.PubKey{point}}, &reply); err != nil {
		return keys.Secret{}, fmt.Errorf("ask hsmd: %w", err)
	}
	switch {
	case len(reply.Results) != 1:
		return keys.Secret{}, fmt.Errorf("ask hsmd: %d results for one point", len(reply.Results))
	case reply.Results[0].BadPoint:
		return keys.Secret{}, errors.New("ask hsmd: not a point on the curve")
	}
	return reply.Results[0].SharedSecret, nil
}
