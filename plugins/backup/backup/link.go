package backup

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
)

// A receiver is spoken to in frames: type (one byte), length (four bytes, big endian), payload. Each request
// is answered before the next is sent.
type frameType byte

const (
	askState    frameType = 1 // answered with a State
	askBegin    frameType = 2 // version
	askAppend   frameType = 3 // version, then each statement with its length
	askSnapshot frameType = 4 // begins one
	askChunk    frameType = 5 // a part of the database
	askEnd      frameType = 6 // ends it

	answerDone  frameType = 128
	answerError frameType = 129 // a text
)

const (
	frameHead = 5
	maxFrame  = maxRecord // longest payload
)

// maxText is how much of the other end's error is shown.
const maxText = 500

func writeFrame(w io.Writer, kind frameType, payload []byte) error {
	if len(payload) > maxFrame {
		return fmt.Errorf("a frame of %d bytes; the most is %d", len(payload), maxFrame)
	}
	raw := binary.BigEndian.AppendUint32([]byte{byte(kind)}, uint32(len(payload)))
	_, err := w.Write(append(raw, payload...))
	return err
}

func readFrame(r io.Reader) (frameType, []byte, error) {
	var head [frameHead]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	length := binary.BigEndian.Uint32(head[1:])
	if length > maxFrame {
		return 0, nil, fmt.Errorf("a frame of %d bytes; the most is %d", length, maxFrame)
	}
	var payload bytes.Buffer // grows with what comes, not with what is claimed
	if _, err := io.CopyN(&payload, r, int64(length)); err != nil {
		return 0, nil, fmt.Errorf("read a frame of %d bytes: %w", length, err)
	}
	return frameType(head[0]), payload.Bytes(), nil
}

func encodeTransaction(t transaction) []byte {
	raw := binary.BigEndian.AppendUint32(nil, t.version)
	for _, s := range t.writes {
		raw = append(binary.BigEndian.AppendUint32(raw, uint32(len(s))), s...)
	}
	return raw
}

func decodeTransaction(raw []byte) (t transaction, err error) {
	if t.version, raw, err = cutUint32(raw); err != nil {
		return t, fmt.Errorf("version of a transaction: %w", err)
	}
	for len(raw) > 0 {
		var length uint32
		if length, raw, err = cutUint32(raw); err != nil {
			return t, fmt.Errorf("length of a statement: %w", err)
		}
		if uint64(length) > uint64(len(raw)) {
			return t, fmt.Errorf("a statement of %d bytes, of which %d are there", length, len(raw))
		}
		t.writes = append(t.writes, string(raw[:length]))
		raw = raw[length:]
	}
	return t, nil
}

func cutUint32(raw []byte) (uint32, []byte, error) {
	if len(raw) < 4 {
		return 0, nil, io.ErrUnexpectedEOF
	}
	return binary.BigEndian.Uint32(raw), raw[4:], nil
}

const stateSize = 1 + 4 + 8 + 8

func encodeState(s State) []byte {
	raw := make([]byte, 1, stateSize)
	if s.Whole {
		raw[0] = 1
	}
	raw = binary.BigEndian.AppendUint32(raw, s.Version)
	raw = binary.BigEndian.AppendUint64(raw, uint64(s.SnapshotSize))
	return binary.BigEndian.AppendUint64(raw, uint64(s.WritesSize))
}

func decodeState(raw []byte) (State, error) {
	if len(raw) != stateSize {
		return State{}, fmt.Errorf("a state of %d bytes, should be %d", len(raw), stateSize)
	}
	return State{
		Whole: raw[0] == 1, Version: binary.BigEndian.Uint32(raw[1:]),
		SnapshotSize: int64(binary.BigEndian.Uint64(raw[5:])), WritesSize: int64(binary.BigEndian.Uint64(raw[13:])),
	}, nil
}

// Schemes of an address.
const (
	tcpScheme  = "tcp:"
	unixScheme = "unix:"
)

// IsAddress reports whether text names a socket, and no folder.
func IsAddress(text string) bool {
	return strings.HasPrefix(text, tcpScheme) || strings.HasPrefix(text, unixScheme)
}

// endpoint is what an address says, for net.Dial and net.Listen.
type endpoint struct {
	network, address string
	config           *tls.Config // TCP's: nobody on the way may read the database, or write into the copy. A Unix socket has its permissions
}

// parseAddress finds what is wrong with an address before anybody waits for it.
func parseAddress(text string, secret []byte) (endpoint, error) {
	if path, ok := strings.CutPrefix(text, unixScheme); ok {
		return endpoint{"unix", path, nil}, nil
	}
	address, ok := strings.CutPrefix(text, tcpScheme)
	if !ok {
		return endpoint{}, fmt.Errorf("address %q should be tcp:HOST:PORT or unix:PATH", text)
	}
	if _, _, err := net.SplitHostPort(address); err != nil {
		return endpoint{}, fmt.Errorf("should be tcp:HOST:PORT: %w", err)
	}
	if secret == nil {
		return endpoint{}, errors.New("an address with tcp: needs a secret that both ends have (backup-secret-file)")
	}
	config, err := tlsConfig(secret)
	return endpoint{"tcp", address, config}, err
}

func (e endpoint) dial(ctx context.Context) (net.Conn, error) {
	if e.config == nil {
		var d net.Dialer
		return d.DialContext(ctx, e.network, e.address)
	}
	d := tls.Dialer{Config: e.config}
	return d.DialContext(ctx, e.network, e.address)
}
