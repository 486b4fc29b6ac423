package noise

import (
	"fmt"

	"fulmen/internal/ecdh"
	"fulmen/internal/keys"
)

// Responder is the side that was dialled. Its methods are called once each, in order.
type Responder struct{ state }

// NewResponder starts a handshake with whoever dialled us. The ephemeral private key must be fresh
// and random for every handshake.
func NewResponder(localStatic keys.PubKey, ephemeral keys.Secret, dh StaticECDH) (*Responder, error) {
	s, err := newState(localStatic, localStatic, ephemeral, dh)
	if err != nil {
		return nil, err
	}
	return &Responder{s}, nil
}

// ActTwo takes the initiator's act one and returns the second act, to be sent.
func (r *Responder) ActTwo(actOne []byte) ([]byte, error) {
	remoteEphemeral, err := r.recvActOne(actOne)
	if err != nil {
		return nil, fmt.Errorf("act one: %w", err)
	}
	act := r.sendEphemeral()
	ee, err := r.ephemeralECDH(remoteEphemeral)
	if err != nil {
		return nil, fmt.Errorf("act two: %w", err)
	}
	r.mixKey(ee)
	return r.seal(act, 0, nil), nil
}

func (r *Responder) recvActOne(act []byte) (keys.PubKey, error) {
	remoteEphemeral, tag, err := r.recvEphemeral(act)
	if err != nil {
		return keys.PubKey{}, err
	}
	// Checked here, so that the holder of the static key is only asked about points on the curve.
	if _, err := ecdh.ParsePoint(remoteEphemeral); err != nil {
		return keys.PubKey{}, fmt.Errorf("%w: %w", ErrPubKey, err)
	}
	es, err := r.staticECDH(remoteEphemeral)
	if err != nil {
		return keys.PubKey{}, fmt.Errorf("static key: %w", err)
	}
	r.mixKey(es)
	_, err = r.open(0, tag)
	return remoteEphemeral, err
}

// Finish takes the initiator's act three and returns the initiator's static key, which it has now
// proven to hold, and the ciphers of the session.
func (r *Responder) Finish(actThree []byte) (keys.PubKey, *Sealer, *Opener, error) {
	remoteStatic, err := r.recvActThree(actThree)
	if err != nil {
		return keys.PubKey{}, nil, nil, fmt.Errorf("act three: %w", err)
	}
	recv, send := r.split()
	return remoteStatic, &Sealer{send}, &Opener{cipherState: recv}, nil
}

func (r *Responder) recvActThree(act []byte) (keys.PubKey, error) {
	if err := checkForm(act, ActThreeSize); err != nil {
		return keys.PubKey{}, err
	}
	static, err := r.open(1, act[1:50]) // still under temp_k2
	if err != nil {
		return keys.PubKey{}, fmt.Errorf("encrypted static key: %w", err)
	}
	remoteStatic := keys.PubKey(static)
	se, err := r.ephemeralECDH(remoteStatic)
	if err != nil {
		return keys.PubKey{}, err
	}
	r.mixKey(se)
	_, err = r.open(0, act[50:])
	return remoteStatic, err
}
