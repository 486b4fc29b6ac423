package main

import (
	"context"
	"os"
	"testing"

	"fulmen/internal/ipc"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/keys"
)

// TestPenaltySocketIsKept: one for each channel in turn, and another after a refusal.
func TestPenaltySocketIsKept(t *testing.T) {
	const refused = 7
	opened := 0
	open := func(context.Context, *hsmdmsg.NewClient) (*os.File, error) {
		opened++
		ours, theirs, err := ipc.Pair()
		if err != nil {
			return nil, err
		}
		go func() {
			conn := ipc.NewConn(theirs)
			defer conn.Close()
			for {
				f, err := conn.Recv()
				if err != nil {
					return
				}
				m := new(hsmdmsg.SignClaim)
				if f.Decode(m) != nil || m.Inputs[0].Number == refused {
					return
				}
				if conn.Reply(f.ID, &hsmdmsg.SignClaimReply{Signatures: make([]keys.Signature, 1)}) != nil {
					return
				}
			}
		}()
		return ours, nil
	}
	var s penaltySocket
	defer s.close()
	for _, step := range []struct {
		channel uint64
		number  keys.CommitmentNumber
		opened  int
	}{{1, 1, 1}, {1, 2, 1}, {2, 1, 2}, {1, 3, 3}, {1, refused, 3}, {1, 8, 4}, {1, 9, 4}} {
		var reply hsmdmsg.SignClaimReply
		err := s.request(t.Context(), open, &hsmdmsg.NewClient{ChannelDBID: step.channel},
			&hsmdmsg.SignClaim{Inputs: []hsmdmsg.ClaimInput{{Number: step.number}}}, &reply)
		if (err != nil) != (step.number == refused) || opened != step.opened {
			t.Errorf("%+v: %v, %d sockets", step, err, opened)
		}
	}
}
