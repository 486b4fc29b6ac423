package signer

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/btcutil/v2/hdkeychain"
	"github.com/btcsuite/btcd/chaincfg/v2"

	"fulmen/internal/ecdh"
	"fulmen/internal/keys"
)

// ErrNetwork means that a network's name is unknown.
var ErrNetwork = errors.New("unknown network")

// Node is what follows from one hsm_secret. Its methods may be called from many goroutines.
type Node struct {
	root    keys.Secret
	node    *privKey
	derived keys.Secret
	bip84   *account
	bip86   *account
	channel *ChannelSecrets // of every channel; nil but in tests of the protocol
}

// New derives a node's keys from the seed of its hsm_secret, 32 or 64 bytes, whose first 32 it keeps.
func New(seed []byte, network string) (*Node, error) { return NewForced(seed, network, Forced{}) }

// NewForced is New with keys that tests of the protocol want.
func NewForced(seed []byte, network string, forced Forced) (*Node, error) {
	if forced != (Forced{}) && network != "regtest" {
		return nil, fmt.Errorf("on %s: %w", network, ErrForced)
	}
	if len(seed) != 32 && len(seed) != 64 {
		return nil, fmt.Errorf("seed has %d bytes, want 32 or 64", len(seed))
	}
	params, coin, err := hdParams(network)
	if err != nil {
		return nil, err
	}
	var zeroSalt [4]byte
	root := keys.Secret(seed[:32])
	n := &Node{
		root:    root,
		node:    newPrivKey(expand(root[:], zeroSalt[:], "nodeid")),
		derived: expand(root[:], nil, "derived secrets"),
	}
	bip32 := seed
	if len(seed) == 32 {
		s := expand(root[:], zeroSalt[:], "bip32 seed")
		bip32 = s[:]
	}
	if forced.NodeKey != nil {
		n.node = newPrivKey(*forced.NodeKey)
	}
	if forced.BIP32Seed != nil {
		bip32 = forced.BIP32Seed[:]
	}
	n.channel = forced.Channel
	master, err := hdkeychain.NewMaster(bip32, params)
	if err != nil {
		return nil, fmt.Errorf("bip 32 master key: %w", err)
	}
	defer master.Zero()
	if n.bip84, err = newAccount(master, 84, coin); err != nil {
		return nil, err
	}
	if n.bip86, err = newAccount(master, 86, coin); err != nil {
		return nil, err
	}
	return n, nil
}

// hdParams returns the version bytes of extended keys, and SLIP 44's coin type.
func hdParams(network string) (params *chaincfg.Params, coin uint32, err error) {
	switch network {
	case "bitcoin":
		return &chaincfg.MainNetParams, 0, nil
	case "testnet", "testnet4", "signet", "regtest":
		return &chaincfg.TestNet3Params, 1, nil // all test networks share them
	}
	return nil, 0, fmt.Errorf("%q: %w", network, ErrNetwork)
}

// ID is the node's public key.
func (n *Node) ID() keys.PubKey { return n.node.pub }

// XPubs are the account keys from which lightningd derives addresses: m/84'/coin'/0' and
// m/86'/coin'/0'.
func (n *Node) XPubs() (bip84, bip86 string) { return n.bip84.xpub, n.bip86.xpub }

// DeriveSecret gives a secret that depends on hsm_secret and info alone.
func (n *Node) DeriveSecret(info []byte) keys.Secret {
	return expand(n.derived[:], nil, string(info))
}

// Shared is one result of ECDH.
type Shared struct {
	Secret   keys.Secret
	BadPoint bool // the point is not on the curve; there is no secret
}

// ECDH multiplies each point by the node key and hashes the product (BOLT 8; BOLT 4).
func (n *Node) ECDH(points []keys.PubKey) []Shared {
	results := make([]Shared, len(points))
	forEach(len(points), func(i int) {
		point, err := ecdh.ParsePoint(points[i])
		if err != nil {
			results[i].BadPoint = true
			return
		}
		results[i].Secret = ecdh.Shared(&n.node.key.Key, &point)
	})
	return results
}

// channelSeed is what all keys of one channel follow from.
func (n *Node) channelSeed(peer keys.PubKey, dbid uint64) keys.Secret {
	info := append([]byte("fulmen channel"), peer[:]...)
	return expand(n.root[:], nil, string(binary.BigEndian.AppendUint64(info, dbid)))
}

// SignMessage signs a person's message, so that nothing else can be signed this way.
func (n *Node) SignMessage(message []byte) [65]byte {
	first := sha256.Sum256(append([]byte("Lightning Signed Message:"), message...))
	return n.node.signRecoverable(sha256.Sum256(first[:]))
}

// ErrInvoice means that the parts of an invoice to sign are not those of an invoice.
var ErrInvoice = errors.New("no invoice")

// SignInvoice signs an invoice's human-readable part and its data, 5-bit groups, which are padded
// with zeros to whole bytes (BOLT 11, Data Part).
func (n *Node) SignInvoice(hrp string, data []byte) (sig [65]byte, err error) {
	if len(hrp) < 4 || hrp[:2] != "ln" {
		return sig, fmt.Errorf("human-readable part %q: %w", hrp, ErrInvoice)
	}
	h := sha256.New()
	h.Write([]byte(hrp))
	var bits, have uint
	packed := make([]byte, 0, len(data)*5/8+1)
	for i, group := range data {
		if group >= 32 {
			return sig, fmt.Errorf("data %d is %d, not 5 bits: %w", i, group, ErrInvoice)
		}
		bits, have = bits<<5|uint(group), have+5
		if have >= 8 {
			have -= 8
			packed = append(packed, byte(bits>>have))
		}
	}
	if have > 0 {
		packed = append(packed, byte(bits<<(8-have)))
	}
	h.Write(packed)
	return n.node.signRecoverable([32]byte(h.Sum(nil))), nil
}
