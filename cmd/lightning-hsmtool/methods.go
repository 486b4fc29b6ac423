package main

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"os"

	"github.com/btcsuite/btcd/address/v2/bech32"

	"fulmen/internal/hsmsecret"
	"fulmen/internal/hsmsecret/secretfile"
	"fulmen/internal/scb"
	"fulmen/internal/signer"
)

// generate makes a file from new words or given ones.
func (t *tool) generate(args []string) error {
	path := args[0]
	if len(args) == 2 || len(args) > 2 && args[1] != "en" {
		return fmt.Errorf("%w: language %q: only en is known, and the words come after it", errUsage, args[1])
	}
	if _, err := os.Lstat(path); err == nil { // before the questions; Create checks for certain
		return fmt.Errorf("%s %w", path, secretfile.ErrExists)
	}
	passphrase, err := t.newPassphrase(args)
	if err != nil {
		return err
	}
	var secret *hsmsecret.Secret
	if len(args) > 2 {
		secret, err = hsmsecret.FromMnemonic(args[2], passphrase)
	} else {
		secret, err = hsmsecret.Generate(rand.Reader, passphrase)
	}
	if err != nil {
		return err
	}
	defer secret.Clear()
	if err := secretfile.Create(path, secret.Encode()); err != nil {
		return err
	}
	fmt.Fprintf(t.out, "New hsm_secret file created at %s\nFormat: %s\n", path, format(secret))
	if len(args) <= 2 {
		fmt.Fprintf(t.out, "Write these words down, and keep them secret. Whoever has them has your coins:\n\n%s\n", secret.Mnemonic())
	}
	return nil
}

// newPassphrase is the argument, or what the operator types twice.
func (t *tool) newPassphrase(args []string) (string, error) {
	if len(args) > 3 {
		return args[3], nil
	}
	passphrase, err := t.in.secret("Passphrase for the new words (empty for none): ")
	if err != nil || passphrase == "" {
		return "", err
	}
	again, err := t.in.secret("The same again: ")
	if err != nil {
		return "", err
	}
	if again != passphrase {
		return "", fmt.Errorf("the two passphrases differ")
	}
	return passphrase, nil
}

// check compares the operator's backup with the file.
func (t *tool) check(args []string) error {
	secret, passphrase, err := t.read(args[0])
	if err != nil {
		return err
	}
	defer secret.Clear()
	if secret.Mnemonic() == "" { // the tool of old made 32 bytes from words and passphrase
		if passphrase, err = t.in.secret("Passphrase of the words (empty for none): "); err != nil {
			return err
		}
	}
	words, err := t.in.secret("Your words, separated by spaces: ")
	if err != nil {
		return err
	}
	backup, err := hsmsecret.FromMnemonic(words, passphrase)
	if err != nil {
		return fmt.Errorf("your words: %w", err)
	}
	defer backup.Clear()
	if !bytes.HasPrefix(backup.Seed(), secret.Seed()) {
		return errMismatch
	}
	fmt.Fprintln(t.out, "OK")
	return nil
}

// getSecret shows what to write down.
func (t *tool) getSecret(args []string) error {
	secret, _, err := t.read(args[0])
	if err != nil {
		return err
	}
	defer secret.Clear()
	if words := secret.Mnemonic(); words != "" {
		fmt.Fprintln(t.out, words)
	} else {
		fmt.Fprintln(t.out, hex.EncodeToString(secret.Seed()))
	}
	return nil
}

// getNodeID shows the node's public key, which is the same on every network.
func (t *tool) getNodeID(args []string) error {
	secret, _, err := t.read(args[0])
	if err != nil {
		return err
	}
	defer secret.Clear()
	node, err := signer.New(secret.Seed(), "bitcoin")
	if err != nil {
		return err
	}
	fmt.Fprintln(t.out, node.ID())
	return nil
}

// maxEmergencyRecover is far above what the channels of any node need.
const maxEmergencyRecover = 64 << 20

// getEmergencyRecover shows a static backup in letters and digits, still encrypted.
func (t *tool) getEmergencyRecover(args []string) error {
	f, err := os.Open(args[0])
	if err != nil {
		return err
	}
	defer f.Close()
	blob, err := io.ReadAll(io.LimitReader(f, maxEmergencyRecover))
	if err != nil {
		return err
	}
	words, err := bech32.ConvertBits(blob, 8, 5, true)
	if err != nil {
		return err
	}
	text, err := bech32.Encode(scb.HRP, words)
	if err != nil {
		return err
	}
	fmt.Fprintln(t.out, text)
	return nil
}

// read opens a file, asking for its passphrase if it has one.
func (t *tool) read(path string) (*hsmsecret.Secret, string, error) {
	f, err := secretfile.Open(path)
	if err != nil {
		return nil, "", err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, hsmsecret.MaxLen+1))
	if err != nil {
		return nil, "", err
	}
	defer clear(content)
	needed, err := hsmsecret.NeedsPassphrase(content)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", path, err)
	}
	passphrase := ""
	if needed {
		if passphrase, err = t.in.secret("Passphrase of the hsm_secret: "); err != nil {
			return nil, "", err
		}
	}
	secret, err := hsmsecret.Parse(content, passphrase)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", path, err)
	}
	return secret, passphrase, nil
}

// format names the file's layout.
func format(s *hsmsecret.Secret) string {
	if s.HasPassphrase() {
		return "mnemonic with passphrase"
	}
	return "mnemonic without passphrase"
}
