package backup

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// Remote is a copy that a receiver keeps.
type Remote struct {
	address string // as the option has it, for messages
	to      endpoint

	mu    sync.Mutex
	conn  net.Conn
	state State // as of the last answer
	// first: a snapshot that this connection began is not whole, and would be lost with it.
	snapshot bool
}

// Times within which a receiver has to answer, all below the minute that lightningd waits for us.
const (
	requestTimeout = 20 * time.Second
	redialTime     = 25 * time.Second
	redialPause    = 250 * time.Millisecond
)

// errBroken is a connection that ended: the request may be tried again over another.
var errBroken = errors.New("the connection broke")

// DialRemote connects to a receiver, and waits for one that is away; not where the address is wrong.
func DialRemote(address string, secret []byte) (*Remote, error) {
	to, err := parseAddress(address, secret)
	r := &Remote{address: address, to: to}
	if err == nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		err = r.redial()
	}
	if err != nil {
		return nil, fmt.Errorf("backup at %s: %w", address, err)
	}
	return r, nil
}

// redial connects, and asks what the receiver has.
func (r *Remote) redial() error {
	ctx, cancel := context.WithTimeout(context.Background(), redialTime)
	defer cancel()
	for {
		conn, err := r.to.dial(ctx)
		if err == nil {
			r.conn = conn
			var raw []byte
			if raw, err = r.ask(askState, nil); err == nil {
				r.state, err = decodeState(raw)
			}
		}
		if err == nil {
			return nil
		}
		select {
		case <-time.After(redialPause):
		case <-ctx.Done():
			return err
		}
	}
}

// ask sends one request and waits for its answer.
func (r *Remote) ask(kind frameType, payload []byte) ([]byte, error) {
	err := r.conn.SetDeadline(time.Now().Add(requestTimeout))
	if err == nil {
		err = writeFrame(r.conn, kind, payload)
	}
	var answer frameType
	var raw []byte
	if err == nil {
		answer, raw, err = readFrame(r.conn)
	}
	switch {
	case err != nil:
		r.conn.Close()
		return nil, fmt.Errorf("%w: %w", errBroken, err)
	case answer == answerDone:
		return raw, nil
	case answer == answerError:
		return nil, fmt.Errorf("it says: %.*q", maxText, raw)
	}
	r.conn.Close()
	return nil, fmt.Errorf("an answer of type %d", answer)
}

// State implements Copy.
func (r *Remote) State() (State, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	raw, err := r.ask(askState, nil)
	if err == nil {
		r.state, err = decodeState(raw)
	}
	if err != nil {
		err = fmt.Errorf("backup at %s: %w", r.address, err)
	}
	return r.state, err
}

// Begin implements Copy.
func (r *Remote) Begin(version uint32) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, err := r.ask(askBegin, binary.BigEndian.AppendUint32(nil, version)); err != nil {
		return fmt.Errorf("backup at %s: begin: %w", r.address, err)
	}
	r.state.Version = version
	return nil
}

// Append implements Copy. Over a new connection it goes on only where what the receiver has is whole.
func (r *Remote) Append(version uint32, writes []string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	payload := encodeTransaction(transaction{version, writes})
	_, err := r.ask(askAppend, payload)
	if errors.Is(err, errBroken) && !r.snapshot {
		if err = r.redial(); err == nil {
			if !r.state.Whole {
				err = errors.New("what it has is not whole")
			} else {
				_, err = r.ask(askAppend, payload) // in the place of the same, if that arrived
			}
		}
	}
	if err != nil {
		return fmt.Errorf("backup at %s: version %d: %w", r.address, version, err)
	}
	r.state.Version = version
	return nil
}

// Snapshot implements Copy.
func (r *Remote) Snapshot(file string) error {
	db, err := os.Open(file)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := r.part(askSnapshot, nil); err != nil {
		return err
	}
	buf := make([]byte, chunkSize)
	for {
		n, err := io.ReadFull(db, buf)
		if n > 0 {
			if err := r.part(askChunk, buf[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return r.part(askEnd, nil)
		} else if err != nil {
			return fmt.Errorf("read the copy of the database: %w", err)
		}
	}
}

// part sends a part of a snapshot; transactions go in between.
func (r *Remote) part(kind frameType, payload []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.snapshot = kind != askEnd
	if _, err := r.ask(kind, payload); err != nil {
		return fmt.Errorf("backup at %s: snapshot: %w", r.address, err)
	}
	return nil
}

// Close implements Copy.
func (r *Remote) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.conn.Close()
}
