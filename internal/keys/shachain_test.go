package keys

import (
	"errors"
	"testing"
)

type shachainVectors struct {
	Generation []struct {
		Name, Seed, Output string
		Index              ShachainIndex
	}
	Storage []struct {
		Name    string
		Inserts []struct {
			Index  ShachainIndex
			Secret string
			OK     bool
		}
	}
}

func TestBOLT3AppendixDGeneration(t *testing.T) {
	var v shachainVectors
	readVectors(t, "bolt3_appendix_d.json", &v)
	if len(v.Generation) != 5 {
		t.Fatalf("%d vectors", len(v.Generation))
	}
	for _, c := range v.Generation {
		if got := DeriveSecret(secretFromHex(t, c.Seed), c.Index); got != secretFromHex(t, c.Output) {
			t.Errorf("%s: got %x", c.Name, got[:])
		}
	}
}

func TestBOLT3AppendixDStorage(t *testing.T) {
	var v shachainVectors
	readVectors(t, "bolt3_appendix_d.json", &v)
	if len(v.Storage) != 9 {
		t.Fatalf("%d vectors", len(v.Storage))
	}
	for _, c := range v.Storage {
		var s SecretStore
		for _, in := range c.Inserts {
			n, err := in.Index.CommitmentNumber()
			if err != nil {
				t.Fatal(err)
			}
			err = s.Insert(n, secretFromHex(t, in.Secret))
			if in.OK && err != nil || !in.OK && !errors.Is(err, ErrSecretWrong) {
				t.Errorf("%s: index %d: %v", c.Name, in.Index, err)
			}
		}
	}
}

func TestSecretStoreKeepsAll(t *testing.T) {
	const total = 1100
	seed := Secret{1, 2, 3}
	secretOf := func(n CommitmentNumber) Secret {
		i, err := n.ShachainIndex()
		if err != nil {
			t.Fatal(err)
		}
		return DeriveSecret(seed, i)
	}
	var s SecretStore
	for n := range CommitmentNumber(total) {
		if err := s.Insert(n, secretOf(n)); err != nil {
			t.Fatal(err)
		}
	}
	encoded, err := s.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	var back SecretStore
	if err := back.UnmarshalBinary(encoded); err != nil {
		t.Fatal(err)
	}
	for n := range CommitmentNumber(total) {
		if got, err := back.Lookup(n); err != nil || got != secretOf(n) {
			t.Fatalf("commitment %d: %x, %v", n, got[:], err)
		}
	}
	if _, err := back.Lookup(total); !errors.Is(err, ErrSecretUnknown) {
		t.Errorf("lookup beyond the end: %v", err)
	}
	for _, n := range []CommitmentNumber{0, total - 1, total + 1} {
		if err := back.Insert(n, secretOf(n)); !errors.Is(err, ErrSecretOrder) {
			t.Errorf("insert %d: %v", n, err)
		}
	}
}

// TestSecretStoreEnds walks over the last secrets there can be, down to the seed itself.
func TestSecretStoreEnds(t *testing.T) {
	seed := Secret{7}
	s := SecretStore{count: MaxCommitmentNumber - 3}
	for b := range 48 {
		s.buckets = append(s.buckets, DeriveSecret(seed, s.indexOf(b)))
	}
	for n := s.count; n <= MaxCommitmentNumber; n++ {
		if err := s.Insert(n, DeriveSecret(seed, MaxShachainIndex-ShachainIndex(n))); err != nil {
			t.Fatalf("commitment %d: %v", n, err)
		}
	}
	if got, err := s.Lookup(MaxCommitmentNumber); err != nil || got != seed {
		t.Errorf("last secret: %x, %v", got[:], err)
	}
	if got, err := s.Lookup(12345); err != nil || got != DeriveSecret(seed, MaxShachainIndex-12345) {
		t.Errorf("commitment 12345: %x, %v", got[:], err)
	}
	if err := s.Insert(s.Count(), Secret{}); !errors.Is(err, ErrNumberRange) {
		t.Errorf("beyond the last: %v", err)
	}
}

func TestNumberRange(t *testing.T) {
	if _, err := (MaxCommitmentNumber + 1).ShachainIndex(); !errors.Is(err, ErrNumberRange) {
		t.Errorf("commitment number: %v", err)
	}
	if _, err := (MaxShachainIndex + 1).CommitmentNumber(); !errors.Is(err, ErrNumberRange) {
		t.Errorf("shachain index: %v", err)
	}
	if i, err := CommitmentNumber(0).ShachainIndex(); err != nil || i != MaxShachainIndex {
		t.Errorf("first index %d, %v", i, err)
	}
}

func FuzzSecretStore(f *testing.F) {
	f.Add([]byte{})
	f.Add(make([]byte, 8))
	f.Add(append([]byte{7: 3}, make([]byte, 64)...))
	f.Add([]byte{0: 0xff, 7: 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		var s SecretStore
		if s.UnmarshalBinary(b) != nil {
			return
		}
		back, err := s.MarshalBinary()
		if err != nil || string(back) != string(b) {
			t.Fatalf("%x encodes again as %x, %v", b, back, err)
		}
		if s.Count() > 0 {
			if _, err := s.Lookup(s.Count() - 1); err != nil {
				t.Fatal(err)
			}
		}
		_ = s.Insert(s.Count(), Secret{1}) // any answer, but no panic
	})
}
