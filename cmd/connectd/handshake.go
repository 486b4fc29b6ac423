package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"fulmen/internal/keys"
	"fulmen/internal/noise"
)

// setupTimeout is for the handshake and the init exchange together.
const setupTimeout = 30 * time.Second

// secured is a connection after the handshake.
type secured struct {
	conn   net.Conn
	remote keys.PubKey
	seal   *noise.Sealer
	open   *noise.Opener
}

var errSelf = errors.New("the peer is this node itself")

// newEphemeral draws the key of one handshake.
func newEphemeral() (secret keys.Secret) {
	rand.Read(secret[:]) // never fails; the chance of an invalid key is negligible
	return secret
}

// initiate does BOLT 8's handshake with the peer that we dialled.
func (s *server) initiate(conn net.Conn, remote keys.PubKey) (*secured, error) {
	h, err := noise.NewInitiator(s.nodeID, remote, newEphemeral(), s.ecdh.shared)
	if err != nil {
		return nil, fmt.Errorf("handshake: %w", err)
	}
	one, err := h.ActOne()
	if err != nil {
		return nil, fmt.Errorf("handshake: %w", err)
	}
	if _, err := conn.Write(one); err != nil {
		return nil, fmt.Errorf("handshake: act one: %w", err)
	}
	two := make([]byte, noise.ActTwoSize)
	if _, err := io.ReadFull(conn, two); errors.Is(err, io.EOF) {
		// BOLT 8: who cannot authenticate act one, which is for another key, says nothing and hangs up.
		return nil, fmt.Errorf("handshake: act two: the peer hung up (has it another node_id?): %w", err)
	} else if err != nil {
		return nil, fmt.Errorf("handshake: act two: %w", err)
	}
	three, seal, open, err := h.ActThree(two)
	if err != nil {
		return nil, fmt.Errorf("handshake: %w", err)
	}
	if _, err := conn.Write(three); err != nil {
		return nil, fmt.Errorf("handshake: act three: %w", err)
	}
	return &secured{conn: conn, remote: remote, seal: seal, open: open}, nil
}

// respond does the handshake with a peer that dialled us.
func (s *server) respond(conn net.Conn) (*secured, error) {
	h, err := noise.NewResponder(s.nodeID, newEphemeral(), s.ecdh.shared)
	if err != nil {
		return nil, fmt.Errorf("handshake: %w", err)
	}
	one := make([]byte, noise.ActOneSize)
	if _, err := io.ReadFull(conn, one); err != nil {
		return nil, fmt.Errorf("handshake: act one: %w", err)
	}
	two, err := h.ActTwo(one)
	if err != nil {
		return nil, fmt.Errorf("handshake: %w", err)
	}
	if _, err := conn.Write(two); err != nil {
		return nil, fmt.Errorf("handshake: act two: %w", err)
	}
	three := make([]byte, noise.ActThreeSize)
	if _, err := io.ReadFull(conn, three); err != nil {
		return nil, fmt.Errorf("handshake: act three: %w", err)
	}
	remote, seal, open, err := h.Finish(three)
	if err != nil {
		return nil, fmt.Errorf("handshake: %w", err)
	}
	if remote == s.nodeID {
		return nil, errSelf
	}
	return &secured{conn: conn, remote: remote, seal: seal, open: open}, nil
}
