// Package channeltest has what stands around a channel core in tests: a signer, a log of what was
// stored, and a node that answers the core's questions. Scripts and the simulator use it.
package channeltest

import (
	"crypto/sha256"
	"fmt"

	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/channel"
	"fulmen/internal/keys"
	"fulmen/internal/signer"
	"fulmen/internal/tx"
)

// Signer is one side's keys of one channel.
type Signer interface {
	FundingPubKey() keys.PubKey
	Basepoints() keys.Basepoints
	SetUp(p *channel.Params) error
	Point(n keys.CommitmentNumber) keys.PubKey
	SignRemote(c *channel.Content, point keys.PubKey) (channel.Signed, error)
	Revoke(n keys.CommitmentNumber) (channel.Revocation, error)
	IsOurs(n keys.CommitmentNumber, s keys.Secret) bool
	Verify(v *channel.Verify) error
}

// real signs with package signer, as hsmd does.
type real struct{ c *signer.Channel }

// NewReal makes a signer whose keys follow from the name; peer is any other name.
func NewReal(name string, peer keys.PubKey) (Signer, error) {
	node, err := NodeOf(name)
	if err != nil {
		return nil, err
	}
	return real{node.Channel(peer, 1)}, nil
}

// NodeOf is the node of that name.
func NodeOf(name string) (*signer.Node, error) {
	seed := sha256.Sum256([]byte(name))
	return signer.New(seed[:], "regtest")
}

func (r real) FundingPubKey() keys.PubKey  { return r.c.FundingPubKey() }
func (r real) Basepoints() keys.Basepoints { return r.c.Basepoints() }

func (r real) SetUp(p *channel.Params) error {
	return r.c.SetUp(&signer.Setup{
		FundingTxid: p.FundingTxid, FundingOutput: p.FundingOutput, FundingSats: p.FundingSats,
		Opener: p.Opener, Anchors: p.Anchors,
		RemoteFundingPubKey: p.Remote.FundingPubKey, RemoteBasepoints: p.Remote.Basepoints,
		LocalToSelfDelay: p.Remote.ToSelfDelay, RemoteToSelfDelay: p.Local.ToSelfDelay,
		LocalDustLimit: p.Local.DustLimit, RemoteDustLimit: p.Remote.DustLimit,
		RemoteShutdownScript: p.Remote.UpfrontShutdownScript,
	})
}

func (r real) Point(n keys.CommitmentNumber) keys.PubKey {
	point, err := r.c.PerCommitmentPoint(n)
	if err != nil {
		panic(err) // numbers in tests are small
	}
	return point
}

func (r real) SignRemote(c *channel.Content, point keys.PubKey) (channel.Signed, error) {
	sig, htlcs, err := r.c.SignRemoteCommitment(&signer.Commitment{
		Number: c.Number, FeeratePerKw: c.Feerate, Local: c.ToLocal, Remote: c.ToRemote, HTLCs: remoteHTLCs(c),
	}, point)
	return channel.Signed{Signature: sig, HTLCSignatures: htlcs}, err
}

// remoteHTLCs are c's as the peer, who owns the commitment, sees them.
func remoteHTLCs(c *channel.Content) []tx.HTLC {
	list := make([]tx.HTLC, len(c.HTLCs))
	for i, h := range c.HTLCs {
		list[i] = tx.HTLC{Offered: !h.Offered, ID: h.ID, Amount: h.Amount, PaymentHash: h.PaymentHash, CLTVExpiry: h.CLTVExpiry}
	}
	return list
}

func (r real) Revoke(n keys.CommitmentNumber) (channel.Revocation, error) {
	secret, next, err := r.c.RevokeLocal(n)
	return channel.Revocation{Secret: secret, NextPoint: next}, err
}

func (r real) IsOurs(n keys.CommitmentNumber, s keys.Secret) bool {
	ours, err := r.c.IsOurSecret(n, s)
	return err == nil && ours
}

func (real) Verify(v *channel.Verify) error { return v.All() }

// Node returns what signs announcements.
func (r real) announce(raw []byte) (node, bitcoin keys.Signature, err error) {
	return r.c.SignAnnouncement(raw)
}

// cheap has real keys and secrets, but its signatures are hashes, which anyone can make: a core
// cannot tell, and thousands of histories take minutes instead of hours.
type cheap struct {
	Signer
	params *channel.Params
	signed keys.CommitmentNumber // the highest that was signed
}

// NewCheap makes a signer like NewReal's whose signatures cost nothing.
func NewCheap(name string, peer keys.PubKey) (Signer, error) {
	r, err := NewReal(name, peer)
	if err != nil {
		return nil, err
	}
	return &cheap{Signer: r}, nil
}

func (c *cheap) SetUp(p *channel.Params) error {
	c.params = p
	return c.Signer.SetUp(p)
}

// fakeSignature stands for a signature over digest.
func fakeSignature(digest [32]byte) (s keys.Signature) {
	copy(s[:], digest[:])
	return s
}

func (c *cheap) SignRemote(content *channel.Content, point keys.PubKey) (channel.Signed, error) {
	if content.Number+1 < c.signed {
		return channel.Signed{}, fmt.Errorf("sign commitment %d after %d: it is revoked", content.Number, c.signed)
	}
	c.signed = max(c.signed, content.Number)
	p := c.params
	k, err := keys.DeriveCommitmentKeys(&p.Remote.Basepoints, &p.Local.Basepoints, point)
	if err != nil {
		return channel.Signed{}, err
	}
	opener, accepter := p.Local.Basepoints.Payment, p.Remote.Basepoints.Payment
	if !p.Opener {
		opener, accepter = accepter, opener
	}
	built, err := tx.BuildCommitment(&tx.CommitmentParams{
		Funding: &tx.Funding{
			Outpoint: btcwire.OutPoint{Hash: p.FundingTxid, Index: uint32(p.FundingOutput)},
			Amount:   p.FundingSats, KeyA: p.Local.FundingPubKey, KeyB: p.Remote.FundingPubKey,
		},
		OwnerFundingKey: p.Remote.FundingPubKey, OtherFundingKey: p.Local.FundingPubKey,
		ObscuringFactor: tx.ObscuringFactor(opener, accepter), Anchors: p.Anchors, OwnerIsOpener: !p.Opener,
		DustLimit: p.Remote.DustLimit, ToSelfDelay: p.Local.ToSelfDelay, Keys: k,
	}, content.Number, content.Feerate, content.ToRemote, content.ToLocal, remoteHTLCs(content))
	if err != nil {
		return channel.Signed{}, err
	}
	signed := channel.Signed{Signature: fakeSignature(built.SigHash())}
	for _, digest := range built.OtherHTLCSigHashes() {
		signed.HTLCSignatures = append(signed.HTLCSignatures, fakeSignature(digest))
	}
	return signed, nil
}

func (c *cheap) Verify(v *channel.Verify) error {
	for i := range v.Checks {
		if check := &v.Checks[i]; fakeSignature(check.Digest) != check.Sig {
			return fmt.Errorf("%s %d: %w", check.What, check.Index, keys.ErrSigWrong)
		}
	}
	return nil
}
