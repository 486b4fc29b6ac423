package e2e

import (
	"crypto/rand"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"fulmen/internal/block"
	"fulmen/internal/channel"
	"fulmen/internal/channel/channeltest"
	"fulmen/internal/features"
	"fulmen/internal/keys"
	"fulmen/internal/noise"
	"fulmen/internal/signer"
	"fulmen/internal/tx"
	"fulmen/internal/wire"
	"fulmen/tests/harness"

	"github.com/btcsuite/btcd/chaincfg/v2"
)

// rawPeer is a peer of a node that the test plays itself: it may send whatever it likes.
type rawPeer struct {
	t    *testing.T
	node *harness.Node
	keys *signer.Node
	conn net.Conn
	seal *noise.Sealer
	open *noise.Opener

	channel *channeltest.Node // the channel that it opened, if it did
	id      wire.ChannelID
}

// newRawPeer connects to a node under a name, from which its keys follow, and exchanges init.
func newRawPeer(t *testing.T, node *harness.Node, name string) *rawPeer {
	t.Helper()
	k, err := channeltest.NodeOf(name)
	if err != nil {
		t.Fatal(err)
	}
	p := &rawPeer{t: t, node: node, keys: k}
	p.connect()
	t.Cleanup(func() { p.conn.Close() })
	return p
}

// connect also is what it does when it was cut off.
func (p *rawPeer) connect() {
	p.t.Helper()
	if p.conn != nil {
		p.conn.Close()
	}
	remote, err := keys.ParsePubKey(p.node.ID())
	if err != nil {
		p.t.Fatal(err)
	}
	if p.conn, err = net.Dial("tcp", p.node.Address()); err != nil {
		p.t.Fatal(err)
	}
	p.conn.SetDeadline(time.Now().Add(harness.Patience))
	if err := p.shakeHands(remote); err != nil {
		p.t.Fatalf("handshake: %v", err)
	}
	p.send(&wire.Init{Features: features.Ours(features.Init)})
	receive[*wire.Init](p)
}

func (p *rawPeer) shakeHands(remote keys.PubKey) error {
	var ephemeral keys.Secret
	rand.Read(ephemeral[:])
	h, err := noise.NewInitiator(p.keys.ID(), remote, ephemeral, func(point keys.PubKey) (keys.Secret, error) {
		return p.keys.ECDH([]keys.PubKey{point})[0].Secret, nil
	})
	if err != nil {
		return err
	}
	one, err := h.ActOne()
	if err != nil {
		return err
	}
	if _, err := p.conn.Write(one); err != nil {
		return err
	}
	two := make([]byte, noise.ActTwoSize)
	if _, err := io.ReadFull(p.conn, two); err != nil {
		return err
	}
	three, seal, open, err := h.ActThree(two)
	if err != nil {
		return err
	}
	p.seal, p.open = seal, open
	_, err = p.conn.Write(three)
	return err
}

// send sends a message; that it is cut off is for reads to find.
func (p *rawPeer) send(m wire.Message) { p.sendRaw(wire.Encode(m)) }

func (p *rawPeer) sendRaw(raw []byte) {
	p.t.Helper()
	frame, err := p.seal.Append(nil, raw)
	if err != nil {
		p.t.Fatal(err)
	}
	p.conn.Write(frame)
}

// next reads one message.
func (p *rawPeer) next() (wire.Message, error) {
	buf := make([]byte, noise.HeaderSize)
	for {
		if _, err := io.ReadFull(p.conn, buf); err != nil {
			return nil, err
		}
		raw, _, err := p.open.Open(buf)
		if err != nil {
			return nil, err
		}
		if raw != nil {
			return wire.Decode(raw)
		}
		buf = make([]byte, p.open.Needs())
	}
}

// receive reads until a message of a type comes.
func receive[M wire.Message](p *rawPeer) M {
	p.t.Helper()
	for {
		m, err := p.next()
		if err != nil {
			p.t.Fatalf("waiting for %T: %v", *new(M), err)
		}
		if wanted, ok := m.(M); ok {
			return wanted
		}
	}
}

// told reads until a warning or an error with a text comes; the zero id is for the whole connection.
func (p *rawPeer) told(what, text string) {
	p.t.Helper()
	for {
		m, err := p.next()
		var unknown *wire.UnknownMessageError
		if errors.As(err, &unknown) {
			continue
		}
		if err != nil {
			p.t.Errorf("no %s about %q: %v", what, text, err)
			return
		}
		switch m := m.(type) {
		case *wire.Warning:
			if what == "warning" && strings.Contains(string(m.Data), text) {
				return
			}
			p.t.Errorf("warning %q, want %s about %q", m.Data, what, text)
			return
		case *wire.Error:
			if what == "error" && strings.Contains(string(m.Data), text) {
				return
			}
			p.t.Errorf("error %q, want %s about %q", m.Data, what, text)
			return
		}
	}
}

// proposal is an open_channel that any node takes.
func (p *rawPeer) proposal(s channeltest.Signer) *wire.OpenChannel {
	b := s.Basepoints()
	return &wire.OpenChannel{
		ChainHash: *chaincfg.RegressionNetParams.GenesisHash, TemporaryChannelID: wire.ChannelID{1},
		FundingSatoshis: 1_000_000, PushMsat: 400_000_000, DustLimitSatoshis: 546, MaxHTLCValueInFlightMsat: 1_000_000_000,
		ChannelReserveSatoshis: 10_000, HTLCMinimumMsat: 1, FeeratePerKw: 1000, ToSelfDelay: 144, MaxAcceptedHTLCs: 483,
		FundingPubkey: s.FundingPubKey(), RevocationBasepoint: b.Revocation, PaymentBasepoint: b.Payment,
		DelayedPaymentBasepoint: b.DelayedPayment, HTLCBasepoint: b.HTLC, FirstPerCommitmentPoint: s.Point(0),
		ChannelType: features.TypeAnchors.Vector(),
	}
}

// openChannel opens a channel by the rules, and locks it in. The coins are the miner's.
func (p *rawPeer) openChannel(btcd *harness.Btcd, name string) {
	p.t.Helper()
	remoteID, err := keys.ParsePubKey(p.node.ID())
	if err != nil {
		p.t.Fatal(err)
	}
	s, err := channeltest.NewReal(name, remoteID)
	if err != nil {
		p.t.Fatal(err)
	}
	o := p.proposal(s)
	p.send(o)
	a := receive[*wire.AcceptChannel](p)
	params := channel.Params{
		FundingSats: o.FundingSatoshis, Opener: true, Anchors: true, MinimumDepth: 1, Local: sideOf(o), Remote: remoteSide(a),
	}
	funding := tx.Funding{KeyA: o.FundingPubkey, KeyB: a.FundingPubkey}
	params.FundingTxid = btcd.FundScript(funding.PkScript(), o.FundingSatoshis)
	params.ChannelID = wire.NewChannelID(params.FundingTxid, 0)
	if err := s.SetUp(&params); err != nil {
		p.t.Fatal(err)
	}
	toUs := o.FundingSatoshis.Msat() - o.PushMsat
	signed, err := s.SignRemote(&channel.Content{Feerate: o.FeeratePerKw, ToLocal: toUs, ToRemote: o.PushMsat}, a.FirstPerCommitmentPoint)
	if err != nil {
		p.t.Fatal(err)
	}
	p.send(&wire.FundingCreated{TemporaryChannelID: o.TemporaryChannelID, FundingTxid: params.FundingTxid, Signature: signed.Signature})
	p.id = params.ChannelID
	p.channel = &channeltest.Node{Name: name, Signer: s}
	p.channel.Channel = channel.New(params, channel.Opening{
		Feerate: o.FeeratePerKw, ToLocal: toUs, ToRemote: o.PushMsat, LocalFirstPoint: s.Point(0), LocalSecondPoint: s.Point(1),
		RemoteFirstPoint: a.FirstPerCommitmentPoint, RemoteSignature: receive[*wire.FundingSigned](p).Signature,
	})
	p.channel.Log.Snapshot = p.channel.Channel.Snapshot()
	btcd.Mine(6)
	p.node.Sync()
	p.step(channel.SetPolicy{Policy: channeltest.DefaultPolicy()}, channel.NewHeight{Height: heightOf(btcd)}, channel.Connected{},
		channel.FundingConfirmed{Depth: 6, ShortChannelID: wire.NewShortChannelID(uint32(heightOf(btcd)-5), 1, 0)},
		channel.Idle{})
	p.step(channel.PeerSent{Msg: receive[*wire.ChannelReady](p)}, channel.Idle{})
	p.node.WaitChannel(p.id.String(), "CHANNELD_NORMAL")
}

func sideOf(o *wire.OpenChannel) channel.Side {
	return channel.Side{
		FundingPubKey: o.FundingPubkey,
		Basepoints:    keys.Basepoints{Revocation: o.RevocationBasepoint, Payment: o.PaymentBasepoint, DelayedPayment: o.DelayedPaymentBasepoint, HTLC: o.HTLCBasepoint},
		DustLimit:     o.DustLimitSatoshis, MaxHTLCValueInFlight: o.MaxHTLCValueInFlightMsat, ChannelReserve: o.ChannelReserveSatoshis,
		HTLCMinimum: o.HTLCMinimumMsat, ToSelfDelay: o.ToSelfDelay, MaxAcceptedHTLCs: o.MaxAcceptedHTLCs,
	}
}

func remoteSide(a *wire.AcceptChannel) channel.Side {
	return channel.Side{
		FundingPubKey: a.FundingPubkey,
		Basepoints:    keys.Basepoints{Revocation: a.RevocationBasepoint, Payment: a.PaymentBasepoint, DelayedPayment: a.DelayedPaymentBasepoint, HTLC: a.HTLCBasepoint},
		DustLimit:     a.DustLimitSatoshis, MaxHTLCValueInFlight: a.MaxHTLCValueInFlightMsat, ChannelReserve: a.ChannelReserveSatoshis,
		HTLCMinimum: a.HTLCMinimumMsat, ToSelfDelay: a.ToSelfDelay, MaxAcceptedHTLCs: a.MaxAcceptedHTLCs,
		UpfrontShutdownScript: a.UpfrontShutdownScript,
	}
}

// step steps the peer's own core, which keeps to the rules, and sends what it says.
func (p *rawPeer) step(events ...channel.Event) {
	p.t.Helper()
	for _, ev := range events {
		err := p.channel.Step(ev, func(a channel.Action) {
			if send, ok := a.(channel.SendPeer); ok {
				p.send(send.Msg)
			}
		})
		if err != nil {
			p.t.Fatalf("%T: %v", ev, err)
		}
	}
}

func heightOf(btcd *harness.Btcd) block.Height { return block.Height(btcd.Height()) }
