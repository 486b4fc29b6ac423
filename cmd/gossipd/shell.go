package main

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"fulmen/internal/gossip"
	"fulmen/internal/gossipstore"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/gossipdmsg"
	"fulmen/internal/ipc/gossipmsg"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/keys"
	"fulmen/internal/wire"
)

// shell carries the machine's actions out.
type shell struct {
	machine    *gossip.Machine
	store      *gossipstore.Writer
	in         *inbox
	lightningd *ipc.Conn
	hsmd       *ipc.Conn
	connectd   *ipc.Client
	log        *slog.Logger

	// What compact waits for.
	storeFiles chan storeFile
	storeUsed  chan bool
}

func newShell(log *slog.Logger) *shell {
	return &shell{in: newInbox(), log: log, storeFiles: make(chan storeFile, 1), storeUsed: make(chan bool, 1)}
}

// run is the life of the process: all that waits, then Idle, then it waits itself.
func (sh *shell) run() error {
	tick := time.NewTicker(gossip.TickMillis * time.Millisecond)
	for {
		if err := sh.takeAll(); err != nil {
			return err
		}
		select {
		case <-sh.in.changed:
		case <-tick.C:
			if err := sh.step(gossip.Tick{}); err != nil {
				return err
			}
		}
	}
}

// takeAll does what waits.
func (sh *shell) takeAll() error {
	for events := sh.in.take(); len(events) > 0; events = sh.in.take() {
		for _, ev := range events {
			if err := sh.handle(ev); err != nil {
				return err
			}
		}
		if err := sh.step(gossip.Idle{}); err != nil {
			return err
		}
	}
	return sh.store.Flush()
}

// handle is step for an event that somebody may wait for.
func (sh *shell) handle(ev gossip.Event) error {
	r, ok := ev.(request)
	if !ok {
		return sh.step(ev)
	}
	if r.pickNodes != nil {
		return sh.answer(r.id, &gossipdmsg.PickNodesReply{IDs: sh.machine.PickNodes(r.pickNodes.Random, int(r.pickNodes.Max))})
	}
	if r.findNode != nil {
		return sh.answer(r.id, sh.findNode(r.findNode.ID))
	}
	if _, err := wire.Decode(r.Event.(gossip.Injected).Raw); err != nil {
		return sh.answer(r.id, ipc.Failf(0, "%v", err))
	}
	if err := sh.step(r.Event); err != nil {
		return err
	}
	return sh.answer(r.id, new(gossipdmsg.AddGossipReply))
}

func (sh *shell) answer(id uint64, m ipc.Message) error { return sh.lightningd.Reply(id, m) }

// step applies an event and does all that follows from it: the actions in order, and then their answers.
func (sh *shell) step(ev gossip.Event) error {
	for events := []gossip.Event{ev}; len(events) > 0; events = events[1:] {
		actions, err := sh.machine.Step(now(), events[0])
		if err != nil {
			return err
		}
		answers, err := sh.doAll(actions)
		if err != nil {
			return err
		}
		events = append(events, answers...)
	}
	return nil
}

func now() gossip.Timestamp { return gossip.Timestamp(time.Now().Unix()) }

func (sh *shell) doAll(actions []gossip.Action) (answers []gossip.Event, err error) {
	var ask []wire.ShortChannelID
	for _, a := range actions {
		if a, ok := a.(gossip.AskFunding); ok {
			ask = append(ask, a.IDs...)
			continue
		}
		answer, err := sh.do(a)
		if err != nil {
			return nil, err
		}
		if answer != nil {
			answers = append(answers, answer)
		}
	}
	return answers, sh.askFunding(ask)
}

// do carries out one action, and returns what answers it.
func (sh *shell) do(a gossip.Action) (answer gossip.Event, err error) {
	switch a := a.(type) {
	case gossip.Verify:
		return gossip.Verified{Good: verify(a.Checks)}, nil
	case gossip.Append:
		return nil, sh.append(a)
	case gossip.Mark:
		return nil, sh.store.Mark(a.Offset, a.Flags)
	case gossip.Compact:
		return sh.compact()
	case gossip.AskSigner:
		var reply hsmdmsg.SignChannelUpdateReply
		if _, err := sh.hsmd.Request(&hsmdmsg.SignChannelUpdate{Update: a.Update}, &reply); err != nil {
			return nil, fmt.Errorf("sign channel_update of %s: %w", a.ChannelID, err)
		}
		return gossip.Signed{ChannelID: a.ChannelID, Signature: reply.Signature}, nil
	case gossip.AskNodeSigner:
		var reply hsmdmsg.SignNodeAnnouncementReply
		if _, err := sh.hsmd.Request(&hsmdmsg.SignNodeAnnouncement{Announcement: a.Announcement}, &reply); err != nil {
			return nil, fmt.Errorf("sign node_announcement: %w", err)
		}
		return gossip.NodeSigned{Signature: reply.Signature}, nil
	case gossip.SendPeer:
		return nil, sh.connectd.Send(&gossipmsg.PeerGossip{ID: a.ID, Wire: [][]byte{a.Raw}})
	case gossip.SendStored:
		return nil, sh.sendStored(a)
	}
	return nil, sh.tell(a)
}

// tell does what is for lightningd.
func (sh *shell) tell(a gossip.Action) error {
	switch a := a.(type) {
	case gossip.Made:
		return sh.lightningd.Send(&gossipdmsg.OwnUpdate{ChannelID: a.ChannelID, Update: a.Raw})
	case gossip.Learned:
		sh.log.Debug("channel_update from the peer", "channel_id", a.ChannelID, "timestamp", a.Timestamp)
		return sh.lightningd.Send(&gossipdmsg.PeerUpdate{
			ChannelID: a.ChannelID, Policy: a.Policy, Timestamp: a.Timestamp, Update: a.Raw,
		})
	case gossip.Misbehaved:
		sh.log.Debug("bad gossip", "peer_id", a.ID, "reason", a.Reason)
		return sh.lightningd.Send(&gossipdmsg.BadPeer{ID: a.ID, Reason: a.Reason, Disconnect: a.Disconnect})
	}
	panic(fmt.Sprintf("gossipd: unknown action %T", a))
}

var errOffset = errors.New("the store's offset is another than the machine's")

func (sh *shell) append(a gossip.Append) error {
	at, err := sh.store.Append(a.Flags, a.Timestamp, a.Msg)
	if err == nil && at != a.Offset {
		err = fmt.Errorf("%w: %d, not %d", errOffset, at, a.Offset)
	}
	return err
}

// sendStored sends messages of the store.
func (sh *shell) sendStored(a gossip.SendStored) error {
	m := &gossipmsg.PeerGossip{ID: a.ID, Wire: make([][]byte, 0, len(a.Offsets))}
	for _, at := range a.Offsets {
		rec, err := sh.store.ReadAt(at)
		if err != nil {
			return err
		}
		m.Wire = append(m.Wire, append([]byte(nil), rec.Msg...))
	}
	return sh.connectd.Send(m)
}

// askFunding asks lightningd, and goes on without waiting.
func (sh *shell) askFunding(ids []wire.ShortChannelID) error {
	for part := range slices.Chunk(ids, gossipdmsg.MaxCheck) {
		if err := sh.lightningd.Send(&gossipdmsg.CheckFunding{IDs: part}); err != nil {
			return err
		}
	}
	return nil
}

// compact copies the store into a new file, which takes its name. What does not work costs room only:
// lightningd has logged why.
func (sh *shell) compact() (answer gossip.Event, err error) {
	if err := sh.lightningd.Send(new(gossipdmsg.NewStore)); err != nil {
		return nil, err
	}
	into := <-sh.storeFiles
	if into.file == nil {
		return nil, nil
	}
	to, moved, err := sh.store.Compact(into.file, into.id)
	if err != nil {
		into.file.Close()
		sh.log.Warn("gossip_store is not compacted", "error", err)
		return nil, nil
	}
	if err := sh.lightningd.Send(new(gossipdmsg.UseStore)); err != nil {
		return nil, err
	}
	if !<-sh.storeUsed {
		into.file.Close()
		return nil, nil
	}
	sh.log.Info("gossip_store is compacted", "bytes_before", sh.store.Size(), "bytes", to.Size())
	if err := errors.Join(sh.store.End(to), sh.store.Close()); err != nil {
		return nil, err
	}
	sh.store = to
	return gossip.Compacted{Size: to.Size(), Moved: moved}, nil
}

// findNode reads a node's announcement.
func (sh *shell) findNode(id keys.PubKey) *gossipdmsg.FindNodeReply {
	reply := new(gossipdmsg.FindNodeReply)
	at, ok := sh.machine.NodeAt(id)
	if !ok {
		return reply
	}
	rec, err := sh.store.ReadAt(at)
	if err != nil {
		return reply
	}
	msg, err := wire.Decode(rec.Msg)
	if node, ok := msg.(*wire.NodeAnnouncement); err == nil && ok {
		reply.Addresses = gossip.AddressTexts(node.Addresses)
	}
	return reply
}
