package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"

	"fulmen/internal/ipc/connectdmsg"
	"fulmen/internal/keys"
	"fulmen/internal/rpc"
	"fulmen/internal/wire"
)

// Commando runs commands for peers. A message is its type, the id of the request, and a part of some JSON: a
// request of method, params, rune, id and filter, or a reply as on the socket.
const (
	commandoRequest     = 0x4c4d // more follows
	commandoRequestLast = 0x4c4f
	commandoReply       = 0x594b // more follows
	commandoReplyLast   = 0x594d
)

const (
	commandoHeader = 2 + 8
	// commandoPart is how much JSON one message has.
	commandoPart = wire.MaxMessage - commandoHeader
	// maxCommandoRequest is the longest request that a peer may make: anybody can be a peer.
	maxCommandoRequest = 1 << 20
	// maxCommandoReply keeps a reply from filling what may wait for a peer.
	maxCommandoReply = 8 << 20
	// maxCommandoRunning is how many commands may run for one peer.
	maxCommandoRunning = 16
)

// commandoKey is a request that we made of a peer.
type commandoKey struct {
	peer keys.PubKey
	id   uint64
}

// commandoCall waits for a reply.
type commandoCall struct {
	got  []byte
	done chan commandoOutcome // takes one
}

type commandoOutcome struct {
	reply []byte
	err   error
}

// commandoServed is what goes on for a peer: one request whose end has not come, and those that run.
type commandoServed struct {
	id      uint64
	got     []byte
	running int
	ctx     context.Context // of those that run: ends with the connection
	cancel  context.CancelFunc
}

// takeCommando handles a message if it is of commando.
func (n *node) takeCommando(p *peer, raw []byte) bool {
	t := binary.BigEndian.Uint16(raw)
	if !slices.Contains([]uint16{commandoRequest, commandoRequestLast, commandoReply, commandoReplyLast}, t) {
		return false
	}
	if len(raw) < commandoHeader {
		n.log.Debug("peer sent a command that is too short", "peer_id", p.id, "bytes", len(raw))
		return true
	}
	id, part := binary.BigEndian.Uint64(raw[2:]), raw[commandoHeader:]
	switch t {
	case commandoRequest, commandoRequestLast:
		n.takeCommand(p, id, part, t == commandoRequestLast)
	default:
		n.takeCommandReply(p, id, part, t == commandoReplyLast)
	}
	return true
}

// takeCommand puts a request together. Of each peer one is put together at a time.
func (n *node) takeCommand(p *peer, id uint64, part []byte, last bool) {
	s := &p.commando
	if s.id != id {
		s.id, s.got = id, nil
	}
	s.got = append(s.got, part...)
	switch {
	case len(s.got) > maxCommandoRequest:
		s.got = nil
		n.replyCommand(p.id, id, nil, rpc.Errorf(rpc.CodeCommandoRemote, "request is longer than %d bytes", maxCommandoRequest))
	case !last:
	case s.running >= maxCommandoRunning:
		s.got = nil
		n.replyCommand(p.id, id, nil, rpc.Errorf(rpc.CodeCommandoRemote, "%d commands run for you already", s.running))
	default:
		request := s.got
		s.got = nil
		s.running++
		if s.ctx == nil {
			s.ctx, s.cancel = context.WithCancel(n.ctx)
		}
		ctx := s.ctx
		go func() {
			reply := n.serveCommando(ctx, p.id, request)
			n.loop.post(func() {
				s.running--
				n.sendCommando(p, commandoReply, commandoReplyLast, id, reply)
			})
		}()
	}
}

// commandoMessage is a request.
type commandoMessage struct {
	Method string          `json:"method"`
	Params json.RawMessage `json:"params,omitempty"`
	Rune   *string         `json:"rune,omitempty"`
	ID     json.RawMessage `json:"id,omitempty"`
	Filter json.RawMessage `json:"filter,omitempty"`
}

// serveCommando runs a command for a peer, if its rune allows that, and returns the reply.
func (n *node) serveCommando(ctx context.Context, peer keys.PubKey, request []byte) []byte {
	var m commandoMessage
	if err := json.Unmarshal(request, &m); err != nil {
		return rpc.EncodeReply(nil, nil, rpc.Errorf(rpc.CodeCommandoRemote, "request is not understood: %w", err))
	}
	r := &rpc.Request{ID: m.ID, Method: m.Method, Params: notNull(m.Params), Filter: notNull(m.Filter)}
	if len(r.Params) > 0 && r.Params[0] != '[' && r.Params[0] != '{' {
		return rpc.EncodeReply(m.ID, nil, rpc.Errorf(rpc.CodeCommandoRemote, "params: should be an array or an object"))
	}
	if m.Rune == nil {
		return rpc.EncodeReply(m.ID, nil, rpc.Errorf(rpc.CodeCommandoNotAuthorized, "Not authorized: missing rune"))
	}
	use := runeUse{nodeID: peer.String(), method: m.Method, params: r.Params}
	if err := n.useRune(ctx, *m.Rune, use); err != nil {
		n.log.Info("peer's command is not allowed", "peer_id", peer, "method", excerpt(m.Method), "reason", excerpt(err.Error()))
		return rpc.EncodeReply(m.ID, nil, rpc.Errorf(rpc.CodeCommandoNotAuthorized, "Not authorized: %w", err))
	}
	n.log.Info("running a peer's command", "peer_id", peer, "method", excerpt(m.Method))
	if len(r.ID) == 0 {
		r.ID = json.RawMessage(`"commando"`)
	}
	result, failure := rpc.Serve(ctx, n.dispatch, n.log, r)
	reply := rpc.EncodeReply(m.ID, result, failure)
	if len(reply) > maxCommandoReply {
		return rpc.EncodeReply(m.ID, nil, rpc.Errorf(rpc.CodeCommandoRemote, "the result has %d bytes, at most %d can be sent: ask for less, or give a filter", len(reply), maxCommandoReply))
	}
	return reply
}

// excerpt is as much of a peer's words as goes into the log.
func excerpt(text string) string { return fmt.Sprintf("%.200s", text) }

func notNull(raw json.RawMessage) json.RawMessage {
	if string(raw) == "null" {
		return nil
	}
	return raw
}

// replyCommand answers a request that is not run.
func (n *node) replyCommand(peer keys.PubKey, id uint64, result any, failure *rpc.Error) {
	if p := n.peers[peer]; p != nil {
		n.sendCommando(p, commandoReply, commandoReplyLast, id, rpc.EncodeReply(nil, result, failure))
	}
}

// sendCommando sends some JSON in as many messages as it needs, if the peer is still there.
func (n *node) sendCommando(p *peer, more, last uint16, id uint64, content []byte) {
	if p.conn == nil {
		return
	}
	n.connectd.send(&connectdmsg.SendPeer{ID: p.id, Conn: p.conn.conn, Wire: commandoMessages(more, last, id, content)})
}

func commandoMessages(more, last uint16, id uint64, content []byte) (messages [][]byte) {
	for {
		part := content[:min(len(content), commandoPart)]
		content = content[len(part):]
		t := more
		if len(content) == 0 {
			t = last
		}
		raw := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint16(nil, t), id)
		messages = append(messages, append(raw, part...))
		if len(content) == 0 {
			return messages
		}
	}
}
