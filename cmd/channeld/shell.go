package main

import (
	"errors"
	"fmt"
	"log/slog"

	"fulmen/internal/block"
	"fulmen/internal/channel"
	"fulmen/internal/closing"
	"fulmen/internal/daemon"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/ipc/peermsg"
	"fulmen/internal/opening"
	"fulmen/internal/wire"
)

// shell carries out what the machines want. Of opening, channel and closing the first that is not
// over gets the peer's messages; channel stays to describe what is being closed.
type shell struct {
	log        *slog.Logger
	lightningd *ipc.Conn
	hsmd       hsmd
	peer       *ipc.Conn
	in         *inbox
	setup      *channeldmsg.Setup

	opening *opening.Machine
	channel *channel.Channel
	closing *closing.Machine

	channelID wire.ChannelID // or the temporary one
	height    block.Height
	fees      channeldmsg.CloseFeerates
	held      map[uint64]held // the peer's HTLCs that are not settled

	seq      uint64 // of the last Store
	out      [][]byte
	failed   []channeldmsg.FailedOffer
	settled  bool               // an HTLC was settled by ourselves: there is more to commit
	ordered  bool               // lightningd ordered the shutdown
	complete bool               // there is a closing transaction
	stored   channeldmsg.Status // as of the last Store
	broken   bool               // the channel is beyond what may be stored
	state    channeldmsg.State  // that lightningd was told last
	ended    bool
}

func newShell(p *daemon.Process, lightningd *ipc.Conn, hsmd hsmd, peer *ipc.Conn, setup *channeldmsg.Setup) *shell {
	sh := &shell{
		log: p.Log, lightningd: lightningd, hsmd: hsmd, peer: peer, in: newInbox(), setup: setup,
		height: setup.Height, fees: setup.Policy.Close, held: make(map[uint64]held),
	}
	go func() { p.Must("read orders", sh.in.readOrders(lightningd)) }()
	go func() { p.Must("read from connectd", sh.in.readPeer(peer)) }()
	return sh
}

// begin does what Setup says.
func (sh *shell) begin() error {
	var err error
	switch s := sh.setup; {
	case s.Open != nil:
		err = sh.open(s.Open)
	case s.Accept != nil:
		err = sh.accept(s.Accept)
	case s.Resume != nil:
		err = sh.resume(s.Resume)
	default:
		return errors.New("setup says neither open nor accept nor resume")
	}
	return sh.finish(err)
}

// turn takes all input that is there, and then lets the channel act on it.
func (sh *shell) turn() error {
	orders, batches, gone := sh.in.take()
	for _, o := range orders {
		if err := sh.obey(o); err != nil || sh.ended {
			return sh.finish(err)
		}
	}
	for _, batch := range batches {
		for _, raw := range batch.Wire {
			if err := sh.receive(raw); err != nil || sh.ended {
				return sh.finish(err)
			}
		}
	}
	if err := sh.finish(sh.idle()); err != nil {
		return err
	}
	if gone {
		sh.ended = true
	} else if sh.in.empty() && sh.channel != nil {
		return sh.channel.Prepare()
	}
	return nil
}

// idle lets the channel commit to what has piled up, until it has nothing more to do.
func (sh *shell) idle() error {
	if sh.channel == nil {
		return nil
	}
	for again := true; again; again = sh.settled {
		sh.settled = false
		if err := sh.stepChannel(channel.Idle{}); err != nil {
			return err
		}
	}
	return nil
}

// finish sends what a turn leaves behind; a rule that the peer broke is told to it.
func (sh *shell) finish(err error) error {
	if err != nil {
		if err := sh.tellFault(err); err != nil {
			return err
		}
		sh.ended = true
	}
	if err := sh.reportFailed(); err != nil {
		return err
	}
	if err := sh.flush(); err != nil {
		return err
	}
	return sh.reportState()
}

// receive routes one message of the peer.
func (sh *shell) receive(raw []byte) error {
	m, err := wire.Decode(raw)
	var unknown *wire.UnknownMessageError
	if errors.As(err, &unknown) && unknown.MayIgnore() {
		return nil
	}
	if err != nil {
		return &channel.Fault{Outcome: channel.WarnAndClose, Err: err}
	}
	if sh.log.Enabled(ctx, slog.LevelDebug) {
		sh.log.Debug("peer sent", "message", m.Type().String())
	}
	if sh.channel == nil {
		return sh.stepOpening(opening.PeerSent{Msg: m})
	}
	if isClosing(m) && sh.closing == nil {
		// It may come right behind what makes the channel ready for it.
		if err := sh.idle(); err != nil {
			return err
		}
	}
	if sh.closing != nil {
		return sh.stepClosing(closing.PeerSent{Msg: m})
	}
	return sh.stepChannel(channel.PeerSent{Msg: m})
}

// send queues a message: those of one step leave together.
func (sh *shell) send(m wire.Message) {
	sh.out = append(sh.out, wire.Encode(m))
}

// flush lets go what was queued, when all that it relies on is durable.
func (sh *shell) flush() error {
	if len(sh.out) == 0 {
		return nil
	}
	sh.in.waitStored(sh.seq)
	list := sh.out
	sh.out = nil
	for len(list) > 0 {
		n, size := 0, 0
		for n < len(list) && (n == 0 || size+len(list[n]) <= peermsg.MaxBatch) {
			size += len(list[n])
			n++
		}
		sh.tellPeer(list[:n])
		list = list[n:]
	}
	return nil
}

// tellPeer sends messages at once. That the peer is gone is seen by readPeer.
func (sh *shell) tellPeer(list [][]byte) {
	if err := sh.peer.Send(&peermsg.Messages{Wire: list}); err != nil {
		sh.log.Debug("peer is gone", "error", err)
	}
}

// tellFault tells the peer which rule it broke, and lightningd what comes of it. Any other error is
// ours, and returned.
func (sh *shell) tellFault(err error) error {
	var (
		inChannel *channel.Fault
		inClosing *closing.Fault
		inOpening *opening.Fault
		outcome   = channel.FailChannel
	)
	switch {
	case errors.As(err, &inChannel):
		outcome = inChannel.Outcome
	case errors.As(err, &inClosing):
		if inClosing.Outcome == closing.WarnAndClose {
			outcome = channel.WarnAndClose
		}
	case errors.As(err, &inOpening):
	default:
		return err
	}
	text := err.Error()
	text = text[:min(len(text), maxText)]
	sh.log.Info("peer broke a rule", "outcome", outcome.String(), "error", text)
	report := ipc.Message(&channeldmsg.Failing{Warning: outcome == channel.WarnAndClose, Text: text})
	if outcome == channel.LostState {
		report = &channeldmsg.FutureState{RemotePerCommitmentPoint: sh.channel.RemoteFuturePoint()}
	}
	if outcome == channel.WarnAndClose {
		sh.send(&wire.Warning{ChannelID: sh.channelID, Data: []byte(text)})
	} else {
		sh.send(&wire.Error{ChannelID: sh.channelID, Data: []byte(text)})
	}
	return sh.lightningd.Send(report)
}

// maxText bounds what we tell the peer of what it sent.
const maxText = 500

// stepOpening steps the opening and does what it wants.
func (sh *shell) stepOpening(ev opening.Event) error {
	if sh.opening == nil {
		return fmt.Errorf("%T without an opening", ev)
	}
	actions, err := sh.opening.Step(ev)
	if err != nil {
		return err
	}
	for _, a := range actions {
		if err := sh.doOpening(a); err != nil {
			return err
		}
	}
	return nil
}

// stepChannel steps the channel and does what it wants; the answers that it asks for are events of
// their own.
func (sh *shell) stepChannel(ev channel.Event) error {
	for ev != nil {
		actions, stepErr := sh.channel.Step(ev)
		sh.broken = stepErr != nil
		ev = nil
		for _, a := range actions {
			answer, err := sh.doChannel(a)
			if err != nil {
				return err
			}
			if answer != nil {
				ev = answer // the last action of its step
			}
		}
		if stepErr != nil {
			return stepErr
		}
	}
	return nil
}

// stepClosing steps the negotiation of the close and does what it wants.
func (sh *shell) stepClosing(ev closing.Event) error {
	for ev != nil {
		actions, err := sh.closing.Step(ev)
		if err != nil {
			return err
		}
		ev = nil
		for _, a := range actions {
			answer, err := sh.doClosing(a)
			if err != nil {
				return err
			}
			if answer != nil {
				ev = answer
			}
		}
	}
	return nil
}
