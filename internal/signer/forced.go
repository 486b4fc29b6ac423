package signer

import (
	"errors"

	"fulmen/internal/keys"
)

// ErrForced means that somebody asks for chosen keys where coins have a worth.
var ErrForced = errors.New("keys can be chosen on regtest alone")

// Forced are keys that take the place of those that follow from the secret, where they are not nil.
type Forced struct {
	NodeKey   *keys.Secret
	BIP32Seed *keys.Secret    // of the wallet's keys
	Channel   *ChannelSecrets // the same for every channel
}

// ChannelSecrets are those of BOLT 3, of one channel.
type ChannelSecrets struct {
	Funding, Revocation, Payment, DelayedPayment, HTLC keys.Secret
	Seed                                               keys.Secret // of the per-commitment secrets
}

// channelSecrets are those of the channel with peer that has this id in the database.
func (n *Node) channelSecrets(peer keys.PubKey, dbid uint64) ChannelSecrets {
	if n.channel != nil {
		return *n.channel
	}
	seed := n.channelSeed(peer, dbid)
	secret := func(info string) keys.Secret { return expand(seed[:], nil, info) }
	return ChannelSecrets{
		Funding: secret("funding"), Revocation: secret("revocation"), Payment: secret("payment"),
		DelayedPayment: secret("delayed_payment"), HTLC: secret("htlc"), Seed: secret("per_commitment_seed"),
	}
}
