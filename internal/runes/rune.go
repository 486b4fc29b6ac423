package runes

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxLength is how long a rune may be as text.
const maxLength = 1 << 16

// maxSecret is the longest secret: with its padding it must fill one block.
const maxSecret = sha256.BlockSize - 9

// Rune is a code with its restrictions. The zero Rune is none.
type Rune struct {
	code         [sha256.Size]byte
	length       uint64 // of what was hashed until now, with all padding
	Restrictions []Restriction
}

// padding is what SHA256 appends to a message of a length in bytes.
func padding(length uint64) []byte {
	b := make([]byte, 1+(2*sha256.BlockSize-9-length%sha256.BlockSize)%sha256.BlockSize, sha256.BlockSize+9)
	b[0] = 0x80
	return binary.BigEndian.AppendUint64(b, length*8)
}

// New makes the rune of a node's secret that has a unique_id and no restriction.
func New(secret []byte, id string) Rune {
	return master(secret).Restrict(Restriction{{Condition: '=', Value: id}})
}

func master(secret []byte) Rune {
	if len(secret) > maxSecret {
		panic(fmt.Sprintf("runes: a secret of %d bytes", len(secret)))
	}
	return Rune{code: sha256.Sum256(secret), length: sha256.BlockSize}
}

// Restrict returns the rune with more restrictions.
func (r Rune) Restrict(more ...Restriction) Rune {
	restrictions := make([]Restriction, 0, len(r.Restrictions)+len(more))
	restrictions = append(append(restrictions, r.Restrictions...), more...)
	for _, m := range more {
		text := []byte(m.String())
		r.code = extend(r.code, r.length, text)
		r.length += uint64(len(text))
		r.length += uint64(len(padding(r.length)))
	}
	r.Restrictions = restrictions
	return r
}

// extend hashes on from a code, after length bytes.
func extend(code [sha256.Size]byte, length uint64, text []byte) [sha256.Size]byte {
	// The form of crypto/sha256's state: a name, the chaining values, the bytes of a block that is not full,
	// and the length.
	state := append([]byte("sha\x03"), code[:]...)
	state = append(state, make([]byte, sha256.BlockSize)...)
	state = binary.BigEndian.AppendUint64(state, length)
	h := sha256.New()
	if err := h.(encoding.BinaryUnmarshaler).UnmarshalBinary(state); err != nil {
		panic(err) // its form is Go's to keep, and tested
	}
	h.Write(text)
	return [sha256.Size]byte(h.Sum(nil))
}

// IsFrom reports whether a node with this secret made the rune, or one that it was restricted from.
func (r Rune) IsFrom(secret []byte) bool {
	want := master(secret).Restrict(r.Restrictions...)
	return subtle.ConstantTimeCompare(want.code[:], r.code[:]) == 1
}

// UniqueID is the id that a node gave the rune, and a version if it has one; empty if it has none.
func (r Rune) UniqueID() (id, version string) {
	if !r.hasID() {
		return "", ""
	}
	id, version, _ = strings.Cut(r.Restrictions[0][0].Value, "-")
	return id, version
}

func (r Rune) hasID() bool {
	return len(r.Restrictions) > 0 && len(r.Restrictions[0]) == 1 &&
		r.Restrictions[0][0].Field == "" && r.Restrictions[0][0].Condition == '='
}

// Conditions are the restrictions without the id.
func (r Rune) Conditions() []Restriction {
	if r.hasID() {
		return r.Restrictions[1:]
	}
	return r.Restrictions
}

func (r Rune) restrictions() string {
	parts := make([]string, len(r.Restrictions))
	for i, m := range r.Restrictions {
		parts[i] = m.String()
	}
	return strings.Join(parts, "&")
}

// String is the code in hex digits and the restrictions, for people.
func (r Rune) String() string { return hex.EncodeToString(r.code[:]) + ":" + r.restrictions() }

// Encode is the rune as it is given away.
func (r Rune) Encode() string {
	return base64.URLEncoding.EncodeToString(append(r.code[:len(r.code):len(r.code)], r.restrictions()...))
}

// ErrNotUTF8 is returned for what would be a rune, if its restrictions were text.
var ErrNotUTF8 = errors.New("rune has restrictions that are not UTF-8")

// Decode reads what Encode wrote, with or without padding at its end. Whether a node made it is for IsFrom to say.
func Decode(text string) (Rune, error) {
	if len(text) > maxLength {
		return Rune{}, fmt.Errorf("rune has %d characters, at most %d", len(text), maxLength)
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
	switch {
	case err != nil:
		return Rune{}, fmt.Errorf("rune is not base64url: %w", err)
	case len(raw) < sha256.Size:
		return Rune{}, fmt.Errorf("rune has %d bytes, should have %d at least", len(raw), sha256.Size)
	}
	r := Rune{code: [sha256.Size]byte(raw), length: sha256.BlockSize}
	if r.Restrictions, err = parseAll(string(raw[sha256.Size:])); err != nil {
		return Rune{}, err
	}
	if !utf8.Valid(raw[sha256.Size:]) {
		return Rune{}, ErrNotUTF8
	}
	for _, m := range r.Restrictions {
		r.length += uint64(len(m.String()))
		r.length += uint64(len(padding(r.length)))
	}
	return r, nil
}
