// Package hsmsecret reads and writes the content of hsm_secret, the one file from which all of a
// node's keys follow. The layouts are Core Lightning's, so that either reads the other's:
//
//	32 bytes                     the secret itself (made before 2025)
//	32 zero bytes, words         a BIP 39 mnemonic, English, without passphrase
//	SHA-256 of its seed, words   a BIP 39 mnemonic with passphrase
//
// It touches no file: see package secretfile.
package hsmsecret

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tyler-smith/go-bip39"

	"fulmen/internal/codex32"
)

// The ways in which a secret cannot be read. What a person types is no file: only such content is ErrDamaged.
var (
	ErrDamaged             = errors.New("damaged")
	ErrEncrypted           = errors.New("encrypted in the old 73-byte form, which is not supported: decrypt it with Core Lightning's hsmtool")
	ErrPassphraseNeeded    = errors.New("needs its passphrase")
	ErrPassphraseNotNeeded = errors.New("has no passphrase, but one was given")
	ErrPassphraseWrong     = errors.New("wrong passphrase")
)

// Sizes of the layouts.
const (
	rawLen       = 32
	hashLen      = sha256.Size
	encryptedLen = 73
	entropyBits  = 128  // 12 words
	maxLen       = 1024 // 24 words of at most 8 letters need 32+215
)

// MaxLen is the most that a reader needs to read: anything longer is no hsm_secret.
const MaxLen = maxLen

// Secret is an opened hsm_secret.
type Secret struct {
	mnemonic   string // empty in the 32-byte form
	passphrase bool
	seed       []byte // 32 bytes, or 64 from a mnemonic
}

// Generate makes a mnemonic of 12 words from random.
func Generate(random io.Reader, passphrase string) (*Secret, error) {
	entropy := make([]byte, entropyBits/8)
	defer clear(entropy)
	if _, err := io.ReadFull(random, entropy); err != nil {
		return nil, fmt.Errorf("read randomness: %w", err)
	}
	mnemonic, err := bip39.NewMnemonic(entropy)
	if err != nil {
		return nil, fmt.Errorf("make mnemonic: %w", err)
	}
	return FromMnemonic(mnemonic, passphrase)
}

// FromMnemonic uses the words of a person, separated by any space and in any case.
func FromMnemonic(words, passphrase string) (*Secret, error) {
	mnemonic := strings.ToLower(strings.Join(strings.Fields(words), " "))
	if err := checkMnemonic(mnemonic); err != nil {
		return nil, err
	}
	return &Secret{
		mnemonic:   mnemonic,
		passphrase: passphrase != "",
		seed:       bip39.NewSeed(mnemonic, passphrase),
	}, nil
}

// Restore takes what an operator has written down: the words; or of the 32-byte form, its 64 hex digits or its
// codex32 (BIP 93, with the part "cl").
func Restore(text, passphrase string) (*Secret, error) {
	text = strings.TrimSpace(text)
	var raw []byte
	switch {
	case strings.HasPrefix(strings.ToLower(text), codex32.HRP+"1"):
		var err error
		if _, _, raw, err = codex32.Decode(text); err != nil {
			return nil, fmt.Errorf("codex32: %w", err)
		}
	case len(text) == 2*rawLen:
		var err error
		if raw, err = hex.DecodeString(text); err != nil {
			return nil, errors.New("not 64 hex digits") // which byte is wrong is not for logs
		}
	default:
		return FromMnemonic(text, passphrase)
	}
	if len(raw) != rawLen {
		return nil, fmt.Errorf("codex32 of %d bytes, hsm_secret takes one of %d: use the words", len(raw), rawLen)
	}
	return Parse(raw, passphrase)
}

// Parse reads the content of an hsm_secret file.
func Parse(content []byte, passphrase string) (*Secret, error) {
	needed, err := NeedsPassphrase(content)
	if err != nil {
		return nil, err
	}
	switch {
	case needed && passphrase == "":
		return nil, ErrPassphraseNeeded
	case !needed && passphrase != "":
		return nil, ErrPassphraseNotNeeded
	case len(content) == rawLen:
		return &Secret{seed: slices.Clone(content)}, nil
	}
	mnemonic := string(content[hashLen:])
	if err := checkMnemonic(mnemonic); err != nil {
		return nil, fmt.Errorf("%w: %w", err, ErrDamaged)
	}
	seed := bip39.NewSeed(mnemonic, passphrase)
	if hash := sha256.Sum256(seed); needed && subtle.ConstantTimeCompare(hash[:], content[:hashLen]) == 0 {
		clear(seed)
		return nil, ErrPassphraseWrong
	}
	return &Secret{mnemonic: mnemonic, passphrase: needed, seed: seed}, nil
}

// NeedsPassphrase tells from the layout alone whether a passphrase belongs to it.
func NeedsPassphrase(content []byte) (bool, error) {
	switch n := len(content); {
	case n == encryptedLen:
		return false, ErrEncrypted
	case n < rawLen:
		return false, fmt.Errorf("%d bytes, the shortest form has %d: %w", n, rawLen, ErrDamaged)
	case n > maxLen:
		return false, fmt.Errorf("more than %d bytes: %w", maxLen, ErrDamaged)
	case n == rawLen && allZero(content):
		return false, fmt.Errorf("%d zero bytes and nothing else: %w", n, ErrDamaged)
	case n == rawLen:
		return false, nil
	}
	return !allZero(content[:hashLen]), nil
}

// Encode is the content of the file.
func (s *Secret) Encode() []byte {
	if s.mnemonic == "" {
		return slices.Clone(s.seed)
	}
	var hash [hashLen]byte
	if s.passphrase {
		hash = sha256.Sum256(s.seed)
	}
	return append(hash[:], s.mnemonic...)
}

// Mnemonic is empty for the 32-byte form.
func (s *Secret) Mnemonic() string { return s.mnemonic }

// HasPassphrase reports whether the words alone do not give the seed.
func (s *Secret) HasPassphrase() bool { return s.passphrase }

// Seed is what the node's keys derive from: 32 or 64 bytes. The caller must not change it.
func (s *Secret) Seed() []byte { return s.seed }

// Codex32 is the seed in the letters of BIP 93.
func (s *Secret) Codex32() (string, error) { return codex32.Encode(codex32.HRP, codexID, s.seed) }

// codexID is the id of what Codex32 writes.
const codexID = "seed"

// Clear zeroes the seed; Go cannot zero the mnemonic's string.
func (s *Secret) Clear() { clear(s.seed) }

// String never prints the secret.
func (*Secret) String() string { return "(hsm_secret)" }

// GoString never prints the secret.
func (*Secret) GoString() string { return "(hsm_secret)" }

// checkMnemonic says which word is wrong by its place, never which word it is: the message goes
// to logs.
func checkMnemonic(mnemonic string) error {
	words := strings.Split(mnemonic, " ")
	switch len(words) {
	case 12, 15, 18, 21, 24:
	default:
		return fmt.Errorf("want 12, 15, 18, 21 or 24 words, have %d", len(words))
	}
	for i, word := range words {
		if _, ok := bip39.GetWordIndex(word); !ok {
			return fmt.Errorf("word %d of %d is not in BIP 39's English list", i+1, len(words))
		}
	}
	if !bip39.IsMnemonicValid(mnemonic) {
		return fmt.Errorf("checksum of the %d words does not match, one is wrong or out of place", len(words))
	}
	return nil
}

func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
