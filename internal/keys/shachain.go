package keys

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math/bits"
)

// CommitmentNumber counts one side's commitments up from 0, the one in the funding handshake.
type CommitmentNumber uint64

// ShachainIndex counts per-commitment secrets down from MaxShachainIndex.
type ShachainIndex uint64

// Both have 48 bits (BOLT 3, Per-commitment Secret Requirements).
const (
	MaxCommitmentNumber CommitmentNumber = 1<<48 - 1
	MaxShachainIndex    ShachainIndex    = 1<<48 - 1
)

// The ways in which a number or a secret is refused.
var (
	ErrNumberRange   = errors.New("beyond 48 bits")
	ErrSecretOrder   = errors.New("per_commitment_secret out of order")
	ErrSecretWrong   = errors.New("per_commitment_secret does not derive the earlier ones")
	ErrSecretUnknown = errors.New("per_commitment_secret not received")
)

// ShachainIndex is the index of the secret of commitment n.
func (n CommitmentNumber) ShachainIndex() (ShachainIndex, error) {
	if n > MaxCommitmentNumber {
		return 0, fmt.Errorf("commitment number %d: %w", n, ErrNumberRange)
	}
	return MaxShachainIndex - ShachainIndex(n), nil
}

// CommitmentNumber is the commitment that the secret of index i revokes.
func (i ShachainIndex) CommitmentNumber() (CommitmentNumber, error) {
	if i > MaxShachainIndex {
		return 0, fmt.Errorf("shachain index %d: %w", i, ErrNumberRange)
	}
	return MaxCommitmentNumber - CommitmentNumber(i), nil
}

// DeriveSecret generates the secret of index i, at most MaxShachainIndex, from the seed.
func DeriveSecret(seed Secret, i ShachainIndex) Secret { return deriveSecret(seed, 48, i) }

// deriveSecret derives index i from the secret of the index that equals i above its low bits.
func deriveSecret(base Secret, low int, i ShachainIndex) Secret {
	for b := low - 1; b >= 0; b-- {
		if i>>b&1 == 1 {
			base[b/8] ^= 1 << (b % 8)
			base = sha256.Sum256(base[:])
		}
	}
	return base
}

// SecretStore keeps all secrets received so far in at most 49 of them (BOLT 3, Efficient
// Per-commitment Secret Storage). The zero value is empty.
//
// Secrets come in order, so the count alone says which indexes are kept: bucket b has the lowest
// received index with b trailing zeros.
type SecretStore struct {
	count   CommitmentNumber // secrets received: those of commitments 0 to count-1
	buckets []Secret         // len is bits.Len64(count), at most 49
}

// Count is how many commitments have been revoked, and the number that comes next.
func (s *SecretStore) Count() CommitmentNumber { return s.count }

// Insert adds the secret of commitment n, which must be the next one, and checks that all earlier
// ones that derive from it agree.
func (s *SecretStore) Insert(n CommitmentNumber, secret Secret) error {
	if n != s.count {
		return fmt.Errorf("commitment %d, want %d: %w", n, s.count, ErrSecretOrder)
	}
	i, err := n.ShachainIndex()
	if err != nil {
		return err
	}
	bucket := trailingZeros(i)
	for b := range min(bucket, len(s.buckets)) {
		if deriveSecret(secret, bucket, s.indexOf(b)) != s.buckets[b] {
			return fmt.Errorf("commitment %d: %w", n, ErrSecretWrong)
		}
	}
	if bucket == len(s.buckets) {
		s.buckets = append(s.buckets, secret)
	} else {
		s.buckets[bucket] = secret
	}
	s.count++
	return nil
}

// Lookup returns the secret of commitment n.
func (s *SecretStore) Lookup(n CommitmentNumber) (Secret, error) {
	if n >= s.count {
		return Secret{}, fmt.Errorf("commitment %d: %w", n, ErrSecretUnknown)
	}
	want := MaxShachainIndex - ShachainIndex(n) // n < count, so within 48 bits
	for b, secret := range s.buckets {
		if want>>b<<b == s.indexOf(b) {
			return deriveSecret(secret, b, want), nil
		}
	}
	panic("keys: received secrets leave a gap") // indexOf covers every index from the lowest up
}

// indexOf is the index kept in bucket b: the lowest received one with exactly b trailing zeros.
func (s *SecretStore) indexOf(b int) ShachainIndex {
	lowest := MaxShachainIndex + 1 - ShachainIndex(s.count)
	unit := ShachainIndex(1) << b
	i := (lowest + unit - 1) / unit * unit
	if b < 48 && i&unit == 0 {
		i += unit
	}
	return i
}

// trailingZeros is the bucket of index i; the seed itself, index 0, is in the last.
func trailingZeros(i ShachainIndex) int { return min(bits.TrailingZeros64(uint64(i)), 48) }

// String says how many secrets there are, and none of them.
func (s SecretStore) String() string { return fmt.Sprintf("(%d secrets)", uint64(s.count)) }

// secretStoreCountLen is the size of the encoded count.
const secretStoreCountLen = 8

// MarshalBinary encodes the store: the count, 8 bytes big-endian, then each bucket's secret.
func (s SecretStore) MarshalBinary() ([]byte, error) {
	b := make([]byte, 0, secretStoreCountLen+32*len(s.buckets))
	for shift := 56; shift >= 0; shift -= 8 {
		b = append(b, byte(s.count>>shift))
	}
	for i := range s.buckets {
		b = append(b, s.buckets[i][:]...)
	}
	return b, nil
}

// UnmarshalBinary decodes what MarshalBinary made; the length must fit the count exactly.
func (s *SecretStore) UnmarshalBinary(b []byte) error {
	if len(b) < secretStoreCountLen {
		return fmt.Errorf("secret store: %d bytes, want at least %d", len(b), secretStoreCountLen)
	}
	var count CommitmentNumber
	for _, c := range b[:secretStoreCountLen] {
		count = count<<8 | CommitmentNumber(c)
	}
	if count > MaxCommitmentNumber+1 {
		return fmt.Errorf("secret store: count %d: %w", count, ErrNumberRange)
	}
	rest := b[secretStoreCountLen:]
	want := bits.Len64(uint64(count))
	if len(rest) != 32*want {
		return fmt.Errorf("secret store: %d bytes of secrets, want %d for count %d", len(rest), 32*want, count)
	}
	s.count, s.buckets = count, make([]Secret, want)
	for i := range s.buckets {
		copy(s.buckets[i][:], rest[32*i:])
	}
	return nil
}
