package main

import (
	"encoding/json"
	"fmt"

	"fulmen/internal/command"
	"fulmen/internal/ipc/connectdmsg"
	"fulmen/internal/plugin"
)

// peerHook is the payload of the hook peer_connected.
type peerHook struct {
	ID         string      `json:"id"`
	Direction  string      `json:"direction"`
	Addr       string      `json:"addr"`
	RemoteAddr string      `json:"remote_addr,omitempty"`
	Features   command.Hex `json:"features"`
}

// peerVerdict is an answer to it.
type peerVerdict struct {
	Result       string `json:"result"`
	ErrorMessage string `json:"error_message"`
}

func (v *peerVerdict) check() error {
	if v.Result != "continue" && v.Result != "disconnect" {
		return fmt.Errorf("result is %q, neither continue nor disconnect", v.Result)
	}
	return nil
}

// askAboutPeer asks the plugins whether a peer may stay, and goes on with then in the loop if it may and is
// still there. connectd reads nothing from it before.
func (n *node) askAboutPeer(p *peer, conn *peerConn, then func()) {
	var v peerVerdict
	n.ask(plugin.Question{
		Hook: "peer_connected",
		Payload: func() any {
			return map[string]any{"peer": peerHook{conn.id.String(), direction(conn.incoming), conn.addr, conn.remoteAddr, conn.features}}
		},
		Answer: answer(&v),
	}, func() {
		switch {
		case p.conn != conn: // it is gone, or has connected anew
		case v.Result == "disconnect":
			n.log.Info("a plugin refuses the peer", "peer_id", conn.id, "why", printable([]byte(v.ErrorMessage)))
			n.connectWaiters.tell(conn.id, nil)
			if v.ErrorMessage != "" {
				n.warnAndDisconnect(conn, v.ErrorMessage)
				return
			}
			n.connectd.send(&connectdmsg.Disconnect{ID: conn.id, Conn: conn.conn})
		default:
			then()
		}
	})
}

// verdict is an answer to a hook that knows what is valid. The zero value is that of nobody asked.
type verdict interface{ check() error }

// answer judges answers that have a result, and keeps the last valid one: any other than continue ends
// the chain.
func answer[V any, P interface {
	*V
	verdict
}](kept P) func(json.RawMessage) (bool, error) {
	return func(raw json.RawMessage) (bool, error) {
		result, err := plugin.Result(raw)
		if err != nil {
			return false, err
		}
		v := P(new(V))
		if err := json.Unmarshal(raw, v); err != nil {
			return false, err
		}
		if err := v.check(); err != nil {
			return false, err
		}
		*kept = *v
		return result != "continue", nil
	}
}
