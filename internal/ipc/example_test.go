package ipc_test

import (
	"errors"
	"fmt"
	"os"

	"fulmen/internal/ipc"
)

// A package of messages (hsmdmsg and its siblings) has a constant for each number and a struct
// for each message, with its IPCType on the pointer.
const (
	TypeAdd      ipc.Type = 9000
	TypeAddReply ipc.Type = 9001
)

// Add asks for the sum of Terms.
type Add struct {
	Terms []uint32
}

// AddReply answers Add.
type AddReply struct {
	Sum uint32
}

// IPCType implements ipc.Message.
func (*Add) IPCType() ipc.Type      { return TypeAdd }
func (*AddReply) IPCType() ipc.Type { return TypeAddReply }

// RightAdd lets a client ask for sums.
const RightAdd ipc.Rights = 1

// adder is what the serving process knows of one client.
type adder struct{ served int }

// requests is all that the serving process does.
var requests = ipc.Table[adder]{
	TypeAdd: {Right: RightAdd, Do: (*adder).add},
}

func (a *adder) add(f *ipc.Frame) (ipc.Message, []*os.File, error) {
	var m Add
	if err := f.Decode(&m); err != nil {
		return nil, nil, err // ends the link: our processes do not send garbage
	}
	if len(m.Terms) == 0 {
		return nil, nil, ipc.Failf(-1, "nothing to add")
	}
	a.served++
	reply := new(AddReply)
	for _, t := range m.Terms {
		reply.Sum += t
	}
	return reply, nil, nil
}

func Example() {
	a, b, err := ipc.Pair()
	if err != nil {
		fmt.Println(err)
		return
	}
	served := make(chan error)
	server := ipc.NewConn(b)
	go func() { served <- requests.Serve(server, new(adder), RightAdd) }()

	conn := ipc.NewConn(a)
	var reply AddReply
	if _, err := conn.Request(&Add{Terms: []uint32{1, 2, 3}}, &reply); err != nil {
		fmt.Println(err)
	}
	fmt.Println(reply.Sum)

	_, err = conn.Request(&Add{}, &reply)
	var fail *ipc.Fail
	fmt.Println(errors.As(err, &fail), err)

	conn.Close()
	fmt.Println(<-served)
	// Output:
	// 6
	// true nothing to add
	// <nil>
}
