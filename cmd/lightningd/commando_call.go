package main

import (
	"context"
	"encoding/json"

	"fulmen/internal/command"
	"fulmen/internal/keys"
	"fulmen/internal/rpc"
)

// maxCommandoAnswer is the longest reply of a peer that is taken.
const maxCommandoAnswer = 64 << 20

type commandoParams struct {
	PeerID keys.PubKey      `param:"peer_id" doc:"The peer, which must be connected."`
	Method string           `param:"method" doc:"The command that it should run."`
	Params *json.RawMessage `param:"params" doc:"The command's parameters, an array or an object."`
	Rune   *string          `param:"rune" doc:"A rune of the peer's that allows it."`
	Filter *json.RawMessage `param:"filter" doc:"What the peer should return of the result."`
}

// Validate implements the check after parsing.
func (p *commandoParams) Validate() error {
	if p.Filter != nil && (*p.Filter)[0] != '{' {
		return command.BadParam("filter", "should be an object")
	}
	return checkParamsOf(p.Params)
}

func (n *node) commandoCommand() *command.Command {
	return command.New(command.Doc{
		Name: "commando", Category: command.Utility,
		Short: "Have a peer run a command.",
		Long:  "The peer runs it if the rune, which it has made, allows that. The result, or the error, is the peer's.",
		Errors: []command.Failure{
			{Code: rpc.CodeInvalidRequest, When: "The peer is not connected."},
			{Code: rpc.CodeCommandoLocal, When: "The connection ended before the reply, or the reply is none."},
			{Code: rpc.CodeCommandoRemote, When: "The peer cannot serve the request."},
			{Code: rpc.CodeCommandoNotAuthorized, When: "The peer does not allow the command."},
		},
		SeeAlso: []string{"createrune"},
	}, n.runCommando)
}

func (n *node) runCommando(ctx context.Context, p *commandoParams) (json.RawMessage, error) {
	m := commandoMessage{Method: p.Method, Params: json.RawMessage("{}"), Rune: p.Rune}
	if p.Params != nil {
		m.Params = *p.Params
	}
	if p.Filter != nil {
		m.Filter = *p.Filter
	}
	if r := rpc.FromContext(ctx); r != nil {
		m.ID = r.ID
	}
	raw, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	call := &commandoCall{done: make(chan commandoOutcome, 1)}
	var key commandoKey
	err = n.onLoop(func() error {
		peer := n.peers[p.PeerID]
		if peer == nil || peer.conn == nil {
			return rpc.Errorf(rpc.CodeInvalidRequest, "peer_id: peer %s is not connected", p.PeerID)
		}
		n.lastCommand++
		key = commandoKey{p.PeerID, n.lastCommand}
		n.commanding[key] = call
		n.sendCommando(peer, commandoRequest, commandoRequestLast, key.id, raw)
		return nil
	})
	if err != nil {
		return nil, err
	}
	defer n.loop.post(func() { delete(n.commanding, key) })
	select {
	case out := <-call.done:
		if out.err != nil {
			return nil, out.err
		}
		return readCommandReply(out.reply)
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// readCommandReply is the result or the error in a peer's reply.
func readCommandReply(raw []byte) (json.RawMessage, error) {
	var reply struct {
		Result json.RawMessage `json:"result"`
		Error  *rpc.Error      `json:"error"`
	}
	if err := json.Unmarshal(raw, &reply); err != nil {
		return nil, rpc.Errorf(rpc.CodeCommandoLocal, "the peer's reply is not understood: %w", err)
	}
	switch {
	case reply.Error != nil:
		return nil, reply.Error
	case reply.Result == nil:
		return nil, rpc.Errorf(rpc.CodeCommandoLocal, "the peer's reply has neither result nor error")
	}
	return reply.Result, nil
}

// takeCommandReply puts a reply together. What nobody asked for is dropped.
func (n *node) takeCommandReply(p *peer, id uint64, part []byte, last bool) {
	call := n.commanding[commandoKey{p.id, id}]
	if call == nil {
		n.log.Debug("peer answers a command that nobody sent", "peer_id", p.id)
		return
	}
	call.got = append(call.got, part...)
	switch {
	case len(call.got) > maxCommandoAnswer:
		n.endCommand(commandoKey{p.id, id}, commandoOutcome{err: rpc.Errorf(rpc.CodeCommandoLocal, "the peer's reply is longer than %d bytes", maxCommandoAnswer)})
	case last:
		n.endCommand(commandoKey{p.id, id}, commandoOutcome{reply: call.got})
	}
}

func (n *node) endCommand(key commandoKey, out commandoOutcome) {
	n.commanding[key].done <- out
	delete(n.commanding, key)
}

// commandsLost ends what a peer was asked and what it has running, as it has gone, and forgets what it had begun
// to ask.
func (n *node) commandsLost(p *peer) {
	if p.commando.cancel != nil {
		p.commando.cancel()
	}
	p.commando = commandoServed{running: p.commando.running}
	for key := range n.commanding {
		if key.peer == p.id {
			n.endCommand(key, commandoOutcome{err: rpc.Errorf(rpc.CodeCommandoLocal, "the peer disconnected before it replied")})
		}
	}
}
