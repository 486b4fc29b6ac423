package onion

import (
	"crypto/hmac"
	"encoding/binary"
	"errors"
	"fmt"

	"fulmen/internal/keys"
)

const (
	minFailureSize = 256 // failure_len and pad_len together, at least (BOLT 4, Erring node)
	failureHeader  = macSize + 2
	// maxRouteLength is how often the origin decrypts, so that the time does not tell where on the
	// route the failure came from (BOLT 4, Origin node).
	maxRouteLength = 27
)

// ErrUnattributed means that no hop of the route can have made the failure packet as it is.
var ErrUnattributed = errors.New("failure packet is from no hop of the route")

// CreateFailure makes the return packet of the erring node, encrypted with the secret it shares with
// the origin.
func CreateFailure(sharedSecret keys.Secret, message []byte) []byte {
	return createPadded(sharedSecret, message, max(0, minFailureSize-len(message)))
}

func createPadded(sharedSecret keys.Secret, message []byte, padLen int) []byte {
	packet := make([]byte, macSize, failureHeader+len(message)+2+padLen)
	packet = binary.BigEndian.AppendUint16(packet, uint16(len(message)))
	packet = append(packet, message...)
	packet = binary.BigEndian.AppendUint16(packet, uint16(padLen))
	packet = append(packet, make([]byte, padLen)...)
	um := deriveKey(keyUm, &sharedSecret)
	sum := mac(um[:], packet[macSize:])
	copy(packet, sum[:])
	WrapFailure(sharedSecret, packet)
	return packet
}

// WrapFailure adds one node's layer to a return packet, in place; each node on the way back does so.
func WrapFailure(sharedSecret keys.Secret, packet []byte) {
	newStream(keyAmmag, &sharedSecret).XORKeyStream(packet, packet)
}

// DecryptFailure finds which hop made a return packet, given the secrets of Build, and returns its
// index and its failure message. The error is ErrUnattributed when none did.
func DecryptFailure(sharedSecrets []keys.Secret, packet []byte) (hop int, message []byte, err error) {
	if len(packet) < failureHeader {
		return 0, nil, fmt.Errorf("%w: %d bytes, at least %d", ErrUnattributed, len(packet), failureHeader)
	}
	packet = append([]byte(nil), packet...)
	var dummy keys.Secret // what hops beyond the route would share
	hop = -1
	for i := range max(maxRouteLength, len(sharedSecrets)) {
		secret := &dummy
		if i < len(sharedSecrets) {
			secret = &sharedSecrets[i]
		}
		WrapFailure(*secret, packet) // XOR: a layer is taken off as it was put on
		um := deriveKey(keyUm, secret)
		sum := mac(um[:], packet[macSize:])
		if hmac.Equal(sum[:], packet[:macSize]) && hop < 0 && i < len(sharedSecrets) {
			hop, message = i, append([]byte(nil), packet[macSize:]...)
		}
	}
	if hop < 0 {
		return 0, nil, ErrUnattributed
	}
	length := int(binary.BigEndian.Uint16(message))
	if length > len(message)-2 {
		return hop, nil, fmt.Errorf("failure of hop %d: failure_len %d, %d bytes are left", hop, length, len(message)-2)
	}
	return hop, message[2 : 2+length : 2+length], nil
}
