package onion

import (
	"crypto/cipher"
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2"
	"golang.org/x/crypto/chacha20poly1305"

	"fulmen/internal/ecdh"
	"fulmen/internal/keys"
)

// ErrRecipientData means that encrypted_recipient_data is not for this node and this path_key.
var ErrRecipientData = errors.New("encrypted_recipient_data does not decrypt")

// BlindedPath is a way to a node that does not say who it is (BOLT 4, Route Blinding).
type BlindedPath struct {
	FirstNodeID  keys.PubKey
	FirstPathKey keys.PubKey
	Hops         []BlindedHop
}

// BlindedHop is one node of a BlindedPath.
type BlindedHop struct {
	BlindedNodeID keys.PubKey
	RecipientData []byte // encrypted_recipient_data
}

// PathHop is a node of a path to be blinded, with what it is told: an encrypted_data_tlv stream.
type PathHop struct {
	NodeID keys.PubKey
	Data   []byte
}

// Blind makes a blinded path over hops. The session key must be fresh and random.
func Blind(sessionKey keys.Secret, hops []PathHop) (*BlindedPath, error) {
	if len(hops) == 0 {
		return nil, errors.New("blind path: no hop")
	}
	priv, err := ecdh.ParseScalar(&sessionKey)
	if err != nil {
		return nil, fmt.Errorf("blind path: session key: %w", err)
	}
	path := &BlindedPath{FirstNodeID: hops[0].NodeID, FirstPathKey: ecdh.PubKeyOf(&priv)}
	for i, hop := range hops {
		node, err := ecdh.ParsePoint(hop.NodeID)
		if err != nil {
			return nil, fmt.Errorf("blind path: hop %d: %w", i, err)
		}
		pathKey, secret := ecdh.PubKeyOf(&priv), ecdh.Shared(&priv, &node)
		path.Hops = append(path.Hops, BlindedHop{
			BlindedNodeID: multiply(blindedNodeFactor(&secret), &node),
			RecipientData: recipientCipher(&secret).Seal(nil, zeroNonce[:], hop.Data, nil),
		})
		priv = nextEphemeral(priv, pathKey, &secret)
	}
	return path, nil
}

// PathSecret is what a node knows of a blinded path that leads over it: its path_key, and the secret
// that it shares with the path's maker, which is the Diffie-Hellman of path_key and the node's key.
type PathSecret struct {
	PathKey      keys.PubKey
	SharedSecret keys.Secret
}

// BlindEphemeralKey is the point to ask the onion's shared secret of: the onion is for the blinded
// node id, whose private key is the node's own times a factor, and the factor can as well be put on
// the point.
func (s *PathSecret) BlindEphemeralKey(ephemeral keys.PubKey) (keys.PubKey, error) {
	point, err := ecdh.ParsePoint(ephemeral)
	if err != nil {
		return ephemeral, fmt.Errorf("ephemeral key: %w", err)
	}
	return multiply(blindedNodeFactor(&s.SharedSecret), &point), nil
}

// Open decrypts encrypted_recipient_data to the encrypted_data_tlv stream. It fails with
// ErrRecipientData.
func (s *PathSecret) Open(recipientData []byte) ([]byte, error) {
	data, err := recipientCipher(&s.SharedSecret).Open(nil, zeroNonce[:], recipientData, nil)
	if err != nil {
		return nil, ErrRecipientData
	}
	return data, nil
}

// NextPathKey is the path_key for the next node, unless the decrypted data overrides it.
func (s *PathSecret) NextPathKey() (keys.PubKey, error) {
	point, err := ecdh.ParsePoint(s.PathKey)
	if err != nil {
		return s.PathKey, fmt.Errorf("path_key: %w", err)
	}
	return multiply(blindingFactor(s.PathKey, &s.SharedSecret), &point), nil
}

// zeroNonce is right because no key is used twice.
var zeroNonce [chacha20poly1305.NonceSize]byte

func recipientCipher(secret *keys.Secret) cipher.AEAD {
	rho := deriveKey(keyRho, secret)
	c, err := chacha20poly1305.New(rho[:])
	if err != nil {
		panic(err) // only for a key of another length
	}
	return c
}

func blindedNodeFactor(secret *keys.Secret) (factor btcec.ModNScalar) {
	key := deriveKey(keyBlindedNodeID, secret)
	factor.SetByteSlice(key[:])
	return factor
}

func multiply(factor btcec.ModNScalar, point *btcec.JacobianPoint) keys.PubKey {
	var product btcec.JacobianPoint
	btcec.ScalarMultNonConst(&factor, point, &product)
	return ecdh.Compress(&product)
}
