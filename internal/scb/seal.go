package scb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"golang.org/x/crypto/chacha20poly1305"
)

// Info is what hsmd derives the key from.
const Info = "scb secret"

// Key encrypts backups, so that a peer or a folder that has one knows nothing of the channels.
type Key [32]byte

// ErrNotOurs is a backup that another key made, or that was changed.
var ErrNotOurs = errors.New("it was not encrypted with this node's key, or it is damaged")

const magic = "fulmen scb 1"

// MaxBlob is how long a peer's storage may be (BOLT 1, peer_storage).
const MaxBlob = 65531

// Seal encrypts entries: the magic, a nonce from random, and a box of the number of entries (2 bytes) and each with
// its length (4 bytes). With padded it has MaxBlob bytes, whatever is in it (BOLT 1, peer_storage); entries that
// are too many for that are left out, the last ones first, and left says how many.
func Seal(key Key, entries [][]byte, padded bool, random io.Reader) (blob []byte, left int, err error) {
	aead, err := chacha20poly1305.NewX(key[:])
	if err != nil {
		return nil, 0, err
	}
	nonce := make([]byte, aead.NonceSize())
	if _, err := io.ReadFull(random, nonce); err != nil {
		return nil, 0, err
	}
	room := math.MaxInt
	if padded {
		room = MaxBlob - len(magic) - aead.NonceSize() - aead.Overhead()
	}
	plain, count := make([]byte, 2), 0
	for _, e := range entries {
		if count == math.MaxUint16 || len(plain)+4+len(e) > room {
			break
		}
		plain = append(binary.BigEndian.AppendUint32(plain, uint32(len(e))), e...)
		count++
	}
	binary.BigEndian.PutUint16(plain, uint16(count))
	if padded {
		plain = append(plain, make([]byte, room-len(plain))...)
	}
	blob = append([]byte(magic), nonce...)
	return aead.Seal(blob, nonce, plain, []byte(magic)), len(entries) - count, nil
}

// HRP is the human-readable part of a blob that is written in bech32 (BIP 173).
const HRP = "clnemerg"

// Decrypt gives what Seal put into its box.
func Decrypt(key Key, blob []byte) ([]byte, error) {
	aead, err := chacha20poly1305.NewX(key[:])
	if err != nil {
		return nil, err
	}
	rest, ok := bytes.CutPrefix(blob, []byte(magic))
	if !ok || len(rest) < aead.NonceSize() {
		return nil, ErrNotOurs
	}
	plain, err := aead.Open(nil, rest[:aead.NonceSize()], rest[aead.NonceSize():], []byte(magic))
	if err != nil {
		return nil, ErrNotOurs
	}
	return plain, nil
}

// Open decrypts what Seal made.
func Open(key Key, blob []byte) ([][]byte, error) {
	plain, err := Decrypt(key, blob)
	if err != nil {
		return nil, err
	}
	r := &reader{b: plain}
	var entries [][]byte
	for count := r.uint("number of channels", 2); count > 0 && r.err == nil; count-- {
		entries = append(entries, r.take("a channel", int(r.uint("length of a channel", 4))))
	}
	if r.err != nil {
		return nil, fmt.Errorf("static backup: %w", r.err)
	}
	return entries, nil
}
