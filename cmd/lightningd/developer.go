package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"fulmen/internal/block"
	"fulmen/internal/chain"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/keys"
	"fulmen/internal/subd"
	"fulmen/internal/version"
)

// What the options do that are for tests alone, but for what is done where they are read. Without developer
// they are refused when the options are read, and have their defaults here.

// crashAfter ends the node with the stacks of all goroutines when it runs for too long: a test hangs.
func (n *node) crashAfter() {
	after := n.cfg.Int("dev-crash-after")
	if after == 0 {
		return
	}
	time.AfterFunc(time.Duration(after)*time.Second, func() {
		n.log.Error("dev-crash-after: the node still runs, ending it", "seconds", after)
		_ = syscall.Kill(os.Getpid(), syscall.SIGABRT)
	})
}

// failOn ends the node when one of its processes fails, if tests ask for that.
func (n *node) failOn(name string, e subd.Exit) {
	if n.cfg.Flag("dev-fail-on-subdaemon-fail") && !e.Asked && !e.Clean {
		n.die("dev-fail-on-subdaemon-fail: "+name, fmt.Errorf("%s %s", e.Reason, e.Detail))
	}
}

// checkReplaced asks each program that --subdaemon puts in a daemon's place for its version. A daemon's first
// message has it too, and one of another version ends there; but a channel's first process may come days
// after the node's start. Our own programs come with lightningd, and are not asked: that would double what
// a start runs.
func (n *node) checkReplaced(ctx context.Context) error {
	if n.cfg.Flag("dev-no-version-checks") {
		return nil
	}
	for name := range n.programs.Replaced {
		path, err := n.programs.Path(name)
		if err != nil {
			return err
		}
		got, err := subd.VersionOf(ctx, path)
		if err != nil {
			return fmt.Errorf("version of %s: %w", name, err)
		}
		if got != version.Version {
			return fmt.Errorf("%s is version %q, this lightningd is %q", path, got, version.Version)
		}
	}
	return nil
}

// maxDisconnects bounds the file of dev-disconnect.
const maxDisconnects = 64 << 10

// disconnects are the lines of the file that dev-disconnect names.
func (n *node) disconnects() ([]string, error) {
	path := n.cfg.Path("dev-disconnect")
	if path == "" {
		return nil, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("dev-disconnect: %w", err)
	}
	defer file.Close()
	var lines []string
	scan := bufio.NewScanner(io.LimitReader(file, maxDisconnects))
	for scan.Scan() {
		lines = append(lines, scan.Text())
	}
	if err := scan.Err(); err != nil {
		return nil, fmt.Errorf("dev-disconnect: read %s: %w", path, err)
	}
	return lines, nil
}

// forcedKeys are the keys that tests want instead of those that follow from hsm_secret. hsmd refuses them
// but on regtest.
func (n *node) forcedKeys() *hsmdmsg.ForcedKeys {
	forced := new(hsmdmsg.ForcedKeys)
	if s := n.cfg.Secrets("dev-force-privkey"); s != nil {
		forced.NodeKey = (*keys.Secret)(&s[0])
	}
	if s := n.cfg.Secrets("dev-force-bip32-seed"); s != nil {
		forced.BIP32Seed = (*keys.Secret)(&s[0])
	}
	if s := n.cfg.Secrets("dev-force-channel-secrets"); s != nil {
		forced.Channel = &hsmdmsg.ChannelSecrets{Funding: s[0], Revocation: s[1], Payment: s[2], DelayedPayment: s[3], HTLC: s[4], Seed: s[5]}
	}
	if *forced == (hsmdmsg.ForcedKeys{}) {
		return nil
	}
	return forced
}

// pollInterval is how often to look for blocks; 0 is the usual.
func (n *node) pollInterval() time.Duration {
	return time.Duration(n.cfg.Int("dev-bitcoind-poll")) * time.Second
}

// forceFeatures reads the feature bits that tests want.
func (n *node) forceFeatures() error {
	for _, text := range n.cfg.Strings("dev-force-features") {
		if err := n.forced.Parse(text); err != nil {
			return n.cfg.Malformed("dev-force-features", text, err)
		}
	}
	return nil
}

// rescanFrom is the first block that a new node reads, or one that is told to read blocks again.
func (n *node) rescanFrom(tip block.Height) block.Height {
	depth := n.cfg.Int("rescan")
	if depth < 0 {
		return min(block.Height(-depth), tip)
	}
	return tip - min(block.Height(depth), tip)
}

// rescan reports whether a node that has blocks reads them again.
func (n *node) rescan(recent []chain.BlockID) bool {
	return n.cfg.IsSet("rescan") && len(recent) > 0
}
