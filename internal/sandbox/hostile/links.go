package hostile

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"fulmen/internal/amount"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/keys"
)

// The links that are attacked.
const (
	linkToLightningd = 3
	linkToHsmd       = 4
)

// The daemons that have a link to hsmd, and those with each right.
var (
	askers     = []string{Connectd, Gossipd, Channeld, Onchaind}
	noECDH     = []string{Gossipd, Onchaind}
	noGossip   = []string{Connectd, Channeld, Onchaind}
	noChannel  = []string{Connectd, Gossipd, Onchaind}
	noClaims   = []string{Connectd, Gossipd, Channeld}
	hasChannel = []string{Channeld}
)

// links is what is tried on the sockets that a daemon has. There, the other end decides.
var links = slices.Concat([]Attempt{
	{Name: "hand lightningd a descriptor", Want: LinkClosed, Always: true, Do: handOver(linkToLightningd, &ipc.Log{Message: "look at this"})},
	{Name: "send lightningd an unknown message", Want: LinkClosed, Always: true, Do: tell(&unknown{})},
	{Name: "send lightningd a message that does not decode", Want: LinkClosed, Always: true, Do: tell(&cut{})},
	{Name: "hand hsmd a descriptor", Want: SocketClosed, Only: askers, Always: true, Do: handOver(linkToHsmd, &hsmdmsg.ECDH{})},
	{Name: "send hsmd an unknown message", Want: SocketClosed, Only: askers, Always: true, Do: ask(&unknown{})},
}, asks(), []Attempt{
	{Name: "ask hsmd for a secret out of order", Want: SocketClosed, Only: hasChannel, Always: true, Do: ask(&hsmdmsg.RevokeLocal{Number: 7})},
	{Name: "ask hsmd for another setup of the channel", Want: SocketClosed, Only: hasChannel, Always: true, Do: anotherSetup},
	{Name: "ask hsmd to sign a revoked commitment", Want: SocketClosed, Only: hasChannel, Always: true, Do: revoked},
	{Name: "ask hsmd to sign two commitments of one number", Want: SocketClosed, Only: hasChannel, Always: true, Do: twice},
	{Name: "ask hsmd to sign money from nowhere", Want: SocketClosed, Only: hasChannel, Always: true, Do: fromNowhere},
	{Name: "ask hsmd to close to a foreign script", Want: SocketClosed, Only: hasChannel, Always: true, Do: foreignClose},
}, claims())

// asks is every request with those who have no right to it.
func asks() []Attempt {
	var list []Attempt
	for _, r := range []struct {
		what string
		who  []string
		m    ipc.Message
	}{
		{"the wallet's signature", askers, &hsmdmsg.SignWallet{Tx: make([]byte, 10)}},
		{"an invoice's signature", askers, &hsmdmsg.SignInvoice{HRP: "lnbcrt"}},
		{"a message's signature", askers, &hsmdmsg.SignMessage{Message: []byte("x")}},
		{"a secret", askers, &hsmdmsg.DeriveSecret{Info: []byte("x")}},
		{"another secret to be loaded", askers, &hsmdmsg.Init{Network: "regtest"}},
		{"a socket with more rights", askers, &hsmdmsg.NewClient{Rights: hsmdmsg.RightECDH | hsmdmsg.RightCommitment}},
		{"another channel's signature", askers, &hsmdmsg.SignLocalCommitment{ChannelDBID: 2}},
		{"another script to close to", askers, &hsmdmsg.AllowShutdownScript{ChannelDBID: 1, Script: []byte{0, 20, 21: 0}}},
		{"forgetting a channel", askers, &hsmdmsg.ForgetChannel{ChannelDBID: 1}},
		{"a shared secret", noECDH, &hsmdmsg.ECDH{Points: make([]keys.PubKey, 1)}},
		{"a node_announcement's signature", noGossip, &hsmdmsg.SignNodeAnnouncement{}},
		{"a channel_update's signature", noGossip, &hsmdmsg.SignChannelUpdate{}},
		{"a channel's keys", noChannel, &hsmdmsg.GetBasepoints{}},
		{"a commitment's signature", noChannel, &hsmdmsg.SignRemoteCommitment{}},
		{"a per-commitment secret", noChannel, &hsmdmsg.RevokeLocal{}},
		{"a closing's signature", noChannel, &hsmdmsg.SignMutualClose{}},
		{"a channel_announcement's signatures", noChannel, &hsmdmsg.SignChannelAnnouncement{}},
		{"a claim's signature", noClaims, &hsmdmsg.SignClaim{Tx: make([]byte, 10)}},
		{"an anchor's signature", askers, &hsmdmsg.SignAnchor{Tx: make([]byte, 10)}},
	} {
		list = append(list, Attempt{Name: "ask hsmd for " + r.what, Want: SocketClosed, Only: r.who, Always: true, Do: ask(r.m)})
	}
	return list
}

// unknown is a message of a number that nobody has.
type unknown struct{}

// IPCType implements ipc.Message.
func (*unknown) IPCType() ipc.Type { return 65000 }

// cut has the number of ipc.Log, and none of its fields.
type cut struct{}

// IPCType implements ipc.Message.
func (*cut) IPCType() ipc.Type { return ipc.TypeLog }

// ask requests something of hsmd. Whatever is answered is said.
func ask(m ipc.Message) func(*Scene) error {
	return func(s *Scene) error { return request(s, m) }
}

func request(s *Scene, m ipc.Message) error {
	conn := s.link(linkToHsmd)
	if err := conn.Reply(1, m); err != nil { // a request, whose answer is looked at below
		return err
	}
	f, err := conn.Recv()
	if err != nil {
		return err
	}
	return fmt.Errorf("answered by message type %d", f.Type)
}

// tell sends lightningd something, and waits for what comes of it.
func tell(m ipc.Message) func(*Scene) error {
	return func(s *Scene) error {
		conn := s.link(linkToLightningd)
		if err := conn.Send(m); err != nil {
			return err
		}
		return hear(conn)
	}
}

// handOver sends a descriptor with a message that carries none.
func handOver(fd int, m ipc.Message) func(*Scene) error {
	return func(s *Scene) error {
		conn := s.link(fd)
		if err := conn.Send(m, os.Stdin); err != nil {
			return err
		}
		return hear(conn)
	}
}

func hear(conn *ipc.Conn) error {
	f, err := conn.Recv()
	if err == nil {
		err = fmt.Errorf("answered by message type %d", f.Type)
	}
	return err
}

// errNotAsked means that an attempt did not come to its last request.
var errNotAsked = errors.New("what should have been allowed was refused")

// channel is a channel of 1,000,000 sat that channeld has set up as it may.
type channel struct {
	*Scene
	setup hsmdmsg.ChannelSetup
	mine  hsmdmsg.GetBasepointsReply
}

func newChannel(s *Scene) (*channel, error) {
	c := &channel{Scene: s}
	if err := c.may(&hsmdmsg.GetBasepoints{}, &c.mine); err != nil {
		return nil, err
	}
	// The peer's keys: any points will do.
	c.setup = hsmdmsg.ChannelSetup{
		FundingTxid: [32]byte{1}, FundingSats: 1_000_000, Opener: true, Anchors: true,
		RemoteFundingPubKey: s.Peer, RemoteBasepoints: c.mine.Basepoints,
		LocalToSelfDelay: 144, RemoteToSelfDelay: 144, LocalDustLimit: 354, RemoteDustLimit: 354,
	}
	return c, c.may(&hsmdmsg.SetupChannel{Setup: c.setup}, new(hsmdmsg.SetupChannelReply))
}

// may asks for what a channeld may have.
func (c *channel) may(m, reply ipc.Message) error {
	if _, err := c.link(linkToHsmd).Request(m, reply); err != nil {
		return fmt.Errorf("%w: %T: %s", errNotAsked, m, err.Error())
	}
	return nil
}

// state is the peer's commitment of a number, with so much for us.
func (c *channel) state(number keys.CommitmentNumber, local amount.Msat) *hsmdmsg.SignRemoteCommitment {
	return &hsmdmsg.SignRemoteCommitment{
		PerCommitmentPoint: c.mine.FirstPoint,
		Commitment: hsmdmsg.Commitment{
			Number: number, FeeratePerKw: 1000, LocalMsat: local, RemoteMsat: c.setup.FundingSats.Msat() - local,
		},
	}
}

// sign has hsmd sign states that it should sign, one for each number from 0.
func (c *channel) sign(locals ...amount.Msat) error {
	for number, local := range locals {
		m := c.state(keys.CommitmentNumber(number), local)
		if err := c.may(m, new(hsmdmsg.SignRemoteCommitmentReply)); err != nil {
			return err
		}
	}
	return nil
}

func anotherSetup(s *Scene) error {
	c, err := newChannel(s)
	if err != nil {
		return err
	}
	c.setup.FundingSats++
	return request(s, &hsmdmsg.SetupChannel{Setup: c.setup})
}

func revoked(s *Scene) error {
	c, err := newChannel(s)
	if err != nil {
		return err
	}
	if err := c.sign(900_000_000, 800_000_000, 700_000_000); err != nil {
		return err
	}
	return request(s, c.state(0, 900_000_000))
}

func twice(s *Scene) error {
	c, err := newChannel(s)
	if err != nil {
		return err
	}
	if err := c.sign(900_000_000, 800_000_000); err != nil {
		return err
	}
	return request(s, c.state(0, 100_000_000))
}

func fromNowhere(s *Scene) error {
	c, err := newChannel(s)
	if err != nil {
		return err
	}
	m := c.state(0, 900_000_000)
	m.Commitment.RemoteMsat += 1_000_000
	return request(s, m)
}

func foreignClose(s *Scene) error {
	if _, err := newChannel(s); err != nil {
		return err
	}
	return request(s, &hsmdmsg.SignMutualClose{LocalSat: 999_000, LocalScript: []byte{0, 20, 21: 9}})
}
