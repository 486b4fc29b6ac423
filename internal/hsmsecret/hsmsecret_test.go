package hsmsecret

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"fulmen/internal/codex32"
)

const (
	abandon = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about"
	// The seed of BIP 39's own vector for these words with passphrase TREZOR.
	abandonTrezorSeed = "c55257c360c07c72029aebc1b53c05ed0362ada38ead3e3e9efa3708e53495531f09a6987599d18264c1e1c92f2cf141630c7a3c4ab7c81b2f001698e7463b04"
)

func TestLayouts(t *testing.T) {
	trezorSeed, _ := hex.DecodeString(abandonTrezorSeed)
	trezorHash := sha256.Sum256(trezorSeed)
	raw := bytes.Repeat([]byte{7}, 32)
	for _, c := range []struct {
		name, passphrase string
		content          []byte
		mnemonic         string
		seedLen          int
	}{
		{"raw", "", raw, "", 32},
		{"mnemonic", "", append(make([]byte, 32), abandon...), abandon, 64},
		{"passphrase", "TREZOR", append(trezorHash[:], abandon...), abandon, 64},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := Parse(c.content, c.passphrase)
			if err != nil {
				t.Fatal(err)
			}
			if s.Mnemonic() != c.mnemonic || s.HasPassphrase() != (c.passphrase != "") || len(s.Seed()) != c.seedLen {
				t.Errorf("mnemonic %q, passphrase %t, %d bytes of seed", s.Mnemonic(), s.HasPassphrase(), len(s.Seed()))
			}
			if !bytes.Equal(s.Encode(), c.content) {
				t.Errorf("encoded again: %x, want %x", s.Encode(), c.content)
			}
		})
	}
	s, err := FromMnemonic(abandon, "TREZOR")
	if err != nil || hex.EncodeToString(s.Seed()) != abandonTrezorSeed {
		t.Errorf("seed %x, %v", s.Seed(), err)
	}
}

func TestRefusals(t *testing.T) {
	mnemonic := func(words string) []byte { return append(make([]byte, 32), words...) }
	s, err := FromMnemonic(abandon, "secret")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, passphrase string
		content          []byte
		want             error
		text             string
	}{
		{"empty", "", nil, ErrDamaged, "0 bytes"},
		{"cut", "", make([]byte, 31), ErrDamaged, "31 bytes"},
		{"zeroed", "", make([]byte, 32), ErrDamaged, "32 zero bytes"},
		{"too long", "", make([]byte, 2000), ErrDamaged, "more than"},
		{"encrypted", "", make([]byte, 73), ErrEncrypted, "73"},
		{"eleven words", "", mnemonic(abandon[:len(abandon)-6]), ErrDamaged, "words, have 11"},
		{"unknown word", "", mnemonic(strings.Replace(abandon, "about", "abouts", 1)), ErrDamaged, "word 12 of 12"},
		{"checksum", "", mnemonic(strings.Replace(abandon, "about", "able", 1)), ErrDamaged, "checksum"},
		{"newline", "", mnemonic(abandon + "\n"), ErrDamaged, "word 12"},
		{"raw with passphrase", "x", bytes.Repeat([]byte{1}, 32), ErrPassphraseNotNeeded, ""},
		{"mnemonic with passphrase", "x", mnemonic(abandon), ErrPassphraseNotNeeded, ""},
		{"no passphrase", "", s.Encode(), ErrPassphraseNeeded, ""},
		{"wrong passphrase", "Secret", s.Encode(), ErrPassphraseWrong, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse(c.content, c.passphrase)
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("%v, want %v with %q", err, c.want, c.text)
			}
			if err != nil && (strings.Contains(err.Error(), "about") || strings.Contains(err.Error(), "able")) {
				t.Errorf("error tells a word: %v", err)
			}
		})
	}
}

func TestGenerate(t *testing.T) {
	s, err := Generate(bytes.NewReader(make([]byte, 16)), "")
	if err != nil || s.Mnemonic() != abandon {
		t.Fatalf("mnemonic %q, %v", s.Mnemonic(), err)
	}
	if _, err := Generate(bytes.NewReader(make([]byte, 15)), ""); err == nil {
		t.Error("too little randomness was accepted")
	}
	typed, err := FromMnemonic("  Abandon\tabandon abandon abandon abandon abandon abandon abandon abandon abandon abandon ABOUT\n", "")
	if err != nil || !bytes.Equal(typed.Seed(), s.Seed()) {
		t.Errorf("words as typed: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(make([]byte, 32), "")
	f.Add(bytes.Repeat([]byte{1}, 32), "")
	f.Add(append(make([]byte, 32), abandon...), "")
	f.Add(append(bytes.Repeat([]byte{9}, 32), abandon...), "x")
	f.Fuzz(func(t *testing.T, content []byte, passphrase string) {
		s, err := Parse(content, passphrase)
		if err == nil && !bytes.Equal(s.Encode(), content) {
			t.Errorf("%x became %x", content, s.Encode())
		}
	})
}

func TestRestore(t *testing.T) {
	const letters = "CL10LEETSLLHDMN9M42VCSAMX24ZRXGS3QRL7AHWVHW4FNZRHVE25GVEZZYQQJDSJNZEDU43NS"
	const digits = "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"
	for text, want := range map[string]string{letters: digits, " " + digits + "\n": digits} {
		s, err := Restore(text, "")
		if err != nil {
			t.Fatal(err)
		}
		again, err := s.Codex32()
		if err != nil || hex.EncodeToString(s.Encode()) != want {
			t.Fatalf("%s: %x, %v", text, s.Encode(), err)
		}
		if back, err := Restore(again, ""); err != nil || !bytes.Equal(back.Seed(), s.Seed()) {
			t.Errorf("%s is not read again: %v", again, err)
		}
	}
	words, err := Restore(abandon, "TREZOR")
	if err != nil || hex.EncodeToString(words.Seed()) != abandonTrezorSeed {
		t.Fatalf("%x, %v", words.Seed(), err)
	}
	seed, err := words.Codex32()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ text, passphrase, want string }{
		{seed, "", "codex32 of 64 bytes, hsm_secret takes one of 32: use the words"},
		{digits[1:] + "g", "", "not 64 hex digits"},
		{letters[:60], "", codex32.ErrChecksum.Error()},
		{digits, "secret", ErrPassphraseNotNeeded.Error()},
		{"abandon about", "", "want 12, 15, 18, 21 or 24 words, have 2"},
		{strings.Repeat("0", 64), "", "32 zero bytes"},
	} {
		if _, err := Restore(c.text, c.passphrase); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.20q: %v, want %q", c.text, err, c.want)
		}
	}
}
