package noise

import (
	"fmt"

	"fulmen/internal/keys"
)

// Initiator is the side that dials. Its methods are called once each, in order.
type Initiator struct {
	state
	remoteStatic keys.PubKey
}

// NewInitiator starts a handshake towards the node whose static key is remoteStatic. The ephemeral
// private key must be fresh and random for every handshake.
func NewInitiator(localStatic, remoteStatic keys.PubKey, ephemeral keys.Secret, dh StaticECDH) (*Initiator, error) {
	s, err := newState(localStatic, remoteStatic, ephemeral, dh)
	if err != nil {
		return nil, err
	}
	return &Initiator{state: s, remoteStatic: remoteStatic}, nil
}

// ActOne returns the first act, to be sent.
func (i *Initiator) ActOne() ([]byte, error) {
	act := i.sendEphemeral()
	es, err := i.ephemeralECDH(i.remoteStatic)
	if err != nil {
		return nil, fmt.Errorf("act one: %w", err)
	}
	i.mixKey(es)
	return i.seal(act, 0, nil), nil
}

// ActThree takes the responder's act two and returns the third act, to be sent, and the ciphers of
// the session.
func (i *Initiator) ActThree(actTwo []byte) ([]byte, *Sealer, *Opener, error) {
	remoteEphemeral, err := i.recvActTwo(actTwo)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("act two: %w", err)
	}
	act := append(make([]byte, 0, ActThreeSize), version)
	act = i.seal(act, 1, i.static[:]) // still under temp_k2, whose nonce 0 was the tag of act two
	se, err := i.staticECDH(remoteEphemeral)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("act three: static key: %w", err)
	}
	i.mixKey(se)
	act = i.seal(act, 0, nil)
	send, recv := i.split()
	return act, &Sealer{send}, &Opener{cipherState: recv}, nil
}

func (i *Initiator) recvActTwo(act []byte) (keys.PubKey, error) {
	remoteEphemeral, tag, err := i.recvEphemeral(act)
	if err != nil {
		return keys.PubKey{}, err
	}
	ee, err := i.ephemeralECDH(remoteEphemeral)
	if err != nil {
		return keys.PubKey{}, err
	}
	i.mixKey(ee)
	_, err = i.open(0, tag)
	return remoteEphemeral, err
}
