package channeltest

import (
	"crypto/sha256"

	"fulmen/internal/amount"
	"fulmen/internal/channel"
	"fulmen/internal/keys"
	"fulmen/internal/tx"
	"fulmen/internal/wire"
)

// Terms are what a test wants of a channel; zero values are filled in.
type Terms struct {
	Funding  amount.Sat
	ToOpener amount.Msat // the rest is the accepter's
	Feerate  amount.FeeratePerKw
	Anchors  bool
	Announce bool
	Cheap    bool // signers whose signatures are hashes
	// Signers makes the signers if neither NewReal's nor NewCheap's will do.
	Signers func(name string, peer keys.PubKey) (Signer, error)

	Opener, Accepter channel.Side // limits; keys are filled in
}

// DefaultTerms are what most tests want.
func DefaultTerms() Terms {
	side := channel.Side{
		DustLimit: 546, MaxHTLCValueInFlight: 1_000_000_000, ChannelReserve: 10_000,
		HTLCMinimum: 1, ToSelfDelay: 144, MaxAcceptedHTLCs: 483,
	}
	return Terms{Funding: 1_000_000, ToOpener: 600_000_000, Feerate: 1000, Anchors: true, Opener: side, Accepter: side}
}

// DefaultPolicy lets everything pass that a test does not mean to stop.
func DefaultPolicy() channel.Policy {
	return channel.Policy{
		MinFeerate: amount.FeerateFloor, MaxFeerate: 100_000,
		MaxDustExposure: 50_000_000, MaxCLTVExpiry: 2016,
		ScriptRules: tx.ScriptRules{AnySegwit: true},
	}
}

// Script is a shutdown script that follows from a name.
func Script(name string) []byte {
	h := sha256.Sum256([]byte(name))
	return append([]byte{0, 20}, h[:20]...)
}

// Open makes a channel between two nodes that follow from their names, the opener first. Both have
// stored it; neither has seen a message yet.
func Open(opener, accepter string, t Terms) (*Node, *Node, error) {
	make := NewReal
	if t.Cheap {
		make = NewCheap
	}
	if t.Signers != nil {
		make = t.Signers
	}
	a, err := newNode(opener, accepter, make)
	if err != nil {
		return nil, nil, err
	}
	b, err := newNode(accepter, opener, make)
	if err != nil {
		return nil, nil, err
	}
	t.Opener.FundingPubKey, t.Opener.Basepoints = a.Signer.FundingPubKey(), a.Signer.Basepoints()
	t.Accepter.FundingPubKey, t.Accepter.Basepoints = b.Signer.FundingPubKey(), b.Signer.Basepoints()
	p := channel.Params{
		FundingTxid: sha256.Sum256([]byte(opener + accepter)), FundingSats: t.Funding, Opener: true,
		Anchors: t.Anchors, Announce: t.Announce, MinimumDepth: 1, Local: t.Opener, Remote: t.Accepter,
	}
	p.ChannelID = wire.NewChannelID(p.FundingTxid, 0)
	q := p
	q.Opener, q.Local, q.Remote = false, p.Remote, p.Local
	if err := a.Signer.SetUp(&p); err != nil {
		return nil, nil, err
	}
	if err := b.Signer.SetUp(&q); err != nil {
		return nil, nil, err
	}
	if err := start(a, b, p, t); err != nil {
		return nil, nil, err
	}
	return a, b, start(b, a, q, t)
}

func newNode(name, peer string, make func(string, keys.PubKey) (Signer, error)) (*Node, error) {
	id, err := NodeOf(peer)
	if err != nil {
		return nil, err
	}
	s, err := make(name, id.ID())
	return &Node{Name: name, Signer: s}, err
}

// start gives n its channel, with the peer's signature on its first commitment.
func start(n, peer *Node, p channel.Params, t Terms) error {
	toLocal, toRemote := t.ToOpener, t.Funding.Msat()-t.ToOpener
	if !p.Opener {
		toLocal, toRemote = toRemote, toLocal
	}
	point := n.Signer.Point(0)
	signed, err := peer.Signer.SignRemote(&channel.Content{Feerate: t.Feerate, ToLocal: toRemote, ToRemote: toLocal}, point)
	if err != nil {
		return err
	}
	n.Channel = channel.New(p, channel.Opening{
		Feerate: t.Feerate, ToLocal: toLocal, ToRemote: toRemote,
		LocalFirstPoint: point, LocalSecondPoint: n.Signer.Point(1),
		RemoteFirstPoint: peer.Signer.Point(0), RemoteSignature: signed.Signature,
	})
	n.Log.Snapshot = n.Channel.Snapshot()
	return nil
}
