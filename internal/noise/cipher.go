package noise

import (
	"crypto/cipher"
	"encoding/binary"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

const (
	// MaxMessage is the largest Lightning message (BOLT 8, Lightning Message Specification).
	MaxMessage = 65535
	// HeaderSize is the encrypted length before each message.
	HeaderSize = 2 + tagSize
	// MaxFrame is the largest header and message together.
	MaxFrame = HeaderSize + MaxMessage + tagSize
	// Overhead is what encryption adds to each message.
	Overhead = HeaderSize + tagSize

	rotateAfter = 1000 // uses of one key (BOLT 8, Lightning Message Key Rotation)
)

// cipherState is one direction: a key, its chaining key and its nonce, always below rotateAfter.
type cipherState struct {
	ck, key [32]byte
	aead    cipher.AEAD
	nonce   uint64
	buf     [chacha20poly1305.NonceSize]byte // kept here, or every call would allocate it
}

func newCipherState(ck, key [32]byte) cipherState {
	return cipherState{ck: ck, key: key, aead: newAEAD(&key)}
}

// nextNonce encodes the nonce for one use.
func (c *cipherState) nextNonce() []byte {
	c.buf = nonceBytes(c.nonce)
	return c.buf[:]
}

// used counts one use of the key, and rotates it in time.
func (c *cipherState) used() {
	c.nonce++
	if c.nonce < rotateAfter {
		return
	}
	c.ck, c.key = hkdf2(c.ck, c.key[:])
	c.aead = newAEAD(&c.key)
	c.nonce = 0
}

// Sealer encrypts what we send.
type Sealer struct{ cipherState }

// Append appends the encryption of one message, header and body, to dst. Many messages may be
// appended to one buffer and leave in one write. dst must not overlap msg.
func (s *Sealer) Append(dst, msg []byte) ([]byte, error) {
	if len(msg) > MaxMessage {
		return dst, fmt.Errorf("encrypt message: %d bytes, at most %d", len(msg), MaxMessage)
	}
	start := len(dst)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(msg)))
	dst = s.aead.Seal(dst[:start], s.nextNonce(), dst[start:], nil)
	s.used()
	dst = s.aead.Seal(dst, s.nextNonce(), msg, nil)
	s.used()
	return dst, nil
}

// Opener decrypts what we receive.
type Opener struct {
	cipherState
	inBody bool // the header was read; body bytes and a tag follow
	body   int
}

// Open decrypts, in place, the next message of the stream that starts at buf. It returns how many
// bytes it used, which may be the header's alone, and the message, which lies in buf; msg is nil (and
// not merely empty) when buf does not hold all of it yet. After an error the stream is lost.
func (o *Opener) Open(buf []byte) (msg []byte, used int, err error) {
	if !o.inBody {
		if len(buf) < HeaderSize {
			return nil, 0, nil
		}
		header, err := o.aead.Open(buf[:0], o.nextNonce(), buf[:HeaderSize], nil)
		if err != nil {
			return nil, 0, fmt.Errorf("message length: %w", ErrTag)
		}
		o.used()
		o.inBody, o.body = true, int(binary.BigEndian.Uint16(header))
		used = HeaderSize
	}
	if len(buf)-used < o.body+tagSize {
		return nil, used, nil
	}
	buf = buf[used : used+o.body+tagSize]
	msg, err = o.aead.Open(buf[:0], o.nextNonce(), buf, nil)
	if err != nil {
		return nil, used, fmt.Errorf("message of %d bytes: %w", o.body, ErrTag)
	}
	o.used()
	o.inBody = false
	return msg, used + len(buf), nil
}

// Needs is how many bytes must be at hand before Open can return the next message, as far as is
// known: until the header was read, that is the header alone.
func (o *Opener) Needs() int {
	if o.inBody {
		return o.body + tagSize
	}
	return HeaderSize
}

func newAEAD(key *[32]byte) cipher.AEAD {
	aead, err := chacha20poly1305.New(key[:])
	if err != nil {
		panic(err) // only for a key of another length
	}
	return aead
}

// nonceBytes is 32 zero bits and the little-endian counter (BOLT 8, Handshake State).
func nonceBytes(n uint64) (b [chacha20poly1305.NonceSize]byte) {
	binary.LittleEndian.PutUint64(b[4:], n)
	return b
}
