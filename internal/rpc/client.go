package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
)

// maxReply is the largest reply a Client takes; a list of everything may be long.
const maxReply = 1 << 30

// Call is a request of a Client.
type Call struct {
	Method string
	Params any // what marshals to an array or object; nil for none
	Filter json.RawMessage

	// Notify is called for each notification of this call, from the client's reader: it must not call
	// the client.
	Notify func(method string, params json.RawMessage)
}

// Client is a connection to a Server. Its methods may be called from many goroutines at once; requests
// are pipelined.
type Client struct {
	conn net.Conn
	out  *outbox

	mu      sync.Mutex
	last    uint64
	pending map[string]*pendingCall
	err     error // why the connection ended
}

type pendingCall struct {
	reply  chan reply
	notify func(string, json.RawMessage)
}

type reply struct {
	result json.RawMessage
	err    error
}

// Dial connects to the socket at path.
func Dial(path string) (*Client, error) {
	conn, err := net.Dial("unix", path)
	if err != nil {
		return nil, err
	}
	return NewClient(conn), nil
}

// NewClient speaks over conn, which it owns from now on.
func NewClient(conn net.Conn) *Client {
	c := &Client{conn: conn, out: newOutbox(conn), pending: make(map[string]*pendingCall)}
	go c.read()
	return c
}

// Close ends the connection; calls that wait return net.ErrClosed.
func (c *Client) Close() error {
	c.fail(net.ErrClosed)
	return c.conn.Close()
}

// Call runs method and decodes its result into result, unless that is nil. A request that failed gives
// an *Error.
func (c *Client) Call(ctx context.Context, method string, params, result any) error {
	raw, err := c.Do(ctx, Call{Method: method, Params: params})
	if err != nil || result == nil {
		return err
	}
	if err := json.Unmarshal(raw, result); err != nil {
		return fmt.Errorf("result of %s: %w", method, err)
	}
	return nil
}

// Do runs one call and returns its result as it came.
func (c *Client) Do(ctx context.Context, call Call) (json.RawMessage, error) {
	p := &pendingCall{reply: make(chan reply, 1), notify: call.Notify}
	id, err := c.register(p)
	if err != nil {
		return nil, err
	}
	defer c.remove(id)
	request, err := encodeRequest(id, call)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", call.Method, err)
	}
	if err := c.out.write(request); err != nil {
		return nil, fmt.Errorf("send %s: %w", call.Method, err)
	}
	select {
	case r := <-p.reply:
		return r.result, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func encodeRequest(id string, call Call) ([]byte, error) {
	if call.Params == nil {
		call.Params = struct{}{}
	}
	request, err := marshal(struct {
		JSONRPC string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Method  string          `json:"method"`
		Params  any             `json:"params"`
		Filter  json.RawMessage `json:"filter,omitempty"`
	}{"2.0", json.RawMessage(id), call.Method, call.Params, call.Filter})
	return append(request, "\n\n"...), err
}

func (c *Client) register(p *pendingCall) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return "", c.err
	}
	c.last++
	id := strconv.FormatUint(c.last, 10)
	c.pending[id] = p
	return id, nil
}

// remove forgets a call; whoever gets it from here may send its reply.
func (c *Client) remove(id string) *pendingCall {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.pending[id]
	delete(c.pending, id)
	return p
}

func (c *Client) lookup(id string) *pendingCall {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pending[id]
}

// read hands each reply to its caller until the connection ends.
func (c *Client) read() {
	in := newStream(c.conn, maxReply)
	for {
		value, _, err := in.next()
		if err == nil {
			err = c.receive(value)
		}
		if err != nil {
			c.fail(fmt.Errorf("RPC connection ended: %w", err))
			c.conn.Close()
			return
		}
	}
}

// receive hands on one reply or notification. An error with a null id is about the stream itself.
func (c *Client) receive(value []byte) error {
	var wire struct {
		ID     json.RawMessage `json:"id"`
		Result json.RawMessage `json:"result"`
		Error  *Error          `json:"error"`
		Method string          `json:"method"`
		Params json.RawMessage `json:"params"`
	}
	if err := json.Unmarshal(value, &wire); err != nil {
		return fmt.Errorf("reply: %w", err)
	}
	if wire.Method != "" {
		return c.notified(wire.Method, wire.Params)
	}
	if wire.Error != nil && string(wire.ID) == "null" {
		return wire.Error
	}
	if wire.Error == nil && wire.Result == nil {
		return errors.New("reply: neither result nor error")
	}
	if p := c.remove(string(wire.ID)); p != nil { // else its caller gave up
		r := reply{result: wire.Result}
		if wire.Error != nil {
			r = reply{err: wire.Error}
		}
		p.reply <- r // never blocks: only who removes p sends
	}
	return nil
}

func (c *Client) notified(method string, params json.RawMessage) error {
	var wire struct {
		ID json.RawMessage `json:"id"`
	}
	if err := json.Unmarshal(params, &wire); err != nil {
		return fmt.Errorf("notification %s: %w", method, err)
	}
	if p := c.lookup(string(wire.ID)); p != nil && p.notify != nil {
		p.notify(method, params)
	}
	return nil
}

// fail ends the connection for all callers; the first reason counts.
func (c *Client) fail(err error) {
	c.out.fail(err)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err = err
	for _, p := range c.pending {
		p.reply <- reply{err: err}
	}
	clear(c.pending)
}
