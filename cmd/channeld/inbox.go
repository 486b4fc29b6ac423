package main

import (
	"fmt"
	"io"
	"sync"

	"fulmen/internal/ipc"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/ipc/peermsg"
)

// maxPeerFrames is how many frames of the peer wait at most: it is made to slow down, not to fill
// our memory.
const maxPeerFrames = 4

// inbox collects what both links bring, so that a turn begins with all that is there.
type inbox struct {
	mu       sync.Mutex
	changed  *sync.Cond
	orders   []order
	peer     []*peermsg.Messages
	peerGone bool
	stored   uint64 // highest Store that is durable
}

// order is a message of lightningd; id is that of a request.
type order struct {
	id  uint64
	msg ipc.Message
}

func newInbox() *inbox {
	in := &inbox{}
	in.changed = sync.NewCond(&in.mu)
	return in
}

// take waits for input and returns all of it; gone says that the peer has sent its last.
func (in *inbox) take() (orders []order, peer []*peermsg.Messages, gone bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for len(in.orders)+len(in.peer) == 0 && !in.peerGone {
		in.changed.Wait()
	}
	orders, peer, gone = in.orders, in.peer, in.peerGone
	in.orders, in.peer = nil, nil
	in.changed.Broadcast()
	return orders, peer, gone
}

// empty reports whether nothing waits to be taken.
func (in *inbox) empty() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return len(in.orders)+len(in.peer) == 0 && !in.peerGone
}

// waitStored returns once Store seq is durable.
func (in *inbox) waitStored(seq uint64) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for in.stored < seq {
		in.changed.Wait()
	}
}

// orderTypes is all that lightningd may send after Setup.
var orderTypes = map[ipc.Type]func() ipc.Message{
	channeldmsg.TypeOffer:         func() ipc.Message { return new(channeldmsg.Offer) },
	channeldmsg.TypeSettle:        func() ipc.Message { return new(channeldmsg.Settle) },
	channeldmsg.TypeSetFeerate:    func() ipc.Message { return new(channeldmsg.SetFeerate) },
	channeldmsg.TypeShutdown:      func() ipc.Message { return new(channeldmsg.Shutdown) },
	channeldmsg.TypeFundingDepth:  func() ipc.Message { return new(channeldmsg.FundingDepth) },
	channeldmsg.TypeNewHeight:     func() ipc.Message { return new(channeldmsg.NewHeight) },
	channeldmsg.TypeSetPolicy:     func() ipc.Message { return new(channeldmsg.SetPolicy) },
	channeldmsg.TypeFundingChosen: func() ipc.Message { return new(channeldmsg.FundingChosen) },
	channeldmsg.TypeStored:        func() ipc.Message { return new(channeldmsg.Stored) },
	channeldmsg.TypeSendError:     func() ipc.Message { return new(channeldmsg.SendError) },
	channeldmsg.TypeDescribe:      func() ipc.Message { return new(channeldmsg.Describe) },
}

// readOrders collects lightningd's messages until the link ends, and returns why.
func (in *inbox) readOrders(link *ipc.Conn) error {
	for {
		f, err := link.Recv()
		if err != nil {
			return err
		}
		make := orderTypes[f.Type]
		if make == nil || len(f.Fds) > 0 {
			return fmt.Errorf("message type %d with %d descriptors from lightningd", f.Type, len(f.Fds))
		}
		m := make()
		if err := f.Decode(m); err != nil {
			return err
		}
		in.mu.Lock()
		if stored, ok := m.(*channeldmsg.Stored); ok {
			in.stored = max(in.stored, stored.Seq)
		} else {
			in.orders = append(in.orders, order{f.ID, m})
		}
		in.changed.Broadcast()
		in.mu.Unlock()
	}
}

// readPeer collects the peer's messages until it is gone. An error is about connectd, not the peer.
func (in *inbox) readPeer(link *ipc.Conn) error {
	for {
		f, err := link.Recv()
		if err == io.EOF {
			in.mu.Lock()
			in.peerGone = true
			in.changed.Broadcast()
			in.mu.Unlock()
			return nil
		}
		if err != nil {
			return err
		}
		m := new(peermsg.Messages)
		if err := f.Decode(m); err != nil {
			return err
		}
		in.mu.Lock()
		for len(in.peer) >= maxPeerFrames {
			in.changed.Wait()
		}
		in.peer = append(in.peer, m)
		in.changed.Broadcast()
		in.mu.Unlock()
	}
}
