package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"fulmen/internal/features"
	"fulmen/internal/noise"
	"fulmen/internal/wire"
)

// maxEarly is how many messages a peer may send before init: none but those that we must ignore.
const maxEarly = 10

// remoteInit is what the peer's init says.
type remoteInit struct {
	features   features.Vector
	remoteAddr string // our address as the peer sees it
}

// exchangeInit sends our init and waits for the peer's (BOLT 1, The init Message). It reads not one
// byte beyond that. The peer is told of an incompatibility.
func (s *server) exchangeInit(c *secured, incoming bool) (remoteInit, error) {
	ours := &wire.Init{Features: s.features, Networks: [][32]byte{s.chainHash}}
	if incoming {
		ours.RemoteAddr = describeAddr(c.conn.RemoteAddr(), s.tellLocal)
	}
	if err := s.sendInit(c, ours); err != nil {
		return remoteInit{}, fmt.Errorf("init: %w", err)
	}
	theirs, err := c.readInit()
	if err != nil {
		return remoteInit{}, fmt.Errorf("init: %w", err)
	}
	remote, err := s.checkInit(theirs)
	if err != nil {
		err = fmt.Errorf("init: %w", err)
		return remoteInit{}, errors.Join(err, c.write(&wire.Warning{Data: []byte(err.Error())}))
	}
	return remote, nil
}

// sendInit sends our init, unless a test wants otherwise.
func (s *server) sendInit(c *secured, ours *wire.Init) error {
	do := s.tests.sending(wire.Encode(ours))
	switch do {
	case deedBefore, deedDropClose:
		return errDisconnect
	case deedDrop, deedBlackhole:
		return nil // the peer gives up, and so do we
	}
	if err := c.write(ours); err != nil {
		return err
	}
	if do == deedAfter {
		return errDisconnect
	}
	return nil
}

// checkInit decides whether we can talk to a peer.
func (s *server) checkInit(m *wire.Init) (remoteInit, error) {
	all := features.Vector(m.Features).Or(m.GlobalFeatures)
	if err := features.CheckPeer(all); err != nil {
		return remoteInit{}, err
	}
	if len(m.Networks) > 0 && !slices.Contains(m.Networks, s.chainHash) {
		return remoteInit{}, errors.New("peer is on another network")
	}
	return remoteInit{features: all, remoteAddr: parseDescriptor(m.RemoteAddr)}, nil
}

// write sends one message while nobody else writes.
func (c *secured) write(m wire.Message) error {
	raw := wire.Encode(m)
	trace(slog.With("peer_id", c.remote), levelOut, raw)
	frame, err := c.seal.Append(nil, raw)
	if err != nil {
		return err
	}
	_, err = c.conn.Write(frame)
	return err
}

// readInit reads messages until init.
func (c *secured) readInit() (*wire.Init, error) {
	for range maxEarly {
		raw, err := c.readMessage()
		if err != nil {
			return nil, err
		}
		trace(slog.With("peer_id", c.remote), levelIn, raw)
		m, err := wire.Decode(raw)
		var unknown *wire.UnknownMessageError
		switch {
		case errors.As(err, &unknown) && unknown.MayIgnore():
			continue
		case err != nil:
			return nil, err
		}
		switch m := m.(type) {
		case *wire.Init:
			return m, nil
		case *wire.Error:
			return nil, fmt.Errorf("peer sent error: %s", printable(m.Data))
		case *wire.Warning:
			return nil, fmt.Errorf("peer sent warning: %s", printable(m.Data))
		}
		return nil, fmt.Errorf("%s came first", m.Type())
	}
	return nil, fmt.Errorf("not among the first %d messages", maxEarly)
}

// readMessage reads exactly one message.
func (c *secured) readMessage() ([]byte, error) {
	buf := make([]byte, noise.HeaderSize)
	for {
		if _, err := io.ReadFull(c.conn, buf); err != nil {
			return nil, err
		}
		msg, _, err := c.open.Open(buf)
		if err != nil || msg != nil {
			return msg, err
		}
		buf = make([]byte, c.open.Needs())
	}
}

// printable is a peer's text, fit for logs (BOLT 1, The error and warning Messages).
func printable(data []byte) string {
	const maxText = 500
	if len(data) > maxText {
		data = data[:maxText]
	}
	for _, b := range data {
		if b < 32 || b > 126 {
			return fmt.Sprintf("%x", data)
		}
	}
	return string(data)
}
