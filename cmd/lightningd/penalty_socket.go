package main

import (
	"context"
	"os"

	"fulmen/internal/ipc"
	"fulmen/internal/ipc/hsmdmsg"
)

// penaltySocket is the socket to hsmd over which the last penalty was signed. It is kept, as the next one is mostly of
// the same channel: what that has signed and revoked since, hsmd knows from the channel's process.
type penaltySocket struct {
	channel uint64
	conn    *ipc.Conn // nil: none
}

// request asks hsmd over a socket for client's channel, which open makes where there is none.
func (s *penaltySocket) request(ctx context.Context, open func(context.Context, *hsmdmsg.NewClient) (*os.File, error),
	client *hsmdmsg.NewClient, m, reply ipc.Message) error {
	if s.channel != client.ChannelDBID {
		s.close()
	}
	if s.conn == nil {
		socket, err := open(ctx, client)
		if err != nil {
			return err
		}
		s.channel, s.conn = client.ChannelDBID, ipc.NewConn(socket)
	}
	_, err := s.conn.Request(m, reply)
	if err != nil { // hsmd ends a socket on which it refuses something
		s.close()
	}
	return err
}

func (s *penaltySocket) close() {
	if s.conn != nil {
		s.conn.Close()
	}
	s.conn = nil
}
