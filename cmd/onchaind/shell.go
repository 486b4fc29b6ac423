package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/block"
	"fulmen/internal/channel"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/ipc/onchaindmsg"
	"fulmen/internal/onchain"
	"fulmen/internal/onchain/restore"
	"fulmen/internal/rawtx"
)

// shell steps the machine and passes on what it says.
type shell struct {
	log        *slog.Logger
	lightningd *ipc.Conn
	hsmd       *ipc.Conn

	// Of Init, until the machine begins.
	state  *onchain.State
	spend  *wire.MsgTx
	height block.Height
	old    *onchain.StubFilter // while old HTLCs are to come

	machine *onchain.Machine // nil before
}

// orders is all that lightningd may say.
var orders = ipc.Table[shell]{
	onchaindmsg.TypeInit:        {Do: oneWay((*shell).init)},
	onchaindmsg.TypeHTLCs:       {Do: oneWay((*shell).htlcs)},
	onchaindmsg.TypeOutputSpent: {Do: oneWay((*shell).outputSpent)},
	onchaindmsg.TypeNewHeight:   {Do: oneWay((*shell).newHeight)},
	onchaindmsg.TypePreimages:   {Do: oneWay((*shell).preimages)},
	onchaindmsg.TypeGiveUp:      {Do: oneWay((*shell).giveUp)},
	onchaindmsg.TypeSignClaims:  {Do: (*shell).signClaims},
}

// The orders that come at the wrong time.
var (
	errInitTwice  = errors.New("init came a second time")
	errNotStarted = errors.New("came before the channel's state was complete")
	errNotAsked   = errors.New("old HTLCs came unasked")
	errNoHTLCs    = errors.New("no old HTLCs came, and not the last")
)

// oneWay decodes a message before do takes it.
func oneWay[M any, P ipc.Of[M]](do func(*shell, P) error) func(*shell, *ipc.Frame) (ipc.Message, []*os.File, error) {
	return func(sh *shell, f *ipc.Frame) (ipc.Message, []*os.File, error) {
		m, err := ipc.Read[M, P](f)
		if err != nil {
			return nil, nil, err
		}
		return nil, nil, do(sh, m)
	}
}

// init restores the channel, and begins unless old HTLCs are needed.
func (sh *shell) init(m *onchaindmsg.Init) error {
	if sh.state != nil {
		return errInitTwice
	}
	ch, err := channel.Restore(m.Snapshot, m.Records)
	if err != nil {
		return fmt.Errorf("restore channel: %w", err)
	}
	if sh.spend, err = transaction(m.SpendTx); err != nil {
		return fmt.Errorf("spend of the funding output: %w", err)
	}
	s := restore.State(ch)
	s.FuturePoint = m.FuturePoint
	s.LocalScripts = append(s.LocalScripts, m.LocalScripts...)
	s.Upstream = make(map[uint64]block.Height, len(m.Upstream))
	for _, u := range m.Upstream {
		s.Upstream[u.HTLCID] = u.CLTVExpiry
	}
	sh.state, sh.height = s, m.SpendHeight
	closing, err := onchain.Classify(s, sh.spend)
	if err != nil {
		return err
	}
	if closing.NeedsPoint() {
		reply := new(hsmdmsg.GetPublishedPointReply)
		if _, err := sh.hsmd.Request(&hsmdmsg.GetPublishedPoint{Number: closing.CommitmentNumber}, reply); err != nil {
			return fmt.Errorf("hsmd: point of commitment %d: %w", closing.CommitmentNumber, err)
		}
		s.PublishedPoint = &reply.PerCommitmentPoint
		if closing, err = onchain.Classify(s, sh.spend); err != nil {
			return err
		}
	}
	if closing.NeedsStubs() {
		sh.old = closing.StubFilter()
		return sh.lightningd.Send(&onchaindmsg.NeedHTLCs{})
	}
	return sh.begin()
}

// htlcs takes some of the channel's old HTLCs, and begins with the last of them.
func (sh *shell) htlcs(m *onchaindmsg.HTLCs) error {
	if sh.old == nil {
		return errNotAsked
	}
	stubs := make([]onchain.Stub, len(m.Stubs))
	for i := range m.Stubs {
		stubs[i] = onchain.Stub(m.Stubs[i])
	}
	sh.old.Take(stubs)
	if m.Last {
		sh.state.Stubs, sh.old = sh.old.Stubs(), nil
		return sh.begin()
	}
	if len(stubs) == 0 {
		return errNoHTLCs
	}
	last := &stubs[len(stubs)-1]
	return sh.lightningd.Send(&onchaindmsg.NeedHTLCs{Offered: last.Offered, FromID: last.ID + 1})
}

func (sh *shell) begin() error {
	machine, actions, err := onchain.New(sh.state, sh.spend, sh.height)
	if err != nil {
		return err
	}
	sh.machine = machine
	return sh.report(actions)
}

// step gives the machine one event.
func (sh *shell) step(ev onchain.Event) error {
	if sh.machine == nil {
		return fmt.Errorf("%T %w", ev, errNotStarted)
	}
	actions, err := sh.machine.Step(ev)
	if err != nil {
		return err
	}
	return sh.report(actions)
}

func (sh *shell) outputSpent(m *onchaindmsg.OutputSpent) error {
	t, err := transaction(m.Tx)
	if err != nil {
		return fmt.Errorf("spend of an output: %w", err)
	}
	return sh.step(onchain.OutputSpent{Tx: t, Height: m.Height})
}

func (sh *shell) newHeight(m *onchaindmsg.NewHeight) error {
	return sh.step(onchain.NewHeight{Height: m.Height})
}

func (sh *shell) preimages(m *onchaindmsg.Preimages) error {
	list := make([]onchain.Preimage, len(m.Preimages))
	for i := range m.Preimages {
		list[i] = onchain.Preimage(m.Preimages[i])
	}
	return sh.step(onchain.Preimages{Preimages: list})
}

func (sh *shell) giveUp(m *onchaindmsg.GiveUp) error {
	return sh.step(onchain.GiveUp{Outpoints: outpointsOf(m.Outpoints), Height: m.Height, Reason: m.Reason})
}

// transaction reads one with its witnesses, to its last byte.
func transaction(raw []byte) (*wire.MsgTx, error) {
	t, err := rawtx.Tx(raw)
	if err != nil {
		return nil, fmt.Errorf("transaction: %w", err)
	}
	return t, nil
}
