// Package onchaintest has what stands around an onchain machine in tests: two channel cores with real
// keys that make a history, a chain that checks every transaction with Bitcoin's own rules, a peer that
// does whatever its keys and preimages allow, and a wallet that carries out claims.
package onchaintest

import (
	"crypto/sha256"
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/txscript/v2"
	btcwire "github.com/btcsuite/btcd/wire/v2"

	"fulmen/internal/channel"
	"fulmen/internal/channel/channeltest"
	"fulmen/internal/keys"
	"fulmen/internal/onchain"
	"fulmen/internal/tx"
)

// Party has all private keys of one side. It is a channeltest.Signer.
type Party struct {
	funding, revocation, payment, delayed, htlc, wallet key

	seed   keys.Secret
	params *channel.Params
	stubs  []onchain.Stub
	seen   map[stubID]bool
}

type stubID struct {
	offered bool
	id      uint64
}

type key struct {
	priv *btcec.PrivateKey
	pub  keys.PubKey
}

func newKey(scalar btcec.ModNScalar) key {
	priv := &btcec.PrivateKey{Key: scalar}
	return key{priv, keys.PubKey(priv.PubKey().SerializeCompressed())}
}

func keyFrom(name, what string) key {
	h := sha256.Sum256([]byte(name + " " + what))
	var s btcec.ModNScalar
	s.SetBytes(&h)
	return newKey(s)
}

// NewParty makes the keys that follow from a name.
func NewParty(name string) *Party {
	return &Party{
		funding: keyFrom(name, "funding"), revocation: keyFrom(name, "revocation"),
		payment: keyFrom(name, "payment"), delayed: keyFrom(name, "delayed"),
		htlc: keyFrom(name, "htlc"), wallet: keyFrom(name, "wallet"),
		seed: sha256.Sum256([]byte(name + " seed")), seen: make(map[stubID]bool),
	}
}

// tweak is the private counterpart of keys.DerivePubKey.
func (k key) tweak(point keys.PubKey) key {
	h := keys.Tweak(point, k.pub)
	var s btcec.ModNScalar
	s.SetBytes(&h)
	s.Add(&k.priv.Key)
	return newKey(s)
}

// revoke is the private counterpart of keys.RevocationPubKey.
func (k key) revoke(secret keys.Secret) key {
	point, err := keys.PerCommitmentPoint(secret)
	if err != nil {
		panic(err)
	}
	var base, other, s btcec.ModNScalar
	h := keys.Tweak(k.pub, point)
	base.SetBytes(&h)
	base.Mul(&k.priv.Key)
	h = keys.Tweak(point, k.pub)
	other.SetBytes(&h)
	s.SetBytes((*[32]byte)(&secret))
	other.Mul(&s)
	base.Add(&other)
	return newKey(base)
}

func (k key) sign(digest [32]byte) keys.Signature {
	sig, err := keys.SignatureFromDER(ecdsa.Sign(k.priv, digest[:]).Serialize())
	if err != nil {
		panic(err)
	}
	return sig
}

func (p *Party) secret(n keys.CommitmentNumber) keys.Secret {
	i, err := n.ShachainIndex()
	if err != nil {
		panic(err)
	}
	return keys.DeriveSecret(p.seed, i)
}

// FundingPubKey implements channeltest.Signer.
func (p *Party) FundingPubKey() keys.PubKey { return p.funding.pub }

// Basepoints implements channeltest.Signer.
func (p *Party) Basepoints() keys.Basepoints {
	return keys.Basepoints{
		Revocation: p.revocation.pub, Payment: p.payment.pub, DelayedPayment: p.delayed.pub, HTLC: p.htlc.pub,
	}
}

// SetUp implements channeltest.Signer.
func (p *Party) SetUp(params *channel.Params) error {
	p.params = params
	return nil
}

// Point implements channeltest.Signer.
func (p *Party) Point(n keys.CommitmentNumber) keys.PubKey {
	point, err := keys.PerCommitmentPoint(p.secret(n))
	if err != nil {
		panic(err)
	}
	return point
}

// SignRemote implements channeltest.Signer, and remembers each HTLC as lightningd does.
func (p *Party) SignRemote(c *channel.Content, point keys.PubKey) (channel.Signed, error) {
	for _, h := range c.HTLCs {
		if id := (stubID{h.Offered, h.ID}); !p.seen[id] {
			p.seen[id] = true
			p.stubs = append(p.stubs, onchain.Stub{Offered: h.Offered, ID: h.ID, PaymentHash: h.PaymentHash, CLTVExpiry: h.CLTVExpiry})
		}
	}
	built, err := p.remoteCommitment(c, point)
	if err != nil {
		return channel.Signed{}, err
	}
	signed := channel.Signed{Signature: p.funding.sign(built.SigHash())}
	htlc := p.htlc.tweak(point)
	for _, digest := range built.OtherHTLCSigHashes() {
		signed.HTLCSignatures = append(signed.HTLCSignatures, htlc.sign(digest))
	}
	return signed, nil
}

func (p *Party) remoteCommitment(c *channel.Content, point keys.PubKey) (*tx.Commitment, error) {
	s := p.params
	k, err := keys.DeriveCommitmentKeys(&s.Remote.Basepoints, &s.Local.Basepoints, point)
	if err != nil {
		return nil, err
	}
	opener, accepter := s.Local.Basepoints.Payment, s.Remote.Basepoints.Payment
	if !s.Opener {
		opener, accepter = accepter, opener
	}
	funding := s.Funding()
	htlcs := make([]tx.HTLC, len(c.HTLCs))
	for i, h := range c.HTLCs {
		htlcs[i] = tx.HTLC{Offered: !h.Offered, ID: h.ID, Amount: h.Amount, PaymentHash: h.PaymentHash, CLTVExpiry: h.CLTVExpiry}
	}
	return tx.BuildCommitment(&tx.CommitmentParams{
		Funding: &funding, OwnerFundingKey: s.Remote.FundingPubKey, OtherFundingKey: s.Local.FundingPubKey,
		ObscuringFactor: tx.ObscuringFactor(opener, accepter), Anchors: s.Anchors, OwnerIsOpener: !s.Opener,
		DustLimit: s.Remote.DustLimit, ToSelfDelay: s.Local.ToSelfDelay, Keys: k,
	}, c.Number, c.Feerate, c.ToRemote, c.ToLocal, htlcs)
}

// Revoke implements channeltest.Signer.
func (p *Party) Revoke(n keys.CommitmentNumber) (channel.Revocation, error) {
	return channel.Revocation{Secret: p.secret(n), NextPoint: p.Point(n + 2)}, nil
}

// IsOurs implements channeltest.Signer.
func (p *Party) IsOurs(n keys.CommitmentNumber, s keys.Secret) bool { return p.secret(n) == s }

// Verify implements channeltest.Signer. Both sides are ours, and what the signatures are for is checked
// where they are used.
func (p *Party) Verify(*channel.Verify) error { return nil }

var _ channeltest.Signer = (*Party)(nil)

// WalletScript is where the party's coins are.
func (p *Party) WalletScript() []byte { return tx.P2WPKH(p.wallet.pub) }

// claimKey is what hsmd does: the private key of a claim, from what the claim tells of it.
func (p *Party) claimKey(c *onchain.Claim) (key, error) {
	switch c.Kind {
	case tx.ClaimDelayed:
		return p.delayed.tweak(p.Point(c.Key.CommitmentNumber)), nil
	case tx.ClaimHTLCTimeout, tx.ClaimHTLCSuccess:
		return p.htlc.tweak(p.Point(c.Key.CommitmentNumber)), nil
	case tx.ClaimToRemote:
		return p.payment, nil
	case tx.ClaimRemoteTimeout, tx.ClaimRemoteSuccess:
		return p.htlc.tweak(c.Key.PerCommitmentPoint), nil
	case tx.ClaimPenaltyDelayed, tx.ClaimPenaltyHTLC:
		return p.revocation.revoke(c.Key.PerCommitmentSecret), nil
	case tx.ClaimAnchor:
		return p.funding, nil
	}
	return key{}, fmt.Errorf("claim of kind %d", c.Kind)
}

// signInput signs one input of a transaction over a witness script.
func signInput(t *btcwire.MsgTx, i int, script []byte, amount int64, prevouts txscript.PrevOutputFetcher, k key) (keys.Signature, error) {
	digest, err := txscript.CalcWitnessSigHash(script, txscript.NewTxSigHashes(t, prevouts), txscript.SigHashAll, t, i, amount)
	if err != nil {
		return keys.Signature{}, err
	}
	return k.sign([32]byte(digest)), nil
}
