package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/term"

	"fulmen/internal/config"
	"fulmen/internal/hsmsecret/secretfile"
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/wallet"
)

// startKeys starts hsmd on the node's secret, which is made if this is a new node, and opens the wallet
// for the keys that it tells.
func (n *node) startKeys(ctx context.Context) error {
	reply, err := n.openSecret(ctx, secretPath(n.cfg))
	if err != nil {
		return err
	}
	n.id, n.recovered = reply.NodeID, reply.Codex32
	if err := n.db.Bind("node_id", n.id[:]); err != nil {
		return err
	}
	if err := n.db.Bind("chain", n.network.ChainHash[:]); err != nil {
		return err
	}
	return n.onLoop(func() error { return n.openWallet(reply) })
}

// openSecret hands hsmd the file. A new one gets its name only when hsmd has written it to the disk.
func (n *node) openSecret(ctx context.Context, path string) (*hsmdmsg.InitReply, error) {
	passphrase, err := askPassphrase(n.cfg)
	if err != nil {
		return nil, err
	}
	init := &hsmdmsg.Init{Network: n.network.Name, Passphrase: passphrase, Forced: n.forcedKeys()}
	file, err := secretfile.Open(path)
	words := n.cfg.String("recover")
	if err == nil {
		if words != "" {
			file.Close()
			return nil, fmt.Errorf("recover: %s is there already; the option is for a node without one, and for its first start", path)
		}
		n.warnIfShared(path, file)
		return n.initHsmd(ctx, path, file, init)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if known, err := n.db.Var("node_id"); err != nil || known != nil {
		return nil, errors.Join(err, fmt.Errorf("%s is missing, but the database belongs to a node: put the file back, or make it from its words with lightning-hsmtool", path))
	}
	begun, err := secretfile.Begin(path)
	if err != nil {
		return nil, err
	}
	defer begun.Abandon()
	if file, err = begun.Dup(); err != nil {
		return nil, err
	}
	init.Create, init.Words = true, words
	reply, err := n.initHsmd(ctx, path, file, init)
	var refused *ipc.Fail
	switch {
	case words != "" && errors.As(err, &refused):
		return nil, fmt.Errorf("recover: %w", refused) // there is no file yet that anything could be wrong with
	case err != nil:
		return nil, err
	}
	if err := begun.Commit(); err != nil {
		return nil, err
	}
	if words != "" {
		n.log.Warn("hsm_secret is made from what recover says: connect to any peer that had a channel, and it gives back what it stored of them")
		return reply, n.db.Update(func(tx *storeTx) error { return tx.SetVar(recoveringVar, []byte{1}) })
	}
	fmt.Fprintf(os.Stdout, "A new hsm_secret was made. Its words are the only way to get the coins back if the file is lost.\n"+
		"Write them down now, they are not shown again (lightning-hsmtool getsecret reads them from the file):\n\n    %s\n\n", reply.Mnemonic)
	return reply, nil
}

// warnIfShared says if somebody else on this machine may read hsm_secret, as after a copy with open permissions.
func (n *node) warnIfShared(path string, file *os.File) {
	info, err := file.Stat()
	if err != nil || info.Mode().Perm()&0o077 == 0 {
		return
	}
	n.log.Warn("hsm_secret is open to other users of this machine, and who reads it has all coins: chmod 400 it", "path", path, "mode", info.Mode().Perm())
}

// refuseEmptyDatabase keeps a node whose database was cut off to nothing, as by a full disk or a lost write, from
// beginning anew as if it never had a channel.
func refuseEmptyDatabase(cfg *config.Config) error {
	path := cfg.DatabaseFile()
	info, err := os.Stat(path)
	if err != nil || info.Size() > 0 {
		return nil // store.Open says what is wrong with it, if anything
	}
	if _, err := os.Stat(secretPath(cfg)); err != nil {
		return nil // a new node
	}
	return fmt.Errorf("open database %s: the file is empty, though hsm_secret is there: if this node ever ran, its database is lost (see Backups in the operator's guide); if it is new, delete the empty file", path)
}

// secretPath is the file that all keys follow from.
func secretPath(cfg *config.Config) string { return filepath.Join(cfg.NetworkDir(), "hsm_secret") }

// askPassphrase reads the passphrase of hsm_secret if the option says that there is one: from the
// terminal without showing it, otherwise the first line of standard input.
func askPassphrase(cfg *config.Config) ([]byte, error) {
	if !cfg.Flag("hsm-passphrase") {
		return nil, nil
	}
	stdin := int(os.Stdin.Fd())
	if term.IsTerminal(stdin) {
		fmt.Fprint(os.Stderr, "Passphrase of hsm_secret: ")
		passphrase, err := term.ReadPassword(stdin)
		fmt.Fprintln(os.Stderr)
		return passphrase, err
	}
	line, err := bufio.NewReader(io.LimitReader(os.Stdin, hsmdmsg.MaxPassphrase+1)).ReadBytes('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read the passphrase of hsm_secret: %w", err)
	}
	return bytes.TrimRight(line, "\r\n"), nil
}

func (n *node) initHsmd(ctx context.Context, path string, file *os.File, init *hsmdmsg.Init) (*hsmdmsg.InitReply, error) {
	reply, err := n.startHsmd(ctx, file, init)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return reply, nil
}

// openWallet runs in the loop.
func (n *node) openWallet(keys *hsmdmsg.InitReply) error {
	recent, err := n.db.RecentBlocks(1)
	if err != nil {
		return err
	}
	if len(recent) > 0 {
		n.blockHeight = recent[0].Height
	}
	w, changes, err := wallet.Open(wallet.Config{
		Network: n.network.Name, BIP84XPub: keys.BIP84XPub, BIP86XPub: keys.BIP86XPub, Tip: n.blockHeight,
		Emergency: n.cfg.Msat("min-emergency-msat").SatRoundUp(), Rand: rand.Reader,
	}, n.db)
	if err != nil {
		return err
	}
	n.wallet = w
	n.storeWallet("store new wallet", changes, nil)
	return n.chooseShutdownScript()
}

// storeWallet stores what a step of the wallet changed, if anything.
func (n *node) storeWallet(what string, changes *wallet.Changes, then func()) {
	if changes == nil || changes.Empty() {
		if then != nil {
			n.loop.post(then)
		}
		return
	}
	n.submit(what, func(tx *storeTx) error { return tx.StoreWallet(changes) }, then)
}

// shutdownVar names the script for the next channel's mutual close in the database.
const shutdownVar = "shutdown_script"

// chooseShutdownScript finds the script for the mutual close of the next channel that opens: an address
// of the wallet that no channel has yet. Channels that come to nothing use none up.
func (n *node) chooseShutdownScript() error {
	script, err := n.db.Var(shutdownVar)
	if err != nil {
		return err
	}
	if script != nil {
		n.shutdownScript = script
		return nil
	}
	return n.nextShutdownScript()
}

// nextShutdownScript issues another address, the last one being taken.
func (n *node) nextShutdownScript() error {
	addresses, changes, err := n.wallet.NewAddresses(wallet.P2TR)
	if err != nil {
		return fmt.Errorf("issue address for closing channels: %w", err)
	}
	script := addresses[0].Script
	n.shutdownScript = script
	n.submit("issue address", func(tx *storeTx) error {
		return errors.Join(tx.StoreWallet(changes), tx.SetVar(shutdownVar, script))
	}, nil)
	return nil
}
